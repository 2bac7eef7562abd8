//! From a message to the calls that send it.

use schemas::{
    Attachment, Message,
    keys::telegram::{chat_and_message, chat_and_thread},
};
use serde_json::{Map, Value, json};

use super::super::Failure;

/// Telegram's limits, in UTF-16 code units.
const MAX_TEXT: usize = 4096;
const MAX_CAPTION: usize = 1024;
/// A message that would need more calls is refused: it is no conversation any more.
const MAX_CALLS: usize = 20;

/// One call of the Bot API.
#[derive(Debug, PartialEq)]
pub(super) struct Call {
    pub(super) method: &'static str,
    pub(super) body: Value,
}

/// The calls that send a message, in order; at least one.
pub(super) fn calls(message: &Message) -> Result<Vec<Call>, Failure> {
    let mut place = place(&message.platform_conversation_id)?;
    let text = message.content.text.trim();
    let attachments: Vec<(&'static str, Option<&'static str>, Value)> = message
        .content
        .attachments
        .iter()
        .map(attachment)
        .collect::<Result<_, _>>()?;

    let caption = match attachments.as_slice() {
        [(_, Some(_), _)] if !text.is_empty() && text.encode_utf16().count() <= MAX_CAPTION => {
            Some(text)
        }
        _ => None,
    };
    let mut calls = Vec::new();
    let reply = reply_to(message);
    if let Some(reply) = reply {
        place.insert("reply_parameters".into(), reply);
    }
    if caption.is_none() {
        for part in split(text, MAX_TEXT) {
            push(
                &mut calls,
                &mut place,
                "sendMessage",
                json!({ "text": part }),
            );
        }
    }
    for (method, captioned, mut fields) in attachments {
        if let (Some(_), Some(caption), Some(fields)) = (captioned, caption, fields.as_object_mut())
        {
            fields.insert("caption".into(), caption.into());
        }
        push(&mut calls, &mut place, method, fields);
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
    Ok(calls)
}

/// Adds a call; only the first one is a reply.
fn push(
    calls: &mut Vec<Call>,
    place: &mut Map<String, Value>,
    method: &'static str,
    mut fields: Value,
) {
    if let Some(fields) = fields.as_object_mut() {
        fields.extend(place.clone());
    }
    place.remove("reply_parameters");
    calls.push(Call {
        method,
        body: fields,
    });
}

/// `<chat>` or `<chat>:<thread>`; a chat is a number or `@name`.
fn place(conversation: &str) -> Result<Map<String, Value>, Failure> {
    let invalid = || Failure::message("address", "not a chat, nor a chat and a thread");
    let (chat, thread) = match conversation.split_once(':') {
        Some((chat, thread)) => (chat, Some(thread.parse::<i64>().map_err(|_| invalid())?)),
        None => (conversation, None),
    };
    let chat: Value = match chat.parse::<i64>() {
        Ok(number) => number.into(),
        Err(_) if chat.starts_with('@') && chat.len() > 1 => chat.into(),
        Err(_) => return Err(invalid()),
    };
    let mut place = Map::from_iter([("chat_id".to_owned(), chat)]);
    if let Some(thread) = thread {
        place.insert("message_thread_id".into(), thread.into());
    }
    Ok(place)
}

/// A message's key names its chat too; one of another chat, or a button press, cannot be replied to.
fn reply_to(message: &Message) -> Option<Value> {
    let key = message.in_reply_to.as_deref()?;
    let id = match chat_and_message(key) {
        Some((chat, id)) => {
            let (here, _) = chat_and_thread(&message.platform_conversation_id)?;
            (chat == here).then_some(id)?
        }
        None => key.parse().ok()?,
    };
    Some(json!({ "message_id": id, "allow_sending_without_reply": true }))
}

/// The method, the field that carries the file when it can have a caption, and the fields.
fn attachment(
    attachment: &Attachment,
) -> Result<(&'static str, Option<&'static str>, Value), Failure> {
    let number = |name: &str| attachment.metadata.get(name).and_then(Value::as_f64);
    let text = |name: &str| attachment.metadata.get(name).and_then(Value::as_str);
    match attachment.kind.as_str() {
        "location" => {
            let (Some(latitude), Some(longitude)) = (number("latitude"), number("longitude"))
            else {
                return Err(Failure::message(
                    "attachment",
                    "a location without `latitude` and `longitude`",
                ));
            };
            let fields = json!({ "latitude": latitude, "longitude": longitude });
            return Ok(("sendLocation", None, fields));
        }
        "contact" => {
            let (Some(phone), Some(name)) = (
                text("phone_number"),
                text("first_name").or(attachment.name.as_deref()),
            ) else {
                return Err(Failure::message(
                    "attachment",
                    "a contact without `phone_number` and `first_name`",
                ));
            };
            let fields = json!({ "phone_number": phone, "first_name": name });
            return Ok(("sendContact", None, fields));
        }
        _ => {}
    }
    let (method, field, captioned) = match attachment.kind.as_str() {
        "image" => ("sendPhoto", "photo", true),
        "video" => ("sendVideo", "video", true),
        "audio" => ("sendAudio", "audio", true),
        "voice" => ("sendVoice", "voice", true),
        "sticker" => ("sendSticker", "sticker", false),
        _ => ("sendDocument", "document", true),
    };
    let file = attachment
        .platform_id
        .as_deref()
        .or(attachment.url.as_deref())
        .ok_or_else(|| Failure::message("attachment", "neither `url` nor `platform_id`"))?;
    let fields = Value::Object(Map::from_iter([(field.to_owned(), file.into())]));
    Ok((method, captioned.then_some(field), fields))
}

/// Cuts a text into pieces of at most `max` UTF-16 units: at the last line end of the second half, else
/// the last white space, else between characters.
fn split(text: &str, max: usize) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let mut units = 0;
        let fits = rest
            .char_indices()
            .find(|(_, c)| {
                units += c.len_utf16();
                units > max
            })
            .map(|(at, _)| at);
        let Some(fits) = fits else {
            parts.push(rest);
            break;
        };
        let (head, next) = rest.split_at(fits);
        let border = if next.starts_with(char::is_whitespace) {
            fits
        } else {
            head.rfind('\n')
                .filter(|at| *at >= fits / 2)
                .or_else(|| head.rfind(char::is_whitespace))
                .filter(|at| *at > 0)
                .unwrap_or(fits)
        };
        let (part, after) = rest.split_at(border);
        parts.push(part.trim_end());
        rest = after.trim_start();
    }
    parts.retain(|part| !part.is_empty());
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::tests::outbound;

    fn message(text: &str) -> Message {
        let mut message = *outbound(1).message;
        message.platform_conversation_id = "-100:5".into();
        message.content.text = text.into();
        message
    }

    #[test]
    fn text_goes_to_chat_and_thread_as_a_reply() {
        let mut message = message("hi");
        message.in_reply_to = Some("-100:42".into());
        assert_eq!(
            calls(&message).unwrap(),
            vec![Call {
                method: "sendMessage",
                body: json!({
                    "chat_id": -100, "message_thread_id": 5, "text": "hi",
                    "reply_parameters": { "message_id": 42, "allow_sending_without_reply": true },
                }),
            }]
        );
    }

    #[test]
    fn only_a_message_of_the_same_chat_is_replied_to() {
        for (key, expected) in [
            ("-100:42", Some(42)),
            ("42", Some(42)),
            ("-7:42", None),
            ("callback:42", None),
        ] {
            let mut message = message("hi");
            message.in_reply_to = Some(key.into());
            let body = &calls(&message).unwrap()[0].body;
            let id = body.pointer("/reply_parameters/message_id");
            assert_eq!(id.and_then(Value::as_i64), expected, "{key}");
        }
    }

    #[test]
    fn long_text_is_split_on_borders_and_only_the_first_part_replies() {
        let mut message = message(&"word ".repeat(2000));
        message.in_reply_to = Some("42".into());
        let calls = calls(&message).unwrap();
        assert_eq!(calls.len(), 3);
        for (at, call) in calls.iter().enumerate() {
            let text = call.body["text"].as_str().unwrap();
            assert!(text.encode_utf16().count() <= MAX_TEXT);
            assert!(text.starts_with("word") && text.ends_with("word"));
            assert_eq!(call.body.get("reply_parameters").is_some(), at == 0);
        }
    }

    #[test]
    fn splitting_counts_utf16_units_and_loses_no_word() {
        assert_eq!(split("😀😀😀", 4), vec!["😀😀", "😀"]);
        assert_eq!(split("ab cd ef", 5), vec!["ab cd", "ef"]);
        assert_eq!(split("abcdefgh", 3), vec!["abc", "def", "gh"]);
        assert_eq!(split("a b\nc d", 6), vec!["a b", "c d"]);
        assert_eq!(split("", 3), Vec::<&str>::new());
    }

    #[test]
    fn one_picture_carries_the_text_as_its_caption() {
        let mut message = message("look");
        message.content.attachments = vec![Attachment {
            kind: "image".into(),
            url: Some("https://example.org/a.png".into()),
            ..Attachment::default()
        }];
        let single = calls(&message).unwrap();
        assert_eq!(single.len(), 1);
        assert_eq!(single[0].method, "sendPhoto");
        assert_eq!(single[0].body["caption"], "look");

        message.content.attachments.push(Attachment {
            kind: "file".into(),
            platform_id: Some("F1".into()),
            ..Attachment::default()
        });
        let methods: Vec<_> = calls(&message)
            .unwrap()
            .iter()
            .map(|call| call.method)
            .collect();
        assert_eq!(methods, ["sendMessage", "sendPhoto", "sendDocument"]);
    }

    #[test]
    fn what_cannot_be_sent_is_refused_with_a_reason() {
        let code = |message: &Message| calls(message).unwrap_err().code;
        assert_eq!(code(&message("  ")), "empty");
        assert_eq!(code(&message(&"x".repeat(4096 * 21))), "too-long");
        let mut nowhere = message("hi");
        nowhere.platform_conversation_id = "alice".into();
        assert_eq!(code(&nowhere), "address");
        let mut bare = message("hi");
        bare.content.attachments = vec![Attachment::default()];
        assert_eq!(code(&bare), "attachment");
    }
}
