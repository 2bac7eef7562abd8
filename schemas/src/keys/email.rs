//! Keys of e-mail (RFC 5322, 3.6.4).
//!
//! A message is its `Message-ID` without brackets, or a digest of its bytes when it has none. A
//! conversation is the one whose token ([`ReplyToken`]) stands in an address the mail was sent to, in any id of
//! `In-Reply-To` or in any of `References`; else the first of `References`, else of `In-Reply-To`, else the message
//! itself: the id of the mail that began the thread.

use std::borrow::Cow;

use super::{Keys, Malformed, bounded, digest};
use crate::reply_token::ReplyToken;

/// How far into a mail its headers are looked for.
const MAX_HEADER_BYTES: usize = 256 * 1024;

/// Where the addresses stand that a mail was sent to. The last three are what servers add on delivery.
const ADDRESSED: [&[u8]; 5] = [
    b"to",
    b"cc",
    b"delivered-to",
    b"x-original-to",
    b"envelope-to",
];

/// The keys of one mail.
///
/// # Errors
/// [`Malformed`] when it has no header at all.
pub fn keys(bytes: &[u8]) -> Result<Keys, Malformed> {
    let headers = Headers::of(bytes);
    if !headers.any {
        return Err(Malformed::Email);
    }
    let platform_id = headers
        .message_id
        .as_deref()
        .and_then(|value| bracketed(value).or_else(|| value.split_whitespace().next()))
        .and_then(bounded)
        .unwrap_or_else(|| digest(bytes));
    let conversation = headers
        .token()
        .map(|token| token.key())
        .or_else(|| headers.root())
        .unwrap_or_else(|| platform_id.clone());
    Ok(Keys {
        platform_id,
        conversation,
    })
}

/// The first `<id>` of a header's value.
fn bracketed(value: &str) -> Option<&str> {
    let (_, rest) = value.split_once('<')?;
    let (id, _) = rest.split_once('>')?;
    let id = id.trim();
    (!id.is_empty()).then_some(id)
}

/// The headers that carry ids and addresses, unfolded; of a repeated `Message-ID` the first.
#[derive(Default)]
struct Headers {
    any: bool,
    message_id: Option<String>,
    references: Vec<String>,
    in_reply_to: Vec<String>,
    addressed: Vec<String>,
}

impl Headers {
    /// The token of the conversation that this mail continues.
    fn token(&self) -> Option<ReplyToken> {
        let in_ids = |values: &[String]| {
            // The youngest mail that is answered stands last.
            values
                .iter()
                .flat_map(|value| value.split(['<', '>', ' ', '\t']))
                .filter_map(ReplyToken::in_message_id)
                .next_back()
        };
        self.addressed
            .iter()
            .find_map(|value| ReplyToken::in_addresses(value))
            .or_else(|| in_ids(&self.in_reply_to))
            .or_else(|| in_ids(&self.references))
    }

    /// The id of the mail that began the thread.
    fn root(&self) -> Option<String> {
        self.references
            .iter()
            .chain(&self.in_reply_to)
            .find_map(|value| bracketed(value).and_then(bounded))
    }

    fn of(bytes: &[u8]) -> Self {
        let mut headers = Self::default();
        let head = bytes.get(..MAX_HEADER_BYTES).unwrap_or(bytes);
        let mut lines = head.split(|byte| *byte == b'\n').peekable();
        while let Some(line) = lines.next() {
            let line = trim_cr(line);
            if line.is_empty() {
                break;
            }
            let Some(colon) = line.iter().position(|byte| *byte == b':') else {
                continue;
            };
            let (name, value) = line.split_at(colon);
            if name.is_empty() || !name.iter().all(|byte| byte.is_ascii_graphic()) {
                continue;
            }
            headers.any = true;
            let lower = name.to_ascii_lowercase();
            let is_addressed = ADDRESSED.contains(&lower.as_slice());
            let known: [&[u8]; 3] = [b"message-id", b"references", b"in-reply-to"];
            if !is_addressed && !known.contains(&lower.as_slice()) {
                continue;
            }
            let mut text: Cow<'_, [u8]> = value.get(1..).unwrap_or_default().into();
            while let Some(more) = lines.next_if(|next| {
                matches!(next.first(), Some(b' ' | b'\t')) && !trim_cr(next).is_empty()
            }) {
                text.to_mut().extend_from_slice(trim_cr(more));
            }
            let text = String::from_utf8_lossy(&text).into_owned();
            match lower.as_slice() {
                b"message-id" => {
                    headers.message_id.get_or_insert(text);
                }
                b"references" => headers.references.push(text),
                b"in-reply-to" => headers.in_reply_to.push(text),
                _ => headers.addressed.push(text),
            }
        }
        headers
    }
}

fn trim_cr(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::{ChannelId, ConversationId, MessageId, reply_token::message_id};

    fn named(mail: &str) -> (String, String) {
        let keys = keys(mail.as_bytes()).unwrap();
        (keys.platform_id, keys.conversation)
    }

    #[test]
    fn the_thread_is_the_mail_that_began_it() {
        let first = named("From: a@b.c\r\nMessage-ID: <one@b.c>\r\n\r\nhi");
        assert_eq!(first, ("one@b.c".into(), "one@b.c".into()));
        let reply = named("Message-Id: <two@b.c>\nIn-Reply-To: <one@b.c>\n\nyes");
        assert_eq!(reply, ("two@b.c".into(), "one@b.c".into()));
        let third = named(
            "MESSAGE-ID:\r\n <three@b.c>\r\nReferences: <one@b.c>\r\n\t<two@b.c>\r\nIn-Reply-To: <two@b.c>\r\n\r\n",
        );
        assert_eq!(third, ("three@b.c".into(), "one@b.c".into()));
    }

    #[test]
    fn ids_that_are_missing_bare_or_endless() {
        let (id, conversation) = named("From: a@b.c\n\nMessage-ID: <in-the-body@b.c>\n");
        assert_eq!(id.len(), 32);
        assert_eq!(id, conversation);
        assert_eq!(named("Message-ID: bare@b.c\n\n").0, "bare@b.c");
        let endless = format!("Message-ID: <{}>\n\n", "x".repeat(600));
        assert_eq!(named(&endless).0.len(), 32);
        assert!(keys(b"no header here").is_err());
    }

    #[test]
    fn a_token_outranks_the_thread() {
        let (channel, other) = (
            ChannelId(Uuid::from_u128(2)),
            ConversationId(Uuid::from_u128(8)),
        );
        let conversation = ConversationId(Uuid::from_u128(7));
        let token = ReplyToken::new(channel, conversation);
        let message = MessageId(Uuid::from_u128(5));
        let ours = message_id(message, channel, conversation, "desk.example");
        let elder = message_id(message, channel, other, "desk.example");
        for head in [
            format!("To: Desk <desk+{token}@desk.example>\nReferences: <root@b.c>"),
            format!("To: x@y.z\nDelivered-To: desk+{token}@desk.example\nIn-Reply-To: <root@b.c>"),
            format!(
                "Envelope-To:\n desk+{}@desk.example",
                token.to_string().to_uppercase()
            ),
            format!("To: x@y.z\nIn-Reply-To: <root@b.c>\n\t<{ours}>\nReferences: <{elder}>"),
            format!(
                "References: <root@b.c> <{elder}>\r\n <{ours}> <last@b.c>\nIn-Reply-To: <last@b.c>"
            ),
            format!("In-Reply-To: Your mail <{ours}> of Monday"),
        ] {
            let (_, key) = named(&format!("{head}\nMessage-ID: <new@b.c>\n\nyes"));
            assert_eq!(key, token.key(), "{head}");
            assert_eq!(ConversationId::of(channel, &key), conversation);
            let elsewhere = ChannelId(Uuid::from_u128(3));
            assert_ne!(ConversationId::of(elsewhere, &key), conversation);
        }
        // In the body, or in the mail's own id, it says nothing.
        let (_, key) = named(&format!(
            "Message-ID: <{ours}>\n\nTo: desk+{token}@desk.example"
        ));
        assert_eq!(key, ours);
    }
}
