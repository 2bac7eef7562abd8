//! The mail that a report is about, as far as the report returns it.

use std::sync::LazyLock;

use mail_parser::{Address, Message as Mail, MimeHeaders, PartType};
use regex::Regex;

use super::{
    super::{charset, ids},
    field,
};
use crate::text::prefix;

/// How far into the text a returned head is looked for.
const MAX_TEXT_BYTES: usize = 64 * 1024;
/// Addresses kept of a header.
const MAX_ADDRESSES: usize = 50;

#[derive(Default)]
pub(super) struct Original {
    /// Without angle brackets.
    pub(super) message_id: Option<String>,
    pub(super) subject: Option<String>,
    pub(super) to: Vec<String>,
    pub(super) cc: Vec<String>,
    /// As it stands in the head.
    pub(super) return_path: Option<String>,
}

static MESSAGE_ID: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?im)^[> \t|]*message-id:\s*<([^<>\s]+@[^<>\s]+)>")
        .expect("the pattern is a constant, and a test compiles it")
});

static TO: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?im)^[> \t|]*to:[^\n]*?([^\s<>,;:]+@[^\s<>,;]+)")
        .expect("the pattern is a constant, and a test compiles it")
});

/// From the returned mail or its head; else from the text, where old programs put it; else what the report's own head
/// answers.
pub(super) fn of(mail: &Mail<'_>, text: &str) -> Original {
    let mut found = Original::default();
    for part in &mail.parts {
        match &part.body {
            PartType::Message(nested) => {
                found.add(nested.message_id(), nested.subject());
                found.people(listed(nested.to()), listed(nested.cc()));
                let path = super::super::header(nested, "Return-Path");
                found.return_path = found.return_path.take().or(path);
            }
            _ if is_head(part) => {
                let bytes = charset::contents(mail, part).unwrap_or_default();
                let head = String::from_utf8_lossy(&bytes);
                let groups = field::groups(&head);
                if let Some(group) = groups.first() {
                    let id = group.get("message-id").map(bare);
                    found.add(id, group.get("subject"));
                    let all = |name: &str| written(group.get(name).unwrap_or_default());
                    found.people(all("to"), all("cc"));
                    let path = group.get("return-path").map(str::to_owned);
                    found.return_path = found.return_path.take().or(path);
                }
            }
            _ if found.message_id.is_none() && is_report(part) => {
                let bytes = charset::contents(mail, part).unwrap_or_default();
                let body = String::from_utf8_lossy(&bytes);
                for group in field::groups(&body) {
                    let id = group.get("original-message-id").map(bare);
                    found.add(id, None);
                }
            }
            _ => {}
        }
    }
    if found.message_id.is_none() {
        let text = prefix(text, MAX_TEXT_BYTES);
        let capture = |pattern: &Regex| {
            let found = pattern.captures(text)?.get(1)?;
            Some(found.as_str().to_owned())
        };
        found.message_id = capture(&MESSAGE_ID);
        if found.to.is_empty() && found.message_id.is_some() {
            found.to.extend(capture(&TO));
        }
    }
    if found.message_id.is_none() {
        found.message_id = ids(mail.in_reply_to())
            .into_iter()
            .chain(ids(mail.references()))
            .next_back();
    }
    found
}

impl Original {
    fn people(&mut self, to: Vec<String>, cc: Vec<String>) {
        if self.to.is_empty() && self.cc.is_empty() {
            (self.to, self.cc) = (to, cc);
        }
    }

    fn add(&mut self, id: Option<&str>, subject: Option<&str>) {
        let set = |slot: &mut Option<String>, value: Option<&str>| {
            if slot.is_none() {
                *slot = value.filter(|value| !value.is_empty()).map(str::to_owned);
            }
        };
        set(&mut self.message_id, id);
        set(&mut self.subject, subject);
    }
}

/// Of a header that the parser read.
fn listed(addresses: Option<&Address<'_>>) -> Vec<String> {
    let all = addresses.into_iter().flat_map(|list| list.iter());
    all.filter_map(|addr| Some(crate::text::address(addr.address()?)))
        .take(MAX_ADDRESSES)
        .collect()
}

/// Of a header as it is written.
fn written(value: &str) -> Vec<String> {
    value
        .split(',')
        .filter_map(field::address)
        .take(MAX_ADDRESSES)
        .collect()
}

fn bare(id: &str) -> &str {
    id.trim().trim_start_matches('<').trim_end_matches('>')
}

fn is_head(part: &mail_parser::MessagePart<'_>) -> bool {
    part.content_type().is_some_and(|given| {
        let subtype = given.subtype().unwrap_or_default().to_ascii_lowercase();
        matches!(
            subtype.as_str(),
            "rfc822-headers" | "rfc822-header" | "global-headers" | "rfc822" | "global"
        )
    })
}

fn is_report(part: &mail_parser::MessagePart<'_>) -> bool {
    part.content_type().is_some_and(|given| {
        given.ctype().eq_ignore_ascii_case("message")
            && given.subtype().is_some_and(|subtype| {
                subtype.to_ascii_lowercase().ends_with("notification")
                    || subtype.to_ascii_lowercase().ends_with("status")
            })
    })
}
