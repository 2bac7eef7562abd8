//! What Slack sends: events (<https://docs.slack.dev/apis/events-api/>) and what people do with an app's own controls.
//!
//! Invariants: an event of a known type is an `event` with what Slack said of it, any other is `unsupported`; both keep the
//! raw without Slack's old verification token, which is a secret. Times are Slack's own, of its `ts`.
//!
//! Deliberately absent: names of people and channels, which Slack gives by id alone.

mod block;
mod emoji;
mod file;
mod interaction;
mod message;
mod text;

use schemas::{Message, MessageType, PartyType, Timestamp, keys::slack as keys};
use serde_json::Value;

use super::{
    Filled,
    look::{first, flag, list, named, text as at},
    unsupported,
};

/// Types of events that say something about people, channels or the app itself.
const EVENTS: [&str; 62] = [
    "app_deleted",
    "app_home_opened",
    "app_installed",
    "app_rate_limited",
    "app_requested",
    "app_uninstalled",
    "app_uninstalled_team",
    "assistant_thread_context_changed",
    "assistant_thread_started",
    "call_rejected",
    "channel_archive",
    "channel_created",
    "channel_deleted",
    "channel_history_changed",
    "channel_id_changed",
    "channel_left",
    "channel_rename",
    "channel_shared",
    "channel_unarchive",
    "channel_unshared",
    "dnd_updated",
    "dnd_updated_user",
    "email_domain_changed",
    "emoji_changed",
    "file_change",
    "file_created",
    "file_deleted",
    "file_public",
    "file_shared",
    "file_unshared",
    "function_executed",
    "grid_migration_finished",
    "grid_migration_started",
    "group_archive",
    "group_close",
    "group_deleted",
    "group_history_changed",
    "group_left",
    "group_open",
    "group_rename",
    "group_unarchive",
    "im_close",
    "im_created",
    "im_history_changed",
    "im_open",
    "invite_requested",
    "link_shared",
    "member_joined_channel",
    "member_left_channel",
    "message_metadata_posted",
    "pin_added",
    "pin_removed",
    "shared_channel_invite_accepted",
    "shared_channel_invite_approved",
    "shared_channel_invite_declined",
    "shared_channel_invite_received",
    "subteam_created",
    "subteam_updated",
    "team_join",
    "team_rename",
    "tokens_revoked",
    "user_change",
];

pub(super) fn fill(message: &mut Message, bytes: &[u8]) -> Filled {
    let Ok(body) = serde_json::from_slice::<Value>(bytes) else {
        unsupported(message, bytes);
        return Filled::MESSAGE;
    };
    message.metadata.extend(named(
        &body,
        &[
            "team_id",
            "enterprise_id",
            "api_app_id",
            "event_id",
            "event_context",
        ],
    ));
    let event = body.get("event").filter(|event| event.is_object());
    let known = match (at(&body, "/type"), event) {
        (Some("event_callback"), Some(event)) => of_event(message, &body, event),
        (Some(_), None) => interaction::fill(message, &body),
        _ => false,
    };
    if !known {
        unsupported(message, bytes);
        if let Some(raw) = message.metadata.get_mut("raw") {
            without_token(raw);
        }
    }
    Filled::MESSAGE
}

fn of_event(message: &mut Message, body: &Value, event: &Value) -> bool {
    if let Some(time) = body.get("event_time").and_then(Value::as_i64) {
        message.created_at = Timestamp::from_seconds(time);
    }
    if let Some(time) = at(event, "/event_ts").and_then(moment) {
        message.created_at = time;
    }
    match at(event, "/type") {
        Some("message" | "app_mention") => message::fill(message, body, event),
        Some("reaction_added") => reaction(message, body, event, "added"),
        Some("reaction_removed") => reaction(message, body, event, "removed"),
        Some(kind) if EVENTS.contains(&kind) => note_event(message, body, kind),
        _ => return false,
    }
    true
}

/// <https://docs.slack.dev/reference/events/reaction_added/>
fn reaction(message: &mut Message, body: &Value, event: &Value, what: &str) {
    message.message_type = MessageType::Reaction;
    let name = at(event, "/reaction").unwrap_or_default();
    message.content.text = emoji::emoji(name).unwrap_or_else(|| name.to_owned());
    message.metadata.insert("emoji_name".into(), name.into());
    message.sender.id = at(event, "/user").unwrap_or_default().to_owned();
    recipient(message, body, at(event, "/item/channel"), None);
    let item = (at(event, "/item/channel"), at(event, "/item/ts"));
    if let (Some(channel), Some(ts)) = item {
        message.in_reply_to = Some(keys::message_key(channel, ts));
    }
    message.metadata.insert("reaction".into(), what.into());
    message.metadata.extend(named(event, &["item_user"]));
}

/// Something that happened; the raw is kept.
fn note_event(message: &mut Message, body: &Value, kind: &str) {
    let none = Value::Null;
    let event = body.get("event").unwrap_or(&none);
    let user = first(
        event,
        &["/user", "/user/id", "/user_id", "/assistant_thread/user_id"],
    );
    if let Some(user) = user {
        message.sender.id = user.to_owned();
        message.sender.name = first(
            event,
            &[
                "/user/profile/display_name",
                "/user/real_name",
                "/user/name",
            ],
        )
        .map(str::to_owned);
        if let Some(name) = at(event, "/user/name") {
            message
                .sender
                .metadata
                .insert("username".into(), name.into());
        }
    }
    let raw = body.to_string();
    unsupported(message, raw.as_bytes());
    if let Some(raw) = message.metadata.get_mut("raw") {
        without_token(raw);
    }
    message.message_type = MessageType::Event;
    message.metadata.insert("event".into(), kind.into());
    let channel = first(event, &["/channel", "/channel/id", "/channel_id"]);
    recipient(message, body, channel, None);
    if let (Some(channel), Some(ts)) = (channel, at(event, "/message_ts")) {
        message.in_reply_to = Some(keys::message_key(channel, ts));
    }
    let links = list(event, "/links").iter();
    let links: Vec<&str> = links.filter_map(|link| at(link, "/url")).collect();
    if !links.is_empty() {
        message.content.text = links.join("\n");
    }
    if let Some(thread) = first(event, &["/assistant_thread/thread_ts", "/thread_ts"]) {
        message.metadata.insert("thread_id".into(), thread.into());
    }
}

/// Who is spoken to: the app itself in a direct message, else the channel.
fn recipient(message: &mut Message, body: &Value, channel: Option<&str>, kind: Option<&str>) {
    let direct = match (kind, channel) {
        (Some(kind), _) => matches!(kind, "im" | "app_home"),
        (None, Some(channel)) => channel.starts_with('D'),
        (None, None) => true,
    };
    if direct {
        message.recipient.kind = PartyType::Bot;
        let bot = at(body, "/authorizations/0/user_id")
            .filter(|_| flag(body, "/authorizations/0/is_bot"));
        if let Some(id) = bot.or(at(body, "/api_app_id")) {
            message.recipient.id = id.to_owned();
        }
    } else if let Some(channel) = channel {
        message.recipient.kind = PartyType::Group;
        message.recipient.id = channel.to_owned();
    }
    if let Some(kind) = kind {
        message.metadata.insert("channel_type".into(), kind.into());
    }
}

fn without_token(raw: &mut Value) {
    if let Some(fields) = raw.as_object_mut() {
        fields.remove("token");
    }
}

/// A `ts`: seconds, and up to six digits behind a full stop.
fn moment(ts: &str) -> Option<Timestamp> {
    let (seconds, fraction) = ts.split_once('.').unwrap_or((ts, ""));
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let seconds: i64 = seconds.parse().ok()?;
    let digits: String = fraction.chars().chain("000000".chars()).take(6).collect();
    let micros: i64 = digits.parse().ok()?;
    Some(Timestamp(
        seconds.checked_mul(1_000_000)?.checked_add(micros)?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_of_six_digits() {
        assert_eq!(
            moment("1355517523.000005"),
            Some(Timestamp(1_355_517_523_000_005))
        );
        assert_eq!(
            moment("1355517523.5"),
            Some(Timestamp(1_355_517_523_500_000))
        );
        assert_eq!(moment("1355517523"), Some(Timestamp(1_355_517_523_000_000)));
        assert_eq!(moment("9223372036854775807.1"), None);
        assert_eq!(moment("soon"), None);
        assert_eq!(moment("1.-5"), None);
    }
}
