//! What Telegram's answers mean.

use std::time::Duration;

use reqwest::StatusCode;
use serde::Deserialize;
use serde_json::Value;

use super::super::{Failure, SendOutcome, http};

/// The envelope of every answer.
#[derive(Deserialize)]
struct Reply {
    ok: bool,
    #[serde(default)]
    result: Value,
    #[serde(default)]
    description: String,
    #[serde(default)]
    parameters: Parameters,
}

#[derive(Default, Deserialize)]
struct Parameters {
    retry_after: Option<u64>,
    migrate_to_chat_id: Option<i64>,
}

pub(super) enum Answer {
    Result(Value),
    /// The group has become another chat: the same call is to be made there.
    Moved(i64),
    Outcome(SendOutcome),
}

/// Classes an answer; `body` is `None` when it broke off or was too long.
pub(super) fn answer(
    status: StatusCode,
    retry_after: Option<Duration>,
    body: Option<&[u8]>,
) -> Answer {
    let reply: Option<Reply> = body.and_then(|body| serde_json::from_slice(body).ok());
    let code = http::code(status);
    let Some(reply) = reply else {
        return Answer::Outcome(unreadable(status, code));
    };
    if status.is_success() && reply.ok {
        return Answer::Result(reply.result);
    }
    if let (400, Some(chat)) = (status.as_u16(), reply.parameters.migrate_to_chat_id) {
        return Answer::Moved(chat);
    }
    let said = reply.description;
    Answer::Outcome(match status.as_u16() {
        429 => SendOutcome::RetryAfter {
            after: reply
                .parameters
                .retry_after
                .map(Duration::from_secs)
                .or(retry_after),
            failure: Failure::channel("http-429", said),
        },
        401 | 404 => SendOutcome::Permanent(Failure::channel(code, said)),
        403 => SendOutcome::Permanent(Failure::recipient("blocked", said)),
        400 if is_nobody(&said) => {
            SendOutcome::Permanent(Failure::recipient("chat-not-found", said))
        }
        400..=499 => SendOutcome::Permanent(Failure::message(code, said)),
        _ => SendOutcome::Unknown(Failure::message(code, said)),
    })
}

/// Telegram has words, and no codes, for a chat that is not there.
fn is_nobody(said: &str) -> bool {
    let said = said.to_ascii_lowercase();
    [
        "chat not found",
        "user not found",
        "peer_id_invalid",
        "group chat was deactivated",
    ]
    .iter()
    .any(|words| said.contains(words))
}

/// No JSON: a proxy's or a load balancer's answer, or one cut short.
fn unreadable(status: StatusCode, code: String) -> SendOutcome {
    let failure = Failure::message(code, "an answer that is not the Bot API's");
    match status.as_u16() {
        429 => SendOutcome::RetryAfter {
            after: None,
            failure,
        },
        300..=499 => SendOutcome::Permanent(failure),
        _ => SendOutcome::Unknown(failure),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(status: u16, body: &str) -> String {
        let status = StatusCode::from_u16(status).unwrap();
        match answer(status, None, Some(body.as_bytes())) {
            Answer::Result(result) => format!("result {result}"),
            Answer::Moved(chat) => format!("moved {chat}"),
            Answer::Outcome(SendOutcome::Accepted { .. }) => "accepted".into(),
            Answer::Outcome(SendOutcome::RetryAfter { after, failure }) => {
                format!("retry {after:?} {:?}", failure.scope)
            }
            Answer::Outcome(SendOutcome::Permanent(failure)) => {
                format!("permanent {} {:?}", failure.code, failure.scope)
            }
            Answer::Outcome(SendOutcome::Unknown(failure)) => format!("unknown {}", failure.code),
        }
    }

    #[test]
    fn answers_are_classed() {
        let no = r#"{"ok":false,"error_code":0,"description":"no"}"#;
        for (status, body, expected) in [
            (
                200,
                r#"{"ok":true,"result":{"message_id":7}}"#,
                r#"result {"message_id":7}"#,
            ),
            (200, "<html>", "unknown http-200"),
            (200, no, "unknown http-200"),
            (
                429,
                r#"{"ok":false,"description":"slow","parameters":{"retry_after":3}}"#,
                "retry Some(3s) Channel",
            ),
            (400, no, "permanent http-400 Message"),
            (401, no, "permanent http-401 Channel"),
            (403, no, "permanent blocked Recipient"),
            (
                400,
                r#"{"ok":false,"description":"Bad Request: chat not found"}"#,
                "permanent chat-not-found Recipient",
            ),
            (
                400,
                r#"{"ok":false,"description":"up","parameters":{"migrate_to_chat_id":-1001}}"#,
                "moved -1001",
            ),
            (302, "", "permanent http-302 Message"),
            (500, no, "unknown http-500"),
            (502, "<html>", "unknown http-502"),
        ] {
            assert_eq!(class(status, body), expected, "{status} {body}");
        }
    }
}
