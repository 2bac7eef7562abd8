//! From a message to the bodies of `POST /v1/messages` that send it
//! (<https://developer.vonage.com/en/api/messages-olympus#SendMessage>).

use schemas::{Attachment, Button, ButtonType, Outbound, PlatformTemplate};
use serde_json::{Map, Value, json};

use super::super::{
    Failure,
    pool::Pool,
    text::{Dialect, Limit, Unit, listed, parts},
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
    if !template.components.is_empty() {
        return Ok(fields(
            json!({"message_type": "custom", "custom": {"type": "template", "template": {
                "name": template.name, "components": template.components,
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
mod tests {
    use super::*;
    use crate::channel::tests::{account, outbound};

    fn pool() -> Pool {
        let config = json!({"settings": {"from": "+447700900000"}});
        Pool::new(&account(
            schemas::ChannelKind::Vonage,
            &config,
            &Value::Null,
        ))
    }

    fn to(conversation: &str, address: &str, text: &str) -> Outbound {
        let mut outbound = outbound(1);
        outbound.message.platform_conversation_id = conversation.into();
        outbound.message.recipient.id = address.into();
        outbound.message.content.text = text.into();
        outbound
    }

    fn sent(outbound: &Outbound) -> Vec<Value> {
        bodies(outbound, &pool(), "sms").unwrap()
    }

    #[test]
    fn the_conversation_says_the_way() {
        assert_eq!(
            sent(&to("447700900001", "+447700900001", "hi")),
            [
                json!({"channel": "sms", "to": "447700900001", "from": "447700900000",
                "message_type": "text", "text": "hi", "client_ref": "00000000-0000-0000-0000-000000000001"})
            ]
        );
        for (conversation, address, way, number) in [
            (
                "whatsapp:447700900001",
                "+447700900001",
                "whatsapp",
                "447700900001",
            ),
            (
                "+447700900001",
                "whatsapp:+447700900001",
                "whatsapp",
                "447700900001",
            ),
            ("messenger:987", "987", "messenger", "987"),
            ("447700900001", "", "sms", "447700900001"),
        ] {
            let body = &sent(&to(conversation, address, "hi"))[0];
            assert_eq!(
                (&body["channel"], &body["to"]),
                (&json!(way), &json!(number))
            );
        }
        for odd in ["ann", "CON-1", "+49 30"] {
            let failure = bodies(&to(odd, odd, "hi"), &pool(), "sms").unwrap_err();
            assert_eq!(failure.code, "address", "{odd}");
        }
    }

    #[test]
    fn files_go_as_the_way_has_them() {
        let mut message = to("447700900001", "+447700900001", "Look");
        message.message.content.attachments = vec![Attachment {
            kind: "image".into(),
            url: Some("https://example.org/i.png".into()),
            ..Attachment::default()
        }];
        assert_eq!(
            sent(&message)[0]["text"],
            "Look\n\nhttps://example.org/i.png"
        );
        message.message.platform_conversation_id = "whatsapp:447700900001".into();
        message.message.in_reply_to = Some("u1".into());
        let bodies = sent(&message);
        assert_eq!(bodies[0]["text"], "Look");
        assert_eq!(bodies[0]["context"], json!({"message_uuid": "u1"}));
        assert_eq!(
            bodies[1]["image"],
            json!({"url": "https://example.org/i.png"})
        );
        assert_eq!(bodies[1].get("context"), None);
    }

    #[test]
    fn buttons_can_be_pressed_on_whatsapp() {
        let mut message = to("whatsapp:447700900001", "+447700900001", "Well?");
        message.message.content.buttons = vec![Button {
            kind: ButtonType::Reply,
            title: "Yes".into(),
            value: Some("y".into()),
            url: None,
        }];
        let interactive = &sent(&message)[0]["custom"]["interactive"];
        assert_eq!(interactive["body"]["text"], "Well?");
        assert_eq!(
            interactive["action"]["buttons"][0]["reply"],
            json!({"id": "y", "title": "Yes"})
        );
        message.message.platform_conversation_id = "447700900001".into();
        assert_eq!(sent(&message)[0]["text"], "Well?\n\n- Yes");
    }

    #[test]
    fn a_template_replaces_the_text() {
        let mut message = to("whatsapp:447700900001", "+447700900001", "not sent");
        message.message.content.template = Some(PlatformTemplate {
            name: "ns:shipped".into(),
            language: "en-GB".into(),
            variables: vec!["Jane".into()],
            components: Vec::new(),
        });
        let body = &sent(&message)[0];
        assert_eq!(
            body["template"],
            json!({"name": "ns:shipped", "parameters": ["Jane"]})
        );
        assert_eq!(body["whatsapp"]["locale"], "en-GB");
        message.message.platform_conversation_id = "447700900001".into();
        let refused = bodies(&message, &pool(), "sms").unwrap_err();
        assert_eq!(refused.code, "template");
    }

    #[test]
    fn long_texts_leave_in_parts() {
        let long = to("447700900001", "+447700900001", &"word ".repeat(500));
        let bodies = sent(&long);
        assert_eq!(bodies.len(), 3);
        assert!(
            bodies
                .iter()
                .all(|body| body["text"].as_str().unwrap().len() <= 1000)
        );
        let empty = super::bodies(&to("447700900001", "", " "), &pool(), "sms");
        assert_eq!(empty.unwrap_err().code, "empty");
    }
}
