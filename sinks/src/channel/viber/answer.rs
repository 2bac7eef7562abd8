//! What Viber's answers mean: a 200 with a status of its own
//! (<https://developers.viber.com/docs/api/rest-bot-api/#error-codes>).

use std::time::Duration;

use reqwest::StatusCode;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::super::{Failure, SendOutcome, http};

#[derive(Deserialize)]
struct Answer<'a> {
    status: i64,
    #[serde(default)]
    status_message: String,
    /// More digits than a float holds.
    #[serde(borrow)]
    message_token: Option<&'a RawValue>,
}

/// The token of what was sent, or what else an answer means. `body` is `None` when it broke off.
pub(super) fn answer(
    status: StatusCode,
    after: Option<Duration>,
    body: Option<&[u8]>,
) -> Result<Option<String>, SendOutcome> {
    let answer = body.and_then(|body| serde_json::from_slice::<Answer<'_>>(body).ok());
    let Some(answer) = answer else {
        return Err(unreadable(status, after));
    };
    let said = answer.status_message;
    let code = |name: &str| format!("viber-{name}");
    Err(match answer.status {
        0 => {
            return Ok(answer
                .message_token
                .and_then(schemas::keys::viber::token)
                .map(str::to_owned));
        }
        2 => permanent(Failure::channel(code("auth-token"), said)),
        5 => permanent(Failure::recipient(code("not-registered"), said)),
        6 => permanent(Failure::recipient(code("not-subscribed"), said)),
        11 => permanent(Failure::recipient(code("no-device"), said)),
        7 => permanent(Failure::channel(code("account-blocked"), said)),
        8 => permanent(Failure::channel(code("account-not-found"), said)),
        9 => permanent(Failure::channel(code("account-suspended"), said)),
        10 => permanent(Failure::channel(code("webhook-not-set"), said)),
        15 => permanent(Failure::channel(code("not-authorized"), said)),
        12 => SendOutcome::RetryAfter {
            after,
            failure: Failure::channel(code("too-many-requests"), said),
        },
        status => permanent(Failure::message(
            code(&status.unsigned_abs().to_string()),
            said,
        )),
    })
}

fn permanent(failure: Failure) -> SendOutcome {
    SendOutcome::Permanent(failure)
}

/// No JSON of Viber's: a proxy's answer, or one cut short.
fn unreadable(status: StatusCode, after: Option<Duration>) -> SendOutcome {
    let code = http::code(status);
    let said = "an answer that is not Viber's";
    match status.as_u16() {
        429 => SendOutcome::RetryAfter {
            after,
            failure: Failure::channel(code, said),
        },
        401 | 403 => permanent(Failure::channel(code, said)),
        300..=499 => permanent(Failure::message(code, said)),
        _ => SendOutcome::Unknown(Failure::message(code, said)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(status: u16, body: &str) -> String {
        let status = StatusCode::from_u16(status).unwrap();
        match answer(status, None, Some(body.as_bytes())) {
            Ok(token) => format!("token {token:?}"),
            Err(SendOutcome::RetryAfter { failure, .. }) => {
                format!("retry {} {:?}", failure.code, failure.scope)
            }
            Err(SendOutcome::Permanent(failure)) => {
                format!("permanent {} {:?}", failure.code, failure.scope)
            }
            Err(SendOutcome::Unknown(failure)) => format!("unknown {}", failure.code),
            Err(other) => format!("{other:?}"),
        }
    }

    #[test]
    fn answers_are_classed() {
        let with = |status: i64| format!(r#"{{"status":{status},"status_message":"said"}}"#);
        assert_eq!(
            class(
                200,
                r#"{"status":0,"status_message":"ok","message_token":5741311803571721087,"billing_status":1}"#
            ),
            "token Some(\"5741311803571721087\")"
        );
        assert_eq!(class(200, &with(0)), "token None");
        for (status, expected) in [
            (1, "permanent viber-1 Message"),
            (2, "permanent viber-auth-token Channel"),
            (3, "permanent viber-3 Message"),
            (4, "permanent viber-4 Message"),
            (5, "permanent viber-not-registered Recipient"),
            (6, "permanent viber-not-subscribed Recipient"),
            (7, "permanent viber-account-blocked Channel"),
            (8, "permanent viber-account-not-found Channel"),
            (9, "permanent viber-account-suspended Channel"),
            (10, "permanent viber-webhook-not-set Channel"),
            (11, "permanent viber-no-device Recipient"),
            (12, "retry viber-too-many-requests Channel"),
            (13, "permanent viber-13 Message"),
            (14, "permanent viber-14 Message"),
            (15, "permanent viber-not-authorized Channel"),
            (20, "permanent viber-20 Message"),
            (-1, "permanent viber-1 Message"),
        ] {
            assert_eq!(class(200, &with(status)), expected, "{status}");
        }
        for (status, expected) in [
            (200, "unknown http-200"),
            (403, "permanent http-403 Channel"),
            (404, "permanent http-404 Message"),
            (429, "retry http-429 Channel"),
            (502, "unknown http-502"),
        ] {
            assert_eq!(class(status, "<html>"), expected, "{status}");
        }
    }
}
