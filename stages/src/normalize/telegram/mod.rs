//! Telegram updates (<https://core.telegram.org/bots/api#update>).
//!
//! An update of a type or form not known yet becomes an `unsupported` message that keeps the raw
//! update: nothing is lost because Telegram added something. Offsets of entities are Telegram's own:
//! UTF-16 units of the text as it was sent.

mod media;
mod update;

use schemas::{Message, MessageType, Party, PartyType, Timestamp, keys::telegram::message_key};
use serde_json::{Map, Value};

use self::update::{Callback, Chat, Update, User};
use super::{Filled, note_command, unsupported};

pub(super) fn fill(message: &mut Message, bytes: &[u8]) -> Filled {
    let known = serde_json::from_slice::<Update>(bytes).ok();
    let done = known.is_some_and(|mut update| {
        if let Some((kind, given)) = update.message() {
            fill_message(message, kind, given, bytes);
            true
        } else if let Some(callback) = update.callback_query {
            fill_callback(message, callback);
            true
        } else {
            false
        }
    });
    if !done {
        unsupported(message, bytes);
    }
    Filled::MESSAGE
}

/// Which of the four updates that carry a message it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    New,
    Edit,
}

fn fill_message(message: &mut Message, kind: Kind, given: Box<update::Message>, bytes: &[u8]) {
    let mut given = *given;
    message.created_at = Timestamp::from_seconds(given.date);
    if kind == Kind::Edit {
        message.edited_at = Some(
            given
                .edit_date
                .map_or(message.created_at, Timestamp::from_seconds),
        );
    }
    message.sender = match (given.sender_chat.take(), given.from.take()) {
        (Some(chat), _) => party_of_chat(&chat),
        (None, Some(user)) => party_of_user(user),
        (None, None) => party_of_chat(&given.chat),
    };
    match given.chat.kind.as_deref() {
        // The one who is spoken to is the bot, which is this channel.
        Some("private") | None => message.recipient.kind = PartyType::Bot,
        Some(_) => message.recipient = party_of_chat(&given.chat),
    }
    // In a forum every message "replies" to the one that opened its topic.
    let topic = given.message_thread_id.filter(|_| given.is_topic_message);
    message.in_reply_to = given
        .reply_to_message
        .take()
        .filter(|to| Some(to.message_id) != topic)
        .map(|to| message_key(to.chat.id, to.message_id));
    let metadata = &mut message.metadata;
    let mut keep = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            metadata.insert(key.into(), value);
        }
    };
    keep(
        "entities",
        given.entities.take().or(given.caption_entities.take()),
    );
    keep("forward_origin", given.forward_origin.take());
    keep(
        "media_group_id",
        given.media_group_id.take().map(Into::into),
    );
    keep("thread_id", given.message_thread_id.map(Into::into));
    keep(
        "via_bot",
        given
            .via_bot
            .take()
            .and_then(|bot| bot.username)
            .map(Into::into),
    );
    keep(
        "author_signature",
        given.author_signature.take().map(Into::into),
    );

    if let Some((message_type, attachment)) = media::of(&mut given) {
        message.message_type = message_type;
        message.content.attachments.push(attachment);
        message.content.text = given.caption.unwrap_or_default();
    } else if let Some(text) = given.text {
        message.content.text = text;
        note_command(message);
    } else {
        service(message, bytes);
    }
}

fn fill_callback(message: &mut Message, callback: Callback) {
    message.message_type = MessageType::Callback;
    message.content.text = callback.data.unwrap_or_default();
    message.sender = party_of_user(callback.from);
    message.recipient.kind = PartyType::Bot;
    message.in_reply_to = callback
        .message
        .map(|about| message_key(about.chat.id, about.message_id));
    let mut note = Map::new();
    note.insert("id".into(), callback.id.into());
    if let Some(game) = callback.game_short_name {
        note.insert("game_short_name".into(), game.into());
    }
    message.metadata.insert("callback".into(), note.into());
}

/// A message that says something about its chat instead of something in it.
fn service(message: &mut Message, bytes: &[u8]) {
    const EVENTS: [&str; 22] = [
        "new_chat_members",
        "left_chat_member",
        "new_chat_title",
        "new_chat_photo",
        "delete_chat_photo",
        "group_chat_created",
        "supergroup_chat_created",
        "channel_chat_created",
        "migrate_to_chat_id",
        "migrate_from_chat_id",
        "pinned_message",
        "message_auto_delete_timer_changed",
        "forum_topic_created",
        "forum_topic_edited",
        "forum_topic_closed",
        "forum_topic_reopened",
        "video_chat_scheduled",
        "video_chat_started",
        "video_chat_ended",
        "users_shared",
        "chat_shared",
        "write_access_allowed",
    ];
    unsupported(message, bytes);
    let event = serde_json::from_slice::<Map<String, Value>>(bytes)
        .ok()
        .and_then(|update| {
            let fields = update.into_iter().find_map(|(_, value)| match value {
                Value::Object(fields) => Some(fields),
                _ => None,
            })?;
            EVENTS.into_iter().find(|event| fields.contains_key(*event))
        });
    if let Some(event) = event {
        message.message_type = MessageType::Event;
        message.metadata.insert("event".into(), event.into());
    }
}

fn party_of_user(user: User) -> Party {
    let mut name = user.first_name.unwrap_or_default();
    if let Some(last) = user.last_name {
        name.push(' ');
        name.push_str(&last);
    }
    let mut metadata = Map::new();
    if let Some(username) = user.username {
        metadata.insert("username".into(), username.into());
    }
    if let Some(code) = user.language_code {
        metadata.insert("language_code".into(), code.into());
    }
    Party {
        id: user.id.to_string(),
        kind: if user.is_bot {
            PartyType::Bot
        } else {
            PartyType::User
        },
        name: (!name.is_empty()).then_some(name),
        metadata,
    }
}

fn party_of_chat(chat: &Chat) -> Party {
    let mut metadata = Map::new();
    if let Some(username) = &chat.username {
        metadata.insert("username".into(), username.clone().into());
    }
    Party {
        id: chat.id.to_string(),
        kind: match chat.kind.as_deref() {
            Some("channel") => PartyType::Channel,
            Some("group" | "supergroup") => PartyType::Group,
            _ => PartyType::User,
        },
        name: chat.title.clone().or_else(|| chat.first_name.clone()),
        metadata,
    }
}
