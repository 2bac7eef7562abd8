//! Vonage's requests: the Messages API (<https://developer.vonage.com/en/api/messages-olympus>), the older SMS API
//! (<https://developer.vonage.com/en/api/sms>) and calls (<https://developer.vonage.com/en/voice/voice-api/webhook-reference>).
//!
//! A long SMS that the older API hands over in parts stays in parts: `metadata.concat` says which, for putting them together
//! needs a memory that stages have not.

mod message;

use schemas::{
    About, Attachment, Message, MessageType, PartyType, TrackKind,
    keys::{
        twilio::text,
        vonage::{What, caller, what},
    },
};
use serde_json::{Map, Value, json};

use super::{Filled, News, keyword, note_command, phone, stamp, unsupported};

type Fields = Map<String, Value>;

pub(super) fn fill(message: &mut Message, bytes: &[u8]) -> Filled {
    let Ok(fields) = serde_json::from_slice::<Fields>(bytes) else {
        unsupported(message, bytes);
        return Filled::MESSAGE;
    };
    for name in ["timestamp", "message-timestamp", "start_time"] {
        if let Some(at) = text(&fields, name).and_then(stamp::read) {
            message.created_at = at;
            break;
        }
    }
    match what(&fields) {
        What::Message => {
            if !message::fill(message, &fields) {
                unsupported(message, bytes);
            }
            let sms = matches!(text(&fields, "channel"), None | Some("sms" | "mms" | "rcs"));
            Filled::Message(keyword::note(message, None, sms))
        }
        What::Status => Filled::News(status(message, &fields)),
        What::Sms => Filled::Message(sms(message, &fields)),
        What::SmsStatus => Filled::News(sms_status(message, &fields)),
        What::Call => Filled::News(call(message, &fields)),
        What::Recording => {
            recording(message, &fields);
            Filled::MESSAGE
        }
        What::Other => {
            unsupported(message, bytes);
            Filled::MESSAGE
        }
    }
}

fn status(message: &Message, fields: &Fields) -> Vec<News> {
    let kind = match text(fields, "status").unwrap_or_default() {
        "submitted" => TrackKind::Sent,
        "delivered" => TrackKind::Delivered,
        "read" => TrackKind::Read,
        "rejected" | "undeliverable" | "failed" => TrackKind::Failed,
        _ => return Vec::new(),
    };
    let Some(id) = text(fields, "message_uuid") else {
        return Vec::new();
    };
    let mut news = News::receipt(kind, id, message.created_at);
    if kind == TrackKind::Failed {
        let said = |name: &str| {
            let value = fields.get("error")?.get(name)?;
            value
                .as_str()
                .map(str::to_owned)
                .or_else(|| value.as_i64().map(|code| code.to_string()))
        };
        // `…/api-errors/messages#1320`
        let number = said("type").and_then(|kind| Some(kind.rsplit_once('#')?.1.to_owned()));
        let code = number.or_else(|| said("title")).or_else(|| said("code"));
        let reason = said("detail").or_else(|| said("reason"));
        let parts: Vec<String> = [code, reason].into_iter().flatten().collect();
        news = news.because(match parts.as_slice() {
            [] => text(fields, "status").unwrap_or_default().to_owned(),
            parts => parts.join(": "),
        });
    }
    vec![news]
}

/// <https://developer.vonage.com/en/messaging/sms/guides/inbound-sms>
fn sms(message: &mut Message, fields: &Fields) -> Vec<News> {
    let find = |name: &str| text(fields, name);
    message.sender.id = phone::international(find("msisdn").unwrap_or_default());
    if let Some(to) = find("to") {
        message.recipient.id = phone::international(to);
        message.recipient.kind = PartyType::Bot;
    }
    message.content.text = find("text").unwrap_or_default().to_owned();
    let metadata = &mut message.metadata;
    if find("type") == Some("binary") {
        for name in ["data", "udh"] {
            if let Some(hex) = find(name) {
                metadata.insert(name.into(), hex.into());
            }
        }
    }
    let concat = fields
        .get("concat")
        .is_some_and(|concat| concat == "true" || concat == true);
    if concat {
        let part = json!({
            "ref": find("concat-ref"), "part": number(fields, "concat-part"),
            "total": number(fields, "concat-total"),
        });
        metadata.insert("concat".into(), part);
    }
    // One part of several is no word alone.
    if concat {
        return Vec::new();
    }
    note_command(message);
    keyword::note(message, None, true)
}

fn number(fields: &Fields, name: &str) -> Option<u64> {
    let value = fields.get(name)?;
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

/// <https://developer.vonage.com/en/messaging/sms/guides/delivery-receipts>
fn sms_status(message: &mut Message, fields: &Fields) -> Vec<News> {
    let at = text(fields, "message-timestamp").and_then(stamp::read);
    message.created_at = at.unwrap_or(message.created_at);
    let status = text(fields, "status").unwrap_or_default();
    let kind = match status {
        "accepted" | "buffered" => TrackKind::Sent,
        "delivered" => TrackKind::Delivered,
        "failed" | "rejected" | "expired" => TrackKind::Failed,
        _ => return Vec::new(),
    };
    let Some(id) = text(fields, "messageId") else {
        return Vec::new();
    };
    let mut news = News::receipt(kind, id, message.created_at);
    if kind == TrackKind::Failed {
        let code = text(fields, "err-code").unwrap_or("0");
        news = news.because(format!("{code}: {status}"));
    }
    vec![news]
}

fn call(message: &Message, fields: &Fields) -> Vec<News> {
    let status = text(fields, "status").unwrap_or("asks").to_owned();
    let seconds = number(fields, "duration").map(|seconds| format!("{seconds} s"));
    let quality = fields
        .get("quality")
        .and_then(|quality| quality.get("mos_score"));
    let quality = quality.map(|mos| {
        format!(
            "MOS {}",
            mos.as_str().map_or_else(|| mos.to_string(), str::to_owned)
        )
    });
    let parts: Vec<String> = [Some(status), seconds, quality]
        .into_iter()
        .flatten()
        .collect();
    let address = caller(fields).map_or_else(
        || message.platform_conversation_id.clone(),
        phone::international,
    );
    vec![News {
        kind: TrackKind::Call,
        about: About::Address(address),
        provider_id: text(fields, "uuid").map(str::to_owned),
        at: message.created_at,
        detail: Some(parts.join(", ")),
    }]
}

fn recording(message: &mut Message, fields: &Fields) {
    match caller(fields) {
        Some(caller) => message.sender.id = phone::international(caller),
        // Nobody who could be written to.
        None => {
            message.sender.id = message.platform_conversation_id.clone();
            message.sender.kind = PartyType::System;
        }
    }
    message.message_type = MessageType::Voice;
    message.metadata.insert("platform".into(), "voice".into());
    if let Some(call) = text(fields, "conversation_uuid") {
        message.metadata.insert("call".into(), call.into());
    }
    message.content.attachments.push(Attachment {
        kind: "voice".into(),
        url: text(fields, "recording_url").map(str::to_owned),
        platform_id: text(fields, "recording_uuid").map(str::to_owned),
        size_bytes: number(fields, "size"),
        ..Attachment::default()
    });
}
