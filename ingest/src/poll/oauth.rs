//! Access tokens by OAuth 2's refresh token (RFC 6749, section 6).
//!
//! Invariant: a token is asked for once for as long as it is good. Deliberately absent: how a person consents; the channel is
//! given a refresh token.

use std::time::Duration;

use egress::guard;
use reqwest::{Client, StatusCode, Url};
use serde::Deserialize;
use tokio::{sync::Mutex, time::Instant};

use super::PollError;

/// Where Google gives tokens (<https://developers.google.com/identity/protocols/oauth2/web-server#offline>).
pub(super) const GOOGLE: &str = "https://oauth2.googleapis.com/token";
/// A token this close to its end is not used any more.
const MARGIN: Duration = Duration::from_secs(60);
/// When the answer does not say.
const LIFE: u64 = 3600;

/// What tokens are asked for with.
#[derive(Clone, Deserialize)]
pub(super) struct Grant {
    #[serde(default = "google")]
    pub(super) token_url: String,
    pub(super) client_id: String,
    #[serde(default)]
    pub(super) client_secret: String,
    pub(super) refresh_token: String,
}

fn google() -> String {
    GOOGLE.to_owned()
}

#[derive(Deserialize)]
struct Token {
    access_token: String,
    expires_in: Option<u64>,
}

#[derive(Default, Deserialize)]
struct Refusal {
    #[serde(default)]
    error: String,
}

/// The access token of an account, renewed in time.
#[derive(Default)]
pub(super) struct Access {
    kept: Mutex<Option<(String, Instant)>>,
}

impl Access {
    /// A token that is good for a while.
    ///
    /// # Errors
    /// [`PollError::Broken`] when consent was withdrawn or the client is unknown.
    pub(super) async fn token(
        &self,
        http: &Client,
        grant: &Grant,
        allow_private: bool,
    ) -> Result<String, PollError> {
        let mut kept = self.kept.lock().await;
        if let Some((token, until)) = &*kept
            && Instant::now() < *until
        {
            return Ok(token.clone());
        }
        let (token, life) = ask(http, grant, allow_private).await?;
        let life = Duration::from_secs(life.min(24 * 3600)).saturating_sub(MARGIN);
        *kept = Some((token.clone(), Instant::now() + life));
        Ok(token)
    }

    /// Forgets a token that was refused.
    pub(super) async fn forget(&self) {
        *self.kept.lock().await = None;
    }
}

fn form(grant: &Grant) -> String {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.append_pair("grant_type", "refresh_token")
        .append_pair("client_id", &grant.client_id)
        .append_pair("refresh_token", &grant.refresh_token);
    if !grant.client_secret.is_empty() {
        form.append_pair("client_secret", &grant.client_secret);
    }
    form.finish()
}

async fn ask(
    http: &Client,
    grant: &Grant,
    allow_private: bool,
) -> Result<(String, u64), PollError> {
    let url: Url = grant
        .token_url
        .parse()
        .map_err(|_| PollError::broken("`token_url` is no address"))?;
    guard::check(&url, allow_private)
        .map_err(|refused| PollError::broken(format!("`token_url` {refused}")))?;
    let answer = http
        .post(url)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form(grant))
        .send()
        .await
        .map_err(|_| PollError::transient("no answer to the request for an access token"))?;
    let status = answer.status();
    let after = egress::retry_after(&answer);
    let body = egress::body(answer)
        .await
        .ok_or_else(|| PollError::transient("half an answer to the request for an access token"))?;
    if status.is_success() {
        let token: Token = serde_json::from_slice(&body)
            .map_err(|_| PollError::transient("the answer holds no access token"))?;
        return Ok((token.access_token, token.expires_in.unwrap_or(LIFE)));
    }
    let refusal: Refusal = serde_json::from_slice(&body).unwrap_or_default();
    // RFC 6749, 5.2; anything else is the server's own trouble.
    Err(match refusal.error.as_str() {
        "invalid_grant" => PollError::broken(
            "consent was withdrawn, or the refresh token is old (invalid_grant); connect the account again",
        ),
        error @ ("invalid_client"
        | "unauthorized_client"
        | "invalid_scope"
        | "unsupported_grant_type"
        | "invalid_request") => {
            PollError::broken(format!("the account's client is refused ({error})"))
        }
        _ if status == StatusCode::UNAUTHORIZED => {
            PollError::broken("the account's client is refused (401)")
        }
        _ => PollError::later(
            format!("no access token for now (HTTP {})", status.as_u16()),
            after,
        ),
    })
}
