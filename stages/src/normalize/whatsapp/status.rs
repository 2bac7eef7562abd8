//! What became of our messages, who wants no more of them, and calls.

use schemas::{Message, PartyType, TrackKind};
use serde_json::Value;

use super::{
    super::{
        Filled, News,
        meta::{Update, at, event, field, keep, list, reason},
        unsupported,
    },
    person, us,
};

/// The person has asked for no more marketing
/// (<https://developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes>).
const OPTED_OUT: &str = "131050";

/// A message's status
/// (<https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages/status>).
pub(super) fn receipt(message: &mut Message, update: &Update, bytes: &[u8]) -> Filled {
    let item = &update.item;
    let when = at(item, "timestamp").unwrap_or(message.created_at);
    let said = field(item, "status").unwrap_or_default();
    let Some(id) = field(item, "id") else {
        unsupported(message, bytes);
        return Filled::MESSAGE;
    };
    if field(item, "type").as_deref() == Some("call") {
        let news = News::receipt(TrackKind::Call, id, when).because(said.to_ascii_lowercase());
        return Filled::News(vec![news]);
    }
    let kind = match &*said {
        "sent" => TrackKind::Sent,
        "delivered" => TrackKind::Delivered,
        // Who played a voice message has opened it.
        "read" | "played" => TrackKind::Read,
        "failed" => TrackKind::Failed,
        "deleted" | "warning" => {
            event(message, bytes, &format!("message_{said}"));
            message.sender = person(update, &["recipient_id", "recipient_user_id"]);
            message.recipient = us(update, PartyType::Bot);
            message.in_reply_to = Some(id);
            message.created_at = when;
            return Filled::MESSAGE;
        }
        _ => {
            unsupported(message, bytes);
            return Filled::MESSAGE;
        }
    };
    let errors = list(item, "errors");
    let mut news = News::receipt(kind, id, when);
    if let Some(reason) = reason(errors) {
        news = news.because(reason);
    }
    let mut news = vec![news];
    let opted_out = |error: &Value| field(error, "code").as_deref() == Some(OPTED_OUT);
    let whom = person(update, &["recipient_id", "recipient_user_id"]).id;
    if errors.iter().any(opted_out) && !whom.is_empty() {
        let news_of_whom = News::address(TrackKind::Unsubscribed, whom, when);
        news.push(news_of_whom.because("marketing_messages"));
    }
    Filled::News(news)
}

/// Marketing messages stopped or resumed
/// (<https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/user_preferences>).
pub(super) fn preference(message: &mut Message, update: &Update, bytes: &[u8]) -> Filled {
    let item = &update.item;
    let whom = person(update, &["wa_id", "user_id"]).id;
    let kind = match field(item, "value").as_deref() {
        Some("stop") => TrackKind::Unsubscribed,
        Some("resume") => TrackKind::Resubscribed,
        _ => {
            unsupported(message, bytes);
            return Filled::MESSAGE;
        }
    };
    if whom.is_empty() {
        unsupported(message, bytes);
        return Filled::MESSAGE;
    }
    let when = at(item, "timestamp").unwrap_or(message.created_at);
    let category = field(item, "category").unwrap_or_default();
    Filled::News(vec![News::address(kind, whom, when).because(category)])
}

/// A call begins or ends
/// (<https://developers.facebook.com/documentation/business-messaging/whatsapp/calling/reference>).
pub(super) fn call(message: &mut Message, update: &Update, bytes: &[u8]) -> Filled {
    let item = &update.item;
    let (Some(id), Some(what)) = (field(item, "id"), field(item, "event")) else {
        unsupported(message, bytes);
        return Filled::MESSAGE;
    };
    event(message, bytes, &format!("call_{what}"));
    let outgoing = field(item, "direction").as_deref() == Some("BUSINESS_INITIATED");
    let names = if outgoing {
        ["to", "to_user_id"]
    } else {
        ["from", "from_user_id"]
    };
    message.sender = person(update, &names);
    message.recipient = us(update, PartyType::Bot);
    let when = at(item, "timestamp").unwrap_or(message.created_at);
    message.created_at = when;
    // The offer of a call is of use to nobody later.
    let mut about = item.clone();
    if let Some(fields) = about.as_object_mut() {
        fields.remove("session");
    }
    keep(&mut message.metadata, "call", Some(about));
    message.metadata.remove("raw");
    let status = field(item, "status").map(|status| format!(": {}", status.to_ascii_lowercase()));
    let detail = format!("{what}{}", status.unwrap_or_default());
    Filled::Message(vec![
        News::receipt(TrackKind::Call, id, when).because(detail),
    ])
}
