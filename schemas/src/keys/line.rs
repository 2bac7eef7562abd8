//! Keys of LINE's events (<https://developers.line.biz/en/reference/messaging-api/#webhook-event-objects>), each within the
//! object `{"destination": …, "event": …}` that carries it through the hub.
//!
//! A message is LINE's own id of it, and so is its unsending; any other event is its `webhookEventId`, which a redelivery
//! keeps. A conversation is the group, the room or the person.

use serde::Deserialize;
use serde_json::Value;

use super::{Keys, Malformed, bounded, event};

const WHAT: &str = "a LINE event";

#[derive(Deserialize)]
struct Wrapped {
    event: Event,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    #[serde(rename = "type")]
    kind: String,
    webhook_event_id: Option<String>,
    source: Option<Source>,
    message: Option<Named>,
    unsend: Option<Unsent>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Source {
    user_id: Option<String>,
    group_id: Option<String>,
    room_id: Option<String>,
}

#[derive(Deserialize)]
struct Named {
    id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Unsent {
    message_id: String,
}

/// The keys of one event.
///
/// # Errors
/// [`Malformed`] when it is no JSON object.
pub fn keys(bytes: &[u8]) -> Result<Keys, Malformed> {
    let Ok(Wrapped { event }) = serde_json::from_slice(bytes) else {
        return other(bytes);
    };
    let id = match (event.kind.as_str(), event.message, event.unsend) {
        ("message", Some(message), _) => Some(message.id),
        ("unsend", _, Some(unsent)) => Some(unsent.message_id),
        _ => event.webhook_event_id,
    };
    let place = event
        .source
        .and_then(|source| source.group_id.or(source.room_id).or(source.user_id));
    match id.as_deref().and_then(bounded) {
        Some(platform_id) => Ok(Keys {
            platform_id,
            conversation: conversation(place.as_deref()),
        }),
        None => other(bytes),
    }
}

/// Events of a form not known yet: those that name themselves keep their name.
fn other(bytes: &[u8]) -> Result<Keys, Malformed> {
    let mut keys = event::keys(WHAT, bytes)?;
    let value: Value = serde_json::from_slice(bytes).unwrap_or_default();
    let text = |path: &str| value.pointer(path).and_then(Value::as_str);
    if let Some(id) = text("/event/webhookEventId").and_then(bounded) {
        keys.platform_id = id;
    }
    let place = text("/event/source/groupId")
        .or_else(|| text("/event/source/roomId"))
        .or_else(|| text("/event/source/userId"));
    keys.conversation = conversation(place);
    Ok(keys)
}

fn conversation(place: Option<&str>) -> String {
    place
        .and_then(bounded)
        .unwrap_or_else(|| event::CONVERSATION.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_event_is_named() {
        for (json, id, conversation) in [
            (
                r#"{"destination":"U9","event":{"type":"message","webhookEventId":"01E","source":{"type":"user","userId":"U1"},"message":{"type":"text","id":"44"}}}"#,
                "44",
                "U1",
            ),
            (
                r#"{"event":{"type":"unsend","webhookEventId":"01F","source":{"type":"group","groupId":"C1","userId":"U1"},"unsend":{"messageId":"44"}}}"#,
                "44",
                "C1",
            ),
            (
                r#"{"event":{"type":"leave","webhookEventId":"01G","source":{"type":"room","roomId":"R1"}}}"#,
                "01G",
                "R1",
            ),
            (
                r#"{"event":{"type":"botSuspended","webhookEventId":"01H"}}"#,
                "01H",
                "event",
            ),
            (
                r#"{"event":{"type":"message","webhookEventId":"01I","source":{"userId":"U1"},"message":[]}}"#,
                "01I",
                "U1",
            ),
        ] {
            let keys = keys(json.as_bytes()).unwrap();
            assert_eq!(
                (&*keys.platform_id, &*keys.conversation),
                (id, conversation)
            );
        }
        let unnamed = keys(b"{\"event\":7}").unwrap();
        assert!(unnamed.platform_id.starts_with("event:"));
        assert!(keys(b"[]").is_err());
        assert!(keys(b"{").is_err());
    }
}
