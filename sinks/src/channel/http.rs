//! The HTTP client of the senders, and what its errors and answers mean.

use reqwest::{Client, StatusCode};

pub(super) use egress::{body, retry_after};

use super::{Failure, Misconfigured, SendOutcome};

pub(super) fn client(allow_private: bool) -> Result<Client, Misconfigured> {
    egress::client(allow_private)
        .map_err(|error| Misconfigured::Tls(error.without_url().to_string()))
}

/// What a call that got no answer means. `idempotent`: a second call with the same key is harmless.
pub(super) fn unanswered(error: reqwest::Error, idempotent: bool) -> SendOutcome {
    let error = error.without_url();
    if error.is_builder() {
        return SendOutcome::Permanent(Failure::message("request", error.to_string()));
    }
    if error.is_connect() {
        // The request was not written.
        let detail = deepest(&error);
        return SendOutcome::RetryAfter {
            after: None,
            failure: Failure::channel("connect", detail),
        };
    }
    let code = if error.is_timeout() {
        "timeout"
    } else {
        "connection-lost"
    };
    let failure = Failure::message(code, deepest(&error));
    if idempotent {
        SendOutcome::RetryAfter {
            after: None,
            failure,
        }
    } else {
        SendOutcome::Unknown(failure)
    }
}

/// The innermost cause, which says most ("connection refused").
fn deepest(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

/// `http-<status>`.
pub(super) fn code(status: StatusCode) -> String {
    format!("http-{}", status.as_u16())
}
