//! MessageBird's requests: SMS and what became of them (<https://developers.messagebird.com/api/sms-messaging/>), and messages of
//! the Conversations API (<https://developers.messagebird.com/api/conversations/#webhooks>).

mod conversation;

use schemas::{
    Message, PartyType, TrackKind,
    keys::{
        messagebird::{What, is_new, originator, what},
        twilio::text,
    },
};
use serde_json::{Map, Value};

use super::{Filled, News, keyword, note_command, phone, stamp, unsupported};

type Fields = Map<String, Value>;

pub(super) fn fill(message: &mut Message, bytes: &[u8]) -> Filled {
    let Ok(fields) = serde_json::from_slice::<Fields>(bytes) else {
        unsupported(message, bytes);
        return Filled::MESSAGE;
    };
    match what(&fields) {
        What::Sms => Filled::Message(sms(message, &fields)),
        What::Report => Filled::News(report(message, &fields)),
        What::Message if is_new(&fields) => conversation::fill(message, &fields, bytes),
        What::Message => Filled::News(conversation::status(message, &fields)),
        What::Other => {
            unsupported(message, bytes);
            Filled::MESSAGE
        }
    }
}

fn sms(message: &mut Message, fields: &Fields) -> Vec<News> {
    let find = |name: &str| text(fields, name);
    message.sender.id = phone::international(originator(fields).unwrap_or_default());
    if let Some(to) = find("recipient") {
        message.recipient.id = phone::international(to);
        message.recipient.kind = PartyType::Bot;
    }
    let words = find("body")
        .or_else(|| find("message"))
        .or_else(|| find("payload"));
    message.content.text = words.unwrap_or_default().to_owned();
    let at = find("createdDatetime").or_else(|| find("receiveDatetime"));
    message.created_at = at.and_then(stamp::read).unwrap_or(message.created_at);
    for (name, key) in [
        ("reference", "reference"),
        ("shortcode", "short_code"),
        ("keyword", "keyword_sent"),
        ("mccmnc", "network"),
    ] {
        if let Some(value) = find(name) {
            message.metadata.insert(key.into(), value.into());
        }
    }
    note_command(message);
    keyword::note(message, None, true)
}

/// <https://developers.messagebird.com/api/sms-messaging/#status-reports>
fn report(message: &Message, fields: &Fields) -> Vec<News> {
    let find = |name: &str| text(fields, name);
    let (Some(id), Some(status)) = (find("id"), find("status")) else {
        return Vec::new();
    };
    let at = find("statusDatetime").and_then(stamp::read);
    let code = find("statusErrorCode").filter(|code| *code != "0");
    let reason = find("statusReason").or(Some(status));
    receipt(id, status, at.unwrap_or(message.created_at), code, reason)
}

/// The news of a status; one that only says "still on its way" is none.
fn receipt(
    id: &str,
    status: &str,
    at: schemas::Timestamp,
    code: Option<&str>,
    reason: Option<&str>,
) -> Vec<News> {
    let kind = match status {
        "sent" | "buffered" | "transmitted" => TrackKind::Sent,
        "delivered" => TrackKind::Delivered,
        "read" => TrackKind::Read,
        "delivery_failed" | "expired" | "failed" | "rejected" | "deleted" => TrackKind::Failed,
        _ => return Vec::new(),
    };
    let news = News::receipt(kind, id, at);
    if kind != TrackKind::Failed {
        return vec![news];
    }
    let parts: Vec<&str> = [code, reason].into_iter().flatten().collect();
    vec![news.because(parts.join(": "))]
}
