//! Messages (<https://docs.slack.dev/reference/events/message/>): new ones, changed ones, and those taken back.
//!
//! A change is an edit when its words or files differ. Slack also tells of changes when it has looked at a link or counted
//! an answer; then the update is the message once more, which is absorbed as a repetition.

use schemas::{Message, MessageType, Party, PartyType, Timestamp, keys::slack as keys};
use serde_json::{Map, Value};

use super::{
    super::{
        AUTOMATIC,
        look::{first, list, named, text},
        note_command, type_of,
    },
    block, file, moment, note_event,
    text::readable,
};

/// Subtypes that say something about the channel.
/// Others are messages that people or programs wrote.
const EVENTS: [&str; 30] = [
    "channel_archive",
    "channel_convert_to_private",
    "channel_join",
    "channel_leave",
    "channel_name",
    "channel_posting_permissions",
    "channel_purpose",
    "channel_topic",
    "channel_unarchive",
    "group_archive",
    "group_join",
    "group_leave",
    "group_name",
    "group_purpose",
    "group_topic",
    "group_unarchive",
    "bot_add",
    "bot_remove",
    "bot_enable",
    "bot_disable",
    "ekm_access_denied",
    "pinned_item",
    "unpinned_item",
    "reminder_add",
    "huddle_thread",
    "assistant_app_thread",
    "joiner_notification",
    "joiner_notification_for_inviter",
    "app_conversation_join",
    "bot_message_deleted",
];

pub(super) fn fill(message: &mut Message, body: &Value, event: &Value) {
    let subtype = text(event, "/subtype");
    let Some(said) = keys::message_of(event) else {
        return note_event(message, body, subtype.unwrap_or("message"));
    };
    let channel = text(event, "/channel").unwrap_or_default();
    message.created_at = first(said, &["/ts", "/deleted_ts"])
        .or(text(event, "/deleted_ts"))
        .and_then(moment)
        .unwrap_or(message.created_at);
    people(message, body, event, said);
    if let Some(thread) = text(said, "/thread_ts") {
        message.metadata.insert("thread_id".into(), thread.into());
        if text(said, "/ts") != Some(thread) {
            message.in_reply_to = Some(keys::message_key(channel, thread));
        }
    }
    let gone = text(said, "/subtype") == Some("tombstone");
    if subtype == Some("message_deleted") || gone {
        message.created_at = text(event, "/deleted_ts")
            .and_then(moment)
            .unwrap_or(message.created_at);
        message.deleted_at = Some(event_time(event).unwrap_or(message.created_at));
        return;
    }
    if subtype == Some("message_changed") {
        message.edited_at = edited(event, said);
    }
    words(message, said);
    files(message, said);
    message.metadata.extend(named(
        said,
        &["client_msg_id", "parent_user_id", "reactions", "upload"],
    ));
    if let Some(subtype) = first(said, &["/subtype"]) {
        message.metadata.insert("subtype".into(), subtype.into());
        if EVENTS.contains(&subtype) {
            message.message_type = MessageType::Event;
            message.metadata.insert("event".into(), subtype.into());
            message.metadata.extend(named(
                said,
                &[
                    "inviter",
                    "topic",
                    "purpose",
                    "old_name",
                    "name",
                    "item_type",
                ],
            ));
        }
    }
}

/// When it was edited; absent when the words and files are what they were.
fn edited(event: &Value, said: &Value) -> Option<Timestamp> {
    let at = text(said, "/edited/ts");
    let before = event
        .get("previous_message")
        .filter(|before| before.is_object());
    let differs = before.is_none_or(|before| {
        text(before, "/text") != text(said, "/text")
            || text(before, "/edited/ts") != at
            || !list(before, "/files")
                .iter()
                .map(handle)
                .eq(list(said, "/files").iter().map(handle))
    });
    let fresh = at.filter(|_| before.is_none_or(|before| text(before, "/edited/ts") != at));
    match before {
        _ if !differs => None,
        None => at.and_then(moment),
        Some(_) => fresh.and_then(moment).or_else(|| event_time(event)),
    }
}

fn handle(file: &Value) -> (Option<&str>, Option<&str>) {
    (text(file, "/id"), text(file, "/mode"))
}

fn event_time(event: &Value) -> Option<Timestamp> {
    first(event, &["/event_ts", "/ts"]).and_then(moment)
}

/// Who speaks, and to whom.
fn people(message: &mut Message, body: &Value, event: &Value, said: &Value) {
    let bot = text(said, "/bot_id");
    let id = first(said, &["/user", "/bot_id", "/username"]);
    let is_program = bot.is_some() || id == Some("USLACKBOT");
    let mut metadata = named(
        said,
        &["bot_id", "app_id", "team", "user_team", "source_team"],
    );
    let profile = named(
        said.get("user_profile").unwrap_or(&Value::Null),
        &["name", "display_name"],
    );
    if let Some(username) = profile.get("name").or(said.get("username")) {
        metadata.insert("username".into(), username.clone());
    }
    message.sender = Party {
        id: id.unwrap_or(&message.platform_conversation_id).to_owned(),
        kind: match (is_program, id) {
            (true, _) => PartyType::Bot,
            (false, Some(_)) => PartyType::User,
            (false, None) => PartyType::System,
        },
        name: first(
            said,
            &[
                "/username",
                "/user_profile/display_name",
                "/user_profile/real_name",
                "/user_profile/name",
                "/bot_profile/name",
            ],
        )
        .map(str::to_owned),
        metadata,
    };
    if is_program {
        message.metadata.insert(AUTOMATIC.into(), "bot".into());
    }
    super::recipient(
        message,
        body,
        text(event, "/channel"),
        text(event, "/channel_type"),
    );
}

fn words(message: &mut Message, said: &Value) {
    let markup = text(said, "/text").unwrap_or_default();
    let (mut readable_text, mut mentions) = readable(markup);
    if !markup.is_empty() && markup != readable_text {
        message.metadata.insert("markup".into(), markup.into());
    }
    if readable_text.is_empty() {
        readable_text = block::words(list(said, "/blocks"));
    }
    if readable_text.is_empty() {
        readable_text = older_words(said);
    }
    mentions.retain(|id| !id.is_empty());
    if !mentions.is_empty() {
        message.metadata.insert("mentions".into(), mentions.into());
    }
    message.content.text = readable_text;
    if let Some(shared) = shared(said) {
        message.metadata.insert("forwarded".into(), shared.into());
    }
    note_command(message);
}

/// The words of the older `attachments`, and of messages that were shared
/// (<https://docs.slack.dev/legacy/legacy-messaging/legacy-secondary-message-attachments/>).
fn older_words(said: &Value) -> String {
    let mut lines = Vec::new();
    for given in list(said, "/attachments") {
        let mut own: Vec<&str> = ["/pretext", "/title", "/text"]
            .into_iter()
            .filter_map(|path| text(given, path))
            .collect();
        if own.is_empty() {
            own.extend(text(given, "/fallback"));
        }
        lines.extend(own.into_iter().map(|line| readable(line).0));
        for field in list(given, "/fields") {
            let (title, value) = (text(field, "/title"), text(field, "/value"));
            let line = [title, value].into_iter().flatten().collect::<Vec<_>>();
            lines.push(readable(&line.join(": ")).0);
        }
        lines.push(block::words(list(given, "/blocks")));
    }
    lines.retain(|line| !line.is_empty());
    lines.join("\n")
}

/// The message that was shared with this one.
fn shared(said: &Value) -> Option<Map<String, Value>> {
    let given = list(said, "/attachments")
        .iter()
        .find(|given| super::super::look::flag(given, "/is_share"))?;
    Some(named(
        given,
        &[
            "author_id",
            "author_name",
            "channel_id",
            "ts",
            "from_url",
            "text",
        ],
    ))
}

fn files(message: &mut Message, said: &Value) {
    let attachments = &mut message.content.attachments;
    attachments.extend(list(said, "/files").iter().map(file::file));
    attachments.extend(file::pictures(list(said, "/blocks")));
    attachments.extend(file::of_attachments(said));
    let plain = message.message_type == MessageType::Text;
    if let Some(kind) = type_of(&message.content.attachments).filter(|_| plain) {
        message.message_type = kind;
    }
}
