//! Events of Twilio Event Streams (<https://www.twilio.com/docs/events/event-types>), and summaries of Voice Insights
//! (<https://www.twilio.com/docs/voice/voice-insights/api/call/call-summary-resource>).

use schemas::{
    About, Message, Timestamp, TrackKind,
    keys::twilio::{in_data, quality as summary_of, quality_caller, text},
};
use serde_json::Value;

use super::{
    super::{News, phone},
    Fields, message as written, receipt,
};

/// Somebody wrote to us: the fields of the webhook in another spelling.
pub(super) fn message(message: &mut Message, fields: &Fields) -> Vec<News> {
    message.created_at = time(message, fields);
    let mut spelled = Fields::new();
    for (theirs, name) in [
        ("messageSid", "MessageSid"),
        ("from", "From"),
        ("to", "To"),
        ("body", "Body"),
        ("profileName", "ProfileName"),
        ("optOutType", "OptOutType"),
        ("messagingServiceSid", "MessagingServiceSid"),
    ] {
        if let Some(value) = in_data(fields, theirs) {
            spelled.insert(name.into(), value.into());
        }
    }
    let media = fields
        .get("data")
        .and_then(|data| data.get("mediaUrls").or_else(|| data.get("media")))
        .and_then(Value::as_array);
    for (index, url) in media.into_iter().flatten().enumerate() {
        if let Some(url) = url.as_str() {
            spelled.insert(format!("MediaUrl{index}"), url.into());
        }
    }
    written::fill(message, &spelled)
}

/// What became of a message of ours.
pub(super) fn status(message: &mut Message, fields: &Fields) -> Vec<News> {
    message.created_at = time(message, fields);
    let last = text(fields, "type").and_then(|kind| kind.rsplit('.').next());
    let status = in_data(fields, "messageStatus")
        .or(last)
        .unwrap_or_default();
    let code = fields.get("data").and_then(|data| data.get("errorCode"));
    let code = match code {
        Some(Value::String(code)) => Some(code.clone()),
        Some(Value::Number(code)) => Some(code.to_string()),
        _ => None,
    };
    in_data(fields, "messageSid")
        .map(|sid| {
            let (reason, to) = (in_data(fields, "errorMessage"), in_data(fields, "to"));
            receipt(message, sid, status, code.as_deref(), reason, to)
        })
        .unwrap_or_default()
}

/// How well a call could be heard: the tags Twilio gave it, such as `high_jitter`.
pub(super) fn quality(message: &Message, fields: &Fields) -> Vec<News> {
    let summary = summary_of(fields);
    let word = |name: &str| summary.get(name).and_then(Value::as_str);
    let tags = summary.get("tags").and_then(Value::as_array);
    let tags: Vec<&str> = tags
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let seconds = summary.get("duration").and_then(Value::as_f64);
    let mut parts = vec![format!(
        "quality {}",
        word("processing_state").unwrap_or("event")
    )];
    parts.extend(
        word("call_state")
            .or_else(|| word("name"))
            .map(str::to_owned),
    );
    parts.extend(seconds.map(|seconds| format!("{seconds} s")));
    parts.extend(tags.iter().map(|tag| (*tag).to_owned()));
    let address = quality_caller(fields).map_or_else(
        || message.platform_conversation_id.clone(),
        phone::canonical,
    );
    vec![News {
        kind: TrackKind::Call,
        about: About::Address(address),
        provider_id: word("call_sid").map(str::to_owned),
        at: time(message, fields),
        detail: Some(parts.join(", ")),
    }]
}

/// The event's own time; that of its arrival where it has none.
fn time(message: &Message, fields: &Fields) -> Timestamp {
    let summary = summary_of(fields);
    ["time", "timestamp"]
        .into_iter()
        .filter_map(|name| fields.get(name).or_else(|| summary.get(name)))
        .find_map(|time| serde_json::from_value(time.clone()).ok())
        .unwrap_or(message.created_at)
}
