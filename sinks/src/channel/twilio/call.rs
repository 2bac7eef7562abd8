//! What Twilio's answers mean (<https://www.twilio.com/docs/api/errors>).

use std::time::Duration;

use reqwest::StatusCode;
use serde::Deserialize;
use serde_json::Value;

use super::super::{Failure, SendOutcome, http};

#[derive(Deserialize)]
struct Trouble {
    code: Option<u32>,
    #[serde(default)]
    message: String,
}

/// Classes an answer; `body` is `None` when it broke off or was too long.
pub(super) fn answer(
    status: StatusCode,
    after: Option<Duration>,
    body: Option<&[u8]>,
) -> Result<Value, SendOutcome> {
    let value: Option<Value> = body.and_then(|body| serde_json::from_slice(body).ok());
    if status.is_success() {
        return value.ok_or_else(|| {
            SendOutcome::Unknown(Failure::message(
                http::code(status),
                "an answer that is not Twilio's",
            ))
        });
    }
    let trouble = value.and_then(|value| serde_json::from_value::<Trouble>(value).ok());
    let said = trouble.as_ref().map_or("", |trouble| &trouble.message);
    let number = trouble.as_ref().and_then(|trouble| trouble.code);
    let code = number.map_or_else(|| http::code(status), |number| format!("twilio-{number}"));
    Err(class(status, number, code, said, after))
}

fn class(
    status: StatusCode,
    number: Option<u32>,
    code: String,
    said: &str,
    after: Option<Duration>,
) -> SendOutcome {
    let channel = |code: String| SendOutcome::Permanent(Failure::channel(code, said));
    let later = |code: &str| SendOutcome::RetryAfter {
        after,
        failure: Failure::channel(code, said),
    };
    match (number, status.as_u16()) {
        // Too many requests, or too many messages waiting at one number.
        (Some(20429), _) | (_, 429) => later("http-429"),
        (Some(21611), _) => later("queue-full"),
        // It has answered STOP.
        (Some(21610), _) => SendOutcome::Permanent(Failure::recipient("unsubscribed", said)),
        // WhatsApp: more than 24 hours since it last wrote.
        (Some(63016), _) => SendOutcome::Permanent(Failure::message("window-closed", said)),
        // A content SID that there is not, a template that is not there in the language, has other variables, was rejected,
        // is paused or disabled.
        (Some(21655 | 63027 | 63028 | 63040 | 63041 | 63042 | 92006), _) => {
            SendOutcome::Permanent(Failure::content("template-refused", said))
        }
        // Authentication, a closed account, an account or service that is not there, a sender that is not ours.
        (
            Some(
                20003 | 20005 | 20006 | 20008 | 20403 | 20404 | 21603 | 21606 | 21620 | 21659
                | 21660 | 21661 | 21701 | 21703 | 63007,
            ),
            _,
        )
        | (None, 401 | 403 | 404)
        | (_, 401) => channel(code),
        (_, 300..=499) => SendOutcome::Permanent(Failure::message(code, said)),
        _ => SendOutcome::Unknown(Failure::message(code, said)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(status: u16, body: &str) -> String {
        let status = StatusCode::from_u16(status).unwrap();
        match answer(status, Some(Duration::from_secs(2)), Some(body.as_bytes())) {
            Ok(_) | Err(SendOutcome::Accepted { .. }) => "answered".into(),
            Err(SendOutcome::RetryAfter { after, failure }) => {
                format!("retry {} {after:?} {:?}", failure.code, failure.scope)
            }
            Err(SendOutcome::Permanent(failure)) => {
                format!("permanent {} {:?}", failure.code, failure.scope)
            }
            Err(SendOutcome::Unknown(failure)) => format!("unknown {}", failure.code),
        }
    }

    #[test]
    fn answers_are_classed() {
        for (status, code, expected) in [
            (429, 20429, "retry http-429 Some(2s) Channel"),
            (400, 21611, "retry queue-full Some(2s) Channel"),
            (401, 20003, "permanent twilio-20003 Channel"),
            (403, 20005, "permanent twilio-20005 Channel"),
            (404, 20404, "permanent twilio-20404 Channel"),
            (400, 21606, "permanent twilio-21606 Channel"),
            (400, 21610, "permanent unsubscribed Recipient"),
            (400, 21211, "permanent twilio-21211 Message"),
            (400, 21614, "permanent twilio-21614 Message"),
            (403, 21408, "permanent twilio-21408 Message"),
            (400, 21612, "permanent twilio-21612 Message"),
            (400, 21617, "permanent twilio-21617 Message"),
            (400, 63016, "permanent window-closed Message"),
            (400, 63041, "permanent template-refused Content"),
            (500, 20500, "unknown twilio-20500"),
        ] {
            let body = format!(
                r#"{{"code":{code},"message":"no","more_info":"https://www.twilio.com/docs/errors/{code}","status":{status}}}"#
            );
            assert_eq!(class(status, &body), expected, "{status} {code}");
        }
        for (status, body, expected) in [
            (201, r#"{"sid":"SM1"}"#, "answered"),
            (200, "<html>", "unknown http-200"),
            (429, "", "retry http-429 Some(2s) Channel"),
            (302, "", "permanent http-302 Message"),
            (413, "<html>", "permanent http-413 Message"),
            (502, "<html>", "unknown http-502"),
            (503, "", "unknown http-503"),
        ] {
            assert_eq!(class(status, body), expected, "{status} {body}");
        }
    }
}
