//! Calls to addresses that tenants and strangers chose.
//!
//! Invariants: a name is resolved here and the guard's verdict is about the address that is then connected to; no redirect
//! is followed unseen; no proxy (it would resolve names behind the guard's back); waits and answers are bounded; `TCP_NODELAY`.
//!
//! Deliberately absent: what an answer means.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod get;
pub mod guard;
pub mod oauth;

use std::{sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use reqwest::{Client, Response, header::RETRY_AFTER, redirect};

pub use get::{Got, NotGot, get};
pub use guard::{Forbidden, is_public};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const CALL_TIMEOUT: Duration = Duration::from_secs(30);
/// Most of an answer that is read as a whole.
const MAX_ANSWER_BYTES: usize = 64 * 1024;
/// The longest wait a platform may ask for.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(24 * 3600);

/// A client; `allow_private` lets it reach private and loopback addresses.
///
/// # Errors
/// When no TLS can be had here.
pub fn client(allow_private: bool) -> Result<Client, reqwest::Error> {
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
        builder = builder.dns_resolver(Arc::new(guard::PublicOnly));
    }
    builder.build()
}

/// `Retry-After` in seconds. A date is not read.
#[must_use]
pub fn retry_after(response: &Response) -> Option<Duration> {
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
pub async fn body(response: Response) -> Option<Bytes> {
    body_within(response, MAX_ANSWER_BYTES).await
}

/// Reads at most so many bytes of the answer; what is longer or breaks off is no answer.
pub async fn body_within(mut response: Response, max_bytes: usize) -> Option<Bytes> {
    let mut read = BytesMut::new();
    while let Some(chunk) = response.chunk().await.ok()? {
        if read.len() + chunk.len() > max_bytes {
            return None;
        }
        read.extend_from_slice(&chunk);
    }
    Some(read.freeze())
}
