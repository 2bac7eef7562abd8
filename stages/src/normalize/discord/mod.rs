//! What Discord sends: interactions, webhook events, and dispatches of the gateway.
//!
//! Invariants: an event of a known type is an `event` with what Discord said of it, any other is `unsupported`; both keep the
//! raw. Who types says nothing and is no message.
//!
//! Deliberately absent: names of guilds, roles and channels, which Discord gives by id alone.

mod interaction;
mod media;
mod message;
mod text;

use schemas::{
    Message, MessageType, Party, PartyType, Timestamp,
    keys::discord::{Shape, is_whole},
};
use serde_json::{Map, Value};

use super::{
    Filled,
    look::{first, flag, named, text as at},
    unsupported,
};

/// The first second of Discord's ids, in milliseconds since 1970.
const EPOCH_MS: u64 = 1_420_070_400_000;

/// Dispatches that say something about people, channels or the application.
const EVENTS: [&str; 27] = [
    "AUTO_MODERATION_ACTION_EXECUTION",
    "CHANNEL_CREATE",
    "CHANNEL_DELETE",
    "CHANNEL_PINS_UPDATE",
    "CHANNEL_UPDATE",
    "ENTITLEMENT_CREATE",
    "ENTITLEMENT_DELETE",
    "ENTITLEMENT_UPDATE",
    "GUILD_BAN_ADD",
    "GUILD_BAN_REMOVE",
    "GUILD_CREATE",
    "GUILD_DELETE",
    "GUILD_MEMBER_ADD",
    "GUILD_MEMBER_REMOVE",
    "GUILD_MEMBER_UPDATE",
    "INVITE_CREATE",
    "INVITE_DELETE",
    "MESSAGE_POLL_VOTE_ADD",
    "MESSAGE_POLL_VOTE_REMOVE",
    "MESSAGE_UPDATE",
    "SUBSCRIPTION_CREATE",
    "SUBSCRIPTION_DELETE",
    "SUBSCRIPTION_UPDATE",
    "THREAD_CREATE",
    "THREAD_DELETE",
    "THREAD_MEMBERS_UPDATE",
    "THREAD_UPDATE",
];

/// Webhook events (<https://docs.discord.com/developers/events/webhook-events#event-types>).
const WEBHOOK_EVENTS: [&str; 12] = [
    "APPLICATION_AUTHORIZED",
    "APPLICATION_DEAUTHORIZED",
    "ENTITLEMENT_CREATE",
    "ENTITLEMENT_DELETE",
    "ENTITLEMENT_UPDATE",
    "GAME_DIRECT_MESSAGE_CREATE",
    "GAME_DIRECT_MESSAGE_DELETE",
    "GAME_DIRECT_MESSAGE_UPDATE",
    "LOBBY_MESSAGE_CREATE",
    "LOBBY_MESSAGE_DELETE",
    "LOBBY_MESSAGE_UPDATE",
    "QUEST_USER_ENROLLMENT",
];

pub(super) fn fill(message: &mut Message, bytes: &[u8]) -> Filled {
    let body = serde_json::from_slice::<Value>(bytes).unwrap_or(Value::Null);
    let known = match Shape::of(&body) {
        Shape::Interaction(given) => interaction::fill(message, given),
        Shape::Dispatch("TYPING_START", _) => return Filled::News(Vec::new()),
        Shape::Dispatch(kind, data) => dispatch(message, bytes, kind, data),
        Shape::Event(event) => webhook_event(message, bytes, event),
        Shape::Other => false,
    };
    if !known {
        unsupported(message, bytes);
    }
    Filled::MESSAGE
}

fn dispatch(message: &mut Message, bytes: &[u8], kind: &str, data: &Value) -> bool {
    match kind {
        "MESSAGE_CREATE" => message::fill(message, data, false),
        "MESSAGE_UPDATE" if is_whole(data) => message::fill(message, data, true),
        "MESSAGE_DELETE" => message::deleted(message, data),
        "MESSAGE_REACTION_ADD" => message::reaction(message, data, "added"),
        "MESSAGE_REACTION_REMOVE"
        | "MESSAGE_REACTION_REMOVE_ALL"
        | "MESSAGE_REACTION_REMOVE_EMOJI" => message::reaction(message, data, "removed"),
        _ if EVENTS.contains(&kind) => {
            let name = kind.to_ascii_lowercase();
            note_event(message, bytes, &name, data);
        }
        _ => return false,
    }
    true
}

fn webhook_event(message: &mut Message, bytes: &[u8], event: &Value) -> bool {
    let Some(kind) = at(event, "/type").filter(|kind| WEBHOOK_EVENTS.contains(kind)) else {
        return false;
    };
    if let Some(time) = message::time(event, "/timestamp") {
        message.created_at = time;
    }
    let none = Value::Null;
    let data = event.get("data").unwrap_or(&none);
    note_event(message, bytes, &kind.to_ascii_lowercase(), data);
    true
}

/// Something that happened; the raw is kept.
fn note_event(message: &mut Message, bytes: &[u8], kind: &str, data: &Value) {
    let none = Value::Null;
    let member = data.get("member").unwrap_or(data);
    let user = ["user", "author"]
        .into_iter()
        .find_map(|name| member.get(name).or(data.get(name)))
        .unwrap_or(&none);
    if user.is_object() {
        message.sender = person(user, member);
    } else if let Some(id) = first(data, &["/user_id", "/owner_id"]) {
        message.sender.id = id.to_owned();
    }
    message::place(message, data);
    unsupported(message, bytes);
    message.message_type = MessageType::Event;
    message.metadata.insert("event".into(), kind.into());
    if kind == "message_update" {
        message.in_reply_to = at(data, "/id").map(str::to_owned);
    }
    if let Some(name) = at(data, "/name").filter(|_| kind.starts_with("thread")) {
        message.content.text = name.to_owned();
    }
}

/// A person: `member` is what the guild knows of it.
fn person(user: &Value, member: &Value) -> Party {
    let mut metadata: Map<String, Value> = named(user, &["username"]);
    metadata.extend(named(user, &["global_name"]));
    let tag = at(user, "/discriminator").filter(|tag| *tag != "0" && *tag != "0000");
    metadata.extend(tag.map(|tag| ("discriminator".to_owned(), tag.into())));
    Party {
        id: at(user, "/id").unwrap_or_default().to_owned(),
        kind: if flag(user, "/system") {
            PartyType::System
        } else if flag(user, "/bot") {
            PartyType::Bot
        } else {
            PartyType::User
        },
        name: at(member, "/nick")
            .or_else(|| text::name(user))
            .map(str::to_owned),
        metadata,
    }
}

/// When an id was given (<https://docs.discord.com/developers/reference#snowflakes>).
fn snowflake_time(id: &str) -> Option<Timestamp> {
    let id: u64 = id.parse().ok()?;
    let micros = (id >> 22).checked_add(EPOCH_MS)?.checked_mul(1000)?;
    i64::try_from(micros).ok().map(Timestamp)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_says_when_it_was_given() {
        let at = snowflake_time("175928847299117063").map(|at| at.to_string());
        assert_eq!(at.as_deref(), Some("2016-04-30T11:18:25.796000Z"));
        assert!(snowflake_time(&u64::MAX.to_string()).is_some());
        assert_eq!(snowflake_time("x"), None);
    }
}
