//! Calls (<https://www.twilio.com/docs/voice/api/call-resource#statuscallback>,
//! <https://www.twilio.com/docs/voice/twiml/record>).

use mail_parser::DateTime;
use schemas::{
    About, Attachment, Message, MessageType, PartyType, Timestamp, TrackKind,
    keys::twilio::{caller, recording as recording_sid, text},
};

use super::{
    super::{Filled, News, phone},
    Fields, message,
};

/// What happened to a call.
pub(super) fn call(message: &Message, fields: &Fields) -> Vec<News> {
    let status = text(fields, "CallStatus").unwrap_or("unknown");
    let seconds = text(fields, "CallDuration").map(|seconds| format!("{seconds} s"));
    let code = text(fields, "SipResponseCode").map(|code| format!("SIP {code}"));
    let parts = [Some(status.to_owned()), seconds, code];
    let detail = parts.into_iter().flatten().collect::<Vec<_>>().join(", ");
    vec![news(message, fields, detail)]
}

/// The sound that a caller left; until it is whole, only news of it.
pub(super) fn recording(message: &mut Message, fields: &Fields) -> Filled {
    let status = text(fields, "RecordingStatus").unwrap_or("completed");
    if status != "completed" {
        let detail = format!("recording {status}");
        return Filled::News(vec![news(message, fields, detail)]);
    }
    speaker(message, fields);
    message.message_type = MessageType::Voice;
    if let Some(start) = text(fields, "RecordingStartTime").and_then(time) {
        message.created_at = start;
    }
    if let Some(sound) = sound(fields) {
        message.content.attachments.push(sound);
    }
    Filled::MESSAGE
}

/// The words of a recording, as a message of the caller that answers the recording.
pub(super) fn transcript(message: &mut Message, fields: &Fields) -> Filled {
    let words = text(fields, "TranscriptionText")
        .map(str::trim)
        .unwrap_or_default();
    let failed = text(fields, "TranscriptionStatus").is_some_and(|status| status != "completed");
    if failed || words.is_empty() {
        let status = text(fields, "TranscriptionStatus").unwrap_or("empty");
        let detail = format!("transcription {status}");
        return Filled::News(vec![news(message, fields, detail)]);
    }
    speaker(message, fields);
    message.content.text = words.to_owned();
    message.in_reply_to = recording_sid(fields).map(str::to_owned);
    message.metadata.insert("transcript".into(), true.into());
    Filled::MESSAGE
}

fn speaker(message: &mut Message, fields: &Fields) {
    message::parties(message, fields);
    match caller(fields) {
        Some(caller) => message.sender.id = phone::canonical(caller),
        // Nobody who could be written to.
        None => {
            message.sender.id = message.platform_conversation_id.clone();
            message.sender.kind = PartyType::System;
        }
    }
    let outbound = text(fields, "Direction").is_some_and(|way| way.starts_with("outbound"));
    if let Some(own) = text(fields, "From").filter(|_| outbound) {
        message.recipient.id = phone::canonical(own);
    }
    if let Some(sid) = text(fields, "CallSid") {
        message.metadata.insert("call".into(), sid.into());
    }
    message.metadata.insert("platform".into(), "voice".into());
}

fn sound(fields: &Fields) -> Option<Attachment> {
    let url = text(fields, "RecordingUrl")?;
    let mut sound = Attachment {
        kind: "voice".into(),
        // Without an ending Twilio serves WAV.
        content_type: Some(
            if url.ends_with(".mp3") {
                "audio/mpeg"
            } else {
                "audio/wav"
            }
            .into(),
        ),
        url: Some(url.to_owned()),
        platform_id: recording_sid(fields).map(str::to_owned),
        ..Attachment::default()
    };
    for (name, key) in [
        ("RecordingDuration", "duration_s"),
        ("RecordingChannels", "channels"),
    ] {
        let number = text(fields, name).and_then(|number| number.parse::<u64>().ok());
        if let Some(number) = number {
            sound.metadata.insert(key.into(), number.into());
        }
    }
    Some(sound)
}

/// News of a call, about who is on its other side.
fn news(message: &Message, fields: &Fields, detail: String) -> News {
    let address = caller(fields).map_or_else(
        || message.platform_conversation_id.clone(),
        phone::canonical,
    );
    News {
        kind: TrackKind::Call,
        about: About::Address(address),
        provider_id: text(fields, "CallSid").map(str::to_owned),
        at: text(fields, "Timestamp")
            .and_then(time)
            .unwrap_or(message.created_at),
        detail: Some(detail),
    }
}

/// RFC 2822, as in `Mon, 15 Aug 2005 15:52:01 +0000`.
fn time(text: &str) -> Option<Timestamp> {
    let at = DateTime::parse_rfc822(text).filter(DateTime::is_valid)?;
    Some(Timestamp::from_seconds(at.to_timestamp()))
}
