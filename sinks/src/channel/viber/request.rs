//! From a message to the calls of `send_message` that send it
//! (<https://developers.viber.com/docs/api/rest-bot-api/#send-message>).

use schemas::{Attachment, Button, ButtonType, Message};
use serde_json::{Map, Value, json};

use super::super::{
    Failure,
    text::{self, Dialect, Limit, Unit},
};

/// In characters.
const TEXT: Limit = Limit {
    max: 7000,
    unit: Unit::Chars,
};
/// Of the words below a picture, since API version 6; 120 before.
const MAX_CAPTION: usize = 768;
/// Of a video's words.
const MAX_NAME: usize = 256;
const MAX_CALLS: usize = 20;
/// Of a button.
const MAX_ACTION: usize = 250;
const MAX_BUTTONS: usize = 24;
/// The version whose clients know all that is sent here but long captions and keyboards.
const VERSION: u8 = 1;
/// Contacts and `InputFieldState` of keyboards.
const VERSION_KEYBOARD: u8 = 4;
/// Captions of more than 120 characters.
const VERSION_CAPTION: u8 = 6;

/// The bodies of the calls, in order; at least one.
pub(super) fn calls(message: &Message, sender_name: &str) -> Result<Vec<Value>, Failure> {
    let receiver = message.platform_conversation_id.as_str();
    if receiver.is_empty() {
        return Err(Failure::message("address", "no receiver"));
    }
    let mut calls = Vec::new();
    for (version, mut fields) in contents(message)? {
        fields.insert("receiver".into(), receiver.into());
        fields.insert("min_api_version".into(), version.into());
        fields.insert("sender".into(), json!({ "name": sender_name }));
        if let Some(data) = message
            .metadata
            .get("tracking_data")
            .and_then(Value::as_str)
        {
            fields.insert("tracking_data".into(), data.into());
        }
        calls.push(fields);
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
    let buttons = message.content.buttons.as_slice();
    if let (true, Some(last)) = (has_keyboard(buttons), calls.last_mut()) {
        last.insert("keyboard".into(), keyboard(buttons)?);
        let version = last.get("min_api_version").and_then(Value::as_u64);
        let version = version.unwrap_or(0).max(u64::from(VERSION_KEYBOARD));
        last.insert("min_api_version".into(), version.into());
    }
    Ok(calls.into_iter().map(Value::Object).collect())
}

fn has_keyboard(buttons: &[Button]) -> bool {
    (1..=MAX_BUTTONS).contains(&buttons.len())
}

/// What a call says, and the API version it needs.
type Part = (u8, Map<String, Value>);

fn contents(message: &Message) -> Result<Vec<Part>, Failure> {
    let mut content = message.content.clone();
    if content.buttons.len() > MAX_BUTTONS {
        let listed = text::listed(&content.buttons);
        content.text = format!("{}\n\n{listed}", content.text.trim_end());
    }
    let parts = text::parts(&content, Dialect::Plain, TEXT);
    // One picture or video carries a short text.
    let caption = match (parts.as_slice(), content.attachments.as_slice()) {
        ([only], [one]) if one.kind == "image" && only.chars().count() <= MAX_CAPTION => {
            Some(only.as_str())
        }
        _ => None,
    };
    let mut contents = Vec::new();
    if caption.is_none() {
        contents.extend(
            parts
                .iter()
                .map(|part| (VERSION, fields(json!({ "type": "text", "text": part })))),
        );
    }
    for given in &content.attachments {
        contents.push(attachment(given, caption.unwrap_or_default())?);
    }
    Ok(contents)
}

fn attachment(given: &Attachment, caption: &str) -> Result<Part, Failure> {
    let missing = |what: &str| Failure::message("attachment", what);
    let number = |name: &str| given.metadata.get(name).and_then(Value::as_f64);
    let words = |name: &str| given.metadata.get(name).and_then(Value::as_str);
    let body = match given.kind.as_str() {
        "location" => {
            let (Some(lat), Some(lon)) = (number("latitude"), number("longitude")) else {
                return Err(missing("a location without `latitude` and `longitude`"));
            };
            json!({ "type": "location", "location": { "lat": lat, "lon": lon } })
        }
        "contact" => {
            let name = given.name.as_deref().or_else(|| words("first_name"));
            let (Some(name), Some(phone)) = (name, words("phone_number")) else {
                return Err(missing("a contact without a name and `phone_number`"));
            };
            json!({ "type": "contact", "contact": { "name": name, "phone_number": phone } })
        }
        "sticker" => {
            let id = number("sticker_id")
                .map(|id| id.to_string())
                .or_else(|| given.platform_id.clone())
                .and_then(|id| id.parse::<u64>().ok())
                .ok_or_else(|| missing("a sticker without its number"))?;
            json!({ "type": "sticker", "sticker_id": id })
        }
        kind => {
            let url = given
                .url
                .as_deref()
                .ok_or_else(|| missing("needs a `url`"))?;
            match (kind, given.size_bytes) {
                ("image", _) => {
                    let mut body = json!({ "type": "picture", "text": caption, "media": url });
                    if let (Some(preview), Some(fields)) =
                        (words("preview_url"), body.as_object_mut())
                    {
                        fields.insert("thumbnail".into(), preview.into());
                    }
                    body
                }
                ("video", Some(size)) => {
                    let mut body = json!({ "type": "video", "media": url, "size": size });
                    if let Some(fields) = body.as_object_mut() {
                        if let Some(seconds) = duration_s(given) {
                            fields.insert("duration".into(), seconds.into());
                        }
                        if let Some(preview) = words("preview_url") {
                            fields.insert("thumbnail".into(), preview.into());
                        }
                    }
                    body
                }
                (_, Some(size)) => {
                    let name = given.name.as_deref().unwrap_or_else(|| named(url));
                    let name: String = name.chars().take(MAX_NAME).collect();
                    json!({ "type": "file", "media": url, "size": size, "file_name": name })
                }
                // Viber wants to know how large a file is; an address can always be sent.
                (_, None) => json!({ "type": "url", "media": url }),
            }
        }
    };
    let version = if caption.chars().count() > 120 {
        VERSION_CAPTION
    } else {
        VERSION
    };
    Ok((version, fields(body)))
}

/// Whole seconds, of which Viber takes up to 180.
fn duration_s(given: &Attachment) -> Option<u64> {
    let number = |name: &str| given.metadata.get(name).and_then(Value::as_u64);
    number("duration_s")
        .or_else(|| Some(number("duration_ms")?.div_ceil(1000)))
        .filter(|seconds| (1..=180).contains(seconds))
}

/// The end of an address's path, as a file's name.
fn named(url: &str) -> &str {
    let path = url.split(['?', '#']).next().unwrap_or(url);
    path.rsplit('/')
        .next()
        .filter(|name| !name.is_empty())
        .unwrap_or("file")
}

/// Buttons one below the other; what stands behind one comes back as a text.
fn keyboard(buttons: &[Button]) -> Result<Value, Failure> {
    let buttons = buttons
        .iter()
        .map(|button| {
            let (kind, body) = match (button.kind, &button.url) {
                (ButtonType::Url, Some(url)) => ("open-url", url.as_str()),
                _ => ("reply", button.value.as_deref().unwrap_or(&button.title)),
            };
            if kind == "reply" && body.chars().count() > MAX_ACTION {
                return Err(Failure::message(
                    "button",
                    format!("a button's value may have {MAX_ACTION} characters"),
                ));
            }
            Ok(json!({
                "ActionType": kind,
                "ActionBody": body,
                "Text": escaped(&button.title),
            }))
        })
        .collect::<Result<Vec<_>, _>>()?;
    Ok(json!({ "Type": "keyboard", "DefaultHeight": false, "Buttons": buttons }))
}

/// Viber reads some HTML on buttons.
fn escaped(title: &str) -> String {
    title
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

fn fields(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::tests::outbound;

    fn message(text: &str) -> Message {
        let mut message = *outbound(1).message;
        message.platform_conversation_id = "a=".into();
        message.content.text = text.into();
        message
    }

    fn attached(kind: &str, size: Option<u64>, metadata: Value) -> Message {
        let mut message = message("");
        message.content.attachments = vec![Attachment {
            kind: kind.into(),
            url: Some("https://e.org/f/offer.pdf?x=1".into()),
            size_bytes: size,
            metadata: fields(metadata),
            ..Attachment::default()
        }];
        message
    }

    fn sent(message: &Message) -> Vec<Value> {
        calls(message, "Kettles").unwrap()
    }

    #[test]
    fn a_text_goes_to_its_receiver_in_our_name() {
        let mut message = message("hi");
        message.metadata.insert("tracking_data".into(), "t1".into());
        assert_eq!(
            sent(&message),
            [json!({
                "receiver": "a=", "min_api_version": 1, "sender": {"name": "Kettles"},
                "type": "text", "text": "hi", "tracking_data": "t1",
            })]
        );
        message.content.text = "word ".repeat(3000);
        let parts = sent(&message);
        assert_eq!(parts.len(), 3);
        for part in parts {
            assert!(part["text"].as_str().unwrap().chars().count() <= TEXT.max);
        }
    }

    #[test]
    fn a_picture_carries_a_short_text() {
        let mut message = attached("image", None, json!({"preview_url": "https://e.org/p"}));
        message.content.text = "look".into();
        let short = sent(&message);
        assert_eq!(short.len(), 1);
        assert_eq!(
            (&short[0]["type"], &short[0]["text"], &short[0]["thumbnail"]),
            (&json!("picture"), &json!("look"), &json!("https://e.org/p"))
        );
        assert_eq!(short[0]["min_api_version"], 1);
        message.content.text = "x".repeat(121);
        assert_eq!(sent(&message)[0]["min_api_version"], 6);
        message.content.text = "x".repeat(769);
        let long = sent(&message);
        assert_eq!(
            (&long[0]["type"], &long[1]["text"]),
            (&json!("text"), &json!(""))
        );
    }

    #[test]
    fn attachments_go_in_their_own_form_or_as_an_address() {
        let url = "https://e.org/f/offer.pdf?x=1";
        for (message, expected) in [
            (
                attached("video", Some(9), json!({"duration_ms": 1500})),
                json!({"type": "video", "media": url, "size": 9, "duration": 2}),
            ),
            (
                attached("video", None, json!({})),
                json!({"type": "url", "media": url}),
            ),
            (
                attached("voice", Some(5), json!({})),
                json!({"type": "file", "media": url, "size": 5, "file_name": "offer.pdf"}),
            ),
            (
                attached(
                    "location",
                    None,
                    json!({"latitude": 1.5, "longitude": -2.5}),
                ),
                json!({"type": "location", "location": {"lat": 1.5, "lon": -2.5}}),
            ),
            (
                attached(
                    "contact",
                    None,
                    json!({"phone_number": "+1", "first_name": "Al"}),
                ),
                json!({"type": "contact", "contact": {"name": "Al", "phone_number": "+1"}}),
            ),
            (
                attached("sticker", None, json!({"sticker_id": 46105})),
                json!({"type": "sticker", "sticker_id": 46105}),
            ),
        ] {
            let sent = sent(&message).remove(0);
            for (name, value) in expected.as_object().unwrap() {
                assert_eq!(&sent[name], value, "{name} of {sent}");
            }
        }
    }

    #[test]
    fn buttons_are_a_keyboard_of_the_last_call() {
        let mut message = message("Which one?");
        message.content.buttons = vec![
            Button {
                title: "Blue & <big>".into(),
                value: Some("blue".into()),
                ..Button::default()
            },
            Button {
                kind: ButtonType::Url,
                title: "Shop".into(),
                url: Some("https://e.org".into()),
                ..Button::default()
            },
        ];
        let call = sent(&message).remove(0);
        assert_eq!(call["min_api_version"], 4);
        assert_eq!(
            call["keyboard"],
            json!({"Type": "keyboard", "DefaultHeight": false, "Buttons": [
                {"ActionType": "reply", "ActionBody": "blue", "Text": "Blue &amp; &lt;big&gt;"},
                {"ActionType": "open-url", "ActionBody": "https://e.org", "Text": "Shop"},
            ]})
        );
        message.content.buttons = vec![Button {
            title: "x".repeat(251),
            ..Button::default()
        }];
        assert_eq!(calls(&message, "n").unwrap_err().code, "button");
    }

    #[test]
    fn what_cannot_be_sent_is_refused_with_a_reason() {
        let code = |message: &Message| calls(message, "n").unwrap_err().code;
        assert_eq!(code(&message(" ")), "empty");
        assert_eq!(code(&message(&"x".repeat(7000 * 21))), "too-long");
        let mut nowhere = message("hi");
        nowhere.platform_conversation_id = String::new();
        assert_eq!(code(&nowhere), "address");
        let mut bare = attached("image", None, json!({}));
        bare.content.attachments[0].url = None;
        assert_eq!(code(&bare), "attachment");
        for kind in ["location", "contact", "sticker"] {
            assert_eq!(code(&attached(kind, None, json!({}))), "attachment");
        }
    }
}
