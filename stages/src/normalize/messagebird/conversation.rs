//! Messages of the Conversations API, of whatever channel it carries.

use schemas::{Attachment, Message, MessageType, PartyType, keys::twilio::text};
use serde_json::{Map, Value};

use super::{
    super::{Filled, News, keyword, note_command, phone, stamp, type_of, unsupported},
    Fields, receipt,
};

fn object<'f>(fields: &'f Fields, name: &str) -> Option<&'f Fields> {
    fields.get(name).and_then(Value::as_object)
}

/// What somebody wrote to us.
pub(super) fn fill(message: &mut Message, fields: &Fields, bytes: &[u8]) -> Filled {
    let empty = Fields::new();
    let given = object(fields, "message").unwrap_or(&empty);
    let platform = text(given, "platform").or_else(|| text(given, "channelType"));
    parties(message, fields, given, platform);
    let at = text(given, "createdDatetime").and_then(stamp::read);
    message.created_at = at.unwrap_or(message.created_at);
    let quoted = object(given, "replyTo").or_else(|| object(given, "context"));
    message.in_reply_to = quoted.and_then(|to| text(to, "id")).map(str::to_owned);
    for (name, key) in [
        ("platform", "platform"),
        ("channelId", "channel_id"),
        ("source", "source"),
    ] {
        if let Some(value) = given.get(name).filter(|value| !value.is_null()) {
            message.metadata.insert(key.into(), value.clone());
        }
    }
    let kind = text(given, "type").unwrap_or("text");
    let content = object(given, "content").unwrap_or(&empty);
    if !written(message, kind, content) {
        unsupported(message, bytes);
        return Filled::MESSAGE;
    }
    if let Some(kind) = type_of(&message.content.attachments) {
        message.message_type = kind;
    }
    Filled::Message(keyword::note(message, None, platform == Some("sms")))
}

/// What became of a message of ours.
pub(super) fn status(message: &Message, fields: &Fields) -> Vec<News> {
    let Some(given) = object(fields, "message") else {
        return Vec::new();
    };
    if text(given, "direction") != Some("sent") {
        return Vec::new();
    }
    let (Some(id), Some(status)) = (text(given, "id"), text(given, "status")) else {
        return Vec::new();
    };
    let at = text(given, "updatedDatetime").and_then(stamp::read);
    let code = given
        .get("error")
        .and_then(|error| error.get("code"))
        .and_then(|code| {
            code.as_i64()
                .map(|code| code.to_string())
                .or_else(|| Some(code.as_str()?.to_owned()))
        });
    let reason = object(given, "error").and_then(|error| text(error, "description"));
    receipt(
        id,
        status,
        at.unwrap_or(message.created_at),
        code.as_deref(),
        reason.or(Some(status)),
    )
}

fn parties(message: &mut Message, fields: &Fields, given: &Fields, platform: Option<&str>) {
    let contact = object(fields, "contact");
    let of_contact = |name: &str| contact.and_then(|contact| text(contact, name));
    let phones = matches!(
        platform,
        None | Some("sms" | "whatsapp" | "whatsapp_sandbox" | "viber" | "rcs")
    );
    let address = |given: &str| {
        if phones {
            phone::international(given)
        } else {
            given.to_owned()
        }
    };
    let msisdn = contact
        .and_then(|contact| contact.get("msisdn"))
        .and_then(|number| {
            number
                .as_u64()
                .map(|n| n.to_string())
                .or_else(|| Some(number.as_str()?.to_owned()))
        })
        .filter(|number| phones && !number.is_empty() && number != "0");
    let from = text(given, "from").map(str::to_owned).or(msisdn);
    message.sender.id = from
        .as_deref()
        .map(address)
        .or_else(|| of_contact("id").map(str::to_owned))
        .unwrap_or_else(|| message.platform_conversation_id.clone());
    let full = || {
        let names: Vec<&str> = [of_contact("firstName"), of_contact("lastName")]
            .into_iter()
            .flatten()
            .collect();
        (!names.is_empty()).then(|| names.join(" "))
    };
    message.sender.name = of_contact("displayName").map(str::to_owned).or_else(full);
    if let Some(id) = of_contact("id") {
        message
            .sender
            .metadata
            .insert("contact_id".into(), id.into());
    }
    if let Some(to) = text(given, "to") {
        message.recipient.id = address(to);
        message.recipient.kind = PartyType::Bot;
    }
}

/// Fills in the content; false when its type is not known.
fn written(message: &mut Message, kind: &str, content: &Fields) -> bool {
    let part = object(content, kind);
    match (kind, part) {
        ("text", _) => {
            message.content.text = text(content, "text").unwrap_or_default().to_owned();
            note_command(message);
        }
        ("image" | "audio" | "video" | "file" | "whatsappSticker" | "sticker", Some(part)) => {
            message.content.text = text(part, "caption").unwrap_or_default().to_owned();
            message.content.attachments.push(file(kind, part));
        }
        ("location", Some(part)) => message.content.attachments.push(location(part)),
        ("hsm", Some(part)) => {
            message.message_type = MessageType::Event;
            message.metadata.insert("event".into(), "template".into());
            message
                .metadata
                .insert("template".into(), part.clone().into());
        }
        ("interactive" | "button", Some(part)) => pressed(message, part),
        ("reaction", Some(part)) => {
            message.message_type = MessageType::Reaction;
            message.content.text = text(part, "emoji").unwrap_or_default().to_owned();
            let what = if message.content.text.is_empty() {
                "removed"
            } else {
                "added"
            };
            message.metadata.insert("reaction".into(), what.into());
        }
        _ => return false,
    }
    true
}

fn file(kind: &str, part: &Map<String, Value>) -> Attachment {
    Attachment {
        kind: if kind == "whatsappSticker" {
            "sticker"
        } else {
            kind
        }
        .into(),
        name: text(part, "filename")
            .or_else(|| text(part, "name"))
            .map(str::to_owned),
        content_type: text(part, "mimeType").map(str::to_owned),
        url: text(part, "url")
            .or_else(|| text(part, "link"))
            .map(str::to_owned),
        ..Attachment::default()
    }
}

fn location(part: &Map<String, Value>) -> Attachment {
    let mut metadata = Map::new();
    for key in ["latitude", "longitude", "name", "address"] {
        if let Some(value) = part.get(key).filter(|value| !value.is_null()) {
            metadata.insert(key.into(), value.clone());
        }
    }
    Attachment {
        kind: "location".into(),
        name: text(part, "name").map(str::to_owned),
        metadata,
        ..Attachment::default()
    }
}

/// `{"reply": {id, text}}` and its kin of buttons and lists, or `{payload, text}` of a template's button.
fn pressed(message: &mut Message, part: &Map<String, Value>) {
    let inner = [
        "reply",
        "buttonReply",
        "button_reply",
        "listReply",
        "list_reply",
    ]
    .into_iter()
    .find_map(|name| object(part, name))
    .unwrap_or(part);
    let id = text(inner, "id").or_else(|| text(inner, "payload"));
    let title = text(inner, "title").or_else(|| text(inner, "text"));
    message.message_type = MessageType::Callback;
    message.content.text = title.or(id).unwrap_or_default().to_owned();
    let mut callback = Map::new();
    for (key, value) in [
        ("id", id),
        ("value", id),
        ("title", title),
        ("description", text(inner, "description")),
    ] {
        if let Some(value) = value {
            callback.insert(key.into(), value.into());
        }
    }
    message.metadata.insert("callback".into(), callback.into());
}
