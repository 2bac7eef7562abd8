//! Headers of mail to many: by which people unsubscribe (RFC 2369, RFC 8058), and by which providers tell senders what
//! people think of it (`Feedback-ID`, Gmail).
//!
//! A campaign's mail brings them with it ([`MailFacts`]). Of other mail they are told by the message's metadata:
//! `list_unsubscribe` (an `https` address that a POST unsubscribes at, a `mailto`, or a list of both), `list_id`,
//! `feedback_id`. A value that may not stand in a header is left out.

use lettre::message::{
    MessageBuilder,
    header::{HeaderName, HeaderValue},
};
use schemas::{
    MailFacts, Outbound,
    bounce_token::{BounceToken, METADATA},
};
use serde_json::Value;

const MAX_ADDRESSES: usize = 4;
/// Longest address: a line has 998 characters (RFC 5322, 2.1.1).
const MAX_CHARS: usize = 900;

/// The builder with them.
pub(super) fn headed(mut builder: MessageBuilder, outbound: &Outbound) -> MessageBuilder {
    let metadata = &outbound.message.metadata;
    let facts = outbound.mail.as_deref();
    let of = |field: fn(&MailFacts) -> Option<&String>| facts.and_then(field).map(String::as_str);
    let told: Vec<&str> = match metadata.get("list_unsubscribe") {
        Some(Value::String(one)) => vec![one.as_str()],
        Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let addresses: Vec<&str> = of(|facts| facts.list_unsubscribe.as_ref())
        .into_iter()
        .chain(told)
        .map(|address| address.trim_matches(['<', '>', ' ']))
        .filter(|address| is_address(address))
        .take(MAX_ADDRESSES)
        .collect();
    if !addresses.is_empty() {
        let all: Vec<String> = addresses.iter().map(|one| format!("<{one}>")).collect();
        builder = raw(builder, "List-Unsubscribe", &all.join(", "));
    }
    if addresses.iter().any(|one| one.starts_with("https://")) {
        builder = raw(
            builder,
            "List-Unsubscribe-Post",
            "List-Unsubscribe=One-Click",
        );
    }
    let fitting = |text: &str| {
        let fits = (1..=MAX_CHARS).contains(&text.len())
            && text
                .bytes()
                .all(|byte| byte == b' ' || byte.is_ascii_graphic());
        fits.then(|| text.to_owned())
    };
    let text = |name: &str| Some(metadata.get(name)?.as_str()?.trim());
    if let Some(id) = text("list_id").and_then(fitting) {
        builder = raw(builder, "List-Id", &id);
    }
    let feedback = of(|facts| facts.feedback_id.as_ref()).or_else(|| text("feedback_id"));
    if let Some(id) = feedback.and_then(fitting) {
        builder = raw(builder, "Feedback-ID", &id);
    }
    builder
}

/// What Postmark reads: the token of the message's bounces, as metadata that its webhooks repeat
/// (<https://postmarkapp.com/support/article/1125-custom-metadata-faq>), and that the `Message-ID` is to stay ours, by which answers
/// find their conversation (<https://postmarkapp.com/developer/user-guide/send-email-with-smtp>). Recipients see no metadata.
pub(super) fn of_postmark(builder: MessageBuilder, token: &BounceToken) -> MessageBuilder {
    let header = format!("X-PM-Metadata-{METADATA}");
    let builder = match HeaderName::new_from_ascii(header) {
        Ok(name) => builder.raw_header(HeaderValue::new(name, token.to_string())),
        Err(_) => builder,
    };
    raw(builder, "X-PM-KeepID", "true")
}

fn is_address(address: &str) -> bool {
    (address.starts_with("https://") || address.starts_with("mailto:"))
        && address.len() <= MAX_CHARS
        && address
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'<' | b'>' | b','))
}

/// A header of ASCII as it is.
fn raw(builder: MessageBuilder, name: &'static str, value: &str) -> MessageBuilder {
    builder.raw_header(HeaderValue::new(
        HeaderName::new_from_ascii_str(name),
        value.to_owned(),
    ))
}
