//! What Discord's answers mean (<https://docs.discord.com/developers/topics/opcodes-and-status-codes#json>,
//! <https://docs.discord.com/developers/topics/rate-limits>).

use std::time::Duration;

use reqwest::StatusCode;
use serde::Deserialize;
use serde_json::Value;

use super::super::{Failure, SendOutcome, http};

/// The longest wait that is believed.
const MAX_WAIT: Duration = Duration::from_secs(24 * 3600);

/// The form of every error.
#[derive(Default, Deserialize)]
struct Error {
    #[serde(default)]
    code: i64,
    #[serde(default)]
    message: String,
    /// Of a 429: seconds.
    retry_after: Option<f64>,
    /// Of a 429: whether it is about all calls, not those of one channel.
    #[serde(default)]
    global: bool,
}

pub(super) enum Answer {
    Result(Value),
    Outcome(SendOutcome),
}

/// Classes an answer; `body` is `None` when it broke off or was too long. `again`: the same call once more is harmless.
pub(super) fn answer(
    status: StatusCode,
    retry_after: Option<Duration>,
    body: Option<&[u8]>,
    again: bool,
) -> Answer {
    if status == StatusCode::NO_CONTENT {
        return Answer::Result(Value::Null);
    }
    let read: Option<Value> = body.and_then(|body| serde_json::from_slice(body).ok());
    match read {
        Some(result) if status.is_success() => Answer::Result(result),
        read => {
            let error = read.and_then(|read| serde_json::from_value(read).ok());
            Answer::Outcome(refused(
                status,
                retry_after,
                error.unwrap_or_default(),
                again,
            ))
        }
    }
}

fn refused(
    status: StatusCode,
    retry_after: Option<Duration>,
    error: Error,
    again: bool,
) -> SendOutcome {
    let code = match error.code {
        0 => http::code(status),
        code => format!("discord-{code}"),
    };
    let said = match error.message.as_str() {
        "" => "an answer that is not the API's",
        said => said,
    };
    let message = Failure::message(code.clone(), said);
    let channel = Failure::channel(code.clone(), said);
    let wait = || {
        let exact = error.retry_after.filter(|wait| (0.0..1e9).contains(wait));
        let exact = exact.map(|wait| Duration::from_secs_f64(wait).min(MAX_WAIT));
        exact.or(retry_after)
    };
    match (status.as_u16(), error.code) {
        (429, _) => SendOutcome::RetryAfter {
            after: wait(),
            failure: if error.global || error.code == 0 && error.message.is_empty() {
                channel
            } else {
                message
            },
        },
        (_, 20016 | 20022 | 20028 | 40062 | 130_000) => SendOutcome::RetryAfter {
            after: wait(),
            failure: message,
        },
        (401, _) | (_, 40001 | 40002 | 50014 | 50025) => SendOutcome::Permanent(channel),
        // Nobody there, or it does not want to hear from us, or shares no guild with us.
        (_, 10013 | 50007 | 50278) => SendOutcome::Permanent(Failure::recipient(code, said)),
        (400..=499, _) => SendOutcome::Permanent(message),
        _ if again => SendOutcome::RetryAfter {
            after: None,
            failure: message,
        },
        _ => SendOutcome::Unknown(message),
    }
}

/// Whether an interaction can no longer be answered: it is unknown, or fifteen minutes are over.
pub(super) fn is_over(outcome: &SendOutcome) -> bool {
    matches!(outcome, SendOutcome::Permanent(failure)
        if matches!(&*failure.code, "discord-10015" | "discord-10062" | "discord-50027" | "http-401" | "http-404"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(status: u16, body: &str, again: bool) -> String {
        let status = StatusCode::from_u16(status).unwrap();
        match answer(status, None, Some(body.as_bytes()), again) {
            Answer::Result(result) => format!("result {result}"),
            Answer::Outcome(SendOutcome::Accepted { .. }) => "accepted".into(),
            Answer::Outcome(SendOutcome::RetryAfter { after, failure }) => {
                format!("retry {after:?} {} {:?}", failure.code, failure.scope)
            }
            Answer::Outcome(SendOutcome::Permanent(failure)) => {
                format!("permanent {} {:?}", failure.code, failure.scope)
            }
            Answer::Outcome(SendOutcome::Unknown(failure)) => format!("unknown {}", failure.code),
        }
    }

    #[test]
    fn answers_are_classed() {
        let no = |code: i64| format!(r#"{{"message":"no","code":{code}}}"#);
        for (status, body, expected) in [
            (200, r#"{"id":"1"}"#.to_owned(), r#"result {"id":"1"}"#),
            (204, String::new(), "result null"),
            (200, "<html>".into(), "unknown http-200"),
            (
                429,
                r#"{"message":"slow","retry_after":1.5,"global":false}"#.into(),
                "retry Some(1.5s) http-429 Message",
            ),
            (
                429,
                r#"{"message":"slow","retry_after":64.57,"global":true}"#.into(),
                "retry Some(64.57s) http-429 Channel",
            ),
            (429, "banned".into(), "retry None http-429 Channel"),
            (
                429,
                r#"{"message":"x","retry_after":-1,"global":false}"#.into(),
                "retry None http-429 Message",
            ),
            (
                401,
                r#"{"message":"401: Unauthorized","code":0}"#.into(),
                "permanent http-401 Channel",
            ),
            (403, no(40001), "permanent discord-40001 Channel"),
            (403, no(50007), "permanent discord-50007 Recipient"),
            (403, no(50278), "permanent discord-50278 Recipient"),
            (404, no(10013), "permanent discord-10013 Recipient"),
            (404, no(10003), "permanent discord-10003 Message"),
            (403, no(50001), "permanent discord-50001 Message"),
            (403, no(50013), "permanent discord-50013 Message"),
            (400, no(50035), "permanent discord-50035 Message"),
            (400, no(50006), "permanent discord-50006 Message"),
            (503, no(130_000), "retry None discord-130000 Message"),
            (500, no(0), "unknown http-500"),
            (502, "<html>".into(), "unknown http-502"),
        ] {
            assert_eq!(class(status, &body, false), expected, "{status} {body}");
        }
        assert_eq!(class(502, "<html>", true), "retry None http-502 Message");
    }
}
