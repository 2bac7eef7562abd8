//! What LINE's answers to a push mean (<https://developers.line.biz/en/reference/messaging-api/#status-codes>,
//! <https://developers.line.biz/en/docs/messaging-api/retrying-api-request/>).

use std::time::Duration;

use reqwest::StatusCode;
use serde::Deserialize;

use super::super::{Failure, SendOutcome, http};

/// How long to wait when the month's messages are spent: somebody may buy more.
const SPENT: Duration = Duration::from_secs(3600);

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Answer {
    message: String,
    details: Vec<Detail>,
    sent_messages: Vec<Sent>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Detail {
    message: String,
    property: String,
}

#[derive(Deserialize)]
struct Sent {
    id: String,
}

/// The ids of what was sent, or what else it means. `body` is `None` when it broke off.
pub(super) fn answer(
    status: StatusCode,
    after: Option<Duration>,
    body: Option<&[u8]>,
) -> Result<Vec<String>, SendOutcome> {
    let answer: Answer = body
        .and_then(|body| serde_json::from_slice(body).ok())
        .unwrap_or_default();
    // A conflict says that the same key was accepted before, and what was sent then.
    if status.is_success() || status == StatusCode::CONFLICT {
        return Ok(answer
            .sent_messages
            .into_iter()
            .map(|sent| sent.id)
            .collect());
    }
    let code = http::code(status);
    let said = answer.told();
    Err(match status.as_u16() {
        429 if said.contains("monthly limit") => SendOutcome::RetryAfter {
            after: after.or(Some(SPENT)),
            failure: Failure::channel("quota", said),
        },
        429 => SendOutcome::RetryAfter {
            after,
            failure: Failure::channel(code, said),
        },
        500.. => SendOutcome::RetryAfter {
            after,
            failure: Failure::message(code, said),
        },
        400 if said.contains("'to'") || said.contains("Failed to send messages") => {
            SendOutcome::Permanent(Failure::recipient("unreachable", said))
        }
        401 | 403 => SendOutcome::Permanent(Failure::channel(code, said)),
        _ => SendOutcome::Permanent(Failure::message(code, said)),
    })
}

impl Answer {
    /// LINE's words, with the faults it found.
    fn told(&self) -> String {
        let mut told = self.message.clone();
        for detail in &self.details {
            told.push_str("; ");
            told.push_str(&detail.property);
            told.push_str(": ");
            told.push_str(&detail.message);
        }
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(status: u16, body: &str) -> String {
        let status = StatusCode::from_u16(status).unwrap();
        match answer(status, None, Some(body.as_bytes())) {
            Ok(ids) => format!("ids {}", ids.join(" ")),
            Err(SendOutcome::RetryAfter { after, failure }) => {
                format!("retry {after:?} {} {:?}", failure.code, failure.scope)
            }
            Err(SendOutcome::Permanent(failure)) => {
                format!(
                    "permanent {} {:?} {}",
                    failure.code, failure.scope, failure.detail
                )
            }
            Err(other) => format!("{other:?}"),
        }
    }

    #[test]
    fn answers_are_classed() {
        for (status, body, expected) in [
            (
                200,
                r#"{"sentMessages":[{"id":"461230966842064897","quoteToken":"IStG5h1Tz7b"},{"id":"461230966842064898"}]}"#,
                "ids 461230966842064897 461230966842064898",
            ),
            (200, "{}", "ids "),
            (
                409,
                r#"{"message":"The retry key is already accepted","sentMessages":[{"id":"7"}]}"#,
                "ids 7",
            ),
            (
                400,
                r#"{"message":"The request body has 1 error(s)","details":[{"message":"May not be empty","property":"messages[0].text"}]}"#,
                "permanent http-400 Message The request body has 1 error(s); messages[0].text: May not be empty",
            ),
            (
                400,
                r#"{"message":"The property, 'to', in the request body is invalid (line: -, column: -)"}"#,
                "permanent unreachable Recipient The property, 'to', in the request body is invalid (line: -, column: -)",
            ),
            (
                400,
                r#"{"message":"Failed to send messages"}"#,
                "permanent unreachable Recipient Failed to send messages",
            ),
            (
                401,
                r#"{"message":"Authentication failed."}"#,
                "permanent http-401 Channel Authentication failed.",
            ),
            (
                403,
                r#"{"message":"Access to this API is not available for your account"}"#,
                "permanent http-403 Channel Access to this API is not available for your account",
            ),
            (404, "", "permanent http-404 Message "),
            (
                429,
                r#"{"message":"You have reached your monthly limit."}"#,
                "retry Some(3600s) quota Channel",
            ),
            (
                429,
                r#"{"message":"The API rate limit has been exceeded. Try again later."}"#,
                "retry None http-429 Channel",
            ),
            (500, "", "retry None http-500 Message"),
            (502, "<html>", "retry None http-502 Message"),
        ] {
            assert_eq!(class(status, body), expected, "{status} {body}");
        }
    }
}
