//! What is said about a chat, a payment or a query instead of in a chat. All of it keeps the raw update.

use schemas::{Message, MessageType, PartyType, Timestamp, TrackKind};
use serde_json::{Map, Value};

use super::{
    super::{News, unsupported},
    party,
    update::{Chat, User},
};

/// Messages that say something about their chat (<https://core.telegram.org/bots/api#message>).
const SERVICES: [&str; 51] = [
    "new_chat_members",
    "left_chat_member",
    "chat_owner_left",
    "chat_owner_changed",
    "new_chat_title",
    "new_chat_photo",
    "delete_chat_photo",
    "group_chat_created",
    "supergroup_chat_created",
    "channel_chat_created",
    "message_auto_delete_timer_changed",
    "migrate_to_chat_id",
    "migrate_from_chat_id",
    "pinned_message",
    "successful_payment",
    "refunded_payment",
    "users_shared",
    "chat_shared",
    "gift",
    "unique_gift",
    "gift_upgrade_sent",
    "connected_website",
    "write_access_allowed",
    "passport_data",
    "proximity_alert_triggered",
    "boost_added",
    "chat_background_set",
    "checklist_tasks_done",
    "checklist_tasks_added",
    "direct_message_price_changed",
    "forum_topic_created",
    "forum_topic_edited",
    "forum_topic_closed",
    "forum_topic_reopened",
    "general_forum_topic_hidden",
    "general_forum_topic_unhidden",
    "giveaway_created",
    "giveaway",
    "giveaway_winners",
    "giveaway_completed",
    "paid_message_price_changed",
    "suggested_post_approved",
    "suggested_post_approval_failed",
    "suggested_post_declined",
    "suggested_post_paid",
    "suggested_post_refunded",
    "video_chat_scheduled",
    "video_chat_started",
    "video_chat_ended",
    "video_chat_participants_invited",
    "user_shared",
];

/// Updates without a message in them (<https://core.telegram.org/bots/api#update>).
const UPDATES: [&str; 15] = [
    "business_connection",
    "message_reaction_count",
    "inline_query",
    "chosen_inline_result",
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
    "managed_bot",
];

/// A message that says something about its chat instead of something in it.
pub(super) fn service(message: &mut Message, bytes: &[u8]) {
    unsupported(message, bytes);
    let event = serde_json::from_slice::<Map<String, Value>>(bytes)
        .ok()
        .and_then(|update| {
            let fields = update.into_iter().find_map(|(_, value)| match value {
                Value::Object(fields) => Some(fields),
                _ => None,
            })?;
            SERVICES
                .into_iter()
                .find(|event| fields.contains_key(*event))
        });
    if let Some(event) = event {
        name(message, event);
    }
}

/// An update without a message in it; unsupported when it is of no known kind.
pub(super) fn other(message: &mut Message, bytes: &[u8]) -> Vec<News> {
    let update: Map<String, Value> = serde_json::from_slice(bytes).unwrap_or_default();
    let known = UPDATES
        .into_iter()
        .find_map(|event| Some((event, update.get(event).filter(|said| said.is_object())?)));
    let Some((event, said)) = known else {
        unsupported(message, bytes);
        return Vec::new();
    };
    if let Some(date) = said.get("date").and_then(Value::as_i64) {
        message.created_at = Timestamp::from_seconds(date);
    }
    people(message, said);
    let text = ["/query", "/bio", "/question"]
        .into_iter()
        .find_map(|path| said.pointer(path).and_then(Value::as_str));
    message.content.text = text.unwrap_or_default().to_owned();
    unsupported(message, bytes);
    name(message, event);
    match event {
        "my_chat_member" => membership(message, said).into_iter().collect(),
        _ => Vec::new(),
    }
}

fn name(message: &mut Message, event: &str) {
    message.message_type = MessageType::Event;
    message.metadata.insert("event".into(), event.into());
}

/// Who did it, and where.
fn people(message: &mut Message, said: &Value) {
    let user = ["from", "user"]
        .into_iter()
        .find_map(|field| read::<User>(said, field));
    let chat = read::<Chat>(said, "chat");
    if let Some(user) = user {
        message.sender = party::of_user(user);
    } else if let Some(voter) = read::<Chat>(said, "voter_chat") {
        message.sender = party::of_chat(&voter);
    }
    match chat {
        Some(chat) if chat.kind.as_deref() != Some("private") => {
            message.recipient = party::of_chat(&chat);
        }
        _ => message.recipient.kind = PartyType::Bot,
    }
}

fn read<T: serde::de::DeserializeOwned>(said: &Value, field: &str) -> Option<T> {
    T::deserialize(said.get(field)?).ok()
}

/// Whether we may write there: a person who stops the bot "kicks" it, and makes it a member again by starting it.
fn membership(message: &Message, said: &Value) -> Option<News> {
    let is_in = |path: &str| {
        let status = said.pointer(path).and_then(Value::as_str)?;
        Some(match status {
            "creator" | "administrator" | "member" => true,
            "restricted" => {
                let member = said.pointer("/new_chat_member/is_member");
                member.and_then(Value::as_bool).unwrap_or(true)
            }
            _ => false,
        })
    };
    let (was, is) = (
        is_in("/old_chat_member/status"),
        is_in("/new_chat_member/status")?,
    );
    if was == Some(is) {
        return None;
    }
    let chat = said.pointer("/chat/id").and_then(Value::as_i64)?;
    let kind = if is {
        TrackKind::Resubscribed
    } else {
        TrackKind::Blocked
    };
    let status = said
        .pointer("/new_chat_member/status")
        .and_then(Value::as_str)?;
    Some(News::address(kind, chat.to_string(), message.created_at).because(status))
}
