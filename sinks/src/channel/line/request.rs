//! From a message to the pushes that send it
//! (<https://developers.line.biz/en/reference/messaging-api/#message-objects>).
//!
//! What LINE has no kind of message for, or wants to know more about than we were told (a video's preview, an audio's
//! length), goes as the address it lies at. Buttons are quick replies below the last message; a short text with a link
//! among up to four of them is a template, which stays when the next message comes.

use schemas::{Attachment, Button, ButtonType, Message};
use serde_json::{Value, json};

use super::super::{
    Failure,
    text::{self, Dialect, Limit, Unit},
};

/// Message objects of one push.
const MAX_MESSAGES: usize = 5;
/// Pushes of one message; one that would need more is no conversation any more.
const MAX_PUSHES: usize = 4;
/// In UTF-16 units, as all lengths here.
const TEXT: Limit = Limit {
    max: 5000,
    unit: Unit::Utf16,
};
const MAX_QUICK_REPLIES: usize = 13;
const MAX_TEMPLATE_ACTIONS: usize = 4;
const MAX_TEMPLATE_TEXT: usize = 160;
const MAX_LABEL: usize = 20;
const MAX_DATA: usize = 300;
const MAX_PLACE: usize = 100;
const MAX_ADDRESS: usize = 2000;

/// The bodies of the pushes that send a message, in order; at least one.
pub(super) fn pushes(message: &Message) -> Result<Vec<Value>, Failure> {
    let to = message.platform_conversation_id.as_str();
    if to.is_empty() {
        return Err(Failure::message("address", "no user, group or room"));
    }
    let mut objects = objects(message)?;
    if let (Some(token), Some(first)) = (quote_token(message), objects.first_mut()) {
        let quotes = matches!(first.get("type"), Some(Value::String(kind)) if kind == "text" || kind == "sticker");
        if let (true, Some(fields)) = (quotes, first.as_object_mut()) {
            fields.insert("quoteToken".into(), token.into());
        }
    }
    if objects.is_empty() {
        return Err(Failure::message("empty", "neither text nor attachments"));
    }
    if objects.len() > MAX_MESSAGES * MAX_PUSHES {
        return Err(Failure::message(
            "too-long",
            format!(
                "would take {} messages; {} is the limit",
                objects.len(),
                MAX_MESSAGES * MAX_PUSHES
            ),
        ));
    }
    Ok(objects
        .chunks(MAX_MESSAGES)
        .map(|messages| json!({ "to": to, "messages": messages }))
        .collect())
}

/// What LINE gave with the message that is answered.
fn quote_token(message: &Message) -> Option<&str> {
    message.metadata.get("quote_token").and_then(Value::as_str)
}

fn objects(message: &Message) -> Result<Vec<Value>, Failure> {
    let content = &message.content;
    let mut content_text = content.clone();
    let buttons = content.buttons.as_slice();
    let is_listed = buttons.len() > MAX_QUICK_REPLIES;
    if is_listed {
        let listed = text::listed(buttons);
        content_text.text = format!("{}\n\n{listed}", content_text.text.trim_end());
    }
    let parts = text::parts(&content_text, Dialect::Plain, TEXT);
    let mut objects = match (parts.as_slice(), buttons) {
        ([only], buttons) if is_template(only, buttons) => {
            vec![template(only, buttons)?]
        }
        (parts, _) => parts
            .iter()
            .map(|part| json!({ "type": "text", "text": part }))
            .collect(),
    };
    let is_asked = objects
        .first()
        .is_some_and(|first| first.get("template").is_some());
    for given in &content.attachments {
        objects.push(attachment(given)?);
    }
    if !(is_asked || is_listed || buttons.is_empty())
        && let Some(fields) = objects.last_mut().and_then(Value::as_object_mut)
    {
        let items = buttons
            .iter()
            .map(|button| Ok(json!({ "type": "action", "action": action(button)? })))
            .collect::<Result<Vec<Value>, Failure>>()?;
        fields.insert("quickReply".into(), json!({ "items": items }));
    }
    Ok(objects)
}

fn is_template(text: &str, buttons: &[Button]) -> bool {
    (1..=MAX_TEMPLATE_ACTIONS).contains(&buttons.len())
        && buttons.iter().any(|button| button.kind == ButtonType::Url)
        && units(text) <= MAX_TEMPLATE_TEXT
}

fn template(text: &str, buttons: &[Button]) -> Result<Value, Failure> {
    let actions = buttons.iter().map(action).collect::<Result<Vec<_>, _>>()?;
    Ok(json!({
        "type": "template",
        "altText": text,
        "template": { "type": "buttons", "text": text, "actions": actions },
    }))
}

fn action(button: &Button) -> Result<Value, Failure> {
    let label = cut(&button.title, MAX_LABEL);
    if let (ButtonType::Url, Some(url)) = (button.kind, &button.url) {
        return Ok(json!({ "type": "uri", "label": label, "uri": url }));
    }
    let data = button.value.as_deref().unwrap_or(&button.title);
    if units(data) > MAX_DATA {
        return Err(Failure::message(
            "button",
            format!("a button's value may have {MAX_DATA} characters"),
        ));
    }
    Ok(json!({
        "type": "postback",
        "label": label,
        "data": data,
        "displayText": cut(&button.title, MAX_DATA),
    }))
}

fn attachment(given: &Attachment) -> Result<Value, Failure> {
    let number = |name: &str| given.metadata.get(name).and_then(Value::as_f64);
    let text = |name: &str| given.metadata.get(name).and_then(Value::as_str);
    match given.kind.as_str() {
        "location" => location(given, number("latitude"), number("longitude")),
        "contact" => {
            let phone = text("phone_number")
                .ok_or_else(|| Failure::message("attachment", "a contact without a number"))?;
            let name = given.name.as_deref().or_else(|| text("first_name"));
            Ok(json!({ "type": "text", "text": lines([name, Some(phone)]) }))
        }
        "sticker" => {
            let (Some(package), Some(sticker)) = (
                text("package_id"),
                text("sticker_id").or(given.platform_id.as_deref()),
            ) else {
                return Err(Failure::message(
                    "attachment",
                    "a sticker without `package_id` and `sticker_id`",
                ));
            };
            Ok(json!({ "type": "sticker", "packageId": package, "stickerId": sticker }))
        }
        kind => {
            let url = address(given)?;
            let duration = number("duration_ms").or_else(|| Some(number("duration_s")? * 1000.0));
            Ok(match (kind, text("preview_url"), duration) {
                ("image", preview, _) => json!({
                    "type": "image",
                    "originalContentUrl": url,
                    "previewImageUrl": preview.unwrap_or(url),
                }),
                ("video", Some(preview), _) => json!({
                    "type": "video", "originalContentUrl": url, "previewImageUrl": preview,
                }),
                ("audio" | "voice", _, Some(ms)) if ms >= 1.0 => json!({
                    "type": "audio", "originalContentUrl": url, "duration": whole(ms),
                }),
                _ => json!({
                    "type": "text", "text": lines([given.name.as_deref(), Some(url)]),
                }),
            })
        }
    }
}

/// LINE fetches what it shows, over https only.
fn address(given: &Attachment) -> Result<&str, Failure> {
    given
        .url
        .as_deref()
        .filter(|url| url.starts_with("https://") && units(url) <= MAX_ADDRESS)
        .ok_or_else(|| {
            Failure::message(
                "attachment",
                "needs a `url` with https and at most 2000 characters",
            )
        })
}

fn location(
    given: &Attachment,
    latitude: Option<f64>,
    longitude: Option<f64>,
) -> Result<Value, Failure> {
    let (Some(latitude), Some(longitude)) = (latitude, longitude) else {
        return Err(Failure::message(
            "attachment",
            "a location without `latitude` and `longitude`",
        ));
    };
    // LINE wants words for both.
    let point = format!("{latitude}, {longitude}");
    let address = given.metadata.get("address").and_then(Value::as_str);
    let title = given.name.as_deref().or(address).unwrap_or(&point);
    Ok(json!({
        "type": "location",
        "title": cut(title, MAX_PLACE),
        "address": cut(address.unwrap_or(&point), MAX_PLACE),
        "latitude": latitude,
        "longitude": longitude,
    }))
}

fn lines<const N: usize>(lines: [Option<&str>; N]) -> String {
    lines.into_iter().flatten().collect::<Vec<_>>().join("\n")
}

/// A number of milliseconds as JSON without a fraction.
fn whole(ms: f64) -> Value {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a cast of floats saturates"
    )]
    let ms = ms as u64;
    ms.into()
}

fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

/// The text, or as much of it as fits with an ellipsis.
fn cut(text: &str, max: usize) -> String {
    if units(text) <= max {
        return text.to_owned();
    }
    let mut room = max.saturating_sub(1);
    let mut kept: String = text
        .chars()
        .take_while(|c| {
            let fits = c.len_utf16() <= room;
            room = room.saturating_sub(c.len_utf16());
            fits
        })
        .collect();
    kept.push('…');
    kept
}

/// Dots for twenty seconds.
pub(super) fn loading(chat: &str) -> Value {
    json!({ "chatId": chat, "loadingSeconds": 20 })
}

#[cfg(test)]
mod tests;
