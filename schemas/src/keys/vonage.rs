//! Keys of what Vonage posts (<https://developer.vonage.com/en/api/messages-olympus#webhooks>,
//! <https://developer.vonage.com/en/messaging/sms/guides/inbound-sms>, <https://developer.vonage.com/en/voice/voice-api/webhook-reference>).
//!
//! A message is its UUID, of the older SMS API its `messageId`; what became of one is `<id>:<status>`. A conversation is the
//! other side's address as Vonage writes it, with its channel before it except in SMS and MMS: `447700900001`,
//! `whatsapp:447700900001`, `messenger:123`.

use serde_json::{Map, Value};

use super::{
    Keys, Malformed, bounded, event,
    twilio::{is_withheld, text},
};

/// What a request is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// Somebody wrote to us, by the Messages API.
    Message,
    /// What became of a message of ours.
    Status,
    /// Somebody wrote to us, by the older SMS API.
    Sms,
    /// What became of an SMS of ours there.
    SmsStatus,
    /// What happened to a call.
    Call,
    /// A sound that a caller left.
    Recording,
    /// Not known.
    Other,
}

/// What a request is about, told by its fields alone.
#[must_use]
pub fn what(fields: &Map<String, Value>) -> What {
    let has = |name: &str| text(fields, name).is_some();
    if has("message_uuid") {
        if has("status") {
            What::Status
        } else {
            What::Message
        }
    } else if has("messageId") && has("msisdn") {
        if has("status") {
            What::SmsStatus
        } else {
            What::Sms
        }
    } else if has("recording_uuid") && has("recording_url") {
        What::Recording
    } else if has("uuid") && has("conversation_uuid") {
        What::Call
    } else {
        What::Other
    }
}

/// The keys of one request.
///
/// # Errors
/// [`Malformed`] when it is no JSON object of named fields.
pub fn keys(bytes: &[u8]) -> Result<Keys, Malformed> {
    const WHAT: &str = "a Vonage request";
    let fields: Map<String, Value> =
        serde_json::from_slice(bytes).map_err(|error| event::malformed(WHAT, &error))?;
    let find = |name: &str| text(&fields, name);
    let state = |id: &str| Some(format!("{}:{}", find(id)?, find("status")?));
    let (id, conversation) = match what(&fields) {
        What::Message => (
            find("message_uuid").map(str::to_owned),
            find("from").map(|from| with_channel(&fields, from)),
        ),
        What::Status => (
            state("message_uuid"),
            find("to").map(|to| with_channel(&fields, to)),
        ),
        What::Sms => (
            find("messageId").map(str::to_owned),
            find("msisdn").map(str::to_owned),
        ),
        What::SmsStatus => (state("messageId"), find("msisdn").map(str::to_owned)),
        What::Call => (
            find("uuid").map(|uuid| format!("{uuid}:{}", find("status").unwrap_or("asks"))),
            caller(&fields)
                .or_else(|| find("conversation_uuid"))
                .map(str::to_owned),
        ),
        What::Recording => (
            find("recording_uuid").map(str::to_owned),
            caller(&fields)
                .or_else(|| find("conversation_uuid"))
                .map(str::to_owned),
        ),
        What::Other => (None, None),
    };
    let known = id.as_deref().and_then(bounded).zip(
        conversation
            .as_deref()
            .and_then(bounded)
            .or_else(|| Some(event::CONVERSATION.to_owned())),
    );
    match known {
        Some((platform_id, conversation)) => Ok(Keys {
            platform_id,
            conversation,
        }),
        None if fields.iter().any(|(name, value)| is_named(name, value)) => {
            event::keys(WHAT, bytes)
        }
        None => Err(Malformed::Json {
            what: WHAT,
            line: 1,
            column: 1,
        }),
    }
}

/// A field of JSON, or one of a form that has a value: words that are no form have none.
fn is_named(name: &str, value: &Value) -> bool {
    !name.is_empty() && value.as_str() != Some("")
}

/// An address with its channel before it; SMS and MMS are the plain number.
fn with_channel(fields: &Map<String, Value>, address: &str) -> String {
    match text(fields, "channel") {
        None | Some("sms" | "mms") => address.to_owned(),
        Some(channel) => format!("{channel}:{address}"),
    }
}

/// The other side of a call; none when it withholds its number, for then each call is somebody else.
#[must_use]
pub fn caller(fields: &Map<String, Value>) -> Option<&str> {
    let name = if text(fields, "direction") == Some("outbound") {
        "to"
    } else {
        "from"
    };
    text(fields, name).filter(|address| !is_withheld(address))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_request_is_named() {
        for (json, id, conversation) in [
            (
                r#"{"message_uuid":"u","channel":"sms","from":"4477","to":"4478","message_type":"text"}"#,
                "u",
                "4477",
            ),
            (
                r#"{"message_uuid":"u","channel":"whatsapp","from":"4477","to":"4478"}"#,
                "u",
                "whatsapp:4477",
            ),
            (
                r#"{"message_uuid":"u","channel":"messenger","from":"9","to":"7","status":"read"}"#,
                "u:read",
                "messenger:7",
            ),
            (
                r#"{"messageId":"0A","msisdn":"4477","to":"4478","text":"hi"}"#,
                "0A",
                "4477",
            ),
            (
                r#"{"messageId":"0A","msisdn":"4477","to":"ACME","status":"delivered"}"#,
                "0A:delivered",
                "4477",
            ),
            (
                r#"{"uuid":"c","conversation_uuid":"CON-1","from":"4477","to":"4478","status":"answered"}"#,
                "c:answered",
                "4477",
            ),
            (
                r#"{"recording_uuid":"r","recording_url":"https://x","conversation_uuid":"CON-1"}"#,
                "r",
                "CON-1",
            ),
        ] {
            let keys = keys(json.as_bytes()).unwrap();
            assert_eq!(
                (&*keys.platform_id, &*keys.conversation),
                (id, conversation),
                "{json}"
            );
        }
    }

    #[test]
    fn what_is_not_known_is_an_event() {
        let unknown = keys(br#"{"new":"thing"}"#).unwrap();
        assert_eq!(unknown.conversation, event::CONVERSATION);
        for odd in ["{}", "[]", "{", r#"{"just words":""}"#] {
            assert!(keys(odd.as_bytes()).is_err(), "{odd}");
        }
    }
}
