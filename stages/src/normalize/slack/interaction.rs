//! What people press, choose, fill in and command (<https://docs.slack.dev/reference/interaction-payloads/>).
//!
//! An answer may be sent by the address Slack gives with it, also where the app is no member
//! (<https://docs.slack.dev/interactivity/handling-user-interaction/#message_responses>): it is kept as `reply_via`.

use schemas::{Message, MessageType, Party, PartyType, keys::slack as keys};
use serde_json::{Map, Value, json};

use super::{
    super::{
        REPLY_VIA,
        look::{first, list, named, text},
        note_command,
    },
    block, moment, note_event,
};

/// False when it is of no known kind.
pub(super) fn fill(message: &mut Message, body: &Value) -> bool {
    match text(body, "/type") {
        Some("slash_command") => command(message, body),
        Some("block_actions") => pressed(message, body, element),
        Some("interactive_message") => pressed(message, body, older),
        Some("view_submission") => form(message, body),
        Some("shortcut" | "message_action") => shortcut(message, body),
        Some(kind @ ("view_closed" | "block_suggestion" | "app_rate_limited")) => {
            note_event(message, body, kind);
        }
        _ => return false,
    }
    people(message, body);
    true
}

fn people(message: &mut Message, body: &Value) {
    let Some(id) = first(body, &["/user/id", "/user_id"]) else {
        return;
    };
    let username = first(body, &["/user/username", "/user/name", "/user_name"]);
    let mut metadata = Map::new();
    for (name, value) in [
        ("username", username),
        (
            "team",
            first(body, &["/user/team_id", "/team/id", "/team_id"]),
        ),
    ] {
        metadata.extend(value.map(|value| (name.to_owned(), value.into())));
    }
    message.sender = Party {
        id: id.to_owned(),
        kind: PartyType::User,
        name: first(body, &["/user/name", "/user/username", "/user_name"]).map(str::to_owned),
        metadata,
    };
    let channel = first(
        body,
        &["/channel/id", "/channel_id", "/container/channel_id"],
    );
    super::recipient(message, body, channel, None);
    if let Some(name) = first(body, &["/channel/name", "/channel_name"])
        .filter(|_| message.recipient.kind == PartyType::Group)
    {
        message.recipient.name = Some(name.to_owned());
    }
    let url = first(body, &["/response_url", "/response_urls/0/response_url"]);
    if let Some(url) = url {
        let via = json!({ "response_url": url });
        message.metadata.insert(REPLY_VIA.into(), via);
    }
    message.metadata.extend(named(body, &["trigger_id"]));
}

fn command(message: &mut Message, body: &Value) {
    let (name, args) = (text(body, "/command"), text(body, "/text"));
    let words: Vec<&str> = [name, args].into_iter().flatten().collect();
    message.content.text = words.join(" ");
    note_command(message);
    // Slack's commands may have names that others' may not.
    message.message_type = MessageType::Command;
    for (key, value) in [("command", name), ("args", args)] {
        if let Some(value) = value {
            message.metadata.entry(key).or_insert_with(|| value.into());
        }
    }
}

/// What was pressed or chosen, as people and programs name it.
struct Pressed {
    id: Option<String>,
    titles: Vec<String>,
    values: Vec<String>,
}

fn pressed(message: &mut Message, body: &Value, read: fn(&Value) -> Pressed) {
    message.message_type = MessageType::Callback;
    let channel = first(body, &["/channel/id", "/container/channel_id"]);
    let ts = first(
        body,
        &["/message/ts", "/container/message_ts", "/message_ts"],
    );
    if let (Some(channel), Some(ts)) = (channel, ts) {
        message.in_reply_to = Some(keys::message_key(channel, ts));
    }
    if let Some(at) = first(body, &["/actions/0/action_ts", "/action_ts"]).and_then(moment) {
        message.created_at = at;
    }
    let actions = list(body, "/actions");
    let all: Vec<Pressed> = actions.iter().map(read).collect();
    let titles: Vec<&str> = all
        .iter()
        .flat_map(|one| one.titles.iter().map(String::as_str))
        .collect();
    message.content.text = titles.join(", ");
    let mut note = Map::new();
    if let Some(one) = all.into_iter().next() {
        note.extend(one.id.map(|id| ("id".to_owned(), id.into())));
        note.insert("title".into(), one.titles.join(", ").into());
        let value = one.values.first().cloned();
        note.extend(value.map(|value| ("value".to_owned(), value.into())));
        if one.values.len() > 1 {
            note.insert("values".into(), one.values.into());
        }
    }
    if let Some(action) = actions.first() {
        note.extend(named(action, &["block_id", "type"]));
    }
    note.extend(named(body, &["callback_id"]));
    message.metadata.insert("callback".into(), note.into());
}

/// An element of a block (<https://docs.slack.dev/reference/block-kit/block-elements/>).
fn element(action: &Value) -> Pressed {
    let owned = |text: Option<&str>| text.map(str::to_owned);
    let mut options: Vec<&Value> = list(action, "/selected_options").iter().collect();
    options.extend(action.get("selected_option").filter(|one| one.is_object()));
    let mut titles: Vec<String> = options
        .iter()
        .filter_map(|option| owned(text(option, "/text/text")))
        .collect();
    let mut values: Vec<String> = options
        .iter()
        .filter_map(|option| owned(text(option, "/value")))
        .collect();
    for name in [
        "selected_user",
        "selected_channel",
        "selected_conversation",
        "selected_date",
        "selected_time",
        "value",
    ] {
        values.extend(owned(action.get(name).and_then(Value::as_str)));
    }
    for name in [
        "selected_users",
        "selected_channels",
        "selected_conversations",
    ] {
        let all = action
            .get(name)
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        values.extend(all.filter_map(|one| owned(one.as_str())));
    }
    if let Some(at) = action.get("selected_date_time").and_then(Value::as_i64) {
        values.push(at.to_string());
    }
    let rich = block::rich(list(action, "/rich_text_value/elements"), 0);
    if !rich.is_empty() {
        values.push(rich);
    }
    if titles.is_empty() {
        titles.extend(owned(text(action, "/text/text")));
    }
    if titles.is_empty() {
        titles.clone_from(&values);
    }
    Pressed {
        id: owned(text(action, "/action_id")),
        titles,
        values,
    }
}

/// A button or menu of the older `attachments`.
fn older(action: &Value) -> Pressed {
    let value = first(action, &["/value", "/selected_options/0/value"]);
    Pressed {
        id: text(action, "/name").map(str::to_owned),
        titles: value.map(str::to_owned).into_iter().collect(),
        values: value.map(str::to_owned).into_iter().collect(),
    }
}

/// A form that was handed in: its answers, a line each.
fn form(message: &mut Message, body: &Value) {
    message.message_type = MessageType::Callback;
    let mut lines = Vec::new();
    let mut fields = Map::new();
    let state = body
        .pointer("/view/state/values")
        .and_then(Value::as_object);
    for (block, inputs) in state.into_iter().flatten() {
        for (name, input) in inputs.as_object().into_iter().flatten() {
            let given = element(input);
            if given.titles.is_empty() {
                continue;
            }
            lines.push(given.titles.join(", "));
            let key = if fields.contains_key(name) {
                format!("{block}.{name}")
            } else {
                name.clone()
            };
            fields.insert(key, given.values.join(", ").into());
        }
    }
    message.content.text = lines.join("\n");
    let mut note = Map::new();
    for (name, path) in [
        ("id", "/view/callback_id"),
        ("title", "/view/title/text"),
        ("view_id", "/view/id"),
        ("private_metadata", "/view/private_metadata"),
    ] {
        note.extend(text(body, path).map(|value| (name.to_owned(), value.into())));
    }
    note.insert("fields".into(), fields.into());
    message.metadata.insert("callback".into(), note.into());
}

fn shortcut(message: &mut Message, body: &Value) {
    message.message_type = MessageType::Callback;
    let name = text(body, "/callback_id").unwrap_or_default();
    message.content.text = name.to_owned();
    if let Some(at) = text(body, "/action_ts").and_then(moment) {
        message.created_at = at;
    }
    let ts = first(body, &["/message/ts", "/message_ts"]);
    if let (Some(channel), Some(ts)) = (text(body, "/channel/id"), ts) {
        message.in_reply_to = Some(keys::message_key(channel, ts));
    }
    let mut note = json!({ "id": name, "type": body.get("type") });
    if let (Some(words), Some(fields)) = (text(body, "/message/text"), note.as_object_mut()) {
        fields.insert("message_text".into(), super::text::readable(words).0.into());
    }
    message.metadata.insert("callback".into(), note);
}
