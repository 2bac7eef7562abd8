//! Messages (<https://docs.discord.com/developers/resources/message>): new ones, edits, those taken back, and reactions.
//!
//! Discord sends a message again when it has looked at a link in it; without `edited_timestamp` that is the same message, and
//! is absorbed as a repetition.

use schemas::{Message, MessageType, Party, PartyType, Timestamp};
use serde_json::{Map, Value, json};

use super::{
    super::{
        AUTOMATIC,
        look::{flag, list, named, text},
        note_command, type_of,
    },
    media, person, snowflake_time,
    text::readable,
};

/// Parts within parts that are followed.
const MAX_DEPTH: usize = 6;

pub(super) fn fill(message: &mut Message, data: &Value, is_update: bool) {
    let id = text(data, "/id").unwrap_or_default();
    message.created_at = time(data, "/timestamp")
        .or_else(|| snowflake_time(id))
        .unwrap_or(message.created_at);
    if is_update {
        message.edited_at = time(data, "/edited_timestamp");
    }
    people(message, data);
    place(message, data);
    reference(message, data);
    words(message, data);
    message.content.attachments.extend(media::of(data));
    match data.get("type").and_then(Value::as_u64) {
        // Said by people and programs: plain, a reply, the answer to a command.
        None | Some(0 | 19 | 20 | 23) => {}
        Some(kind) => {
            message.message_type = MessageType::Event;
            message
                .metadata
                .insert("event".into(), service(kind).into());
            message.metadata.insert("message_type".into(), kind.into());
        }
    }
    if message.message_type == MessageType::Text
        && let Some(kind) = type_of(&message.content.attachments)
    {
        message.message_type = kind;
    }
}

fn people(message: &mut Message, data: &Value) {
    let none = Value::Null;
    let author = data.get("author").unwrap_or(&none);
    message.sender = person(author, data.get("member").unwrap_or(&none));
    let webhook = text(data, "/webhook_id");
    if webhook.is_some() {
        message.sender.kind = PartyType::Bot;
    }
    if message.sender.kind != PartyType::User {
        message.metadata.insert(AUTOMATIC.into(), "bot".into());
    }
    message
        .metadata
        .extend(named(data, &["webhook_id", "application_id"]));
}

/// Where it was said: a guild's channel, or with the bot alone.
pub(super) fn place(message: &mut Message, data: &Value) {
    match (text(data, "/guild_id"), text(data, "/channel_id")) {
        (Some(_), Some(channel)) => {
            message.recipient.kind = PartyType::Group;
            message.recipient.id = channel.to_owned();
            message.recipient.name = text(data, "/channel/name").map(str::to_owned);
        }
        _ => message.recipient.kind = PartyType::Bot,
    }
    message.metadata.extend(named(data, &["guild_id"]));
    let channel = data.get("channel").unwrap_or(&Value::Null);
    let kind = channel.get("type").and_then(Value::as_u64);
    if matches!(kind, Some(10..=12)) {
        message
            .metadata
            .extend(text(channel, "/id").map(|id| ("thread_id".to_owned(), id.into())));
        message.metadata.extend(named(channel, &["parent_id"]));
    }
}

/// A reply names what it answers; a forward brings it along
/// (<https://docs.discord.com/developers/resources/message#message-reference-types>).
fn reference(message: &mut Message, data: &Value) {
    let Some(to) = data.get("message_reference").filter(|to| to.is_object()) else {
        return;
    };
    let is_forward = to.get("type").and_then(Value::as_u64) == Some(1);
    if is_forward {
        let about = named(to, &["message_id", "channel_id", "guild_id"]);
        message.metadata.insert("forwarded".into(), about.into());
        for snapshot in list(data, "/message_snapshots") {
            if let Some(inner) = snapshot.get("message") {
                append(&mut message.content.text, &content(inner));
                message.content.attachments.extend(media::of(inner));
            }
        }
    } else if let Some(id) = text(to, "/message_id") {
        message.in_reply_to = Some(id.to_owned());
    }
}

fn words(message: &mut Message, data: &Value) {
    let own = content(data);
    append(&mut message.content.text, &own);
    let given = text(data, "/content").unwrap_or_default();
    if given != own && !given.is_empty() {
        message.metadata.insert("markup".into(), given.into());
    }
    let mentions: Vec<&str> = list(data, "/mentions")
        .iter()
        .filter_map(|mention| text(mention, "/id"))
        .collect();
    if !mentions.is_empty() {
        message.metadata.insert("mentions".into(), mentions.into());
    }
    message
        .metadata
        .extend(named(data, &["mention_roles", "embeds"]));
    if flag(data, "/mention_everyone") {
        message
            .metadata
            .insert("mention_everyone".into(), true.into());
    }
    if let Some(poll) = data.get("poll").filter(|poll| poll.is_object()) {
        let answers: Vec<&str> = list(poll, "/answers")
            .iter()
            .filter_map(|answer| text(answer, "/poll_media/text"))
            .collect();
        let mut note = named(poll, &["expiry", "allow_multiselect"]);
        note.insert("question".into(), json!(text(poll, "/question/text")));
        note.insert("answers".into(), answers.into());
        message.metadata.insert("poll".into(), note.into());
    }
    if message.message_type == MessageType::Text {
        note_command(message);
    }
}

/// What a message says: its content; without that its embeds, its parts, or what its poll asks.
fn content(data: &Value) -> String {
    let said = readable(text(data, "/content").unwrap_or_default(), data);
    if !said.is_empty() {
        return said;
    }
    let mut out = String::new();
    for embed in list(data, "/embeds") {
        for path in ["/author/name", "/title", "/description"] {
            append(
                &mut out,
                &readable(text(embed, path).unwrap_or_default(), data),
            );
        }
        for field in list(embed, "/fields") {
            let pair = [text(field, "/name"), text(field, "/value")];
            let line = pair.into_iter().flatten().collect::<Vec<_>>().join(": ");
            append(&mut out, &readable(&line, data));
        }
        append(&mut out, text(embed, "/footer/text").unwrap_or_default());
    }
    displayed(list(data, "/components"), 0, data, &mut out);
    append(
        &mut out,
        text(data, "/poll/question/text").unwrap_or_default(),
    );
    out
}

/// Text displays, also within sections and containers
/// (<https://docs.discord.com/developers/components/reference#text-display>).
fn displayed(components: &[Value], depth: usize, data: &Value, out: &mut String) {
    if depth > MAX_DEPTH {
        return;
    }
    for component in components {
        if component.get("type").and_then(Value::as_u64) == Some(10) {
            append(
                out,
                &readable(text(component, "/content").unwrap_or_default(), data),
            );
        }
        displayed(list(component, "/components"), depth + 1, data, out);
    }
}

fn append(out: &mut String, line: &str) {
    if line.is_empty() {
        return;
    }
    if !out.is_empty() {
        out.push('\n');
    }
    out.push_str(line);
}

/// Of a message Discord says only that it is gone; when is when it was heard.
pub(super) fn deleted(message: &mut Message, data: &Value) {
    message.deleted_at = Some(message.created_at);
    if let Some(at) = text(data, "/id").and_then(snowflake_time) {
        message.created_at = at;
    }
    place(message, data);
    message.sender = Party {
        id: message.platform_conversation_id.clone(),
        kind: PartyType::System,
        ..Party::default()
    };
}

/// <https://docs.discord.com/developers/events/gateway-events#message-reaction-add>; without an emoji all are gone.
pub(super) fn reaction(message: &mut Message, data: &Value, what: &str) {
    let none = Value::Null;
    message.message_type = MessageType::Reaction;
    place(message, data);
    message.in_reply_to = text(data, "/message_id").map(str::to_owned);
    let member = data.get("member").unwrap_or(&none);
    message.sender = person(member.get("user").unwrap_or(&none), member);
    message.sender.id = text(data, "/user_id")
        .unwrap_or(&message.platform_conversation_id)
        .to_owned();
    if data.get("user_id").is_none() {
        message.sender.kind = PartyType::System;
    }
    if message.sender.kind != PartyType::User {
        message.metadata.insert(AUTOMATIC.into(), "bot".into());
    }
    let emoji = data.get("emoji").unwrap_or(&none);
    message.content.text = text(emoji, "/name").unwrap_or_default().to_owned();
    message.metadata.insert("reaction".into(), what.into());
    if text(emoji, "/id").is_some() {
        let note: Map<String, Value> = named(emoji, &["id", "name", "animated"]);
        message.metadata.insert("emoji".into(), note.into());
    }
}

/// The names of types that are said by Discord
/// (<https://docs.discord.com/developers/resources/message#message-object-message-types>).
fn service(kind: u64) -> &'static str {
    match kind {
        1 => "recipient_add",
        2 => "recipient_remove",
        3 => "call",
        4 => "channel_name_change",
        5 => "channel_icon_change",
        6 => "channel_pinned_message",
        7 => "user_join",
        8..=11 => "guild_boost",
        12 => "channel_follow_add",
        14 | 15 => "guild_discovery",
        18 => "thread_created",
        21 => "thread_starter_message",
        22 => "guild_invite_reminder",
        24 => "auto_moderation_action",
        25 | 26 => "subscription",
        27..=29 | 31 => "stage",
        36..=39 => "guild_incident",
        44 => "purchase_notification",
        46 => "poll_result",
        _ => "message",
    }
}

/// A time in ISO 8601; webhook events leave out the zone, which is UTC.
pub(super) fn time(value: &Value, path: &str) -> Option<Timestamp> {
    let at = text(value, path)?;
    let read = |at: String| serde_json::from_value(Value::from(at)).ok();
    read(at.to_owned()).or_else(|| read(format!("{at}Z")))
}
