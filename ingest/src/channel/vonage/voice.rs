//! What a call is told to do: an NCCO (<https://developer.vonage.com/en/voice/voice-api/ncco-reference>), from the setting
//! `voice`: `greeting` in `language`, or the sound at `play`; `record` lets the caller leave a message, which reaches
//! the hub by an event. Without the setting a call ends at once.

use serde_json::{Map, Value, json};

/// Seconds a message may last when the channel does not say.
const MAX_LENGTH_S: u64 = 120;

/// The answer to a request that asks what to do with a call; none when it is no such request. `url` is our own address.
pub(super) fn ncco(
    settings: Option<&Value>,
    asked: &Map<String, Value>,
    url: &str,
) -> Option<Value> {
    let text = |name: &str| asked.get(name).and_then(Value::as_str);
    let asks = text("uuid").is_some()
        && text("conversation_uuid").is_some()
        && text("from").is_some()
        && text("status").is_none();
    if !asks {
        return None;
    }
    let Some(voice) = settings.and_then(Value::as_object) else {
        return Some(json!([]));
    };
    let mut actions = Vec::new();
    let word = |name: &str| voice.get(name).and_then(Value::as_str);
    if let Some(sound) = word("play") {
        actions.push(json!({"action": "stream", "streamUrl": [sound]}));
    } else if let Some(greeting) = word("greeting") {
        actions.push(json!({
            "action": "talk", "text": greeting, "language": word("language").unwrap_or("en-US"),
        }));
    }
    if voice.get("record").and_then(Value::as_bool) == Some(true) {
        let url = url.split_once('?').map_or(url, |(url, _)| url);
        let length = voice.get("max_length_s").and_then(Value::as_u64);
        actions.push(json!({
            "action": "record", "format": "mp3", "endOnSilence": 5, "endOnKey": "#",
            "beepStart": voice.get("beep").and_then(Value::as_bool).unwrap_or(true),
            "timeOut": length.unwrap_or(MAX_LENGTH_S), "eventUrl": [url], "eventMethod": "POST",
        }));
    }
    Some(actions.into())
}
