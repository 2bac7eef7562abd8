//! Makes uniform what the platforms said: clean texts within bounds, whole addresses or none.

use schemas::{Attachment, Message, Party};
use serde_json::{Map, Value};

use super::{MAX_ATTACHMENTS, MAX_HTML_BYTES, MAX_METADATA_BYTES, MAX_TEXT_BYTES};
use crate::text::{clean, clean_line, clean_map, size_bytes};

pub(super) const MAX_LINE_BYTES: usize = 998;
const MAX_NAME_BYTES: usize = 256;
pub(super) const MAX_ID_BYTES: usize = 512;
const MAX_URL_BYTES: usize = 2048;
/// Longest single string within metadata.
const MAX_VALUE_BYTES: usize = 32 * 1024;

/// Makes uniform what the platforms said.
pub(super) fn tidy(message: &mut Message) {
    let mut truncated = Vec::new();
    let (text, cut) = clean(std::mem::take(&mut message.content.text), MAX_TEXT_BYTES);
    message.content.text = text;
    if cut {
        truncated.push("text");
    }
    if let Some(html) = message.content.html.take() {
        let (html, cut) = clean(html, MAX_HTML_BYTES);
        message.content.html = Some(html);
        if cut {
            truncated.push("html");
        }
    }
    if message.content.attachments.len() > MAX_ATTACHMENTS {
        message.content.attachments.truncate(MAX_ATTACHMENTS);
        truncated.push("attachments");
    }
    message
        .content
        .attachments
        .iter_mut()
        .for_each(tidy_attachment);
    tidy_party(&mut message.sender);
    tidy_party(&mut message.recipient);
    message.subject = line(message.subject.take(), MAX_LINE_BYTES);
    message.in_reply_to = line(message.in_reply_to.take(), MAX_ID_BYTES);
    let (mut metadata, cut) = bounded_map(std::mem::take(&mut message.metadata));
    if cut {
        truncated.push("metadata");
    }
    if !truncated.is_empty() {
        metadata.insert("truncated".into(), truncated.into());
    }
    message.metadata = metadata;
}

fn tidy_party(party: &mut Party) {
    party.id = clean_line(std::mem::take(&mut party.id), MAX_ID_BYTES);
    party.name = line(party.name.take(), MAX_NAME_BYTES);
    party.metadata = bounded_map(std::mem::take(&mut party.metadata)).0;
}

fn tidy_attachment(attachment: &mut Attachment) {
    attachment.kind = clean_line(std::mem::take(&mut attachment.kind), 32);
    // Marks of direction in a file's name serve to show another ending than it has.
    let name = attachment.name.take().map(|name| name.replace(turns, ""));
    attachment.name = line(name, MAX_NAME_BYTES);
    attachment.content_type = line(attachment.content_type.take(), MAX_NAME_BYTES);
    attachment.platform_id = line(attachment.platform_id.take(), MAX_ID_BYTES);
    // A cut address leads nowhere, or elsewhere.
    attachment.url = attachment
        .url
        .take()
        .filter(|url| url.len() <= MAX_URL_BYTES && !url.chars().any(char::is_control));
    attachment.metadata = bounded_map(std::mem::take(&mut attachment.metadata)).0;
}

/// Characters that turn the direction of what follows.
fn turns(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A clean single line, absent when nothing is left of it.
fn line(text: Option<String>, max_bytes: usize) -> Option<String> {
    text.map(|text| clean_line(text, max_bytes))
        .filter(|text| !text.is_empty())
}

/// Clean metadata of a bounded size: entries that do not fit are left out. True when some were.
fn bounded_map(map: Map<String, Value>) -> (Map<String, Value>, bool) {
    if map.is_empty() {
        return (map, false);
    }
    let (mut room, all) = (MAX_METADATA_BYTES, map.len());
    let kept: Map<String, Value> = clean_map(map, MAX_VALUE_BYTES)
        .into_iter()
        .filter(|(key, value)| {
            let size = key.len() + size_bytes(value);
            let fits = size <= room;
            if fits {
                room -= size;
            }
            fits
        })
        .collect();
    let cut = kept.len() < all;
    (kept, cut)
}
