//! The HTTP client of the senders, and what its errors and answers mean.
//!
//! Invariants: no redirects, no proxy (a proxy would resolve names behind the guard's back), bounded
//! waits, bounded answers, `TCP_NODELAY`.

use std::{sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use reqwest::{Client, Response, StatusCode, header::RETRY_AFTER, redirect};

use super::{Failure, Misconfigured, SendOutcome, guard::PublicOnly};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const CALL_TIMEOUT: Duration = Duration::from_secs(30);
const MAX_ANSWER_BYTES: usize = 64 * 1024;
/// The longest wait a platform may ask for.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(24 * 3600);

pub(super) fn client(allow_private: bool) -> Result<Client, Misconfigured> {
    if rustls::crypto::CryptoProvider::get_default().is_none()
        && rustls::crypto::ring::default_provider()
            .install_default()
            .is_err()
    {
        tracing::debug!("another thread installed the crypto provider first");
    }
    let mut builder = Client::builder()
        .user_agent(concat!("tidings/", env!("CARGO_PKG_VERSION")))
        .redirect(redirect::Policy::none())
        .no_proxy()
        // What an error says about whether a request left is known of HTTP/1.
        .http1_only()
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(CALL_TIMEOUT)
        .pool_idle_timeout(Duration::from_secs(20))
        .tcp_nodelay(true);
    if !allow_private {
        builder = builder.dns_resolver(Arc::new(PublicOnly));
    }
    builder
        .build()
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

/// `Retry-After` in seconds. A date is not read: our own backoff holds then.
pub(super) fn retry_after(response: &Response) -> Option<Duration> {
    let seconds = response
        .headers()
        .get(RETRY_AFTER)?
        .to_str()
        .ok()?
        .trim()
        .parse()
        .ok()?;
    Some(Duration::from_secs(seconds).min(MAX_RETRY_AFTER))
}

/// Reads at most 64 KiB of the answer; what is longer or breaks off is no answer.
pub(super) async fn body(mut response: Response) -> Option<Bytes> {
    let mut read = BytesMut::new();
    while let Some(chunk) = response.chunk().await.ok()? {
        if read.len() + chunk.len() > MAX_ANSWER_BYTES {
            return None;
        }
        read.extend_from_slice(&chunk);
    }
    Some(read.freeze())
}

/// `http-<status>`.
pub(super) fn code(status: StatusCode) -> String {
    format!("http-{}", status.as_u16())
}
