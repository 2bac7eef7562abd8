//! Google's public keys, by which its pushes are told from forged ones
//! (<https://developers.google.com/identity/openid-connect/openid-connect#validatinganidtoken>).
//!
//! Deliberately absent: when they are fetched; that is the gateway's.

use std::time::Duration;

use reqwest::{Client, header::CACHE_CONTROL};
use serde_json::Value;

/// Where they are.
pub const KEYS_URL: &str = "https://www.googleapis.com/oauth2/v3/certs";
/// Keys are good for at least and at most so long, whatever the answer says.
const LEAST: Duration = Duration::from_secs(300);
const MOST: Duration = Duration::from_secs(24 * 3600);

/// Why there are no keys.
#[derive(Debug, thiserror::Error)]
pub enum NoKeys {
    #[error("no answer")]
    Unanswered(#[source] reqwest::Error),
    #[error("HTTP {0}")]
    Status(u16),
    #[error("the answer is no set of keys")]
    Form,
}

/// A client for [`keys`]. The address is the operator's, so it may be a private one.
///
/// # Errors
/// When no TLS can be had here.
pub fn client() -> Result<Client, reqwest::Error> {
    egress::client(true)
}

/// The keys as a JSON Web Key Set, and for how long they are good.
///
/// # Errors
/// [`NoKeys`]; another try may fare better.
pub async fn keys(client: &Client, url: &str) -> Result<(Value, Duration), NoKeys> {
    let answer = client
        .get(url)
        .send()
        .await
        .map_err(|error| NoKeys::Unanswered(error.without_url()))?;
    if !answer.status().is_success() {
        return Err(NoKeys::Status(answer.status().as_u16()));
    }
    let age = answer
        .headers()
        .get(CACHE_CONTROL)
        .and_then(|value| max_age(value.to_str().ok()?));
    let body = egress::body(answer).await.ok_or(NoKeys::Form)?;
    let keys: Value = serde_json::from_slice(&body).map_err(|_| NoKeys::Form)?;
    if !keys.get("keys").is_some_and(Value::is_array) {
        return Err(NoKeys::Form);
    }
    Ok((keys, age.unwrap_or(LEAST).clamp(LEAST, MOST)))
}

/// `max-age` of a `Cache-Control` (RFC 9111).
fn max_age(value: &str) -> Option<Duration> {
    value
        .split(',')
        .find_map(|part| part.trim().strip_prefix("max-age="))
        .and_then(|seconds| seconds.parse().ok())
        .map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_age_is_read() {
        assert_eq!(
            max_age("public, max-age=21447, must-revalidate"),
            Some(Duration::from_secs(21447))
        );
        assert_eq!(max_age("no-store"), None);
        assert_eq!(max_age("max-age=soon"), None);
    }
}
