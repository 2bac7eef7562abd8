//! From a message to the calls that send it
//! (<https://developers.facebook.com/documentation/business-messaging/whatsapp/reference/whatsapp-business-phone-number/message-api>).

use std::collections::HashSet;

use schemas::{
    Attachment, Button, ButtonType, Content, Message, MessageType, PlatformTemplate,
    keys::whatsapp::{Place, place},
};
use serde_json::{Map, Value, json};

use super::super::{
    Failure,
    text::{Dialect, Limit, Unit, listed, parts},
};

const TEXT: Limit = Limit {
    max: 4096,
    unit: Unit::Utf16,
};
/// The text above buttons or a link, and below a picture.
const BODY: Limit = Limit {
    max: 1024,
    unit: Unit::Utf16,
};
const MAX_BUTTONS: usize = 3;
const MAX_ROWS: usize = 10;
/// Characters on a button, and in a list's row.
const MAX_TITLE: usize = 20;
const MAX_ROW: usize = 24;
const MAX_BUTTON_ID: usize = 256;
const MAX_ROW_ID: usize = 200;
/// A message that would need more calls is refused: it is no conversation any more.
const MAX_CALLS: usize = 20;
/// What opens a list, unless `metadata.list_button` says it.
const LIST_BUTTON: &str = "…";

/// The calls that send a message, in order; at least one.
pub(super) fn calls(message: &Message) -> Result<Vec<Value>, Failure> {
    let content = &message.content;
    let mut calls = Vec::new();
    if let Some(template) = &content.template {
        calls.push(("template", of_template(template)));
    } else if message.message_type == MessageType::Reaction {
        return Ok(vec![reaction(message)?]);
    } else {
        said(message, &mut calls)?;
    }
    if calls.is_empty() {
        return Err(Failure::message("empty", "neither text nor attachments"));
    }
    if calls.len() > MAX_CALLS {
        return Err(Failure::message(
            "too-long",
            format!("would take {} calls; {MAX_CALLS} is the limit", calls.len()),
        ));
    }
    let mut envelope = envelope(message)?;
    let mut bodies = Vec::with_capacity(calls.len());
    for (at, (kind, object)) in calls.into_iter().enumerate() {
        if at == 0
            && let Some(id) = message
                .in_reply_to
                .as_deref()
                .filter(|id| id.starts_with("wamid."))
        {
            envelope.insert("context".into(), json!({ "message_id": id }));
        }
        let mut body = envelope.clone();
        envelope.remove("context");
        body.insert("type".into(), kind.into());
        body.insert(kind.into(), object);
        bodies.push(body.into());
    }
    Ok(bodies)
}

/// What all calls of a message have.
fn envelope(message: &Message) -> Result<Map<String, Value>, Failure> {
    let to = message.platform_conversation_id.trim_start_matches('+');
    if to.is_empty() || to.len() > 256 {
        return Err(Failure::message(
            "address",
            "neither a number, a user id nor a group",
        ));
    }
    let mut envelope = Map::from_iter([
        ("messaging_product".to_owned(), "whatsapp".into()),
        (
            "biz_opaque_callback_data".to_owned(),
            message.id.to_string().into(),
        ),
    ]);
    let (kind, name) = match place(to) {
        Place::Number => ("individual", "to"),
        Place::User => ("individual", "recipient"),
        Place::Group => ("group", "to"),
    };
    envelope.insert("recipient_type".into(), kind.into());
    envelope.insert(name.into(), to.into());
    Ok(envelope)
}

type Calls = Vec<(&'static str, Value)>;

/// Text, files and buttons.
fn said(message: &Message, calls: &mut Calls) -> Result<(), Failure> {
    let content = &message.content;
    let files: Vec<(&'static str, Value)> = content
        .attachments
        .iter()
        .map(attachment)
        .collect::<Result<_, _>>()?;
    let pressed = choose(message);
    let with_text = match &pressed {
        None if !content.buttons.is_empty() => listed_below(content),
        _ => content.clone(),
    };
    let texts = |limit| parts(&with_text, Dialect::WhatsApp, limit);
    if let Some((kind, action)) = pressed {
        // The last part of the text stands above the buttons; a single picture above that.
        let mut above = texts(BODY);
        let Some(last) = above.pop() else {
            return Err(Failure::message("empty", "buttons need a text above them"));
        };
        let mut interactive = json!({"type": kind, "body": {"text": last}, "action": action});
        let header = match files.as_slice() {
            [(file @ ("image" | "video" | "document"), object)] if kind != "list" => {
                Some(json!({"type": file, *file: object}))
            }
            _ => None,
        };
        calls.extend(above.into_iter().map(of_text));
        match (header, interactive.as_object_mut()) {
            (Some(header), Some(fields)) => {
                fields.insert("header".into(), header);
            }
            _ => calls.extend(files),
        }
        calls.push(("interactive", interactive));
        return Ok(());
    }
    let caption = match files.as_slice() {
        [("image" | "video" | "document", _)] => {
            let mut caption = texts(BODY);
            (caption.len() == 1).then(|| caption.pop()).flatten()
        }
        _ => None,
    };
    if caption.is_none() {
        calls.extend(texts(TEXT).into_iter().map(of_text));
    }
    for (kind, mut object) in files {
        if let (Some(caption), Some(fields)) = (&caption, object.as_object_mut()) {
            fields.insert("caption".into(), caption.as_str().into());
        }
        calls.push((kind, object));
    }
    Ok(())
}

fn of_text(text: String) -> (&'static str, Value) {
    let preview = text.contains("https://") || text.contains("http://");
    ("text", json!({"body": text, "preview_url": preview}))
}

/// The content with its buttons as lines of its text.
fn listed_below(content: &Content) -> Content {
    let mut content = content.clone();
    let lines = listed(&content.buttons);
    if !content.text.is_empty() {
        content.text.push_str("\n\n");
    }
    content.text.push_str(&lines);
    content
}

/// The kind of interactive message that can show the buttons, and its action; none when no kind can.
fn choose(message: &Message) -> Option<(&'static str, Value)> {
    let buttons = &message.content.buttons;
    let chars = |text: &str| text.chars().count();
    if let [button] = buttons.as_slice()
        && button.kind == ButtonType::Url
        && chars(&button.title) <= MAX_TITLE
    {
        let parameters = json!({"display_text": button.title, "url": button.url.as_deref()?});
        return Some((
            "cta_url",
            json!({"name": "cta_url", "parameters": parameters}),
        ));
    }
    let id = |button: &Button| button.value.clone().unwrap_or_else(|| button.title.clone());
    let fit = |title: usize, length: usize| {
        let (mut titles, mut ids) = (HashSet::new(), HashSet::new());
        buttons.iter().all(|button| {
            button.kind == ButtonType::Reply
                && (1..=title).contains(&chars(&button.title))
                && (1..=length).contains(&chars(&id(button)))
                && titles.insert(&button.title)
                && ids.insert(id(button))
        })
    };
    match buttons.len() {
        1..=MAX_BUTTONS if fit(MAX_TITLE, MAX_BUTTON_ID) => {
            let buttons: Vec<Value> = buttons
                .iter()
                .map(|button| {
                    let reply = json!({"id": id(button), "title": button.title});
                    json!({"type": "reply", "reply": reply})
                })
                .collect();
            Some(("button", json!({ "buttons": buttons })))
        }
        1..=MAX_ROWS if fit(MAX_ROW, MAX_ROW_ID) => {
            let rows: Vec<Value> = buttons
                .iter()
                .map(|button| json!({"id": id(button), "title": button.title}))
                .collect();
            let opens = message.metadata.get("list_button").and_then(Value::as_str);
            let opens = opens.filter(|title| (1..=MAX_TITLE).contains(&chars(title)));
            Some((
                "list",
                json!({"button": opens.unwrap_or(LIST_BUTTON), "sections": [{"rows": rows}]}),
            ))
        }
        _ => None,
    }
}

fn of_template(template: &PlatformTemplate) -> Value {
    let mut object = json!({"name": template.name, "language": {"code": template.language}});
    let components = template.whatsapp_components();
    if let (false, Some(fields)) = (components.is_empty(), object.as_object_mut()) {
        fields.insert("components".into(), components.into());
    }
    object
}

fn reaction(message: &Message) -> Result<Value, Failure> {
    let about = message
        .in_reply_to
        .as_deref()
        .ok_or_else(|| Failure::message("reaction", "`in_reply_to` names no message"))?;
    let removed = message.metadata.get("reaction").and_then(Value::as_str) == Some("removed");
    let emoji = if removed {
        ""
    } else {
        message.content.text.trim()
    };
    let mut body = envelope(message)?;
    body.insert("type".into(), "reaction".into());
    body.insert(
        "reaction".into(),
        json!({"message_id": about, "emoji": emoji}),
    );
    Ok(body.into())
}

/// The type and the object that send a file, a place or a person.
fn attachment(attachment: &Attachment) -> Result<(&'static str, Value), Failure> {
    let kind = match attachment.kind.as_str() {
        "location" => return location(attachment).map(|object| ("location", object)),
        "contact" => return contact(attachment).map(|object| ("contacts", object)),
        "image" => "image",
        "video" => "video",
        "audio" | "voice" => "audio",
        "sticker" => "sticker",
        _ => "document",
    };
    let mut object = match (&attachment.platform_id, &attachment.url) {
        (Some(id), _) => json!({ "id": id }),
        (None, Some(url)) => json!({ "link": url }),
        (None, None) => {
            return Err(Failure::message(
                "attachment",
                "neither `url` nor `platform_id`",
            ));
        }
    };
    if let Some(fields) = object.as_object_mut() {
        if attachment.kind == "voice" {
            fields.insert("voice".into(), true.into());
        }
        if let ("document", Some(name)) = (kind, &attachment.name) {
            fields.insert("filename".into(), name.as_str().into());
        }
    }
    Ok((kind, object))
}

fn location(attachment: &Attachment) -> Result<Value, Failure> {
    let value = |name: &str| attachment.metadata.get(name);
    let number = |name: &str| value(name).and_then(Value::as_f64);
    let (Some(latitude), Some(longitude)) = (number("latitude"), number("longitude")) else {
        return Err(Failure::message(
            "attachment",
            "a location without `latitude` and `longitude`",
        ));
    };
    let mut object = json!({"latitude": latitude, "longitude": longitude});
    let name = value("name")
        .cloned()
        .or(attachment.name.clone().map(Value::from));
    if let Some(fields) = object.as_object_mut() {
        for (key, value) in [("name", name), ("address", value("address").cloned())] {
            if let Some(value) = value.filter(Value::is_string) {
                fields.insert(key.into(), value);
            }
        }
    }
    Ok(object)
}

fn contact(attachment: &Attachment) -> Result<Value, Failure> {
    let text = |name: &str| attachment.metadata.get(name).and_then(Value::as_str);
    let (Some(phone), Some(first)) = (
        text("phone_number"),
        text("first_name").or(attachment.name.as_deref()),
    ) else {
        return Err(Failure::message(
            "attachment",
            "a contact without `phone_number` and `first_name`",
        ));
    };
    let full = attachment.name.clone().unwrap_or_else(|| {
        let names = [Some(first), text("last_name")];
        names.into_iter().flatten().collect::<Vec<_>>().join(" ")
    });
    let mut name = json!({"formatted_name": full, "first_name": first});
    if let (Some(last), Some(fields)) = (text("last_name"), name.as_object_mut()) {
        fields.insert("last_name".into(), last.into());
    }
    let mut number = json!({ "phone": phone });
    if let (Some(id), Some(fields)) = (text("wa_id"), number.as_object_mut()) {
        fields.insert("wa_id".into(), id.into());
    }
    Ok(json!([{"name": name, "phones": [number]}]))
}

#[cfg(test)]
mod tests;
