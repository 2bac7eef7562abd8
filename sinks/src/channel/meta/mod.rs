//! The Graph API, which WhatsApp, Messenger and Instagram speak (<https://developers.facebook.com/docs/graph-api/overview>).
//!
//! Settings: `api_base`, the address without a version, and `graph_version`. The token travels as a header only.
//!
//! Deliberately absent: `appsecret_proof`, and renewing tokens: a channel has one that does not expire.

mod error;

use std::time::Duration;

use reqwest::{Client, Method, RequestBuilder, Response, Url};
use schemas::Secret;
use serde_json::Value;

use super::{
    Account, FileAt, Misconfigured, SendOutcome, Settings, TestReport, files::Files, http,
    upload::Upload,
};

pub(super) const FACEBOOK: &str = "https://graph.facebook.com";
pub(super) const INSTAGRAM: &str = "https://graph.instagram.com";
/// A version is served for two years (<https://developers.facebook.com/docs/graph-api/guides/versioning>).
const VERSION: &str = "v24.0";

/// An account's access to the API.
pub(super) struct Graph {
    client: Client,
    /// With the version.
    base: Url,
    token: Secret,
}

impl Graph {
    pub(super) fn new(
        account: &Account<'_>,
        settings: &Settings,
        documented: &str,
    ) -> Result<Self, Misconfigured> {
        let version = account.setting_text("graph_version").unwrap_or(VERSION);
        let form = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'.';
        let invalid = || Misconfigured::Invalid {
            name: "graph_version",
            problem: "is not of the form v24.0",
        };
        if !version.starts_with('v') || !version.bytes().all(form) {
            return Err(invalid());
        }
        let base = account
            .api_base(documented, settings)?
            .join(&format!("{version}/"))
            .map_err(|_| invalid())?;
        Ok(Self {
            client: http::client(account.allow_private(settings))?,
            base,
            token: Secret::new(account.credential_text("access_token")?),
        })
    }

    /// Posts to an edge, e.g. `<id>/messages`.
    pub(super) async fn post(&self, edge: &str, body: &Value) -> Result<Value, SendOutcome> {
        self.call(self.request(Method::POST, edge)?.json(body))
            .await
    }

    /// Posts files to an edge that shows them to nobody, so a second time is harmless.
    pub(super) async fn upload(
        &self,
        edge: &str,
        body: Upload,
        files: &Files,
    ) -> Result<Value, SendOutcome> {
        let request = self.request(Method::POST, edge)?;
        let response = body.send(request, files, true).await?;
        match answered(response).await {
            Err(SendOutcome::Unknown(failure)) => Err(SendOutcome::RetryAfter {
                after: None,
                failure,
            }),
            answer => answer,
        }
    }

    /// Reads fields of a node.
    pub(super) async fn get(&self, node: &str) -> Result<Value, SendOutcome> {
        self.call(self.request(Method::GET, node)?).await
    }

    fn request(&self, method: Method, edge: &str) -> Result<RequestBuilder, SendOutcome> {
        let url = self.base.join(edge).map_err(|_| {
            SendOutcome::Permanent(super::Failure::message(
                "address",
                "not an id of the platform",
            ))
        })?;
        let request = self.client.request(method, url);
        Ok(request.bearer_auth(self.token.expose()))
    }

    async fn call(&self, request: RequestBuilder) -> Result<Value, SendOutcome> {
        let response = request
            .send()
            .await
            .map_err(|error| http::unanswered(error, false))?;
        answered(response).await
    }

    /// A file that the account may open.
    pub(super) fn open(&self, url: &str) -> Result<FileAt, super::Failure> {
        FileAt::with(url, &format!("Bearer {}", self.token.expose()))
    }
}

async fn answered(response: Response) -> Result<Value, SendOutcome> {
    let status = response.status();
    let after = http::retry_after(&response).or_else(|| regain(&response));
    error::answer(status, after, http::body(response).await.as_deref())
}

/// When a throttled account may call again: `estimated_time_to_regain_access`, in minutes
/// (<https://developers.facebook.com/docs/graph-api/overview/rate-limiting#headers-2>).
fn regain(response: &Response) -> Option<Duration> {
    let header = response.headers().get("x-business-use-case-usage")?;
    minutes(header.to_str().ok()?).map(|minutes| Duration::from_secs(minutes.min(24 * 60) * 60))
}

fn minutes(header: &str) -> Option<u64> {
    let usage: Value = serde_json::from_str(header).ok()?;
    usage
        .as_object()?
        .values()
        .filter_map(Value::as_array)
        .flatten()
        .filter_map(|usage| usage.get("estimated_time_to_regain_access")?.as_u64())
        .max()
        .filter(|minutes| *minutes > 0)
}

/// An id that may stand in a path.
pub(super) fn id<'a>(name: &'static str, id: &'a str) -> Result<&'a str, Misconfigured> {
    let form = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    if !id.is_empty() && id.bytes().all(form) {
        return Ok(id);
    }
    Err(Misconfigured::Invalid {
        name,
        problem: "is not an id of the platform",
    })
}

pub(super) fn report(outcome: &SendOutcome) -> TestReport {
    match outcome {
        SendOutcome::Accepted { .. } => TestReport::passed(None, "accepted"),
        SendOutcome::RetryAfter { failure, .. }
        | SendOutcome::Permanent(failure)
        | SendOutcome::Unknown(failure) => TestReport::failed(failure),
    }
}

#[cfg(test)]
mod round_trip;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_throttled_account_says_when() {
        let header = r#"{"1":[{"type":"whatsapp","call_count":100,"estimated_time_to_regain_access":5}],"2":[{"estimated_time_to_regain_access":19}]}"#;
        assert_eq!(minutes(header), Some(19));
        assert_eq!(
            minutes(r#"{"1":[{"estimated_time_to_regain_access":0}]}"#),
            None
        );
        assert_eq!(minutes("x"), None);
    }

    #[test]
    fn only_ids_stand_in_paths() {
        for right in ["106540352242922", "me", "1_2"] {
            assert!(id("page_id", right).is_ok());
        }
        for wrong in ["", "a/b", "..", "1?x", "http:x"] {
            assert!(id("page_id", wrong).is_err(), "{wrong}");
        }
    }
}
