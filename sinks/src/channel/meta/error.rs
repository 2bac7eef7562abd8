//! What the Graph API's errors mean
//! (<https://developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes>,
//! <https://developers.facebook.com/documentation/business-messaging/messenger-platform/error-codes>).
//!
//! An error of a known code says that nothing left, so what may pass is tried again; of an unknown one with a 5xx nothing is
//! known.

use std::time::Duration;

use reqwest::StatusCode;
use serde::Deserialize;
use serde_json::Value;

use super::super::{Failure, SendOutcome, http};

/// The code of a message that is not allowed any more: the person wrote too long ago.
const WINDOW_CLOSED: &str = "window-closed";

#[derive(Deserialize)]
struct Refusal {
    error: GraphError,
}

#[derive(Deserialize)]
struct GraphError {
    #[serde(default)]
    code: i64,
    #[serde(default)]
    error_subcode: i64,
    #[serde(default)]
    message: String,
    #[serde(default)]
    error_data: Value,
    #[serde(default)]
    is_transient: bool,
}

/// Classes an answer; `body` is `None` when it broke off or was too long.
pub(super) fn answer(
    status: StatusCode,
    after: Option<Duration>,
    body: Option<&[u8]>,
) -> Result<Value, SendOutcome> {
    let read: Option<Value> = body.and_then(|body| serde_json::from_slice(body).ok());
    let Some(read) = read else {
        return Err(unreadable(status, after));
    };
    if status.is_success() && read.get("error").is_none() {
        return Ok(read);
    }
    match serde_json::from_value::<Refusal>(read) {
        Ok(refusal) => Err(class(status, after, &refusal.error)),
        Err(_) => Err(unreadable(status, after)),
    }
}

/// No JSON of the API's: a proxy's answer, or one cut short.
fn unreadable(status: StatusCode, after: Option<Duration>) -> SendOutcome {
    let failure = Failure::message(http::code(status), "an answer that is not the Graph API's");
    match status.as_u16() {
        429 => SendOutcome::RetryAfter { after, failure },
        300..=499 => SendOutcome::Permanent(failure),
        _ => SendOutcome::Unknown(failure),
    }
}

fn class(status: StatusCode, after: Option<Duration>, error: &GraphError) -> SendOutcome {
    let retry = |failure| SendOutcome::RetryAfter { after, failure };
    let said = said(error);
    match (error.code, error.error_subcode) {
        (131_047, _) | (10, 2_018_278 | 2_018_065 | 2_534_022) => {
            SendOutcome::Permanent(Failure::message(WINDOW_CLOSED, closed(error)))
        }
        // Too fast: the account, the app, the page, or all of a number.
        (4 | 17 | 32 | 613 | 80_002 | 80_006 | 80_007 | 80_008 | 130_429 | 131_048, _) => {
            retry(Failure::channel("rate", said))
        }
        (131_056, _) => retry(Failure::message("pair-rate", said)),
        // The platform's own trouble.
        (1 | 2 | 1200 | 131_000 | 131_016 | 131_057 | 133_004, _) => {
            retry(Failure::message("platform", said))
        }
        (0 | 102 | 190 | 463 | 467, _) => {
            SendOutcome::Permanent(Failure::channel("credentials", said))
        }
        (131_050, _) => SendOutcome::Permanent(Failure::recipient("opted-out", said)),
        (551, _) | (10 | 200, 1_545_041 | 2_018_108) | (100, 2_018_001 | 2_534_014) => {
            SendOutcome::Permanent(Failure::recipient("unavailable", said))
        }
        (3 | 10 | 200..=299 | 131_005 | 131_037 | 131_045 | 133_010, _) => {
            SendOutcome::Permanent(Failure::channel("permission", said))
        }
        (368 | 131_031, _) => SendOutcome::Permanent(Failure::channel("account-locked", said)),
        (131_042, _) => SendOutcome::Permanent(Failure::channel("payment", said)),
        (131_026, _) => SendOutcome::Permanent(Failure::message("undeliverable", said)),
        (131_049, _) => SendOutcome::Permanent(Failure::message("too-many-from-businesses", said)),
        // A share of people whom WhatsApp shows no marketing, to see what that does.
        (130_472, _) => SendOutcome::Permanent(Failure::message("experiment", said)),
        // How many variables it has and of which kind, that there is none in the language, that it is paused, that it
        // is disabled, and that the flow it opens is blocked: nobody can be sent it.
        (132_000 | 132_001 | 132_012 | 132_015 | 132_016 | 132_068, _) => {
            SendOutcome::Permanent(Failure::content("template-refused", said))
        }
        (132_069, _) => retry(Failure::message("flow-rate", said)),
        // With these values it is too long, or has what WhatsApp does not allow.
        (132_002..=132_999, _) => SendOutcome::Permanent(Failure::message("template", said)),
        _ if status.as_u16() == 429 => retry(Failure::channel("rate", said)),
        _ if error.is_transient => retry(Failure::message("platform", said)),
        (code, _) if status.is_server_error() => {
            SendOutcome::Unknown(Failure::message(graph(code), said))
        }
        (code, _) if status.as_u16() == 401 => {
            SendOutcome::Permanent(Failure::channel(graph(code), said))
        }
        (code, _) => SendOutcome::Permanent(Failure::message(graph(code), said)),
    }
}

fn graph(code: i64) -> String {
    format!("graph-{}", code.unsigned_abs())
}

/// Its code and its words.
fn said(error: &GraphError) -> String {
    let details = error.error_data.get("details").and_then(Value::as_str);
    let words = details.unwrap_or(&error.message);
    match error.error_subcode {
        0 => format!("{}: {words}", error.code),
        subcode => format!("{}/{subcode}: {words}", error.code),
    }
}

fn closed(error: &GraphError) -> String {
    let code = error.code;
    if code == 131_047 {
        return format!(
            "{code}: more than 24 hours have passed since the person last wrote; only a template may be sent until the person writes again"
        );
    }
    format!(
        "{code}/{}: the time to answer the person's last message is over; only a message with a tag may be sent until the person writes again",
        error.error_subcode
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn word(outcome: Result<Value, SendOutcome>) -> String {
        match outcome {
            Ok(value) => format!("ok {value}"),
            Err(SendOutcome::Accepted { .. }) => "accepted".into(),
            Err(SendOutcome::RetryAfter { failure, .. }) => {
                format!("retry {} {:?}", failure.code, failure.scope)
            }
            Err(SendOutcome::Permanent(failure)) => {
                format!("permanent {} {:?}", failure.code, failure.scope)
            }
            Err(SendOutcome::Unknown(failure)) => format!("unknown {}", failure.code),
        }
    }

    fn of(status: u16, code: i64, subcode: i64) -> String {
        let body = json!({"error": {"message": "(#1) no", "type": "OAuthException",
            "code": code, "error_subcode": subcode, "fbtrace_id": "A"}});
        let status = StatusCode::from_u16(status).unwrap();
        word(answer(status, None, Some(body.to_string().as_bytes())))
    }

    #[test]
    fn errors_are_classed() {
        for (status, code, subcode, expected) in [
            (400, 131_047, 0, "permanent window-closed Message"),
            (400, 10, 2_018_278, "permanent window-closed Message"),
            (400, 10, 2_534_022, "permanent window-closed Message"),
            (400, 130_429, 2_494_055, "retry rate Channel"),
            (429, 80_007, 0, "retry rate Channel"),
            (400, 4, 0, "retry rate Channel"),
            (400, 613, 0, "retry rate Channel"),
            (400, 131_048, 0, "retry rate Channel"),
            (400, 131_056, 0, "retry pair-rate Message"),
            (500, 131_000, 0, "retry platform Message"),
            (500, 131_016, 0, "retry platform Message"),
            (400, 1200, 0, "retry platform Message"),
            (500, 2, 0, "retry platform Message"),
            (401, 190, 463, "permanent credentials Channel"),
            (401, 0, 0, "permanent credentials Channel"),
            (403, 10, 0, "permanent permission Channel"),
            (403, 200, 0, "permanent permission Channel"),
            (403, 131_005, 0, "permanent permission Channel"),
            (403, 368, 0, "permanent account-locked Channel"),
            (403, 131_031, 0, "permanent account-locked Channel"),
            (400, 131_042, 0, "permanent payment Channel"),
            (400, 131_026, 0, "permanent undeliverable Message"),
            (
                400,
                131_049,
                0,
                "permanent too-many-from-businesses Message",
            ),
            (400, 131_050, 0, "permanent opted-out Recipient"),
            (400, 551, 1_545_041, "permanent unavailable Recipient"),
            (400, 100, 2_018_001, "permanent unavailable Recipient"),
            (400, 200, 1_545_041, "permanent unavailable Recipient"),
            (400, 100, 0, "permanent graph-100 Message"),
            (404, 132_001, 0, "permanent template-refused Content"),
            (400, 132_000, 0, "permanent template-refused Content"),
            (400, 132_012, 0, "permanent template-refused Content"),
            (400, 132_015, 0, "permanent template-refused Content"),
            (400, 132_016, 0, "permanent template-refused Content"),
            (400, 132_005, 0, "permanent template Message"),
            (400, 132_007, 0, "permanent template Message"),
            (400, 132_069, 0, "retry flow-rate Message"),
            (400, 130_472, 0, "permanent experiment Message"),
            (400, 131_009, 0, "permanent graph-131009 Message"),
            (500, 999, 0, "unknown graph-999"),
            (429, 999, 0, "retry rate Channel"),
        ] {
            assert_eq!(of(status, code, subcode), expected, "{code}/{subcode}");
        }
    }

    #[test]
    fn answers_that_are_not_the_platforms() {
        let read = |status: u16, body: &[u8]| {
            word(answer(
                StatusCode::from_u16(status).unwrap(),
                None,
                Some(body),
            ))
        };
        assert_eq!(read(200, b"{\"a\":1}"), "ok {\"a\":1}");
        assert_eq!(read(200, b"<html>"), "unknown http-200");
        assert_eq!(read(502, b"<html>"), "unknown http-502");
        assert_eq!(read(429, b""), "retry http-429 Message");
        assert_eq!(read(302, b""), "permanent http-302 Message");
        assert_eq!(read(400, b"{}"), "permanent http-400 Message");
        let transient = br#"{"error":{"code":7,"message":"x","is_transient":true}}"#;
        assert_eq!(read(503, transient), "retry platform Message");
    }

    #[test]
    fn a_closed_window_says_what_is_left() {
        let body = json!({"error": {"code": 131_047, "message": "Re-engagement message"}});
        let said = answer(
            StatusCode::BAD_REQUEST,
            None,
            Some(body.to_string().as_bytes()),
        );
        let Err(SendOutcome::Permanent(failure)) = said else {
            panic!("{said:?}");
        };
        assert!(
            failure.detail.contains("only a template"),
            "{}",
            failure.detail
        );
    }
}
