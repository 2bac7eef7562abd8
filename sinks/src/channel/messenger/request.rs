//! From a message to the calls that send it
//! (<https://developers.facebook.com/documentation/business-messaging/messenger-platform/reference/send-api>).

use schemas::{
    Attachment, Button, ButtonType, Content, Message, MessageType,
    keys::meta::{comment, mark},
};
use serde_json::{Map, Value, json};

use super::super::{
    Failure,
    text::{Dialect, Limit, Unit, listed, parts},
};

const MAX_QUICK_REPLIES: usize = 13;
const MAX_BUTTONS: usize = 3;
/// Characters on a button, and of what comes back when it is pressed.
const MAX_TITLE: usize = 20;
const MAX_PAYLOAD: usize = 1000;
/// The text above the buttons of a template.
const BUTTON_TEXT: Limit = Limit {
    max: 640,
    unit: Unit::Utf16,
};
/// A message that would need more calls is refused: it is no conversation any more.
const MAX_CALLS: usize = 20;

/// How the two platforms differ.
pub(super) struct Style {
    text: Limit,
    /// Whether a message may carry a word that its echo repeats.
    marked: bool,
    /// The tag of messages outside the window, for all that say none.
    tag: Option<String>,
    /// The one reaction there is, else any emoji.
    reaction: Option<&'static str>,
}

impl Style {
    pub(super) fn messenger(tag: Option<&str>) -> Self {
        Self {
            text: Limit {
                max: 2000,
                unit: Unit::Utf16,
            },
            marked: true,
            tag: tag.map(str::to_owned),
            reaction: None,
        }
    }

    pub(super) fn instagram(tag: Option<&str>) -> Self {
        Self {
            text: Limit {
                max: 1000,
                unit: Unit::Bytes,
            },
            marked: false,
            tag: tag.map(str::to_owned),
            reaction: Some("love"),
        }
    }
}

/// The calls that send a message, in order; at least one.
pub(super) fn calls(message: &Message, style: &Style) -> Result<Vec<Value>, Failure> {
    let recipient = recipient(&message.platform_conversation_id)?;
    if message.message_type == MessageType::Reaction {
        return Ok(vec![reaction(message, style, &recipient)?]);
    }
    let said = said(&message.content, style)?;
    if said.is_empty() {
        return Err(Failure::message("empty", "neither text nor attachments"));
    }
    if said.len() > MAX_CALLS {
        return Err(Failure::message(
            "too-long",
            format!("would take {} calls; {MAX_CALLS} is the limit", said.len()),
        ));
    }
    if recipient.get("comment_id").is_some() && said.len() > 1 {
        return Err(Failure::message(
            "too-long",
            "a comment can be answered by one message only",
        ));
    }
    let tag = message.metadata.get("message_tag").and_then(Value::as_str);
    let mut envelope = Map::from_iter([("recipient".to_owned(), recipient)]);
    match tag.or(style.tag.as_deref()) {
        Some(tag) => {
            envelope.insert("messaging_type".into(), "MESSAGE_TAG".into());
            envelope.insert("tag".into(), tag.into());
        }
        None => {
            envelope.insert("messaging_type".into(), "RESPONSE".into());
        }
    }
    let bodies = said.into_iter().enumerate().map(|(at, mut said)| {
        let mut body = envelope.clone();
        if style.marked
            && let Some(fields) = said.as_object_mut()
        {
            fields.insert("metadata".into(), mark(message.id).into());
        }
        body.insert("message".into(), said);
        if let (0, Some(about)) = (at, about(message)) {
            body.insert("reply_to".into(), json!({ "mid": about }));
        }
        Value::Object(body)
    });
    Ok(bodies.collect())
}

/// The message that this one answers, if it is one that can be named: the hub's own keys hold a colon after a word.
fn about(message: &Message) -> Option<&str> {
    const OWN: [&str; 3] = ["comment:", "event:", "mention:"];
    let id = message.in_reply_to.as_deref()?;
    (!id.is_empty() && !OWN.iter().any(|own| id.starts_with(own))).then_some(id)
}

/// A person by scoped id or by the reference of a plug-in, or the author of a comment.
pub(super) fn recipient(conversation: &str) -> Result<Value, Failure> {
    if let Some(id) = comment(conversation) {
        return Ok(json!({ "comment_id": id }));
    }
    if conversation.is_empty() || conversation.len() > 512 {
        return Err(Failure::message("address", "no id of a person"));
    }
    let id = conversation.bytes().all(|byte| byte.is_ascii_digit());
    Ok(if id {
        json!({ "id": conversation })
    } else {
        json!({ "user_ref": conversation })
    })
}

/// The `message` objects, in order.
fn said(content: &Content, style: &Style) -> Result<Vec<Value>, Failure> {
    let mut content = content.clone();
    let mut files = Vec::new();
    for attachment in std::mem::take(&mut content.attachments) {
        match file(&attachment)? {
            Sent::File(object) => files.push(json!({ "attachment": object })),
            // There is no other way to send a place or a person.
            Sent::Words(words) => add_line(&mut content.text, &words),
        }
    }
    let buttons = std::mem::take(&mut content.buttons);
    let plan = plan(&buttons);
    if matches!(plan, Plan::Listed) {
        add_line(&mut content.text, &listed(&buttons));
    }
    let texts = |limit| parts(&content, Dialect::Plain, limit);
    let mut said: Vec<Value>;
    match plan {
        Plan::None | Plan::Listed => {
            said = texts(style.text).into_iter().map(of_text).collect();
            said.extend(files);
        }
        Plan::QuickReplies(replies) => {
            said = files;
            said.extend(texts(style.text).into_iter().map(of_text));
            let last = said.last_mut().and_then(Value::as_object_mut);
            let last = last.ok_or_else(without_text)?;
            last.insert("quick_replies".into(), replies.into());
        }
        Plan::Template(buttons) => {
            said = files;
            let mut above = texts(BUTTON_TEXT);
            let text = above.pop().ok_or_else(without_text)?;
            said.extend(above.into_iter().map(of_text));
            said.push(json!({"attachment": {"type": "template", "payload": {
                "template_type": "button", "text": text, "buttons": buttons,
            }}}));
        }
    }
    Ok(said)
}

fn without_text() -> Failure {
    Failure::message("empty", "buttons need a text above them")
}

fn of_text(text: String) -> Value {
    json!({ "text": text })
}

fn add_line(text: &mut String, line: &str) {
    if !text.is_empty() {
        text.push_str("\n\n");
    }
    text.push_str(line);
}

/// How buttons are shown.
enum Plan {
    None,
    QuickReplies(Vec<Value>),
    Template(Vec<Value>),
    /// As lines of the text.
    Listed,
}

fn plan(buttons: &[Button]) -> Plan {
    let payload = |button: &Button| button.value.clone().unwrap_or_else(|| button.title.clone());
    let fits = |button: &Button| {
        let pressed =
            button.kind == ButtonType::Url || payload(button).chars().count() <= MAX_PAYLOAD;
        pressed && (1..=MAX_TITLE).contains(&button.title.chars().count())
    };
    if buttons.is_empty() {
        return Plan::None;
    }
    if !buttons.iter().all(fits) {
        return Plan::Listed;
    }
    if buttons
        .iter()
        .all(|button| button.kind == ButtonType::Reply)
    {
        if buttons.len() > MAX_QUICK_REPLIES {
            return Plan::Listed;
        }
        let reply = |button: &Button| json!({"content_type": "text", "title": button.title, "payload": payload(button)});
        return Plan::QuickReplies(buttons.iter().map(reply).collect());
    }
    let of_template = |button: &Button| {
        Some(match button.kind {
            ButtonType::Url => {
                json!({"type": "web_url", "title": button.title, "url": button.url.as_deref()?})
            }
            ButtonType::Reply => {
                json!({"type": "postback", "title": button.title, "payload": payload(button)})
            }
        })
    };
    match buttons.iter().map(of_template).collect::<Option<Vec<_>>>() {
        Some(buttons) if buttons.len() <= MAX_BUTTONS => Plan::Template(buttons),
        _ => Plan::Listed,
    }
}

/// What becomes of an attachment.
enum Sent {
    File(Value),
    Words(String),
}

fn file(attachment: &Attachment) -> Result<Sent, Failure> {
    let value = |name: &str| attachment.metadata.get(name);
    let text = |name: &str| value(name).and_then(Value::as_str);
    let name = text("name").or(attachment.name.as_deref());
    let kind = match attachment.kind.as_str() {
        "location" => {
            let number = |name: &str| value(name).and_then(Value::as_f64);
            let (Some(latitude), Some(longitude)) = (number("latitude"), number("longitude"))
            else {
                return Err(Failure::message(
                    "attachment",
                    "a location without `latitude` and `longitude`",
                ));
            };
            let map = format!("https://maps.google.com/?q={latitude},{longitude}");
            let lines = [name, text("address"), Some(&map)];
            let lines: Vec<&str> = lines.into_iter().flatten().collect();
            return Ok(Sent::Words(lines.join("\n")));
        }
        "contact" => {
            let number = text("phone_number").ok_or_else(|| {
                Failure::message("attachment", "a contact without `phone_number`")
            })?;
            let name = name.or_else(|| text("first_name")).unwrap_or_default();
            return Ok(Sent::Words(format!("{name} {number}").trim().to_owned()));
        }
        "image" | "sticker" => "image",
        "video" => "video",
        "audio" | "voice" => "audio",
        _ => "file",
    };
    let payload = match (&attachment.platform_id, &attachment.url) {
        (Some(id), _) => json!({ "attachment_id": id }),
        (None, Some(url)) => json!({ "url": url }),
        (None, None) => {
            return Err(Failure::message(
                "attachment",
                "neither `url` nor `platform_id`",
            ));
        }
    };
    Ok(Sent::File(json!({"type": kind, "payload": payload})))
}

fn reaction(message: &Message, style: &Style, recipient: &Value) -> Result<Value, Failure> {
    let about = about(message)
        .ok_or_else(|| Failure::message("reaction", "`in_reply_to` names no message"))?;
    let removed = message.metadata.get("reaction").and_then(Value::as_str) == Some("removed");
    if removed {
        return Ok(json!({"recipient": recipient, "sender_action": "unreact",
            "payload": {"message_id": about}}));
    }
    let emoji = style.reaction.unwrap_or(message.content.text.trim());
    Ok(json!({"recipient": recipient, "sender_action": "react",
        "payload": {"message_id": about, "reaction": emoji}}))
}

#[cfg(test)]
mod tests;
