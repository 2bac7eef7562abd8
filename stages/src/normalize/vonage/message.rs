//! A message of the Messages API (<https://developer.vonage.com/en/api/messages-olympus#inbound-message>).

use schemas::{Attachment, Message, MessageType, PartyType, keys::twilio::text};
use serde_json::{Map, Value};

use super::{
    super::{note_command, phone, type_of},
    Fields,
};

/// Fills in what was written; false when its type is not known.
pub(super) fn fill(message: &mut Message, fields: &Fields) -> bool {
    parties(message, fields);
    metadata(message, fields);
    let kind = text(fields, "message_type").unwrap_or("text");
    let part = fields.get(kind).and_then(Value::as_object);
    match (kind, part) {
        ("text", _) => {
            message.content.text = text(fields, "text").unwrap_or_default().to_owned();
            note_command(message);
        }
        ("reply" | "button", Some(part)) => pressed(message, part),
        ("reaction", Some(part)) => reaction(message, part),
        ("location", Some(part)) => message.content.attachments.push(location(part)),
        ("order", Some(part)) => {
            message.message_type = MessageType::Event;
            message.content.text = text(part, "text").unwrap_or_default().to_owned();
            message.metadata.insert("event".into(), "order".into());
            message.metadata.insert("order".into(), part.clone().into());
        }
        ("contact", Some(part)) => contact(message, part),
        ("image" | "audio" | "video" | "file" | "sticker" | "vcard", Some(part)) => {
            caption(message, part);
            message.content.attachments.push(file(kind, part));
        }
        ("content", _) => {
            let parts = fields.get("content").and_then(Value::as_array);
            for part in parts.into_iter().flatten().filter_map(Value::as_object) {
                match text(part, "type") {
                    Some("text") => caption(message, part),
                    kind => {
                        caption(message, part);
                        message
                            .content
                            .attachments
                            .push(file(kind.unwrap_or("file"), part));
                    }
                }
            }
        }
        _ => return false,
    }
    if let Some(kind) = type_of(&message.content.attachments) {
        message.message_type = kind;
    }
    true
}

fn parties(message: &mut Message, fields: &Fields) {
    let from = text(fields, "from").unwrap_or(&message.platform_conversation_id);
    let channel = text(fields, "channel").unwrap_or("sms");
    let address = |given: &str| match channel {
        "messenger" | "instagram" => given.to_owned(),
        _ => phone::international(given),
    };
    message.sender.id = address(from);
    let profile = |name: &str| text(fields.get("profile")?.as_object()?, name);
    message.sender.name = profile("name").map(str::to_owned);
    if let Some(to) = text(fields, "to") {
        message.recipient.id = address(to);
        message.recipient.kind = PartyType::Bot;
    }
    message.metadata.insert("platform".into(), channel.into());
}

fn metadata(message: &mut Message, fields: &Fields) {
    let inside = |of: &str, name: &str| fields.get(of)?.get(name).cloned();
    let quoted = inside("context", "message_uuid").or_else(|| inside("context", "id"));
    message.in_reply_to = quoted.as_ref().and_then(Value::as_str).map(str::to_owned);
    let channel = text(fields, "channel").unwrap_or("sms");
    for (key, value) in [
        ("referral", inside(channel, "referral")),
        ("client_ref", fields.get("client_ref").cloned()),
        ("segments", inside("sms", "num_messages")),
        ("keyword_sent", inside("sms", "keyword")),
        ("network", inside("origin", "network_code")),
        ("context_status", fields.get("context_status").cloned()),
    ] {
        if let Some(value) = value.filter(|value| !value.is_null()) {
            message.metadata.insert(key.into(), value);
        }
    }
    let forwarded = inside(channel, "forwarded").or_else(|| inside("context", "forwarded"));
    if forwarded == Some(Value::Bool(true)) {
        message.metadata.insert("forwarded".into(), true.into());
    }
}

/// A row of a list or a button below a message: `{id, title, description}`, or `{payload, text}` of a template's button.
fn pressed(message: &mut Message, part: &Map<String, Value>) {
    let id = text(part, "id").or_else(|| text(part, "payload"));
    let title = text(part, "title").or_else(|| text(part, "text"));
    message.message_type = MessageType::Callback;
    message.content.text = title.or(id).unwrap_or_default().to_owned();
    let mut callback = Map::new();
    for (key, value) in [
        ("id", id),
        ("value", id),
        ("title", title),
        ("description", text(part, "description")),
    ] {
        if let Some(value) = value {
            callback.insert(key.into(), value.into());
        }
    }
    message.metadata.insert("callback".into(), callback.into());
}

fn reaction(message: &mut Message, part: &Map<String, Value>) {
    message.message_type = MessageType::Reaction;
    message.content.text = text(part, "emoji").unwrap_or_default().to_owned();
    let removed = text(part, "action") == Some("unreact") || message.content.text.is_empty();
    let what = if removed { "removed" } else { "added" };
    message.metadata.insert("reaction".into(), what.into());
}

fn location(part: &Map<String, Value>) -> Attachment {
    let number = |names: [&str; 2]| {
        names
            .iter()
            .find_map(|name| part.get(*name))
            .and_then(|value| {
                value
                    .as_f64()
                    .or_else(|| value.as_str()?.trim().parse().ok())
            })
            .filter(|number: &f64| number.is_finite())
    };
    let mut metadata = Map::new();
    for (key, value) in [
        ("latitude", number(["lat", "latitude"]).map(Value::from)),
        ("longitude", number(["long", "longitude"]).map(Value::from)),
        ("name", text(part, "name").map(Value::from)),
        ("address", text(part, "address").map(Value::from)),
    ] {
        if let Some(value) = value {
            metadata.insert(key.into(), value);
        }
    }
    Attachment {
        kind: "location".into(),
        name: text(part, "name").map(str::to_owned),
        metadata,
        ..Attachment::default()
    }
}

fn contact(message: &mut Message, part: &Map<String, Value>) {
    let listed = part.get("contacts").and_then(Value::as_array);
    let mut one = |contact: &Value| {
        let find = |path: &str| contact.pointer(path).and_then(Value::as_str);
        let mut metadata = Map::new();
        for (key, value) in [
            ("phone_number", find("/phones/0/phone")),
            ("first_name", find("/name/first_name")),
            ("last_name", find("/name/last_name")),
        ] {
            if let Some(value) = value {
                metadata.insert(key.into(), value.into());
            }
        }
        message.content.attachments.push(Attachment {
            kind: "contact".into(),
            name: find("/name/formatted_name").map(str::to_owned),
            metadata,
            ..Attachment::default()
        });
    };
    match listed {
        Some(contacts) => contacts.iter().for_each(&mut one),
        None => one(&Value::Object(part.clone())),
    }
}

fn caption(message: &mut Message, part: &Map<String, Value>) {
    if let Some(words) = text(part, "caption").or_else(|| text(part, "text")) {
        if !message.content.text.is_empty() {
            message.content.text.push('\n');
        }
        message.content.text.push_str(words);
    }
}

fn file(kind: &str, part: &Map<String, Value>) -> Attachment {
    Attachment {
        kind: match kind {
            "vcard" => "contact",
            "image" | "audio" | "video" | "sticker" | "voice" => kind,
            _ => "file",
        }
        .into(),
        name: text(part, "name").map(str::to_owned),
        content_type: text(part, "mime_type").map(str::to_owned),
        url: text(part, "url").map(str::to_owned),
        platform_id: text(part, "id").map(str::to_owned),
        ..Attachment::default()
    }
}
