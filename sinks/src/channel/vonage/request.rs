//! From a message to the bodies of `POST /v1/messages` that send it
//! (<https://developer.vonage.com/en/api/messages-olympus#SendMessage>).

use schemas::{Attachment, Button, ButtonType, Outbound, PlatformTemplate, sms::SmsSize};
use serde_json::{Map, Value, json};

use super::super::{
    Failure,
    pool::Pool,
    text::{Dialect, Limit, Unit, listed, parts, sms_size},
    words,
};

/// A message that would need more calls is refused: it is no conversation any more.
const MAX_CALLS: usize = 20;
/// WhatsApp's reply buttons: how many, and how long their titles.
const MAX_BUTTONS: usize = 3;
const MAX_TITLE: usize = 20;

/// What a message travels by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Sms,
    Mms,
    WhatsApp,
    Messenger,
    Viber,
    Rcs,
}

impl Way {
    fn of(name: &str) -> Option<Self> {
        Some(match name {
            "sms" => Self::Sms,
            "mms" => Self::Mms,
            "whatsapp" => Self::WhatsApp,
            "messenger" => Self::Messenger,
            "viber_service" => Self::Viber,
            "rcs" => Self::Rcs,
            _ => return None,
        })
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Sms => "sms",
            Self::Mms => "mms",
            Self::WhatsApp => "whatsapp",
            Self::Messenger => "messenger",
            Self::Viber => "viber_service",
            Self::Rcs => "rcs",
        }
    }

    const fn max_text(self) -> usize {
        match self {
            Self::Sms | Self::Mms | Self::Viber => 1000,
            Self::WhatsApp => 4096,
            Self::Messenger => 640,
            Self::Rcs => 3072,
        }
    }

    /// The type by which a file is sent; none where its address goes into the text.
    fn file(self, kind: &str) -> Option<&'static str> {
        let kind = match kind {
            "image" => "image",
            "audio" | "voice" => "audio",
            "video" => "video",
            "sticker" => "sticker",
            "contact" => "vcard",
            _ => "file",
        };
        let able: &[&str] = match self {
            Self::Sms => &[],
            Self::Mms => &["image", "audio", "video", "vcard", "file"],
            Self::WhatsApp => &["image", "audio", "video", "file", "sticker"],
            Self::Messenger => &["image", "audio", "video", "file"],
            Self::Viber | Self::Rcs => &["image", "video", "file"],
        };
        able.contains(&kind).then_some(kind)
    }
}

/// The bodies that send a message, in order; at least one.
pub(super) fn bodies(outbound: &Outbound, pool: &Pool, usual: &str) -> Result<Vec<Value>, Failure> {
    let (way, to) = to(outbound, usual)?;
    let from = pool.choose(outbound, |_| true).ok_or_else(|| {
        Failure::message("no-sender", "the channel has neither `from` nor `numbers`")
    })?;
    let from = digits(from);
    let base = |mut body: Map<String, Value>| {
        body.insert("channel".into(), way.name().into());
        body.insert("to".into(), to.as_str().into());
        body.insert("from".into(), from.into());
        body.insert(
            "client_ref".into(),
            outbound.message.id.0.to_string().into(),
        );
        Value::Object(body)
    };
    let content = &outbound.message.content;
    if let Some(template) = &content.template {
        return Ok(vec![base(templated(way, template)?)]);
    }
    let (mut after, mut lines) = (Vec::new(), Vec::new());
    for attachment in &content.attachments {
        match own_form(way, attachment)? {
            Some(body) => after.push(body),
            None => lines.push(words::any(attachment)?),
        }
    }
    let pressable = way == Way::WhatsApp && fit_buttons(&content.buttons);
    if !content.buttons.is_empty() && !pressable {
        lines.push(listed(&content.buttons));
    }
    let mut written = content.clone();
    written.text = words::join(&written.text, lines);
    let dialect = if way == Way::WhatsApp {
        Dialect::WhatsApp
    } else {
        Dialect::Plain
    };
    let limit = Limit {
        // What stands above buttons may be shorter.
        max: if pressable { 1024 } else { way.max_text() },
        unit: Unit::Utf16,
    };
    let texts = parts(&written, dialect, limit);
    let last = texts.len().saturating_sub(1);
    let mut bodies: Vec<Map<String, Value>> = texts
        .into_iter()
        .enumerate()
        .map(|(index, text)| match pressable && index == last {
            true => interactive(&text, &content.buttons),
            false => fields(json!({"message_type": "text", "text": text})),
        })
        .collect();
    bodies.extend(after);
    let quoted = outbound.message.in_reply_to.as_deref();
    if let (Way::WhatsApp, Some(first), Some(quoted)) = (way, bodies.first_mut(), quoted) {
        first.insert("context".into(), json!({"message_uuid": quoted}));
    }
    match bodies.len() {
        0 => Err(Failure::message("empty", "neither text nor attachments")),
        1..=MAX_CALLS => Ok(bodies.into_iter().map(base).collect()),
        calls => Err(Failure::message(
            "too-long",
            format!("would take {calls} calls; {MAX_CALLS} is the limit"),
        )),
    }
}

/// The size of what leaves as SMS.
pub(super) fn size(bodies: &[Value]) -> Option<SmsSize> {
    let sms = bodies
        .iter()
        .filter(|body| body.get("channel").and_then(Value::as_str) == Some(Way::Sms.name()));
    sms_size(sms.filter_map(|body| body.get("text")?.as_str()))
}

/// The way and the address: the conversation says the way, the recipient the address.
fn to(outbound: &Outbound, usual: &str) -> Result<(Way, String), Failure> {
    let message = &outbound.message;
    let apart = |address: &str| match address.split_once(':') {
        Some((way, rest)) => (Way::of(way), rest.to_owned()),
        None => (None, address.to_owned()),
    };
    let (way, thread) = apart(message.platform_conversation_id.trim());
    let (told, own) = apart(message.recipient.id.trim());
    let way = way.or(told).or_else(|| Way::of(usual)).unwrap_or(Way::Sms);
    let to = if own.is_empty() { thread } else { own };
    let to = digits(&to);
    let fits = match way {
        Way::Messenger => !to.is_empty() && !to.contains(char::is_whitespace),
        _ => (7..=15).contains(&to.len()) && to.bytes().all(|byte| byte.is_ascii_digit()),
    };
    if fits {
        Ok((way, to.to_owned()))
    } else {
        Err(Failure::message(
            "address",
            "not a number with its country, nor a channel and an address",
        ))
    }
}

/// A number as Vonage writes it: without `+`.
fn digits(address: &str) -> &str {
    address.strip_prefix('+').unwrap_or(address)
}

fn fields(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

/// An attachment in the platform's own form; none where it goes into the text.
fn own_form(way: Way, attachment: &Attachment) -> Result<Option<Map<String, Value>>, Failure> {
    let kind = attachment.kind.as_str();
    if kind == "location" && way == Way::WhatsApp {
        let (latitude, longitude) = words::coordinates(attachment)?;
        let mut place = fields(json!({"latitude": latitude, "longitude": longitude}));
        for name in ["name", "address"] {
            if let Some(text) = attachment
                .metadata
                .get(name)
                .filter(|text| text.is_string())
            {
                place.insert(name.into(), text.clone());
            }
        }
        let custom = json!({"type": "location", "location": place});
        return Ok(Some(fields(
            json!({"message_type": "custom", "custom": custom}),
        )));
    }
    let worded = kind == "location" || kind == "contact" && attachment.url.is_none();
    let Some(kind) = way.file(kind).filter(|_| !worded) else {
        return Ok(None);
    };
    let mut file = fields(json!({"url": words::url(attachment)?}));
    if let (Some(name), "file") = (&attachment.name, kind) {
        file.insert("name".into(), name.as_str().into());
    }
    let mut body = Map::new();
    body.insert("message_type".into(), kind.into());
    body.insert(kind.into(), file.into());
    Ok(Some(body))
}

fn fit_buttons(buttons: &[Button]) -> bool {
    (1..=MAX_BUTTONS).contains(&buttons.len())
        && buttons.iter().all(|button| {
            button.kind == ButtonType::Reply
                && (1..=MAX_TITLE).contains(&button.title.chars().count())
        })
}

fn interactive(text: &str, buttons: &[Button]) -> Map<String, Value> {
    let buttons: Vec<Value> = buttons
        .iter()
        .map(|button| {
            let id = button.value.as_deref().unwrap_or(&button.title);
            json!({"type": "reply", "reply": {"id": id, "title": button.title}})
        })
        .collect();
    fields(
        json!({"message_type": "custom", "custom": {"type": "interactive", "interactive": {
            "type": "button", "body": {"text": text}, "action": {"buttons": buttons},
        }}}),
    )
}

fn templated(way: Way, template: &PlatformTemplate) -> Result<Map<String, Value>, Failure> {
    if way != Way::WhatsApp {
        return Err(Failure::message("template", "templates are WhatsApp's"));
    }
    if !template.components.is_empty() || template.has_header_or_buttons() {
        return Ok(fields(
            json!({"message_type": "custom", "custom": {"type": "template", "template": {
                "name": template.name, "components": template.whatsapp_components(),
                "language": {"policy": "deterministic", "code": template.language},
            }}}),
        ));
    }
    Ok(fields(json!({
        "message_type": "template",
        "template": {"name": template.name, "parameters": template.variables},
        "whatsapp": {"policy": "deterministic", "locale": template.language},
    })))
}

#[cfg(test)]
mod tests;
