//! Keys of what Slack sends (<https://docs.slack.dev/apis/events-api/>, <https://docs.slack.dev/interactivity/>).
//!
//! A message is `<channel>:<ts>`, which Slack says are unique together; its edits and deletions name it, and the
//! `app_mention` that repeats a message is that message. What a person pressed, a command and a form that was handed in is
//! `callback:<trigger_id>`; any other event `event:<event_id>`, which Slack keeps when it tries again. A conversation is the
//! channel, or `<channel>:<thread_ts>` in a thread; where there is no channel it is the person (`U…`), with whom a direct
//! message can be opened.

use serde_json::Value;

use super::{Keys, Malformed, bounded, event};

const WHAT: &str = "a Slack event";

/// # Errors
/// [`Malformed`] when it is no JSON object.
pub fn keys(bytes: &[u8]) -> Result<Keys, Malformed> {
    let body: Value =
        serde_json::from_slice(bytes).map_err(|error| event::malformed(WHAT, &error))?;
    let known = match text(&body, "/type") {
        Some("event_callback") => of_event(&body),
        Some(_) => of_interaction(&body),
        None => None,
    };
    let fallback = event::keys(WHAT, bytes)?;
    let (platform_id, conversation) = known.unwrap_or_default();
    Ok(Keys {
        platform_id: bounded(&platform_id).unwrap_or(fallback.platform_id),
        conversation: bounded(&conversation).unwrap_or(fallback.conversation),
    })
}

/// The key of a message.
#[must_use]
pub fn message_key(channel: &str, ts: &str) -> String {
    format!("{channel}:{ts}")
}

/// The message a key of this module names.
#[must_use]
pub fn channel_and_ts(key: &str) -> Option<(&str, &str)> {
    key.split_once(':').filter(|(channel, ts)| {
        is_id(channel)
            && ts.contains('.')
            && ts.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
    })
}

/// The channel or person, and the thread, a conversation key names.
#[must_use]
pub fn place(conversation: &str) -> Option<(&str, Option<&str>)> {
    match conversation.split_once(':') {
        Some(_) => channel_and_ts(conversation).map(|(channel, thread)| (channel, Some(thread))),
        None => is_id(conversation).then_some((conversation, None)),
    }
}

/// Ids of Slack's objects are capitals and digits.
fn is_id(id: &str) -> bool {
    id.len() >= 2
        && id
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

/// The message an event is about, as it stands now: within the event where that tells of a change.
#[must_use]
pub fn message_of(event: &Value) -> Option<&Value> {
    if !matches!(
        text(event, "/type"),
        Some("message" | "app_mention" | "file_share")
    ) {
        return None;
    }
    Some(match text(event, "/subtype") {
        Some("message_changed" | "message_replied") => event.get("message")?,
        Some("message_deleted") => event.get("previous_message").unwrap_or(event),
        _ => event,
    })
}

/// Keys are empty where the event does not say.
fn of_event(body: &Value) -> Option<(String, String)> {
    let event = body.get("event")?;
    let channel = channel(event);
    if let (Some(message), Some(channel)) = (message_of(event), channel) {
        let ts = match text(event, "/subtype") {
            Some("message_deleted") => text(event, "/deleted_ts").or(text(message, "/ts")),
            _ => text(message, "/ts"),
        };
        if let Some(ts) = ts {
            let thread = text(message, "/thread_ts").filter(|thread| *thread != ts);
            return Some((message_key(channel, ts), conversation(channel, thread)));
        }
    }
    let id = text(body, "/event_id").map(|id| format!("event:{id}"));
    let thread = ["/assistant_thread/thread_ts", "/thread_ts"]
        .into_iter()
        .find_map(|path| text(event, path));
    let whose = ["/user", "/user/id", "/user_id"]
        .into_iter()
        .find_map(|path| text(event, path));
    Some((
        id.unwrap_or_default(),
        match channel {
            Some(channel) => conversation(channel, thread),
            None => whose.unwrap_or_default().to_owned(),
        },
    ))
}

fn of_interaction(body: &Value) -> Option<(String, String)> {
    let id = text(body, "/trigger_id").map(|id| format!("callback:{id}"));
    let channel = ["/channel/id", "/channel_id", "/container/channel_id"]
        .into_iter()
        .find_map(|path| text(body, path));
    let ts = ["/message/ts", "/container/message_ts"]
        .into_iter()
        .find_map(|path| text(body, path));
    let thread = ["/message/thread_ts", "/container/thread_ts", "/thread_ts"]
        .into_iter()
        .find_map(|path| text(body, path))
        .filter(|thread| Some(*thread) != ts);
    let whose = ["/user/id", "/user_id"]
        .into_iter()
        .find_map(|path| text(body, path));
    Some((
        id.unwrap_or_default(),
        match channel {
            Some(channel) => conversation(channel, thread),
            None => whose.unwrap_or_default().to_owned(),
        },
    ))
}

/// The channel an event happened in.
fn channel(event: &Value) -> Option<&str> {
    [
        "/channel",
        "/channel/id",
        "/channel_id",
        "/item/channel",
        "/assistant_thread/channel_id",
    ]
    .into_iter()
    .find_map(|path| text(event, path))
}

fn conversation(channel: &str, thread: Option<&str>) -> String {
    match thread {
        Some(thread) => message_key(channel, thread),
        None => channel.to_owned(),
    }
}

fn text<'v>(value: &'v Value, path: &str) -> Option<&'v str> {
    value
        .pointer(path)
        .and_then(Value::as_str)
        .filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_event_is_named() {
        for (json, id, conversation) in [
            (
                r#"{"type":"event_callback","event_id":"Ev1","event":{"type":"message","channel":"C1","ts":"1.2"}}"#,
                "C1:1.2",
                "C1",
            ),
            (
                r#"{"type":"event_callback","event_id":"Ev2","event":{"type":"app_mention","channel":"C1","ts":"1.2"}}"#,
                "C1:1.2",
                "C1",
            ),
            (
                r#"{"type":"event_callback","event":{"type":"message","channel":"C1","ts":"3.2","thread_ts":"1.2"}}"#,
                "C1:3.2",
                "C1:1.2",
            ),
            (
                r#"{"type":"event_callback","event":{"type":"message","channel":"C1","ts":"1.2","thread_ts":"1.2"}}"#,
                "C1:1.2",
                "C1",
            ),
            (
                r#"{"type":"event_callback","event":{"type":"message","subtype":"message_changed","channel":"C1","ts":"9.0","message":{"ts":"3.2","thread_ts":"1.2"}}}"#,
                "C1:3.2",
                "C1:1.2",
            ),
            (
                r#"{"type":"event_callback","event":{"type":"message","subtype":"message_deleted","channel":"C1","ts":"9.0","deleted_ts":"3.2"}}"#,
                "C1:3.2",
                "C1",
            ),
            (
                r#"{"type":"event_callback","event_id":"Ev3","event":{"type":"reaction_added","user":"U1","item":{"channel":"C1","ts":"3.2"}}}"#,
                "event:Ev3",
                "C1",
            ),
            (
                r#"{"type":"event_callback","event_id":"Ev4","event":{"type":"team_join","user":{"id":"U1"}}}"#,
                "event:Ev4",
                "U1",
            ),
            (
                r#"{"type":"block_actions","trigger_id":"1.2.x","user":{"id":"U1"},"channel":{"id":"D1"},"message":{"ts":"3.2","thread_ts":"1.2"}}"#,
                "callback:1.2.x",
                "D1:1.2",
            ),
            (
                r#"{"type":"view_submission","trigger_id":"1.2.x","user":{"id":"U1"}}"#,
                "callback:1.2.x",
                "U1",
            ),
        ] {
            let keys = keys(json.as_bytes()).unwrap();
            assert_eq!(
                (&*keys.platform_id, &*keys.conversation),
                (id, conversation),
                "{json}"
            );
        }
        let odd = keys(br#"{"type":"event_callback","event":7}"#).unwrap();
        assert!(odd.platform_id.starts_with("event:"));
        assert_eq!(odd.conversation, event::CONVERSATION);
        assert!(keys(b"[]").is_err());
        assert!(keys(b"{").is_err());
    }

    #[test]
    fn keys_are_taken_apart_again() {
        assert_eq!(channel_and_ts("C1:1.2"), Some(("C1", "1.2")));
        assert_eq!(channel_and_ts("event:Ev1"), None);
        assert_eq!(channel_and_ts("callback:1.2"), None);
        assert_eq!(place("D1"), Some(("D1", None)));
        assert_eq!(place("C1:1.2"), Some(("C1", Some("1.2"))));
        assert_eq!(place("general"), None);
        assert_eq!(place("C1:x"), None);
    }
}
