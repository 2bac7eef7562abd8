//! Twilio's requests, as objects of their fields
//! (<https://www.twilio.com/docs/messaging/guides/webhook-request>).
//!
//! Twilio names no time of a message; that of its arrival stands for it. Of a call what is said is a message (the sound a caller
//! left, and its transcript, which answers it, so that its words are understood and ruled on like any others); all
//! else about calls is news.

mod event;
mod message;
mod voice;

use schemas::{
    Message, TrackKind,
    keys::twilio::{What, message_sid, message_status, text, what},
};
use serde_json::{Map, Value};

use super::{Filled, News, phone, unsupported};

type Fields = Map<String, Value>;

pub(super) fn fill(message: &mut Message, bytes: &[u8]) -> Filled {
    let Ok(fields) = serde_json::from_slice::<Fields>(bytes) else {
        unsupported(message, bytes);
        return Filled::MESSAGE;
    };
    match what(&fields) {
        What::Message => Filled::Message(message::fill(message, &fields)),
        What::Status => Filled::News(status(message, &fields)),
        What::Call => Filled::News(voice::call(message, &fields)),
        What::Recording => voice::recording(message, &fields),
        What::Transcript => voice::transcript(message, &fields),
        What::MessageEvent => Filled::Message(event::message(message, &fields)),
        What::StatusEvent => Filled::News(event::status(message, &fields)),
        What::Quality => Filled::News(event::quality(message, &fields)),
        What::Other => {
            unsupported(message, bytes);
            Filled::MESSAGE
        }
    }
}

/// What became of a message (<https://www.twilio.com/docs/messaging/guides/outbound-message-status-in-status-callbacks>).
fn status(message: &Message, fields: &Fields) -> Vec<News> {
    let (Some(sid), Some(status)) = (message_sid(fields), message_status(fields)) else {
        return Vec::new();
    };
    receipt(
        message,
        sid,
        status,
        text(fields, "ErrorCode"),
        text(fields, "ErrorMessage").or_else(|| text(fields, "ChannelStatusMessage")),
        text(fields, "To"),
    )
}

/// The news of a status; one that only says "still on its way" is none.
fn receipt(
    message: &Message,
    sid: &str,
    status: &str,
    code: Option<&str>,
    reason: Option<&str>,
    to: Option<&str>,
) -> Vec<News> {
    let kind = match status.to_ascii_lowercase().as_str() {
        "sent" => TrackKind::Sent,
        "delivered" => TrackKind::Delivered,
        "read" => TrackKind::Read,
        "undelivered" | "failed" | "canceled" => TrackKind::Failed,
        _ => return Vec::new(),
    };
    let at = message.created_at;
    let mut news = News::receipt(kind, sid, at);
    if kind == TrackKind::Failed {
        let code = code.filter(|code| *code != "0");
        news = news.because(match (code, reason) {
            (Some(code), Some(reason)) => format!("{code}: {reason}"),
            (Some(code), None) => format!("{code}: {status}"),
            (None, Some(reason)) => format!("{status}: {reason}"),
            (None, None) => status.to_ascii_lowercase(),
        });
    }
    let mut all = vec![news];
    // https://www.twilio.com/docs/api/errors/21610: it has answered STOP.
    if let (Some("21610"), Some(to)) = (code, to) {
        all.push(News::address(
            TrackKind::Unsubscribed,
            phone::canonical(to),
            at,
        ));
    }
    all
}
