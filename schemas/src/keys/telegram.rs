//! Keys of Telegram updates (<https://core.telegram.org/bots/api#update>).
//!
//! A message is `<chat>:<message>`, so its edits name the same message; a callback query is
//! `callback:<id>`, any other update `update:<id>`. A conversation is the chat, or `<chat>:<thread>`
//! in a forum's topic.

use serde::Deserialize;
use serde_json::Value;

use super::{Keys, Malformed, bounded};

#[derive(Deserialize)]
struct Update {
    message: Option<Message>,
    edited_message: Option<Message>,
    channel_post: Option<Message>,
    edited_channel_post: Option<Message>,
    callback_query: Option<Callback>,
}

#[derive(Deserialize)]
struct Message {
    message_id: i64,
    chat: Named,
    message_thread_id: Option<i64>,
    #[serde(default)]
    is_topic_message: bool,
}

#[derive(Deserialize)]
struct Callback {
    id: String,
    from: Named,
    message: Option<Message>,
}

#[derive(Deserialize)]
struct Named {
    id: i64,
}

impl Message {
    fn conversation(&self) -> String {
        match self.message_thread_id {
            Some(thread) if self.is_topic_message => format!("{}:{thread}", self.chat.id),
            _ => self.chat.id.to_string(),
        }
    }
}

/// The keys of one update.
///
/// # Errors
/// [`Malformed`] when it is no JSON object with an `update_id`.
pub fn keys(bytes: &[u8]) -> Result<Keys, Malformed> {
    if let Ok(update) = serde_json::from_slice::<Update>(bytes) {
        let message = update
            .message
            .or(update.edited_message)
            .or(update.channel_post)
            .or(update.edited_channel_post);
        if let Some(message) = message {
            return Ok(Keys {
                platform_id: message_key(message.chat.id, message.message_id),
                conversation: message.conversation(),
            });
        }
        if let Some(callback) = update.callback_query {
            let platform_id = bounded(&format!("callback:{}", callback.id));
            return Ok(Keys {
                platform_id: platform_id.unwrap_or_default(),
                conversation: callback
                    .message
                    .map_or_else(|| callback.from.id.to_string(), |m| m.conversation()),
            });
        }
    }
    other(bytes)
}

/// What identifies a message, and what a reply to it names.
#[must_use]
pub fn message_key(chat: i64, message: i64) -> String {
    format!("{chat}:{message}")
}

/// The chat and the message of a message's key.
#[must_use]
pub fn chat_and_message(key: &str) -> Option<(i64, i64)> {
    let (chat, message) = key.split_once(':')?;
    Some((chat.parse().ok()?, message.parse().ok()?))
}

/// The chat and, in a forum, the thread of a conversation's key.
#[must_use]
pub fn chat_and_thread(key: &str) -> Option<(i64, Option<i64>)> {
    match key.split_once(':') {
        Some((chat, thread)) => Some((chat.parse().ok()?, Some(thread.parse().ok()?))),
        None => Some((key.parse().ok()?, None)),
    }
}

/// Updates of other types, and those of a form not known yet.
fn other(bytes: &[u8]) -> Result<Keys, Malformed> {
    let value: Value = serde_json::from_slice(bytes).map_err(|error| Malformed::Telegram {
        line: error.line(),
        column: error.column(),
    })?;
    let update = value
        .get("update_id")
        .and_then(Value::as_i64)
        .ok_or(Malformed::Telegram { line: 1, column: 1 })?;
    let whose = |event: &Value| {
        [
            "/chat/id",
            "/message/chat/id",
            "/from/id",
            "/user/id",
            "/user_chat_id",
        ]
        .into_iter()
        .find_map(|path| event.pointer(path).and_then(Value::as_i64))
    };
    let conversation = value
        .as_object()
        .and_then(|fields| fields.values().find_map(whose))
        .map_or_else(|| "update".to_owned(), |id| id.to_string());
    Ok(Keys {
        platform_id: format!("update:{update}"),
        conversation,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_update_is_named() {
        for (json, id, conversation) in [
            (
                r#"{"update_id":1,"message":{"message_id":5,"chat":{"id":-100}}}"#,
                "-100:5",
                "-100",
            ),
            (
                r#"{"update_id":2,"edited_message":{"message_id":5,"chat":{"id":-100}}}"#,
                "-100:5",
                "-100",
            ),
            (
                r#"{"update_id":3,"message":{"message_id":6,"chat":{"id":-100},"message_thread_id":9,"is_topic_message":true}}"#,
                "-100:6",
                "-100:9",
            ),
            (
                r#"{"update_id":4,"callback_query":{"id":"77","from":{"id":8}}}"#,
                "callback:77",
                "8",
            ),
            (
                r#"{"update_id":5,"poll_answer":{"user":{"id":8}}}"#,
                "update:5",
                "8",
            ),
            (r#"{"update_id":6,"message":"odd"}"#, "update:6", "update"),
        ] {
            let keys = keys(json.as_bytes()).unwrap();
            assert_eq!(
                (&*keys.platform_id, &*keys.conversation),
                (id, conversation)
            );
        }
        assert!(keys(b"[]").is_err());
        assert!(keys(b"{\"update_id\":").is_err());
    }

    #[test]
    fn keys_are_taken_apart_again() {
        assert_eq!(chat_and_message("-100:5"), Some((-100, 5)));
        assert_eq!(chat_and_message("callback:5"), None);
        assert_eq!(chat_and_thread("-100"), Some((-100, None)));
        assert_eq!(chat_and_thread("-100:9"), Some((-100, Some(9))));
        assert_eq!(chat_and_thread("update"), None);
    }
}
