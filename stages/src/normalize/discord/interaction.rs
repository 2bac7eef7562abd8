//! Commands, buttons, menus and forms
//! (<https://docs.discord.com/developers/interactions/receiving-and-responding#interaction-object>).
//!
//! An answer within fifteen minutes goes by the interaction's token, also where the bot is not: it is kept as `reply_via`.
//! After that it opens nothing.

use schemas::{Message, MessageType};
use serde_json::{Map, Value, json};

use super::{
    super::{
        AUTOMATIC, REPLY_VIA,
        look::{first, list, named, text},
    },
    media,
    message::place,
    person, snowflake_time,
};

/// Options and components within others that are followed.
const MAX_DEPTH: usize = 6;

/// False when it is of no known type.
pub(super) fn fill(message: &mut Message, given: &Value) -> bool {
    let none = Value::Null;
    let data = given.get("data").unwrap_or(&none);
    match given.get("type").and_then(Value::as_u64) {
        Some(2) => command(message, data),
        Some(3) => pressed(message, given, data),
        Some(4) => {
            command(message, data);
            message.message_type = MessageType::Event;
            message
                .metadata
                .insert("event".into(), "autocomplete".into());
            message
                .metadata
                .insert(AUTOMATIC.into(), "autocomplete".into());
        }
        Some(5) => form(message, data),
        _ => return false,
    }
    let id = text(given, "/id").unwrap_or_default();
    message.created_at = snowflake_time(id).unwrap_or(message.created_at);
    place(message, given);
    let member = given.get("member").unwrap_or(&none);
    let user = member.get("user").or(given.get("user")).unwrap_or(&none);
    message.sender = person(user, member);
    if let Some(locale) = text(given, "/locale") {
        message
            .sender
            .metadata
            .insert("language_code".into(), locale.into());
    }
    if let Some(ours) = text(given, "/application_id")
        && text(given, "/guild_id").is_none()
    {
        message.recipient.id = ours.to_owned();
    }
    if let (Some(application), Some(token)) =
        (text(given, "/application_id"), text(given, "/token"))
    {
        let via = json!({"application_id": application, "token": token});
        message.metadata.insert(REPLY_VIA.into(), via);
    }
    message
        .metadata
        .extend(named(given, &["application_id", "context"]));
    true
}

/// A command as it was typed, or chosen on a person or a message.
fn command(message: &mut Message, data: &Value) {
    message.message_type = MessageType::Command;
    let name = text(data, "/name").unwrap_or_default();
    let target = text(data, "/target_id");
    let mut words = vec![match target {
        Some(_) => name.to_owned(),
        None => format!("/{name}"),
    }];
    let mut options = Map::new();
    flatten(list(data, "/options"), 0, &mut words, &mut options);
    let args = words.get(1..).unwrap_or_default().join(" ");
    message.content.text = words.join(" ");
    message
        .metadata
        .insert("command".into(), words.swap_remove(0).into());
    if !args.is_empty() {
        message.metadata.insert("args".into(), args.into());
    }
    if !options.is_empty() {
        message.metadata.insert("options".into(), options.into());
    }
    if let Some(files) = data
        .pointer("/resolved/attachments")
        .and_then(Value::as_object)
    {
        let files = files.values().map(|given| media::file(given, false));
        message.content.attachments.extend(files);
    }
    let Some(target) = target else {
        return;
    };
    let said = data
        .pointer("/resolved/messages")
        .and_then(|all| all.get(target));
    if let Some(said) = said {
        message.in_reply_to = Some(target.to_owned());
        let mut note = named(said, &["id", "content"]);
        note.extend(text(said, "/author/id").map(|id| ("author_id".to_owned(), id.into())));
        message.metadata.insert("target".into(), note.into());
    } else {
        message
            .metadata
            .insert("target".into(), json!({ "user_id": target }));
    }
}

/// Options as Discord shows them: `name:value`; a subcommand is its name.
fn flatten(options: &[Value], depth: usize, words: &mut Vec<String>, all: &mut Map<String, Value>) {
    if depth > MAX_DEPTH {
        return;
    }
    for option in options {
        let name = text(option, "/name").unwrap_or_default();
        match option.get("value") {
            Some(value) => {
                let said = value
                    .as_str()
                    .map_or_else(|| value.to_string(), str::to_owned);
                words.push(format!("{name}:{said}"));
                all.insert(name.to_owned(), value.clone());
            }
            None => words.push(name.to_owned()),
        }
        flatten(list(option, "/options"), depth + 1, words, all);
    }
}

/// A button or a menu below a message.
fn pressed(message: &mut Message, given: &Value, data: &Value) {
    message.message_type = MessageType::Callback;
    message.in_reply_to = text(given, "/message/id").map(str::to_owned);
    let id = text(data, "/custom_id").unwrap_or_default();
    let component = find(list(given, "/message/components"), id, 0);
    let values: Vec<&str> = list(data, "/values")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    let mut note = Map::new();
    note.insert("id".into(), id.into());
    let titles = if values.is_empty() {
        let label = component.and_then(|button| first(button, &["/label", "/emoji/name"]));
        note.insert("value".into(), id.into());
        vec![label.unwrap_or(id)]
    } else {
        note.insert(
            "value".into(),
            values.first().copied().unwrap_or_default().into(),
        );
        note.insert("values".into(), json!(values));
        values
            .iter()
            .map(|value| chosen(component, data, value))
            .collect()
    };
    message.content.text = titles.join(", ");
    note.insert("title".into(), titles.join(", ").into());
    note.extend(named(data, &["component_type"]));
    message.metadata.insert("callback".into(), note.into());
}

/// What a value of a menu reads like: its label, or the name of the person or channel it is.
fn chosen<'v>(component: Option<&'v Value>, data: &'v Value, value: &'v str) -> &'v str {
    let option = component
        .map_or(&[][..], |menu| list(menu, "/options"))
        .iter()
        .find(|option| text(option, "/value") == Some(value))
        .and_then(|option| text(option, "/label"));
    let resolved = || {
        ["users", "roles", "channels"].into_iter().find_map(|kind| {
            let one = data.get("resolved")?.get(kind)?.get(value)?;
            first(one, &["/global_name", "/username", "/name"])
        })
    };
    option.or_else(resolved).unwrap_or(value)
}

fn find<'v>(components: &'v [Value], id: &str, depth: usize) -> Option<&'v Value> {
    if depth > MAX_DEPTH {
        return None;
    }
    components.iter().find_map(|component| {
        if text(component, "/custom_id") == Some(id) {
            return Some(component);
        }
        let accessory = component.get("accessory");
        accessory
            .filter(|one| text(one, "/custom_id") == Some(id))
            .or_else(|| find(list(component, "/components"), id, depth + 1))
    })
}

/// A form that was handed in: its answers, a line each.
fn form(message: &mut Message, data: &Value) {
    message.message_type = MessageType::Callback;
    let mut fields = Map::new();
    let mut lines = Vec::new();
    answers(list(data, "/components"), 0, &mut lines, &mut fields);
    message.content.text = lines.join("\n");
    let id = text(data, "/custom_id").unwrap_or_default();
    let note = json!({ "id": id, "fields": fields });
    message.metadata.insert("callback".into(), note);
}

/// Inputs stand in rows, or below labels.
fn answers(
    components: &[Value],
    depth: usize,
    lines: &mut Vec<String>,
    fields: &mut Map<String, Value>,
) {
    if depth > MAX_DEPTH {
        return;
    }
    for component in components {
        if let Some(id) = text(component, "/custom_id") {
            let values = list(component, "/values").iter().filter_map(Value::as_str);
            let said = match text(component, "/value") {
                Some(value) => value.to_owned(),
                None => values.collect::<Vec<_>>().join(", "),
            };
            if !said.is_empty() {
                lines.push(said.clone());
                fields.insert(id.to_owned(), said.into());
            }
        }
        answers(list(component, "/components"), depth + 1, lines, fields);
        if let Some(inner) = component.get("component") {
            answers(std::slice::from_ref(inner), depth + 1, lines, fields);
        }
    }
}
