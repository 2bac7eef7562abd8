//! Keys of e-mail (RFC 5322, 3.6.4).
//!
//! A message is its `Message-ID` without brackets, or a digest of its bytes when it has none. A
//! conversation is the first of `References`, else `In-Reply-To`, else the message itself: the id of
//! the mail that began the thread.

use std::borrow::Cow;

use super::{Keys, Malformed, bounded, digest};

/// How far into a mail its headers are looked for.
const MAX_HEADER_BYTES: usize = 256 * 1024;

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
    let conversation = [headers.references, headers.in_reply_to]
        .into_iter()
        .flatten()
        .find_map(|value| bracketed(&value).and_then(bounded))
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

/// The headers that carry ids, unfolded; of a repeated one the first.
#[derive(Default)]
struct Headers {
    any: bool,
    message_id: Option<String>,
    references: Option<String>,
    in_reply_to: Option<String>,
}

impl Headers {
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
            let slot = if name.eq_ignore_ascii_case(b"message-id") {
                &mut headers.message_id
            } else if name.eq_ignore_ascii_case(b"references") {
                &mut headers.references
            } else if name.eq_ignore_ascii_case(b"in-reply-to") {
                &mut headers.in_reply_to
            } else {
                continue;
            };
            let mut text: Cow<'_, [u8]> = value.get(1..).unwrap_or_default().into();
            while let Some(more) = lines.next_if(|next| {
                matches!(next.first(), Some(b' ' | b'\t')) && !trim_cr(next).is_empty()
            }) {
                text.to_mut().extend_from_slice(trim_cr(more));
            }
            slot.get_or_insert_with(|| String::from_utf8_lossy(&text).into_owned());
        }
        headers
    }
}

fn trim_cr(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
