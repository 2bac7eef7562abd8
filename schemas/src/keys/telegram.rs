//! Keys of Telegram updates (<https://core.telegram.org/bots/api#update>).
//!
//! A message is `<chat>:<message>`, so its edits and its deletion name the same message; a callback query is
//! `callback:<id>`, any other update `update:<id>`. A conversation is the chat, `<chat>:<thread>` in a forum's topic,
//! `<chat>:direct:<topic>` in a channel's direct messages. A chat of a business account, whose messages are numbered apart
//! from those of the bot's own chat with the same person, is `<chat>@<connection>`.

use std::fmt::{self, Display};

use serde::Deserialize;
use serde_json::Value;

use super::{Keys, Malformed, bounded};

/// Updates that are asked for: all that are understood, some of which Telegram sends to who asks only.
pub const UPDATES: [&str; 23] = [
    "message",
    "edited_message",
    "channel_post",
    "edited_channel_post",
    "business_connection",
    "business_message",
    "edited_business_message",
    "deleted_business_messages",
    "message_reaction",
    "message_reaction_count",
    "inline_query",
    "chosen_inline_result",
    "callback_query",
    "shipping_query",
    "pre_checkout_query",
    "purchased_paid_media",
    "poll",
    "poll_answer",
    "my_chat_member",
    "chat_member",
    "chat_join_request",
    "chat_boost",
    "removed_chat_boost",
];

#[derive(Deserialize)]
struct Update {
    message: Option<Message>,
    edited_message: Option<Message>,
    channel_post: Option<Message>,
    edited_channel_post: Option<Message>,
    business_message: Option<Message>,
    edited_business_message: Option<Message>,
    deleted_business_messages: Option<Deleted>,
    callback_query: Option<Callback>,
}

#[derive(Deserialize)]
struct Message {
    message_id: i64,
    chat: Named,
    message_thread_id: Option<i64>,
    #[serde(default)]
    is_topic_message: bool,
    direct_messages_topic: Option<Topic>,
    business_connection_id: Option<String>,
}

/// One deletion; `ingest` makes as many updates as there are.
#[derive(Deserialize)]
struct Deleted {
    business_connection_id: String,
    chat: Named,
    message_ids: [i64; 1],
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

#[derive(Deserialize)]
struct Topic {
    topic_id: i64,
}

/// Where a conversation takes place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place<'a> {
    pub chat: i64,
    /// The business account's connection, when the chat is one of a business account.
    pub business: Option<&'a str>,
    /// A forum's topic.
    pub thread: Option<i64>,
    /// A topic of a channel's direct messages.
    pub direct: Option<i64>,
}

impl<'a> Place<'a> {
    /// A conversation's key, taken apart.
    #[must_use]
    pub fn parse(key: &'a str) -> Option<Self> {
        let (chat, rest) = match key.split_once(':') {
            Some((chat, rest)) => (chat, Some(rest)),
            None => (key, None),
        };
        let (chat, business) = chat_and_business(chat)?;
        let (thread, direct) = match rest.map(|rest| (rest, rest.strip_prefix("direct:"))) {
            None => (None, None),
            Some((_, Some(topic))) => (None, Some(topic.parse().ok()?)),
            Some((thread, None)) => (Some(thread.parse().ok()?), None),
        };
        Some(Self {
            chat,
            business,
            thread,
            direct,
        })
    }
}

impl Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Chat(self.chat, self.business))?;
        match (self.direct, self.thread) {
            (Some(topic), _) => write!(f, ":direct:{topic}"),
            (None, Some(thread)) => write!(f, ":{thread}"),
            (None, None) => Ok(()),
        }
    }
}

/// A chat, of a business account's connection or the bot's own.
struct Chat<'a>(i64, Option<&'a str>);

impl Display for Chat<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.1 {
            Some(business) => write!(f, "{}@{business}", self.0),
            None => write!(f, "{}", self.0),
        }
    }
}

impl Message {
    fn conversation(&self) -> String {
        let place = Place {
            chat: self.chat.id,
            business: self.business_connection_id.as_deref(),
            thread: self.message_thread_id.filter(|_| self.is_topic_message),
            direct: self
                .direct_messages_topic
                .as_ref()
                .map(|topic| topic.topic_id),
        };
        place.to_string()
    }

    fn key(&self) -> String {
        let business = self.business_connection_id.as_deref();
        message_key(self.chat.id, business, self.message_id)
    }
}

/// The keys of one update.
///
/// # Errors
/// [`Malformed`] when it is no JSON object with an `update_id`.
pub fn keys(bytes: &[u8]) -> Result<Keys, Malformed> {
    if let Ok(update) = serde_json::from_slice::<Update>(bytes)
        && let Some(keys) = known(update)
    {
        return Ok(keys);
    }
    other(bytes)
}

fn known(update: Update) -> Option<Keys> {
    let message = update
        .message
        .or(update.edited_message)
        .or(update.channel_post)
        .or(update.edited_channel_post)
        .or(update.business_message)
        .or(update.edited_business_message);
    let (platform_id, conversation) = if let Some(message) = message {
        (message.key(), message.conversation())
    } else if let Some(deleted) = update.deleted_business_messages {
        let business = Some(deleted.business_connection_id.as_str());
        let [id] = deleted.message_ids;
        (
            message_key(deleted.chat.id, business, id),
            Chat(deleted.chat.id, business).to_string(),
        )
    } else {
        let callback = update.callback_query?;
        let conversation = match &callback.message {
            Some(message) => message.conversation(),
            None => callback.from.id.to_string(),
        };
        (format!("callback:{}", callback.id), conversation)
    };
    Some(Keys {
        platform_id: bounded(&platform_id)?,
        conversation: bounded(&conversation)?,
    })
}

/// What identifies a message, and what a reply to it names.
#[must_use]
pub fn message_key(chat: i64, business: Option<&str>, message: i64) -> String {
    format!("{}:{message}", Chat(chat, business))
}

/// The chat, its business connection and the message of a message's key.
#[must_use]
pub fn chat_and_message(key: &str) -> Option<(i64, Option<&str>, i64)> {
    let (chat, message) = key.rsplit_once(':')?;
    let (chat, business) = chat_and_business(chat)?;
    Some((chat, business, message.parse().ok()?))
}

fn chat_and_business(text: &str) -> Option<(i64, Option<&str>)> {
    match text.split_once('@') {
        Some((chat, business)) if !business.is_empty() => {
            Some((chat.parse().ok()?, Some(business)))
        }
        Some(_) => None,
        None => Some((text.parse().ok()?, None)),
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
            "/voter_chat/id",
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
            (
                r#"{"update_id":7,"business_message":{"message_id":5,"chat":{"id":8},"business_connection_id":"Xk-_9"}}"#,
                "8@Xk-_9:5",
                "8@Xk-_9",
            ),
            (
                r#"{"update_id":8,"deleted_business_messages":{"business_connection_id":"Xk-_9","chat":{"id":8},"message_ids":[5]}}"#,
                "8@Xk-_9:5",
                "8@Xk-_9",
            ),
            (
                r#"{"update_id":9,"message":{"message_id":5,"chat":{"id":-100},"direct_messages_topic":{"topic_id":77}}}"#,
                "-100:5",
                "-100:direct:77",
            ),
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
        assert_eq!(chat_and_message("-100:5"), Some((-100, None, 5)));
        assert_eq!(chat_and_message("8@Xk:5"), Some((8, Some("Xk"), 5)));
        assert_eq!(chat_and_message("callback:5"), None);
        for key in ["-100", "-100:9", "8@Xk-_9", "-100:direct:77"] {
            let place = Place::parse(key).unwrap();
            assert_eq!(place.to_string(), key);
        }
        for key in ["update", "8@", "@news", "8:x", "8:direct:"] {
            assert_eq!(Place::parse(key), None, "{key}");
        }
    }
}
