//! What people press: buttons, and emoji below a message.

use schemas::{Message, MessageType, PartyType, Timestamp, keys::telegram::message_key};
use serde_json::{Map, Value};

use super::{
    media::given,
    party,
    update::{About, Callback, Reaction, WebAppData},
};

/// A button below a message. Its text is what stands behind it; what stands on it is a note, when Telegram shows the message.
pub(super) fn callback(message: &mut Message, callback: Callback) {
    message.message_type = MessageType::Callback;
    message.sender = party::of_user(callback.from);
    message.recipient.kind = PartyType::Bot;
    let title = callback.message.as_ref().and_then(|about| {
        let data = callback.data.as_deref()?;
        title(about, data)
    });
    message.in_reply_to = callback.message.map(|about| {
        let business = about.business_connection_id.as_deref();
        message_key(about.chat.id, business, about.message_id)
    });
    let note = given([
        ("id", Some(callback.id.into())),
        ("value", callback.data.clone().map(Value::from)),
        ("title", title.map(Value::from)),
        ("chat_instance", callback.chat_instance.map(Value::from)),
        (
            "inline_message_id",
            callback.inline_message_id.map(Value::from),
        ),
        ("game_short_name", callback.game_short_name.map(Value::from)),
    ]);
    message.content.text = callback.data.unwrap_or_default();
    message.metadata.insert("callback".into(), note.into());
}

fn title(about: &About, data: &str) -> Option<String> {
    let markup = about.reply_markup.as_ref()?;
    let mut keys = markup.inline_keyboard.iter().flatten();
    keys.find(|key| key.callback_data.as_deref() == Some(data))
        .map(|key| key.text.clone())
}

/// What a web page sent that a button had opened.
pub(super) fn web_app(message: &mut Message, given_data: WebAppData) {
    message.message_type = MessageType::Callback;
    let note = given([
        ("value", Some(given_data.data.clone().into())),
        ("title", given_data.button_text.map(Value::from)),
    ]);
    message.content.text = given_data.data;
    message.metadata.insert("callback".into(), note.into());
}

/// An emoji that was put to a message or taken from it; when one takes the place of another, the new one counts.
pub(super) fn reaction(message: &mut Message, reaction: Reaction) {
    message.message_type = MessageType::Reaction;
    message.created_at = Timestamp::from_seconds(reaction.date);
    message.sender = match (reaction.user, &reaction.actor_chat) {
        (Some(user), _) => party::of_user(user),
        (None, Some(chat)) => party::of_chat(chat),
        (None, None) => party::of_chat(&reaction.chat),
    };
    match reaction.chat.kind.as_deref() {
        Some("private") | None => message.recipient.kind = PartyType::Bot,
        Some(_) => message.recipient = party::of_chat(&reaction.chat),
    }
    message.in_reply_to = Some(message_key(reaction.chat.id, None, reaction.message_id));
    let without = |these: &[Value], those: &[Value]| -> Vec<Value> {
        let mut these = these.to_vec();
        these.retain(|one| !those.contains(one));
        these
    };
    let (added, removed) = (
        without(&reaction.new_reaction, &reaction.old_reaction),
        without(&reaction.old_reaction, &reaction.new_reaction),
    );
    let (word, changed) = if added.is_empty() {
        ("removed", removed)
    } else {
        ("added", added)
    };
    message.content.text = changed.iter().map(emoji).collect();
    let custom: Vec<Value> = changed
        .iter()
        .filter_map(|one| one.get("custom_emoji_id").cloned())
        .collect();
    let mut notes = Map::from_iter([("reaction".to_owned(), word.into())]);
    if !custom.is_empty() {
        notes.insert("custom_emoji_ids".into(), custom.into());
    }
    if !reaction.new_reaction.is_empty() {
        notes.insert("reactions".into(), reaction.new_reaction.into());
    }
    message.metadata.extend(notes);
}

fn emoji(reaction: &Value) -> &str {
    match reaction.get("type").and_then(Value::as_str) {
        Some("paid") => "⭐",
        _ => reaction
            .get("emoji")
            .and_then(Value::as_str)
            .unwrap_or_default(),
    }
}
