//! From a message to the mail that says it (RFC 5322, MIME).
//!
//! Invariants: everything is encoded to ASCII; no line end of ours or of a correspondent's gets into a
//! header; `Message-ID` is the message's id at the sender's domain, so a second try is the same mail.

use std::time::{Duration, UNIX_EPOCH};

use lettre::{
    Address,
    message::{
        Mailbox, MultiPart, SinglePart,
        header::{HeaderName, HeaderValue},
    },
};
use schemas::Outbound;
use serde_json::Value;

use super::super::Failure;

/// Most ids in `References`.
const MAX_REFERENCES: usize = 20;
const MAX_SUBJECT_CHARS: usize = 500;

/// A mail ready to be sent.
pub(super) struct Letter {
    pub(super) from: Address,
    pub(super) to: Address,
    /// Without the angle brackets.
    pub(super) message_id: String,
    pub(super) content: Vec<u8>,
}

impl Letter {
    pub(super) fn write(from: &Mailbox, outbound: &Outbound) -> Result<Self, Failure> {
        let message = &outbound.message;
        let to: Address = message
            .recipient
            .id
            .parse()
            .map_err(|_| Failure::message("address", "not an e-mail address"))?;
        let message_id = format!("{}@{}", message.id, from.email.domain());
        let name = message
            .recipient
            .name
            .as_deref()
            .map(one_line)
            .filter(|name| !name.is_empty());
        let written = u64::try_from(message.created_at.0).unwrap_or(0);
        let mut builder = lettre::Message::builder()
            .from(from.clone())
            .to(Mailbox::new(name, to.clone()))
            .date(UNIX_EPOCH + Duration::from_micros(written))
            .message_id(Some(format!("<{message_id}>")))
            .subject(subject(outbound));
        let parent = message.in_reply_to.as_deref().and_then(bracketed);
        let mut references: Vec<String> = earlier(message.metadata.get("references"));
        if let Some(parent) = parent {
            references.retain(|id| *id != parent);
            references.push(parent.clone());
            builder = builder.in_reply_to(parent);
        }
        if !references.is_empty() {
            let from = references.len().saturating_sub(MAX_REFERENCES);
            let kept = references.get(from..).unwrap_or_default();
            builder = builder.references(kept.join(" "));
        }
        if outbound.cause.is_some() {
            // RFC 3834: a machine wrote it, and machines should not answer.
            builder = builder.raw_header(HeaderValue::new(
                HeaderName::new_from_ascii_str("Auto-Submitted"),
                "auto-replied".into(),
            ));
        }
        let text = text(outbound);
        let built = match message
            .content
            .html
            .as_deref()
            .filter(|html| !html.is_empty())
        {
            Some(html) => {
                builder.multipart(MultiPart::alternative_plain_html(text, html.to_owned()))
            }
            None if text.trim().is_empty() => {
                return Err(Failure::message("empty", "neither text nor HTML"));
            }
            None => builder.singlepart(SinglePart::plain(text)),
        };
        let mail = built.map_err(|error| Failure::message("mail", error.to_string()))?;
        Ok(Self {
            from: from.email.clone(),
            to,
            message_id,
            content: mail.formatted(),
        })
    }
}

fn subject(outbound: &Outbound) -> String {
    let message = &outbound.message;
    match message.subject.as_deref().map(one_line) {
        Some(subject) if !subject.is_empty() => subject.chars().take(MAX_SUBJECT_CHARS).collect(),
        _ if message.in_reply_to.is_some() => "Re:".to_owned(),
        _ => String::new(),
    }
}

/// The text, and links to the attachments below it.
fn text(outbound: &Outbound) -> String {
    let content = &outbound.message.content;
    let links: Vec<String> = content
        .attachments
        .iter()
        .filter_map(|attachment| {
            let url = attachment.url.as_deref()?;
            let name = attachment.name.as_deref().unwrap_or(&attachment.kind);
            Some(format!("{}: {}", one_line(name), one_line(url)))
        })
        .collect();
    if links.is_empty() {
        content.text.clone()
    } else {
        format!("{}\n\n{}\n", content.text, links.join("\n"))
    }
}

/// Control characters, line ends among them, become spaces.
fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect::<String>()
        .trim()
        .to_owned()
}

/// A message id in angle brackets; `None` when it is none that may stand in a header.
fn bracketed(id: &str) -> Option<String> {
    let bare = id.trim().trim_start_matches('<').trim_end_matches('>');
    let fits = bare.contains('@')
        && bare.len() <= 250
        && bare
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'<' | b'>'));
    fits.then(|| format!("<{bare}>"))
}

/// Ids of the thread so far: a list, or one string with spaces.
fn earlier(references: Option<&Value>) -> Vec<String> {
    match references {
        Some(Value::Array(ids)) => ids
            .iter()
            .filter_map(Value::as_str)
            .filter_map(bracketed)
            .collect(),
        Some(Value::String(ids)) => ids.split_whitespace().filter_map(bracketed).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use schemas::{Attachment, MessageId};
    use serde_json::json;
    use uuid::Uuid;

    use super::*;
    use crate::channel::tests::outbound;

    fn mail(change: impl FnOnce(&mut Outbound)) -> String {
        let mut outbound = outbound(1);
        outbound.message.recipient.id = "bob@example.org".into();
        change(&mut outbound);
        let from: Mailbox = "Desk <desk@example.com>".parse().unwrap();
        let letter = Letter::write(&from, &outbound).unwrap();
        assert!(letter.content.is_ascii());
        String::from_utf8(letter.content).unwrap()
    }

    /// The header block, unfolded.
    fn headers(mail: &str) -> Vec<String> {
        let (head, _) = mail.split_once("\r\n\r\n").unwrap();
        head.replace("\r\n ", " ")
            .split("\r\n")
            .map(str::to_owned)
            .collect()
    }

    #[test]
    fn a_reply_is_threaded_and_identified() {
        let mail = mail(|outbound| {
            outbound.message.subject = Some("Order".into());
            outbound.message.in_reply_to = Some("p2@example.org".into());
            outbound
                .message
                .metadata
                .insert("references".into(), json!(["<p1@example.org>"]));
        });
        let headers = headers(&mail);
        for expected in [
            "From: Desk <desk@example.com>",
            "To: bob@example.org",
            "Subject: Order",
            "Message-ID: <00000000-0000-0000-0000-000000000001@example.com>",
            "In-Reply-To: <p2@example.org>",
            "References: <p1@example.org> <p2@example.org>",
            "Date: Wed, 08 Jan 2025 10:30:00 +0000",
        ] {
            assert!(
                headers.iter().any(|header| header == expected),
                "{expected} is not in {headers:#?}"
            );
        }
        assert!(!headers.iter().any(|header| header.starts_with("List-")
            || header.starts_with("Precedence")
            || header.starts_with("Auto-Submitted")));
    }

    #[test]
    fn headers_cannot_be_injected() {
        let mail = mail(|outbound| {
            outbound.message.subject = Some("x\r\nBcc: eve@example.net\r\n\r\nbody".into());
            outbound.message.recipient.name = Some("Bob\r\nBcc: eve@example.net".into());
            outbound.message.in_reply_to = Some("a@b>\r\nBcc: eve@example.net".into());
            outbound.message.metadata.insert(
                "references".into(),
                json!(["r@x>\r\nBcc: eve@example.net", "<good@example.org>"]),
            );
        });
        let headers = headers(&mail);
        assert!(!headers.iter().any(|header| header.starts_with("Bcc")));
        assert!(
            !headers
                .iter()
                .any(|header| header.starts_with("In-Reply-To"))
        );
        assert!(headers.contains(&"References: <good@example.org>".to_owned()));
    }

    #[test]
    fn an_automatic_reply_says_so() {
        let mail = mail(|outbound| outbound.cause = Some(MessageId(Uuid::from_u128(9))));
        assert!(headers(&mail).contains(&"Auto-Submitted: auto-replied".to_owned()));
    }

    #[test]
    fn html_comes_with_text_and_attachments_are_linked() {
        let mail = mail(|outbound| {
            outbound.message.content.html = Some("<p>hello</p>".into());
            outbound.message.content.attachments = vec![Attachment {
                kind: "file".into(),
                name: Some("a.pdf".into()),
                url: Some("https://example.org/a.pdf".into()),
                ..Attachment::default()
            }];
        });
        assert!(mail.contains("multipart/alternative"));
        assert!(mail.contains("text/plain") && mail.contains("text/html"));
        assert!(mail.contains("a.pdf: https://example.org/a.pdf"));
    }

    #[test]
    fn what_is_no_mail_is_refused() {
        let from: Mailbox = "desk@example.com".parse().unwrap();
        let mut nowhere = outbound(1);
        nowhere.message.recipient.id = "bob@example.org>\r\nRCPT TO:<eve@example.net".into();
        assert_eq!(
            Letter::write(&from, &nowhere).err().unwrap().code,
            "address"
        );
        let mut empty = outbound(1);
        empty.message.recipient.id = "bob@example.org".into();
        empty.message.content.text.clear();
        assert_eq!(Letter::write(&from, &empty).err().unwrap().code, "empty");
    }
}
