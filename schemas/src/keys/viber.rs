//! Keys of Viber's callbacks (<https://developers.viber.com/docs/api/rest-bot-api/#callbacks>).
//!
//! A message is its `message_token`, digit by digit: tokens are 64 bits long, more than a float holds. A receipt is
//! `<event>:<token>:<person>`, because it bears the token of the message it is about; any other callback is
//! `<event>:<token>`. A conversation is the person.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Keys, Malformed, bounded, event};

const WHAT: &str = "a Viber callback";

#[derive(Deserialize)]
struct Callback<'a> {
    event: String,
    #[serde(borrow)]
    message_token: &'a RawValue,
    sender: Option<Person>,
    user: Option<Person>,
    user_id: Option<String>,
}

#[derive(Deserialize)]
struct Person {
    id: String,
}

/// The keys of one callback.
///
/// # Errors
/// [`Malformed`] when it is no JSON object.
pub fn keys(bytes: &[u8]) -> Result<Keys, Malformed> {
    let Ok(callback) = serde_json::from_slice::<Callback<'_>>(bytes) else {
        return event::keys(WHAT, bytes);
    };
    let person = callback
        .sender
        .or(callback.user)
        .map(|person| person.id)
        .or(callback.user_id);
    let id = token(callback.message_token).map(|token| match callback.event.as_str() {
        "message" => token.to_owned(),
        "delivered" | "seen" | "failed" => {
            let person = person.as_deref().unwrap_or_default();
            format!("{}:{token}:{person}", callback.event)
        }
        event => format!("{event}:{token}"),
    });
    let platform_id = match id.as_deref().and_then(bounded) {
        Some(id) => id,
        None => event::keys(WHAT, bytes)?.platform_id,
    };
    Ok(Keys {
        platform_id,
        conversation: person
            .as_deref()
            .and_then(bounded)
            .unwrap_or_else(|| event::CONVERSATION.to_owned()),
    })
}

/// The digits of a token, whether it came as a number or as a text.
#[must_use]
pub fn token(raw: &RawValue) -> Option<&str> {
    let digits = raw.get().trim_matches('"');
    (!digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())).then_some(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_callback_is_named() {
        for (json, id, conversation) in [
            (
                r#"{"event":"message","message_token":4912661846655238145,"sender":{"id":"01234567890A="}}"#,
                "4912661846655238145",
                "01234567890A=",
            ),
            (
                r#"{"event":"message","message_token":"18446744073709551617","sender":{"id":"a"}}"#,
                "18446744073709551617",
                "a",
            ),
            (
                r#"{"event":"seen","message_token":18446744073709551617,"user_id":"a"}"#,
                "seen:18446744073709551617:a",
                "a",
            ),
            (
                r#"{"event":"conversation_started","message_token":5,"user":{"id":"a"}}"#,
                "conversation_started:5",
                "a",
            ),
            (
                r#"{"event":"webhook","message_token":5}"#,
                "webhook:5",
                "event",
            ),
        ] {
            let keys = keys(json.as_bytes()).unwrap();
            assert_eq!(
                (&*keys.platform_id, &*keys.conversation),
                (id, conversation)
            );
        }
        for odd in [
            r#"{"event":"message","message_token":1.5,"sender":{"id":"a"}}"#,
            r#"{"event":"message","sender":{"id":"a"}}"#,
            "{}",
        ] {
            let keys = keys(odd.as_bytes()).unwrap();
            assert!(keys.platform_id.starts_with("event:"), "{odd}");
        }
        assert!(keys(b"[]").is_err());
    }
}
