//! What Slack's answers mean (<https://docs.slack.dev/apis/web-api/#responses>): 200 with `ok` and, when that is false, an
//! `error` in one word; 429 with `Retry-After` when it is asked too often.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::Value;

use super::super::{Failure, SendOutcome, http};

pub(super) enum Answer {
    Result(Value),
    Outcome(SendOutcome),
}

/// Classes an answer; `body` is `None` when it broke off or was too long.
pub(super) fn answer(
    status: StatusCode,
    retry_after: Option<Duration>,
    body: Option<&[u8]>,
) -> Answer {
    let reply: Option<Value> = body.and_then(|body| serde_json::from_slice(body).ok());
    let ok = reply.as_ref().and_then(|reply| reply.get("ok"));
    match (ok.and_then(Value::as_bool), reply) {
        (Some(true), Some(reply)) if status.is_success() => Answer::Result(reply),
        (Some(false), Some(reply)) => {
            let error = reply.get("error").and_then(Value::as_str);
            Answer::Outcome(refused(error.unwrap_or("unknown"), &reply, retry_after))
        }
        _ => Answer::Outcome(unreadable(status, retry_after)),
    }
}

/// Words of the methods that are called here (<https://docs.slack.dev/reference/methods/chat.postMessage/#errors>).
fn refused(error: &str, reply: &Value, after: Option<Duration>) -> SendOutcome {
    let code = code(error);
    let needed = reply.get("needed").and_then(Value::as_str);
    let said = reply
        .pointer("/response_metadata/messages/0")
        .and_then(Value::as_str);
    let detail = match (said, needed) {
        (Some(said), _) => format!("{error}: {said}"),
        (None, Some(scope)) => format!("{error}: {scope}"),
        (None, None) => error.to_owned(),
    };
    match error {
        "ratelimited" | "rate_limited" | "message_limit_exceeded" => SendOutcome::RetryAfter {
            after,
            failure: Failure::channel(code, detail),
        },
        "service_unavailable" | "team_added_to_org" | "request_timeout" => {
            SendOutcome::RetryAfter {
                after,
                failure: Failure::channel(code, detail),
            }
        }
        "invalid_auth"
        | "not_authed"
        | "account_inactive"
        | "token_revoked"
        | "token_expired"
        | "no_permission"
        | "missing_scope"
        | "org_login_required"
        | "ekm_access_denied"
        | "team_access_not_granted"
        | "access_denied"
        | "enterprise_is_restricted"
        | "not_allowed_token_type"
        | "two_factor_setup_required"
        | "app_missing_action_url" => SendOutcome::Permanent(Failure::channel(code, detail)),
        "user_not_found"
        | "user_disabled"
        | "user_not_visible"
        | "cannot_dm_bot"
        | "user_is_bot"
        | "messages_tab_disabled" => SendOutcome::Permanent(Failure::recipient(code, detail)),
        // Slack: some part of the work may have been done.
        "internal_error" | "fatal_error" => SendOutcome::Unknown(Failure::message(code, detail)),
        _ => SendOutcome::Permanent(Failure::message(code, detail)),
    }
}

/// Whether Slack says that the app is not where the message should go.
pub(super) fn is_elsewhere(outcome: &SendOutcome) -> bool {
    matches!(outcome, SendOutcome::Permanent(failure)
        if matches!(&*failure.code, "channel-not-found" | "not-in-channel"))
}

/// Slack's word in the form of our codes.
fn code(error: &str) -> String {
    let known = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if error.is_empty() || error.len() > 64 || !error.chars().all(known) {
        return "refused".to_owned();
    }
    error.replace('_', "-")
}

/// No JSON of Slack's: a load balancer's answer, or one cut short.
fn unreadable(status: StatusCode, after: Option<Duration>) -> SendOutcome {
    let detail = "an answer that is not the Web API's";
    match status.as_u16() {
        429 => SendOutcome::RetryAfter {
            after,
            failure: Failure::channel("ratelimited", "asked too often"),
        },
        300..=499 => SendOutcome::Permanent(Failure::message(http::code(status), detail)),
        _ => SendOutcome::Unknown(Failure::message(http::code(status), detail)),
    }
}

/// What the address of an interaction answers: `ok`, or JSON as above.
pub(super) fn of_response_url(
    status: StatusCode,
    retry_after: Option<Duration>,
    body: Option<&[u8]>,
) -> SendOutcome {
    let accepted = SendOutcome::Accepted {
        provider_ids: Vec::new(),
    };
    let plain = body.is_some_and(|body| body.is_empty() || body == b"ok");
    if status.is_success() && plain {
        return accepted;
    }
    match answer(status, retry_after, body) {
        Answer::Result(_) => accepted,
        Answer::Outcome(outcome) => outcome,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(status: u16, after: Option<u64>, body: &str) -> String {
        let status = StatusCode::from_u16(status).unwrap();
        match answer(
            status,
            after.map(Duration::from_secs),
            Some(body.as_bytes()),
        ) {
            Answer::Result(result) => format!("result {result}"),
            Answer::Outcome(outcome) => said(&outcome),
        }
    }

    fn said(outcome: &SendOutcome) -> String {
        match outcome {
            SendOutcome::Accepted { .. } => "accepted".into(),
            SendOutcome::RetryAfter { after, failure } => {
                format!("retry {after:?} {} {:?}", failure.code, failure.scope)
            }
            SendOutcome::Permanent(failure) => {
                format!("permanent {} {:?}", failure.code, failure.scope)
            }
            SendOutcome::Unknown(failure) => format!("unknown {}", failure.code),
        }
    }

    #[test]
    fn answers_are_classed() {
        let no = |error: &str| format!(r#"{{"ok":false,"error":"{error}"}}"#);
        for (status, after, body, expected) in [
            (
                200,
                None,
                r#"{"ok":true,"ts":"1.2"}"#.to_owned(),
                r#"result {"ok":true,"ts":"1.2"}"#,
            ),
            (200, None, "<html>".into(), "unknown http-200"),
            (
                429,
                Some(30),
                no("ratelimited"),
                "retry Some(30s) ratelimited Channel",
            ),
            (
                429,
                Some(30),
                String::new(),
                "retry Some(30s) ratelimited Channel",
            ),
            (
                200,
                None,
                no("rate_limited"),
                "retry None rate-limited Channel",
            ),
            (
                200,
                None,
                no("service_unavailable"),
                "retry None service-unavailable Channel",
            ),
            (
                200,
                None,
                no("invalid_auth"),
                "permanent invalid-auth Channel",
            ),
            (
                200,
                None,
                no("account_inactive"),
                "permanent account-inactive Channel",
            ),
            (
                200,
                None,
                no("token_revoked"),
                "permanent token-revoked Channel",
            ),
            (
                200,
                None,
                no("missing_scope"),
                "permanent missing-scope Channel",
            ),
            (
                200,
                None,
                no("channel_not_found"),
                "permanent channel-not-found Message",
            ),
            (
                200,
                None,
                no("not_in_channel"),
                "permanent not-in-channel Message",
            ),
            (
                200,
                None,
                no("is_archived"),
                "permanent is-archived Message",
            ),
            (
                200,
                None,
                no("msg_too_long"),
                "permanent msg-too-long Message",
            ),
            (
                200,
                None,
                no("invalid_blocks"),
                "permanent invalid-blocks Message",
            ),
            (
                200,
                None,
                no("user_not_found"),
                "permanent user-not-found Recipient",
            ),
            (
                200,
                None,
                no("cannot_dm_bot"),
                "permanent cannot-dm-bot Recipient",
            ),
            (
                200,
                None,
                no("user_disabled"),
                "permanent user-disabled Recipient",
            ),
            (200, None, no("fatal_error"), "unknown fatal-error"),
            (200, None, no("Odd one!"), "permanent refused Message"),
            (404, None, "no".into(), "permanent http-404 Message"),
            (502, None, "<html>".into(), "unknown http-502"),
        ] {
            assert_eq!(class(status, after, &body), expected, "{status} {body}");
        }
        assert_eq!(
            class(200, None, r#"{"ok":false}"#),
            "permanent unknown Message"
        );
    }

    #[test]
    fn an_interaction_answers_in_a_word() {
        let class = |status: u16, body: &str| {
            let status = StatusCode::from_u16(status).unwrap();
            said(&of_response_url(status, None, Some(body.as_bytes())))
        };
        assert_eq!(class(200, "ok"), "accepted");
        assert_eq!(class(200, r#"{"ok":true}"#), "accepted");
        assert_eq!(
            class(404, r#"{"ok":false,"error":"expired_url"}"#),
            "permanent expired-url Message"
        );
        assert_eq!(class(500, "oops"), "unknown http-500");
    }
}
