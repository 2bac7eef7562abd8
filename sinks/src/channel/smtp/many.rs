//! Headers of mail to many: by which people unsubscribe (RFC 2369, RFC 8058), and by which providers tell senders what
//! people think of it (`Feedback-ID`, Gmail).
//!
//! They are told by the message's metadata: `list_unsubscribe` (an `https` address that a POST unsubscribes at, a `mailto`,
//! or a list of both), `list_id`, `feedback_id`. A value that may not stand in a header is left out.

use lettre::message::{
    MessageBuilder,
    header::{HeaderName, HeaderValue},
};
use serde_json::{Map, Value};

const MAX_ADDRESSES: usize = 4;
/// Longest address: a line has 998 characters (RFC 5322, 2.1.1).
const MAX_CHARS: usize = 900;

/// The builder with them.
pub(super) fn headed(mut builder: MessageBuilder, metadata: &Map<String, Value>) -> MessageBuilder {
    let given: Vec<&str> = match metadata.get("list_unsubscribe") {
        Some(Value::String(one)) => vec![one.as_str()],
        Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let addresses: Vec<&str> = given
        .into_iter()
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
    let text = |name: &str| {
        let text = metadata.get(name)?.as_str()?.trim();
        let fits = (1..=MAX_CHARS).contains(&text.len())
            && text
                .bytes()
                .all(|byte| byte == b' ' || byte.is_ascii_graphic());
        fits.then_some(text)
    };
    if let Some(id) = text("list_id") {
        builder = raw(builder, "List-Id", id);
    }
    if let Some(id) = text("feedback_id") {
        builder = raw(builder, "Feedback-ID", id);
    }
    builder
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
