//! E-mail: RFC 5322, MIME.
//!
//! The text is the mail's plain text, else that of its HTML; of a reply the quoted tail is cut from
//! `content.text` and the whole kept in `metadata.full_text`. Mail that a program wrote is marked in
//! `metadata.automatic`. Deliberately absent: the attachments' bytes; the raw mail has them.

mod automatic;
mod quote;

use mail_parser::{
    Addr, Address, HeaderValue, Message as Mail, MessageParser, MimeHeaders, PartType,
};
use schemas::{Attachment, DeadReason, Message, MessageType, Party, PartyType, Timestamp};
use serde_json::{Map, Value};

use super::{AUTOMATIC, Filled, MAX_ATTACHMENTS, MAX_HTML_BYTES, MAX_TEXT_BYTES, html, malformed};
use crate::text::{address, prefix};

/// Ids of `References` kept, the oldest first.
const MAX_REFERENCES: usize = 30;
/// Addresses kept of `To` and of `Cc`.
const MAX_ADDRESSES: usize = 50;
/// Longest full text kept beside a cut one.
const MAX_FULL_TEXT_BYTES: usize = 32 * 1024;

pub(super) fn fill(message: &mut Message, bytes: &[u8]) -> Result<Filled, DeadReason> {
    let mail = MessageParser::default()
        .parse(bytes)
        .ok_or_else(|| malformed("not an RFC 5322 message"))?;
    message.subject = mail.subject().map(str::to_owned);
    if let Some(date) = mail.date().filter(|date| date.is_valid()) {
        message.created_at = Timestamp::from_seconds(date.to_timestamp());
    }
    parties(message, &mail);
    thread(message, &mail);
    let whole = content(message, &mail);
    let is_reply = message.in_reply_to.is_some() || message.metadata.contains_key("references");
    let (own, cut) = quote::own_text(&whole, message.subject.as_deref(), is_reply);
    message.content.text = own.to_owned();
    if cut {
        let full = prefix(&whole, MAX_FULL_TEXT_BYTES);
        message.metadata.insert("full_text".into(), full.into());
    }
    attachments(message, &mail);
    if message.content.text.is_empty() && !message.content.attachments.is_empty() {
        message.message_type =
            super::type_of(&message.content.attachments).unwrap_or(MessageType::File);
    }
    if let Some(report) = automatic::report(&mail) {
        message.message_type = MessageType::Event;
        message.metadata.insert("report".into(), report.into());
    }
    let sender = &message.sender.id;
    if let Some(why) = automatic::written_by_a_program(&mail, sender) {
        message.metadata.insert(AUTOMATIC.into(), why.into());
    }
    Ok(Filled::MESSAGE)
}

fn parties(message: &mut Message, mail: &Mail<'_>) {
    let first = |addresses: Option<&Address<'_>>| {
        let addr = addresses?.iter().find(|addr| addr.address().is_some())?;
        Some(party(addr))
    };
    message.sender = first(mail.from())
        .or_else(|| first(mail.sender()))
        .unwrap_or_else(|| Party {
            kind: PartyType::System,
            ..Party::default()
        });
    if let Some(to) = first(mail.to()) {
        message.recipient = Party {
            kind: PartyType::System,
            ..to
        };
    }
    let lists = [
        ("to", mail.to()),
        ("cc", mail.cc()),
        ("reply_to", mail.reply_to()),
    ];
    for (key, addresses) in lists {
        let Some(addresses) = addresses else { continue };
        let all: Vec<Value> = addresses
            .iter()
            .filter_map(|addr| Some(address(addr.address()?).into()))
            .take(MAX_ADDRESSES)
            .collect();
        // One recipient is said in `recipient` already.
        if !all.is_empty() && (key != "to" || all.len() > 1) {
            message.metadata.insert(key.into(), all.into());
        }
    }
}

fn party(addr: &Addr<'_>) -> Party {
    Party {
        id: address(addr.address().unwrap_or_default()),
        kind: PartyType::User,
        name: addr.name().map(str::to_owned),
        metadata: Map::new(),
    }
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

/// Fills in the HTML and gives the text.
fn content(message: &mut Message, mail: &Mail<'_>) -> String {
    let mut text = String::new();
    for part in mail.text_bodies() {
        let words = match &part.body {
            PartType::Text(plain) => prefix(plain, MAX_TEXT_BYTES * 2).trim().to_owned(),
            PartType::Html(page) => html::to_text(page),
            _ => continue,
        };
        if !text.is_empty() && !words.is_empty() {
            text.push_str("\n\n");
        }
        text.push_str(&words);
        if text.len() > MAX_TEXT_BYTES {
            break;
        }
    }
    let page = mail.html_bodies().find_map(|part| match &part.body {
        PartType::Html(page) => Some(page),
        _ => None,
    });
    message.content.html = page.map(|page| prefix(page, MAX_HTML_BYTES + 1).to_owned());
    let only_html = message.content.html.is_some()
        && !mail
            .text_bodies()
            .any(|part| matches!(part.body, PartType::Text(_)));
    if only_html {
        message.message_type = MessageType::Html;
    }
    // Line ends as they are kept, so that quotations are found.
    text.replace("\r\n", "\n").replace('\r', "\n")
}

fn attachments(message: &mut Message, mail: &Mail<'_>) {
    for part in mail.attachments().take(MAX_ATTACHMENTS + 1) {
        let content_type = part.content_type().map(|given| {
            let subtype = given.subtype().unwrap_or("octet-stream");
            format!("{}/{subtype}", given.ctype()).to_ascii_lowercase()
        });
        let mut metadata = Map::new();
        if let Some(id) = part.content_id() {
            metadata.insert("content_id".into(), id.into());
        }
        let inline = match part.content_disposition() {
            Some(disposition) => disposition.ctype().eq_ignore_ascii_case("inline"),
            None => part.content_id().is_some(),
        };
        if inline {
            metadata.insert("inline".into(), true.into());
        }
        let kind = match content_type
            .as_deref()
            .and_then(|name| name.split('/').next())
        {
            Some("image") => "image",
            Some("audio") => "audio",
            Some("video") => "video",
            _ => "file",
        };
        message.content.attachments.push(Attachment {
            kind: kind.to_owned(),
            name: part.attachment_name().map(str::to_owned),
            content_type: content_type.or_else(|| {
                matches!(part.body, PartType::Message(_)).then(|| "message/rfc822".to_owned())
            }),
            size_bytes: u64::try_from(part.len()).ok(),
            metadata,
            ..Attachment::default()
        });
    }
}

/// A header as it was written, trimmed and in lower case. By its name and not by the parser's types:
/// which headers those know changes from version to version.
fn header(mail: &Mail<'_>, name: &str) -> Option<String> {
    let found = mail
        .headers()
        .iter()
        .find(|header| header.name().eq_ignore_ascii_case(name))?;
    let place = |offset: u32| usize::try_from(offset).ok();
    let written = mail
        .raw_message()
        .get(place(found.offset_start())?..place(found.offset_end())?)?;
    Some(String::from_utf8_lossy(written).trim().to_ascii_lowercase())
}
