//! Telegram updates (<https://core.telegram.org/bots/api#update>).
//!
//! An update of a type or form not known yet becomes an `unsupported` message that keeps the raw
//! update: nothing is lost because Telegram added something. Offsets of entities are Telegram's own:
//! UTF-16 units of the text as it was sent.
//!
//! Invariant: in a chat of a business account, what its owner or a program wrote is not answered by a rule.

mod content;
mod event;
mod media;
mod party;
mod press;
mod update;

use schemas::{Message, MessageType, PartyType, Timestamp, keys::telegram::message_key};
use serde_json::{Map, Value};

use self::update::{Deleted, Kind, Update};
use super::{AUTOMATIC, Filled, note_command};

pub(super) fn fill(message: &mut Message, bytes: &[u8]) -> Filled {
    let Ok(mut update) = serde_json::from_slice::<Update>(bytes) else {
        return Filled::Message(event::other(message, bytes));
    };
    if let Some((kind, given)) = update.message() {
        fill_message(message, kind, *given, bytes);
    } else if let Some(callback) = update.callback_query {
        press::callback(message, callback);
    } else if let Some(reaction) = update.message_reaction {
        press::reaction(message, reaction);
    } else if let Some(deleted) = update.deleted_business_messages {
        fill_deleted(message, deleted);
    } else {
        return Filled::Message(event::other(message, bytes));
    }
    Filled::MESSAGE
}

fn fill_message(message: &mut Message, kind: Kind, mut given: update::Message, bytes: &[u8]) {
    message.created_at = Timestamp::from_seconds(given.date);
    if kind == Kind::Edit {
        message.edited_at = Some(
            given
                .edit_date
                .map_or(message.created_at, Timestamp::from_seconds),
        );
    }
    fill_people(message, &mut given);
    // In a forum every message "replies" to the one that opened its topic.
    let topic = given.message_thread_id.filter(|_| given.is_topic_message);
    message.in_reply_to = given
        .reply_to_message
        .take()
        .filter(|to| Some(to.message_id) != topic)
        .map(|to| {
            let business = to
                .business_connection_id
                .as_deref()
                .or(given.business_connection_id.as_deref());
            message_key(to.chat.id, business, to.message_id)
        });
    fill_notes(message, &mut given);
    if let Some((message_type, attachment)) = media::of(&mut given) {
        message.message_type = message_type;
        message.content.attachments.push(attachment);
        message.content.text = given.caption.unwrap_or_default();
    } else if let Some(text) = given.text {
        message.content.text = text;
        note_command(message);
        note_referral(message);
    } else if !content::fill(message, &mut given) {
        event::service(message, bytes);
    }
}

fn fill_people(message: &mut Message, given: &mut update::Message) {
    let is_private = matches!(given.chat.kind.as_deref(), Some("private") | None);
    let from = given.from.as_ref().map(|user| user.id);
    message.sender = match (given.sender_chat.take(), given.from.take()) {
        (Some(chat), _) => party::of_chat(&chat),
        (None, Some(user)) => party::of_user(user),
        (None, None) => party::of_chat(&given.chat),
    };
    if !is_private {
        message.recipient = party::of_chat(&given.chat);
    } else if given.business_connection_id.is_some() && from != Some(given.chat.id) {
        // The account's owner writes to the person.
        message.sender.kind = PartyType::Agent;
        message.recipient = party::of_chat(&given.chat);
    } else {
        // The one who is spoken to is the bot, which is this channel.
        message.recipient.kind = PartyType::Bot;
    }
    let program = if given.sender_business_bot.is_some() {
        Some("business bot")
    } else if given.is_from_offline {
        Some("away")
    } else {
        None
    };
    if let Some(program) = program {
        message.metadata.insert(AUTOMATIC.into(), program.into());
    }
}

/// What else the message tells, kept as it is.
fn fill_notes(message: &mut Message, given: &mut update::Message) {
    let text = given.text.as_deref().or(given.caption.as_deref());
    let entities = given.entities.take().or(given.caption_entities.take());
    let mentions = match (text, &entities) {
        (Some(text), Some(Value::Array(entities))) => mentions(text, entities),
        _ => Vec::new(),
    };
    let is_forwarded = given.forward_origin.is_some();
    let flag = |flag: bool| flag.then(|| Value::from(true));
    let notes = media::given([
        ("mentions", (!mentions.is_empty()).then(|| mentions.into())),
        ("entities", entities),
        ("forwarded", flag(is_forwarded)),
        ("forward_origin", given.forward_origin.take()),
        ("automatic_forward", flag(given.is_automatic_forward)),
        ("quote", given.quote.take()),
        ("external_reply", given.external_reply.take()),
        ("reply_to_story", given.reply_to_story.take()),
        (
            "reply_to_checklist_task_id",
            given.reply_to_checklist_task_id.map(Into::into),
        ),
        (
            "media_group_id",
            given.media_group_id.take().map(Into::into),
        ),
        ("thread_id", given.message_thread_id.map(Into::into)),
        ("direct_messages_topic", given.direct_messages_topic.take()),
        (
            "business_connection_id",
            given.business_connection_id.clone().map(Into::into),
        ),
        (
            "via_bot",
            given
                .via_bot
                .take()
                .and_then(|bot| bot.username)
                .map(Into::into),
        ),
        (
            "author_signature",
            given.author_signature.take().map(Into::into),
        ),
        ("effect_id", given.effect_id.take().map(Into::into)),
        ("has_media_spoiler", flag(given.has_media_spoiler)),
        ("has_protected_content", flag(given.has_protected_content)),
        ("link_preview_options", given.link_preview_options.take()),
        ("suggested_post_info", given.suggested_post_info.take()),
        (
            "sender_boost_count",
            given.sender_boost_count.map(Into::into),
        ),
        ("paid_star_count", given.paid_star_count.map(Into::into)),
    ]);
    message.metadata.extend(notes);
}

/// People named in a text: `@name`, or with an id where they have no name.
fn mentions(text: &str, entities: &[Value]) -> Vec<Value> {
    let units: Vec<u16> = text.encode_utf16().collect();
    let number = |entity: &Value, name: &str| {
        let number = entity.get(name).and_then(Value::as_u64)?;
        usize::try_from(number).ok()
    };
    entities
        .iter()
        .filter_map(|entity| {
            let offset = number(entity, "offset")?;
            let end = offset.checked_add(number(entity, "length")?)?;
            let words = String::from_utf16_lossy(units.get(offset..end)?);
            let mut mention = Map::from_iter([("text".to_owned(), words.into())]);
            match entity.get("type").and_then(Value::as_str)? {
                "mention" => {}
                "text_mention" => {
                    let id = entity.pointer("/user/id").and_then(Value::as_i64)?;
                    mention.insert("id".into(), id.to_string().into());
                }
                _ => return None,
            }
            Some(mention.into())
        })
        .collect()
}

/// What a link to the bot said: it comes as the argument of `/start`.
fn note_referral(message: &mut Message) {
    let is_start = message.metadata.get("command").and_then(Value::as_str) == Some("/start");
    if let (true, Some(payload)) = (is_start, message.metadata.get("args").cloned()) {
        let referral = Map::from_iter([("ref".to_owned(), payload)]);
        message.metadata.insert("referral".into(), referral.into());
    }
}

fn fill_deleted(message: &mut Message, deleted: Deleted) {
    message.sender = party::of_chat(&deleted.chat);
    message.recipient.kind = PartyType::Bot;
    // Telegram does not say when.
    message.deleted_at = Some(message.created_at);
    message.message_type = MessageType::Text;
    message.metadata.insert(
        "business_connection_id".into(),
        deleted.business_connection_id.into(),
    );
}
