//! From a message to the calls that send it: `POST /messages`
//! (<https://developers.messagebird.com/api/sms-messaging/#send-outbound-sms>), or a reply in a conversation
//! (<https://developers.messagebird.com/api/conversations/#reply-to-conversation>).

use schemas::{Attachment, Outbound, PlatformTemplate, sms::SmsSize};
use serde_json::{Value, json};

use super::super::{
    Failure,
    pool::Pool,
    text::{Dialect, Encoding, Limit, Unit, listed, parts, segments, sms_size},
    words,
};

/// A message that would need more calls is refused: it is no conversation any more.
const MAX_CALLS: usize = 20;
/// Nine segments of either alphabet.
const MAX_GSM: usize = 1377;
const MAX_UCS: usize = 603;
const MAX_TEXT: Limit = Limit {
    max: 4096,
    unit: Unit::Utf16,
};

/// Where a call goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// The SMS API.
    Sms,
    /// A conversation of the Conversations API.
    Conversation(String),
}

/// The place and the bodies that send a message, in order; at least one.
pub(super) fn bodies(
    outbound: &Outbound,
    pool: &Pool,
    report_url: Option<&str>,
) -> Result<(Place, Vec<Value>), Failure> {
    let thread = outbound.message.platform_conversation_id.trim();
    let (place, bodies) = if is_conversation(thread) {
        let place = Place::Conversation(thread.to_owned());
        (place, in_conversation(outbound)?)
    } else {
        (Place::Sms, sms(outbound, pool, report_url)?)
    };
    match bodies.len() {
        0 => Err(Failure::message("empty", "neither text nor attachments")),
        1..=MAX_CALLS => Ok((place, bodies)),
        calls => Err(Failure::message(
            "too-long",
            format!("would take {calls} calls; {MAX_CALLS} is the limit"),
        )),
    }
}

/// The size of what leaves as SMS.
pub(super) fn size((place, bodies): &(Place, Vec<Value>)) -> Option<SmsSize> {
    if *place != Place::Sms {
        return None;
    }
    sms_size(bodies.iter().filter_map(|body| body.get("body")?.as_str()))
}

/// A conversation's id is 32 hex digits; a number has at most fifteen digits.
fn is_conversation(thread: &str) -> bool {
    thread.len() == 32 && thread.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

fn sms(outbound: &Outbound, pool: &Pool, report_url: Option<&str>) -> Result<Vec<Value>, Failure> {
    let message = &outbound.message;
    let to = match message.recipient.id.trim() {
        "" => message.platform_conversation_id.trim(),
        id => id,
    };
    let to = to.strip_prefix('+').unwrap_or(to);
    if !(7..=15).contains(&to.len()) || !to.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Failure::message(
            "address",
            "not a number with its country, nor a conversation",
        ));
    }
    let from = pool.choose(outbound, |_| true).ok_or_else(|| {
        Failure::message("no-sender", "the channel has neither `from` nor `numbers`")
    })?;
    let content = &message.content;
    if content.template.is_some() {
        return Err(Failure::message(
            "template",
            "templates are for conversations",
        ));
    }
    let mut lines: Vec<String> = content
        .attachments
        .iter()
        .map(words::any)
        .collect::<Result<_, _>>()?;
    if !content.buttons.is_empty() {
        lines.push(listed(&content.buttons));
    }
    let mut written = content.clone();
    written.text = words::join(&written.text, lines);
    let whole = parts(
        &written,
        Dialect::Plain,
        Limit {
            max: usize::MAX,
            unit: Unit::Utf16,
        },
    )
    .concat();
    // What counts twice in the GSM alphabet counts twice here as well: half as many always fit.
    let limit = match segments(&whole).encoding {
        Encoding::Ucs2 => MAX_UCS,
        Encoding::Gsm7 if segments(&whole).units > whole.chars().count() => MAX_GSM / 2,
        Encoding::Gsm7 => MAX_GSM,
    };
    let limit = Limit {
        max: limit,
        unit: Unit::Utf16,
    };
    Ok(parts(&written, Dialect::Plain, limit)
        .into_iter()
        .map(|text| {
            let mut body = json!({
                "originator": from, "recipients": [to], "body": text, "datacoding": "auto",
                "reference": message.id.0.to_string(),
            });
            if let (Some(url), Some(fields)) = (report_url, body.as_object_mut()) {
                fields.insert("reportUrl".into(), url.into());
            }
            body
        })
        .collect())
}

fn in_conversation(outbound: &Outbound) -> Result<Vec<Value>, Failure> {
    let content = &outbound.message.content;
    if let Some(template) = &content.template {
        return Ok(vec![templated(template)?]);
    }
    let (mut files, mut lines) = (Vec::new(), Vec::new());
    for attachment in &content.attachments {
        match attachment.kind.as_str() {
            "location" => {
                let (latitude, longitude) = words::coordinates(attachment)?;
                files.push(json!({"type": "location", "content": {
                    "location": {"latitude": latitude, "longitude": longitude},
                }}));
            }
            "contact" => lines.push(words::any(attachment)?),
            kind => files.push(file(kind, attachment)?),
        }
    }
    if !content.buttons.is_empty() {
        lines.push(listed(&content.buttons));
    }
    let mut written = content.clone();
    written.text = words::join(&written.text, lines);
    let mut bodies: Vec<Value> = parts(&written, Dialect::WhatsApp, MAX_TEXT)
        .into_iter()
        .map(|text| json!({"type": "text", "content": {"text": text}}))
        .collect();
    bodies.extend(files);
    let first = bodies.first_mut().and_then(Value::as_object_mut);
    if let (Some(first), Some(quoted)) = (first, &outbound.message.in_reply_to) {
        first.insert("replyTo".into(), json!({"id": quoted}));
    }
    Ok(bodies)
}

fn file(kind: &str, attachment: &Attachment) -> Result<Value, Failure> {
    let kind = match kind {
        "image" | "audio" | "video" => kind,
        "voice" => "audio",
        _ => "file",
    };
    Ok(json!({"type": kind, "content": {kind: {"url": words::url(attachment)?}}}))
}

/// `namespace:name`, as WhatsApp's templates are named there.
fn templated(template: &PlatformTemplate) -> Result<Value, Failure> {
    if template.has_header_or_buttons() {
        return Err(Failure::message(
            "template",
            "MessageBird has components of its own: give header and buttons as `components`",
        ));
    }
    let (namespace, name) = match template.name.split_once(':') {
        Some((namespace, name)) => (Some(namespace), name),
        None => (None, template.name.as_str()),
    };
    let params: Vec<Value> = template
        .variables
        .iter()
        .map(|text| json!({"default": text}))
        .collect();
    let mut hsm = json!({
        "templateName": name,
        "language": {"policy": "deterministic", "code": template.language},
    });
    if let Some(fields) = hsm.as_object_mut() {
        if let Some(namespace) = namespace {
            fields.insert("namespace".into(), namespace.into());
        }
        if template.components.is_empty() {
            fields.insert("params".into(), params.into());
        } else {
            fields.insert("components".into(), template.components.clone().into());
        }
    }
    Ok(json!({"type": "hsm", "content": {"hsm": hsm}}))
}

#[cfg(test)]
mod tests {
    use schemas::Button;

    use super::*;
    use crate::channel::tests::{account, outbound};

    const CONVERSATION: &str = "cccccccccccccccccccccccccccccccc";

    fn pool() -> Pool {
        let config = json!({"settings": {"from": "Tidings"}});
        Pool::new(&account(
            schemas::ChannelKind::MessageBird,
            &config,
            &Value::Null,
        ))
    }

    fn to(conversation: &str, text: &str) -> Outbound {
        let mut outbound = outbound(1);
        outbound.message.platform_conversation_id = conversation.into();
        outbound.message.recipient.id = String::new();
        outbound.message.content.text = text.into();
        outbound
    }

    fn sent(outbound: &Outbound) -> Vec<Value> {
        bodies(outbound, &pool(), None).unwrap().1
    }

    #[test]
    fn a_number_gets_an_sms() {
        let (place, bodies) =
            bodies(&to("31612345678", "hi"), &pool(), Some("https://h/w")).unwrap();
        assert_eq!(place, Place::Sms);
        assert_eq!(
            bodies,
            [
                json!({"originator": "Tidings", "recipients": ["31612345678"], "body": "hi", "datacoding": "auto",
                "reference": "00000000-0000-0000-0000-000000000001", "reportUrl": "https://h/w"})
            ]
        );
        for odd in ["ann", "", "12345"] {
            let failure = super::bodies(&to(odd, "hi"), &pool(), None).unwrap_err();
            assert_eq!(failure.code, "address");
        }
    }

    #[test]
    fn what_leaves_as_sms_has_a_size() {
        let size = |conversation: &str, text: &str| {
            let size = size(&bodies(&to(conversation, text), &pool(), None).unwrap());
            size.map(|size| (size.encoding.name(), size.segments))
        };
        assert_eq!(size("31612345678", "hi"), Some(("gsm7", 1)));
        assert_eq!(size("31612345678", &"я".repeat(700)), Some(("ucs2", 9 + 2)));
        assert_eq!(size(CONVERSATION, "hi"), None);
    }

    #[test]
    fn long_texts_leave_in_parts_of_nine_segments() {
        for (text, count) in [
            ("word ".repeat(600), 3),
            ("wörd ".repeat(600), 3),
            ("слово ".repeat(200), 2),
            ("{word} ".repeat(300), 4),
        ] {
            let bodies = sent(&to("31612345678", &text));
            assert_eq!(bodies.len(), count);
            for body in bodies {
                assert!(segments(body["body"].as_str().unwrap()).count <= 9);
            }
        }
    }

    #[test]
    fn a_conversation_takes_files_and_replies() {
        let mut message = to(CONVERSATION, "Look");
        message.message.in_reply_to = Some("m1".into());
        message.message.content.buttons = vec![Button {
            title: "Yes".into(),
            ..Button::default()
        }];
        message.message.content.attachments = vec![Attachment {
            kind: "image".into(),
            url: Some("https://example.org/i.png".into()),
            ..Attachment::default()
        }];
        assert_eq!(
            sent(&message),
            [
                json!({"type": "text", "content": {"text": "Look\n\n- Yes"}, "replyTo": {"id": "m1"}}),
                json!({"type": "image", "content": {"image": {"url": "https://example.org/i.png"}}}),
            ]
        );
        message.message.content.template = Some(PlatformTemplate {
            name: "ns:shipped".into(),
            language: "nl".into(),
            variables: vec!["Jan".into()],
            ..PlatformTemplate::default()
        });
        assert_eq!(
            sent(&message)[0]["content"]["hsm"],
            json!({"namespace": "ns", "templateName": "shipped", "params": [{"default": "Jan"}],
                "language": {"policy": "deterministic", "code": "nl"}})
        );
    }
}
