//! Reports about mail we sent: delivery (RFC 3464), abuse (RFC 5965), reading (RFC 8098), and bounces in no standard's form.
//!
//! What is said is kept in `metadata.report`: `type`; of deliveries `recipients`, each with `recipient`,
//! `original_recipient`, `action`, `status`, `reply`, `diagnostic`, `remote_mta`, `class` and `reason`; `original_message_id`;
//! and so on. It becomes news when the mail reported on may be ours. Deliberately absent: what becomes of an address after a
//! bounce; whoever writes to many decides that by `class`.

mod abuse;
mod bounce;
mod delivery;
mod field;
mod original;
mod reading;
mod reason;

use mail_parser::{Message as Mail, MessagePart, MimeHeaders};
use schemas::{ChannelId, Timestamp, TrackKind};
use serde_json::{Map, Value};

use super::charset;
use crate::normalize::News;

/// A report.
pub(super) struct Report {
    /// In one word: `bounced`, `delayed`, `delivered`, `complained`, `read` …
    pub(super) event: &'static str,
    pub(super) said: Map<String, Value>,
    pub(super) news: Vec<News>,
}

/// What a mail reports, if it is a report. `text` is its words.
pub(super) fn read(
    mail: &Mail<'_>,
    text: &str,
    channel: ChannelId,
    at: Timestamp,
) -> Option<Report> {
    let original = original::of(mail, text);
    let ours = original
        .message_id
        .clone()
        .filter(|id| schemas::reply_token::may_be_ours(channel, id));
    let about = |kind: TrackKind| ours.clone().map(|id| News::receipt(kind, id, at));
    let mut report = if let Some(part) = find(mail, "feedback-report") {
        abuse::read(&body(mail, part), &original, about, at)
    } else if abuse::is_junk_report(mail) {
        // Microsoft's junk mail reports have no such part.
        abuse::read("", &original, about, at)
    } else if let Some(part) = find(mail, "disposition-notification") {
        reading::read(&body(mail, part), about)
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
        let mut report = delivery::report(recipients, about);
        if let Some(kind) = kind {
            report.said.insert("type".into(), kind.into());
        }
        report
    };
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
