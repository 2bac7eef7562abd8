//! What a call is told to do: TwiML (<https://www.twilio.com/docs/voice/twiml>), from the setting `voice`.
//!
//! An incoming call is greeted (`greeting` in `voice` and `language`, or the sound at `play`), may leave a message
//! (`record`), and ends. The message reaches the hub by the request with which Twilio asks what to do after it; its
//! transcript by a callback of its own. Without the setting calls are rejected, which costs the caller nothing.
//!
//! Deliberately absent: menus, forwarding, outbound calls.

use serde_json::{Map, Value};

/// Nothing to do.
pub(super) const NOTHING: &str = r#"<?xml version="1.0" encoding="UTF-8"?><Response/>"#;
/// Seconds a message may last when the channel does not say.
const MAX_LENGTH_S: u64 = 120;

/// The answer to a request about a call; `url` is our own address.
pub(super) fn twiml(settings: Option<&Value>, call: &Map<String, Value>, url: &str) -> String {
    let has = |name: &str| call.contains_key(name);
    let status = call.get("CallStatus").and_then(Value::as_str);
    let about_past = has("CallbackSource")
        || has("CallDuration")
        || has("RecordingStatus")
        || has("TranscriptionStatus");
    if about_past || !matches!(status, Some("ringing" | "in-progress")) {
        return NOTHING.to_owned();
    }
    let Some(voice) = settings.and_then(Value::as_object) else {
        return response("<Reject/>");
    };
    let inbound = call.get("Direction").and_then(Value::as_str) != Some("outbound-api");
    if has("RecordingUrl") || !inbound {
        let goodbye = say(voice, "goodbye").unwrap_or_default();
        return response(&format!("{goodbye}<Hangup/>"));
    }
    let mut verbs = greeting(voice);
    if flag(voice, "record") == Some(true) {
        verbs += &record(voice, url);
    }
    response(&format!("{verbs}<Hangup/>"))
}

fn greeting(voice: &Map<String, Value>) -> String {
    match text(voice, "play") {
        Some(sound) => format!("<Play>{}</Play>", escape(sound)),
        None => say(voice, "greeting").unwrap_or_default(),
    }
}

fn say(voice: &Map<String, Value>, what: &str) -> Option<String> {
    let words = text(voice, what)?;
    let mut verb = String::from("<Say");
    for name in ["voice", "language"] {
        if let Some(value) = text(voice, name) {
            verb += &format!(r#" {name}="{}""#, escape(value));
        }
    }
    Some(format!("{verb}>{}</Say>", escape(words)))
}

fn record(voice: &Map<String, Value>, url: &str) -> String {
    let url = escape(url);
    let length = voice
        .get("max_length_s")
        .and_then(Value::as_u64)
        .unwrap_or(MAX_LENGTH_S);
    let beep = flag(voice, "beep").unwrap_or(true);
    let transcript = if flag(voice, "transcribe") == Some(true) {
        format!(r#" transcribe="true" transcribeCallback="{url}""#)
    } else {
        String::new()
    };
    format!(
        r#"<Record action="{url}" method="POST" maxLength="{length}" playBeep="{beep}"{transcript}/>"#
    )
}

fn response(verbs: &str) -> String {
    format!(r#"<?xml version="1.0" encoding="UTF-8"?><Response>{verbs}</Response>"#)
}

fn text<'v>(voice: &'v Map<String, Value>, name: &str) -> Option<&'v str> {
    voice
        .get(name)
        .and_then(Value::as_str)
        .filter(|text| !text.is_empty())
}

fn flag(voice: &Map<String, Value>, name: &str) -> Option<bool> {
    voice.get(name).and_then(Value::as_bool)
}

/// Text and attributes of XML 1.0; characters it cannot hold are left out.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '"' => escaped += "&quot;",
            '\'' => escaped += "&apos;",
            '\t' | '\n' | '\r' => escaped.push(' '),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => {}
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const URL: &str = "https://hub.example.org/api/v1/webhooks/1?a=1&b=2";

    fn told(settings: Value, call: Value) -> String {
        let twiml = twiml(Some(&settings), call.as_object().unwrap(), URL);
        let inside = twiml
            .strip_prefix(r#"<?xml version="1.0" encoding="UTF-8"?><Response"#)
            .unwrap();
        inside.trim_start_matches('>').replace("</Response>", "")
    }

    fn ringing() -> Value {
        json!({"CallSid": "CA1", "CallStatus": "ringing", "Direction": "inbound", "From": "+4915112345678", "To": "+4930123456"})
    }

    #[test]
    fn a_caller_is_greeted_and_may_leave_a_message() {
        let settings = json!({"greeting": "Grüße & <Hallo>", "voice": "Polly.Vicki", "language": "de-DE",
            "record": true, "max_length_s": 60, "transcribe": true, "beep": false});
        let url = "https://hub.example.org/api/v1/webhooks/1?a=1&amp;b=2";
        assert_eq!(
            told(settings, ringing()),
            format!(
                r#"<Say voice="Polly.Vicki" language="de-DE">Grüße &amp; &lt;Hallo&gt;</Say><Record action="{url}" method="POST" maxLength="60" playBeep="false" transcribe="true" transcribeCallback="{url}"/><Hangup/>"#
            )
        );
    }

    #[test]
    fn a_sound_may_be_played_instead() {
        let settings = json!({"play": "https://example.org/hello.mp3", "greeting": "unused"});
        assert_eq!(
            told(settings, ringing()),
            "<Play>https://example.org/hello.mp3</Play><Hangup/>"
        );
    }

    #[test]
    fn after_the_message_the_call_ends() {
        let settings = json!({"record": true, "goodbye": "Bye"});
        let mut call = ringing();
        call["CallStatus"] = "in-progress".into();
        call["RecordingUrl"] = "https://api.twilio.com/RE1".into();
        assert_eq!(told(settings, call), "<Say>Bye</Say><Hangup/>");
    }

    #[test]
    fn without_the_setting_calls_are_rejected() {
        let twiml = twiml(None, ringing().as_object().unwrap(), URL);
        assert!(twiml.ends_with("<Response><Reject/></Response>"));
    }

    #[test]
    fn what_is_over_is_only_acknowledged() {
        for (name, value) in [
            ("CallStatus", "completed"),
            ("CallbackSource", "call-progress-events"),
            ("CallDuration", "12"),
            ("RecordingStatus", "completed"),
        ] {
            let mut call = ringing();
            call[name] = value.into();
            let twiml = twiml(Some(&json!({})), call.as_object().unwrap(), URL);
            assert_eq!(twiml, NOTHING, "{name}");
        }
    }
}
