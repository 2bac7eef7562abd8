//! Keys of what MessageBird posts (<https://developers.messagebird.com/api/sms-messaging/>,
//! <https://developers.messagebird.com/api/conversations/#webhooks>).
//!
//! A message is its id; what became of one is `<id>:<status>`. A conversation is the originator of an SMS as MessageBird
//! writes it (`31612345678`), and the conversation's id in the Conversations API.

use serde_json::{Map, Value};

use super::{Keys, Malformed, bounded, event, twilio::text};

/// What a request is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// Somebody sent us an SMS.
    Sms,
    /// What became of an SMS of ours.
    Report,
    /// A message of the Conversations API, ours or theirs.
    Message,
    /// Not known.
    Other,
}

/// What a request is about, told by its fields alone.
#[must_use]
pub fn what(fields: &Map<String, Value>) -> What {
    let has = |name: &str| text(fields, name).is_some();
    let in_message = |name: &str| in_message(fields, name).is_some();
    if text(fields, "type").is_some_and(|kind| kind.starts_with("message.")) && in_message("id") {
        What::Message
    } else if has("id") && has("status") && has("recipient") && !has("body") {
        What::Report
    } else if originator(fields).is_some() && (has("id") || has("message_id")) {
        What::Sms
    } else {
        What::Other
    }
}

/// The keys of one request.
///
/// # Errors
/// [`Malformed`] when it is no JSON object of named fields.
pub fn keys(bytes: &[u8]) -> Result<Keys, Malformed> {
    const WHAT: &str = "a MessageBird request";
    let fields: Map<String, Value> =
        serde_json::from_slice(bytes).map_err(|error| event::malformed(WHAT, &error))?;
    let find = |name: &str| text(&fields, name);
    let (id, conversation) = match what(&fields) {
        What::Sms => (
            find("id").or_else(|| find("message_id")).map(str::to_owned),
            originator(&fields),
        ),
        What::Report => (
            find("id")
                .zip(find("status"))
                .map(|(id, status)| format!("{id}:{status}")),
            find("recipient"),
        ),
        What::Message => {
            let id = in_message(&fields, "id");
            let id = if is_new(&fields) {
                id.map(str::to_owned)
            } else {
                let status = in_message(&fields, "status").unwrap_or("updated");
                id.map(|id| format!("{id}:{status}"))
            };
            let conversation = fields
                .get("conversation")
                .and_then(|conversation| conversation.get("id"))
                .and_then(Value::as_str)
                .or_else(|| in_message(&fields, "conversationId"));
            (id, conversation)
        }
        What::Other => (None, None),
    };
    let known = id.as_deref().and_then(bounded).zip(
        conversation
            .and_then(bounded)
            .or_else(|| Some(event::CONVERSATION.to_owned())),
    );
    match known {
        Some((platform_id, conversation)) => Ok(Keys {
            platform_id,
            conversation,
        }),
        None if fields
            .iter()
            .any(|(name, value)| !name.is_empty() && value.as_str() != Some("")) =>
        {
            event::keys(WHAT, bytes)
        }
        None => Err(Malformed::Json {
            what: WHAT,
            line: 1,
            column: 1,
        }),
    }
}

/// Whether a message of the Conversations API is one that somebody wrote to us just now.
#[must_use]
pub fn is_new(fields: &Map<String, Value>) -> bool {
    text(fields, "type") == Some("message.created")
        && in_message(fields, "direction") != Some("sent")
}

/// Who sent an SMS.
#[must_use]
pub fn originator(fields: &Map<String, Value>) -> Option<&str> {
    text(fields, "originator").or_else(|| text(fields, "sender"))
}

/// A text within `message`.
#[must_use]
pub fn in_message<'f>(fields: &'f Map<String, Value>, name: &str) -> Option<&'f str> {
    text(fields.get("message")?.as_object()?, name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_request_is_named() {
        for (json, id, conversation) in [
            (
                r#"{"id":"a1","originator":"31612345678","recipient":"31687654321","body":"hi"}"#,
                "a1",
                "31612345678",
            ),
            (
                r#"{"id":"a1","reference":"r","recipient":"31612345678","status":"delivered"}"#,
                "a1:delivered",
                "31612345678",
            ),
            (
                r#"{"type":"message.created","conversation":{"id":"c"},"message":{"id":"m","direction":"received"}}"#,
                "m",
                "c",
            ),
            (
                r#"{"type":"message.updated","message":{"id":"m","conversationId":"c","direction":"sent","status":"read"}}"#,
                "m:read",
                "c",
            ),
        ] {
            let keys = keys(json.as_bytes()).unwrap();
            assert_eq!(
                (&*keys.platform_id, &*keys.conversation),
                (id, conversation),
                "{json}"
            );
        }
        let unknown = keys(br#"{"type":"conversation.created"}"#).unwrap();
        assert_eq!(unknown.conversation, event::CONVERSATION);
        for odd in ["{}", "[]", "{", r#"{"just words":""}"#] {
            assert!(keys(odd.as_bytes()).is_err(), "{odd}");
        }
    }
}
