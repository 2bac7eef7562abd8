//! Keys of what Twilio posts, as an object of its fields
//! (<https://www.twilio.com/docs/messaging/guides/webhook-request>, <https://www.twilio.com/docs/voice/twiml#request-parameters>).
//!
//! A message is its SID, a recording and its transcript are theirs. What became of a message or a call is
//! `<sid>:<status>`, so that one status is one update. A conversation is the other side's address as Twilio writes it:
//! `+49…`, `whatsapp:+49…`; the call where no address is given. Events of Event Streams are their own ids.

use serde_json::{Map, Value};

use super::{Keys, Malformed, bounded, event};

/// What a request is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// Somebody wrote to us.
    Message,
    /// What became of a message of ours.
    Status,
    /// A call rings, was answered, has ended.
    Call,
    /// A sound that a caller left.
    Recording,
    /// The words of a recording.
    Transcript,
    /// An event of Event Streams about a message of ours.
    StatusEvent,
    /// An event of Event Streams: somebody wrote to us.
    MessageEvent,
    /// How well a call could be heard.
    Quality,
    /// Not known.
    Other,
}

/// What a request is about, told by its fields alone.
#[must_use]
pub fn what(fields: &Map<String, Value>) -> What {
    let has = |name: &str| text(fields, name).is_some();
    if has("TranscriptionSid") {
        What::Transcript
    } else if recording(fields).is_some() && !has("CallDuration") && !has("MessageSid") {
        What::Recording
    } else if let Some(status) = message_sid(fields).map(|_| message_status(fields)) {
        match status {
            None | Some("received" | "receiving") if has("From") => What::Message,
            // Of Twilio Conversations, which name their people in another way.
            None | Some("received" | "receiving") => What::Other,
            Some(_) => What::Status,
        }
    } else if has("CallSid") {
        What::Call
    } else {
        cloud_event(fields)
    }
}

/// <https://www.twilio.com/docs/events/event-types>
fn cloud_event(fields: &Map<String, Value>) -> What {
    let kind = text(fields, "type").unwrap_or_default();
    let data = |name: &str| in_data(fields, name).is_some();
    if kind.starts_with("com.twilio.messaging.inbound-message.received") && data("messageSid") {
        What::MessageEvent
    } else if kind.starts_with("com.twilio.messaging.message.") && data("messageSid") {
        What::StatusEvent
    } else if (kind.starts_with("com.twilio.voice.insights.") && data("call_sid"))
        || (text(fields, "call_sid").is_some() && fields.contains_key("processing_state"))
    {
        What::Quality
    } else {
        What::Other
    }
}

/// The keys of one request.
///
/// # Errors
/// [`Malformed`] when it is no JSON object, or one of no field that Twilio or its Event Streams send.
pub fn keys(bytes: &[u8]) -> Result<Keys, Malformed> {
    const WHAT: &str = "a Twilio request";
    let fields: Map<String, Value> =
        serde_json::from_slice(bytes).map_err(|error| event::malformed(WHAT, &error))?;
    let find = |name: &str| text(&fields, name);
    let named = |id: Option<String>, conversation: Option<&str>| {
        Some(Keys {
            platform_id: bounded(&id?)?,
            conversation: conversation
                .and_then(bounded)
                .or_else(|| bounded(find("CallSid")?))?,
        })
    };
    let known = match what(&fields) {
        What::Message => named(message_sid(&fields).map(str::to_owned), find("From")),
        What::Status => named(
            message_sid(&fields)
                .zip(message_status(&fields))
                .map(|(sid, status)| format!("{sid}:{status}")),
            find("To").or_else(|| find("ChannelToAddress")),
        ),
        What::Call => named(
            find("CallSid").map(|sid| format!("{sid}:{}", find("CallStatus").unwrap_or("call"))),
            caller(&fields),
        ),
        What::Recording => named(
            recording(&fields).map(|sid| match find("RecordingStatus") {
                None | Some("completed") => sid.to_owned(),
                Some(status) => format!("{sid}:{status}"),
            }),
            caller(&fields),
        ),
        What::Transcript => named(find("TranscriptionSid").map(str::to_owned), caller(&fields)),
        What::MessageEvent => named(
            in_data(&fields, "messageSid").map(str::to_owned),
            in_data(&fields, "from"),
        ),
        What::StatusEvent => named(find("id").map(str::to_owned), in_data(&fields, "to")),
        What::Quality => {
            let call = find("call_sid").or_else(|| in_data(&fields, "call_sid"));
            let state = quality(&fields)
                .get("processing_state")
                .and_then(Value::as_str);
            let id = find("id")
                .map(str::to_owned)
                .or_else(|| Some(format!("{}:{}", call?, state.unwrap_or("summary"))));
            named(id, quality_caller(&fields).or(call))
        }
        What::Other => None,
    };
    match known {
        Some(keys) => Ok(keys),
        None if fields.keys().any(|name| is_theirs(name)) => event::keys(WHAT, bytes),
        None => Err(Malformed::Json {
            what: WHAT,
            line: 1,
            column: 1,
        }),
    }
}

/// Every request has a SID; every event a type.
fn is_theirs(name: &str) -> bool {
    name.ends_with("Sid")
        || name.ends_with("_sid")
        || matches!(name, "sid" | "type" | "specversion")
}

/// The other side of a call; none when it withholds its number, for then each call is somebody else.
#[must_use]
pub fn caller(fields: &Map<String, Value>) -> Option<&str> {
    let outbound = text(fields, "Direction").is_some_and(|way| way.starts_with("outbound"));
    let names = if outbound {
        ["To", "Called"]
    } else {
        ["From", "Caller"]
    };
    names
        .into_iter()
        .find_map(|name| text(fields, name))
        .filter(|address| !is_withheld(address))
}

/// Whether an address stands for none: the word, or the digits that spell it on a telephone
/// (<https://help.twilio.com/articles/223179988>).
#[must_use]
pub fn is_withheld(address: &str) -> bool {
    let spelled = [
        "+266696687",
        "+7378742833",
        "+2562533",
        "+8656696",
        "+86282452253",
    ];
    let words = [
        "anonymous",
        "restricted",
        "blocked",
        "unknown",
        "unavailable",
        "private",
    ];
    spelled.contains(&address) || words.iter().any(|word| address.eq_ignore_ascii_case(word))
}

/// The SID of a recording, which its address ends in.
#[must_use]
pub fn recording(fields: &Map<String, Value>) -> Option<&str> {
    text(fields, "RecordingSid").or_else(|| {
        let (_, last) = text(fields, "RecordingUrl")?.rsplit_once('/')?;
        last.starts_with("RE").then_some(last)
    })
}

/// The SID of a message.
#[must_use]
pub fn message_sid(fields: &Map<String, Value>) -> Option<&str> {
    ["MessageSid", "SmsSid", "SmsMessageSid"]
        .into_iter()
        .find_map(|name| text(fields, name))
}

/// What became of a message of ours; `received` or none of one to us.
#[must_use]
pub fn message_status(fields: &Map<String, Value>) -> Option<&str> {
    text(fields, "MessageStatus").or_else(|| text(fields, "SmsStatus"))
}

/// The summary of a call, alone or within an event.
#[must_use]
pub fn quality(fields: &Map<String, Value>) -> &Map<String, Value> {
    fields
        .get("data")
        .and_then(Value::as_object)
        .unwrap_or(fields)
}

/// The other side of a call that was summed up.
#[must_use]
pub fn quality_caller(fields: &Map<String, Value>) -> Option<&str> {
    let summary = quality(fields);
    let direction = summary
        .get("properties")
        .and_then(|properties| properties.get("direction"))
        .and_then(Value::as_str)
        .unwrap_or_default();
    let (side, name) = if direction.starts_with("outbound") {
        ("to", "callee")
    } else {
        ("from", "caller")
    };
    summary
        .get(side)
        .and_then(|side| side.get(name))
        .and_then(Value::as_str)
        .filter(|address| !address.is_empty())
}

/// A field that is a text and not empty.
#[must_use]
pub fn text<'f>(fields: &'f Map<String, Value>, name: &str) -> Option<&'f str> {
    fields
        .get(name)
        .and_then(Value::as_str)
        .filter(|text| !text.is_empty())
}

/// A text within an event's `data`.
#[must_use]
pub fn in_data<'f>(fields: &'f Map<String, Value>, name: &str) -> Option<&'f str> {
    text(fields.get("data")?.as_object()?, name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_request_is_named() {
        for (json, id, conversation) in [
            (
                r#"{"MessageSid":"SM1","SmsStatus":"received","From":"+4930","To":"+4940","Body":"hi"}"#,
                "SM1",
                "+4930",
            ),
            (
                r#"{"SmsSid":"SM1","From":"whatsapp:+4930","To":"whatsapp:+4940"}"#,
                "SM1",
                "whatsapp:+4930",
            ),
            (
                r#"{"MessageSid":"SM2","MessageStatus":"delivered","From":"+4940","To":"+4930"}"#,
                "SM2:delivered",
                "+4930",
            ),
            (
                r#"{"CallSid":"CA1","CallStatus":"ringing","Direction":"inbound","From":"+4930","To":"+4940"}"#,
                "CA1:ringing",
                "+4930",
            ),
            (
                r#"{"CallSid":"CA1","CallStatus":"completed","Direction":"outbound-api","From":"+4940","To":"+4930"}"#,
                "CA1:completed",
                "+4930",
            ),
            (
                r#"{"CallSid":"CA1","CallStatus":"ringing","Direction":"inbound","From":"+266696687","To":"+4940"}"#,
                "CA1:ringing",
                "CA1",
            ),
            (
                r#"{"CallSid":"CA1","RecordingSid":"RE1","RecordingStatus":"completed"}"#,
                "RE1",
                "CA1",
            ),
            (
                r#"{"CallSid":"CA1","From":"+4930","RecordingUrl":"https://api.twilio.com/x/Recordings/RE1"}"#,
                "RE1",
                "+4930",
            ),
            (
                r#"{"CallSid":"CA1","From":"+4930","RecordingSid":"RE1","TranscriptionSid":"TR1"}"#,
                "TR1",
                "+4930",
            ),
            (
                r#"{"id":"EZ1","type":"com.twilio.messaging.message.read","data":{"messageSid":"SM2","to":"+4930"}}"#,
                "EZ1",
                "+4930",
            ),
            (
                r#"{"call_sid":"CA1","processing_state":"complete","from":{"caller":"+4930"}}"#,
                "CA1:complete",
                "+4930",
            ),
        ] {
            let keys = keys(json.as_bytes()).unwrap();
            assert_eq!(
                (&*keys.platform_id, &*keys.conversation),
                (id, conversation),
                "{json}"
            );
        }
    }

    #[test]
    fn what_is_not_known_is_an_event_and_what_is_not_theirs_is_refused() {
        let unknown = keys(br#"{"AccountSid":"AC1","New":"thing"}"#).unwrap();
        assert_eq!(unknown.conversation, event::CONVERSATION);
        assert!(unknown.platform_id.starts_with("event:"));
        for odd in ["{}", "[]", "{", r#"{"a":"b"}"#] {
            assert!(keys(odd.as_bytes()).is_err(), "{odd}");
        }
    }
}
