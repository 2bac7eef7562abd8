//! E-mail: RFC 5322, MIME.
//!
//! The text is the mail's plain text, else that of its HTML; of a reply the quotation is cut from
//! `content.text`, of every mail the signature, and the whole kept in `metadata.full_text`. Mail that a program wrote is
//! marked in `metadata.automatic`; reports about mail we sent are events, and news for what they are about; those that come to
//! the address of a message's bounces are news and nothing else. Deliberately absent: the attachments' bytes; the raw mail has them, and [`part`] finds them.

mod attachment;
mod automatic;
mod body;
mod charset;
mod date;
mod flowed;
mod party;
mod reply;
mod report;
mod told;
mod uuencode;

use mail_parser::{HeaderValue, Message as Mail, MessageParser};
use schemas::{DeadReason, Message, MessageType};
use serde_json::Value;

pub use attachment::part;

use self::body::Words;
use super::{AUTOMATIC, Filled, html, malformed};
use crate::text::prefix;

/// Ids of `References` kept, the oldest first.
const MAX_REFERENCES: usize = 30;
/// Longest full text kept beside a cut one.
const MAX_FULL_TEXT_BYTES: usize = 32 * 1024;

/// An event that the mail's provider tells of.
pub(super) fn event(message: &Message, bytes: &[u8]) -> Filled {
    Filled::News(told::news(bytes, message.channel_id, message.created_at))
}

pub(super) fn fill(message: &mut Message, bytes: &[u8]) -> Result<Filled, DeadReason> {
    let mail = MessageParser::default()
        .parse(bytes)
        .ok_or_else(|| malformed("not an RFC 5322 message"))?;
    message.subject = mail.subject().map(str::to_owned);
    if let Some(written) = date::written(&mail) {
        message.created_at = written;
    }
    party::fill(message, &mail);
    thread(message, &mail);
    let words = Words::of(&mail);
    let report = report::read(&mail, &words.text, message.channel_id, message.created_at);
    attachment::list(message, &mail, &words);
    content(message, words, report.is_some());
    if message.content.text.is_empty() && !message.content.attachments.is_empty() {
        message.message_type =
            super::type_of(&message.content.attachments).unwrap_or(MessageType::File);
    }
    let sender = &message.sender.id;
    let automatic = automatic::written_by_a_program(&mail, sender, report.is_some());
    if let Some(why) = automatic {
        message.metadata.insert(AUTOMATIC.into(), why.into());
    }
    let Some(report) = report else {
        return Ok(Filled::MESSAGE);
    };
    if report.is_for_us_alone {
        return Ok(Filled::News(report.news));
    }
    message.message_type = MessageType::Event;
    message.metadata.insert("event".into(), report.event.into());
    let said = Value::Object(report.said);
    message.metadata.insert("report".into(), said);
    Ok(Filled::Message(report.news))
}

/// The text that is the sender's own, the whole beside it, and the page.
fn content(message: &mut Message, words: Words, is_report: bool) {
    let is_reply = message.in_reply_to.is_some() || message.metadata.contains_key("references");
    let subject = message.subject.as_deref();
    let whole = html::unmarked(&words.text);
    let own = if is_report {
        None
    } else {
        reply::own_text(&words.text, subject, is_reply).or_else(|| {
            // The page may name its quotation where the text beside it does not.
            let page = words.page.as_deref()?;
            html::names_quotation(page)
                .then(|| reply::own_text(page, subject, is_reply))?
                .filter(|own| own.len() < whole.len())
        })
    };
    match own {
        Some(own) => {
            let full = prefix(&whole, MAX_FULL_TEXT_BYTES);
            message.metadata.insert("full_text".into(), full.into());
            message.content.text = own;
        }
        None => message.content.text = whole,
    }
    if words.html.is_some() && words.page.is_none() {
        message.message_type = MessageType::Html;
    }
    message.content.html = words.html;
}

fn thread(message: &mut Message, mail: &Mail<'_>) {
    message.in_reply_to = ids(mail.in_reply_to()).into_iter().next_back();
    let mut references = ids(mail.references());
    if references.len() > MAX_REFERENCES {
        // The root names the thread; the youngest are what clients look at.
        let youngest = references.len() - (MAX_REFERENCES - 1);
        references.drain(1..youngest);
    }
    if !references.is_empty() {
        message
            .metadata
            .insert("references".into(), references.into());
    }
}

fn ids(header: &HeaderValue<'_>) -> Vec<String> {
    match header {
        HeaderValue::Text(id) => vec![id.to_string()],
        HeaderValue::TextList(ids) => ids.iter().map(ToString::to_string).collect(),
        _ => Vec::new(),
    }
}

/// A header as it was written, unfolded and trimmed. By its name and not by the parser's types: which headers those know
/// changes from version to version.
fn header(mail: &Mail<'_>, name: &str) -> Option<String> {
    let found = mail
        .headers()
        .iter()
        .find(|header| header.name().eq_ignore_ascii_case(name))?;
    let place = |offset: u32| usize::try_from(offset).ok();
    let written = mail
        .raw_message
        .get(place(found.offset_start())?..place(found.offset_end())?)?;
    let written = String::from_utf8_lossy(written);
    Some(written.split_whitespace().collect::<Vec<_>>().join(" "))
}
