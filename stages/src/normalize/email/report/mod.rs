//! Reports about mail we sent: delivery (RFC 3464), abuse (RFC 5965), reading (RFC 8098), and bounces in no standard's form.
//!
//! What is said is kept in `metadata.report`: `type`; of deliveries `recipients`, each with `recipient`,
//! `original_recipient`, `action`, `status`, `reply`, `diagnostic`, `remote_mta`, `class` and `reason`; `original_message_id`;
//! and so on. It becomes news when the mail reported on is ours ([`Ours`]), and the address that bounced is the one the mail
//! was written to: a copy that came back says nothing of the message. What a bounce means is judged in [`schemas::bounce`].

mod abuse;
mod bounce;
mod delivery;
mod field;
mod original;
mod ours;
mod reading;

use mail_parser::{Message as Mail, MessagePart, MimeHeaders};
use schemas::{ChannelId, Timestamp};
use serde_json::{Map, Value};

use self::ours::Ours;
use super::charset;
use crate::normalize::News;

/// A report.
pub(super) struct Report {
    /// In one word: `bounced`, `delayed`, `delivered`, `complained`, `read` …
    pub(super) event: &'static str,
    pub(super) said: Map<String, Value>,
    pub(super) news: Vec<News>,
    /// It came to the address of a message of ours: what it says is news, and nobody has to read it.
    pub(super) is_for_us_alone: bool,
}

/// What a mail reports, if it is a report. `text` is its words.
pub(super) fn read(
    mail: &Mail<'_>,
    text: &str,
    channel: ChannelId,
    at: Timestamp,
) -> Option<Report> {
    let original = original::of(mail, text);
    let ours = Ours::of(mail, &original, channel, at);
    let mut report = if let Some(part) = find(mail, "feedback-report") {
        abuse::read(&body(mail, part), &original, &ours)
    } else if abuse::is_junk_report(mail) {
        // Microsoft's junk mail reports have no such part.
        abuse::read("", &original, &ours)
    } else if let Some(part) = find(mail, "disposition-notification") {
        reading::read(&body(mail, part), &ours)
    } else {
        let status = find(mail, "delivery-status").map(|part| body(mail, part));
        let kind = kind(mail);
        let said = status
            .map(|status| delivery::recipients(&status, text))
            .filter(|recipients| !recipients.is_empty());
        let recipients = match said {
            Some(recipients) => recipients,
            None => {
                let recipients = bounce::recipients(mail, text, kind.is_some());
                if recipients.is_empty() && kind.is_none() {
                    return None;
                }
                recipients
            }
        };
        let mut report = delivery::report(recipients, &ours);
        if let Some(kind) = kind {
            report.said.insert("type".into(), kind.into());
        }
        report
    };
    report.is_for_us_alone = ours.has_token()
        && (!report.news.is_empty() || ["delayed", "feedback"].contains(&report.event));
    if let Some(id) = original.message_id {
        report.said.insert("original_message_id".into(), id.into());
    }
    if let Some(subject) = original.subject {
        report
            .said
            .insert("original_subject".into(), subject.into());
    }
    Some(report)
}

/// What `report-type` of a `multipart/report` says.
fn kind(mail: &Mail<'_>) -> Option<String> {
    let given = mail.content_type()?;
    let is_report = given.ctype().eq_ignore_ascii_case("multipart")
        && given
            .subtype()
            .is_some_and(|subtype| subtype.eq_ignore_ascii_case("report"));
    is_report.then(|| {
        given
            .attribute("report-type")
            .map_or_else(|| "report".to_owned(), str::to_ascii_lowercase)
    })
}

/// The part `message/<kind>`, or its internationalized form (RFC 6533).
fn find<'a, 'm>(mail: &'a Mail<'m>, kind: &str) -> Option<&'a MessagePart<'m>> {
    mail.parts.iter().find(|part| {
        part.content_type().is_some_and(|given| {
            let subtype = given.subtype().unwrap_or_default().to_ascii_lowercase();
            given.ctype().eq_ignore_ascii_case("message")
                && subtype.strip_prefix("global-").unwrap_or(&subtype) == kind
        })
    })
}

fn body(mail: &Mail<'_>, part: &MessagePart<'_>) -> String {
    charset::contents(mail, part)
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests;
