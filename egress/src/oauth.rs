//! Access tokens by OAuth 2's refresh token (RFC 6749, section 6).
//!
//! Invariant: a token is asked for once for as long as it is good. Deliberately absent: how a person consents; the channel is
//! given a refresh token.

use std::time::Duration;

use reqwest::{Client, StatusCode, Url};
use serde::Deserialize;
use tokio::{sync::Mutex, time::Instant};

use crate::guard;

/// Where Google gives tokens (<https://developers.google.com/identity/protocols/oauth2/web-server#offline>).
pub const GOOGLE: &str = "https://oauth2.googleapis.com/token";
/// A token this close to its end is not used any more.
const MARGIN: Duration = Duration::from_secs(60);
/// When the answer does not say.
const LIFE: u64 = 3600;

/// Why there is no token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoToken {
    /// A person has to change something: consent, client or address.
    #[error("{0}")]
    Refused(String),
    /// Another try may fare better.
    #[error("{reason}")]
    Unavailable {
        reason: String,
        /// As the server asked.
        after: Option<Duration>,
    },
}

impl NoToken {
    fn refused(reason: impl Into<String>) -> Self {
        Self::Refused(reason.into())
    }

    fn unavailable(reason: impl Into<String>) -> Self {
        Self::Unavailable {
            reason: reason.into(),
            after: None,
        }
    }
}

/// What tokens are asked for with. Holds secrets, so it is never printed.
#[derive(Clone, Deserialize)]
pub struct Grant {
    #[serde(default = "google")]
    pub token_url: String,
    pub client_id: String,
    #[serde(default)]
    pub client_secret: String,
    pub refresh_token: String,
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
pub struct Access {
    kept: Mutex<Option<(String, Instant)>>,
}

impl Access {
    /// A token that is good for a while.
    ///
    /// # Errors
    /// [`NoToken::Refused`] when consent was withdrawn or the client is unknown.
    pub async fn token(
        &self,
        http: &Client,
        grant: &Grant,
        allow_private: bool,
    ) -> Result<String, NoToken> {
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
    pub async fn forget(&self) {
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

async fn ask(http: &Client, grant: &Grant, allow_private: bool) -> Result<(String, u64), NoToken> {
    let url: Url = grant
        .token_url
        .parse()
        .map_err(|_| NoToken::refused("`token_url` is no address"))?;
    guard::check(&url, allow_private)
        .map_err(|refused| NoToken::refused(format!("`token_url` {refused}")))?;
    let answer = http
        .post(url)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form(grant))
        .send()
        .await
        .map_err(|_| NoToken::unavailable("no answer to the request for an access token"))?;
    let status = answer.status();
    let after = crate::retry_after(&answer);
    let body = crate::body(answer)
        .await
        .ok_or_else(|| NoToken::unavailable("half an answer to the request for an access token"))?;
    if status.is_success() {
        let token: Token = serde_json::from_slice(&body)
            .map_err(|_| NoToken::unavailable("the answer holds no access token"))?;
        return Ok((token.access_token, token.expires_in.unwrap_or(LIFE)));
    }
    let refusal: Refusal = serde_json::from_slice(&body).unwrap_or_default();
    // RFC 6749, 5.2; anything else is the server's own trouble.
    Err(match refusal.error.as_str() {
        "invalid_grant" => NoToken::refused(
            "consent was withdrawn, or the refresh token is old (invalid_grant); connect the account again",
        ),
        error @ ("invalid_client"
        | "unauthorized_client"
        | "invalid_scope"
        | "unsupported_grant_type"
        | "invalid_request") => {
            NoToken::refused(format!("the account's client is refused ({error})"))
        }
        _ if status == StatusCode::UNAUTHORIZED => {
            NoToken::refused("the account's client is refused (401)")
        }
        _ => NoToken::Unavailable {
            reason: format!("no access token for now (HTTP {})", status.as_u16()),
            after,
        },
    })
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use axum::{Router, http::StatusCode, routing::post};

    use super::*;

    /// Answers one thing, counts how often, and checks the form.
    async fn server(status: StatusCode, body: &'static str) -> (Grant, Arc<AtomicUsize>) {
        let asked = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&asked);
        let app = Router::new().fallback(post(move |form: String| {
            counted.fetch_add(1, Ordering::Relaxed);
            assert_eq!(
                form,
                "grant_type=refresh_token&client_id=a+b&refresh_token=r%26&client_secret=s"
            );
            async move { (status, body) }
        }));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let token_url = format!("http://{}/token", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        let grant = Grant {
            token_url,
            client_id: "a b".into(),
            client_secret: "s".into(),
            refresh_token: "r&".into(),
        };
        (grant, asked)
    }

    #[tokio::test]
    async fn a_token_is_asked_for_once_while_it_is_good() {
        let http = crate::client(true).unwrap();
        let body = r#"{"access_token": "t1", "expires_in": 3599, "token_type": "Bearer"}"#;
        let (grant, asked) = server(StatusCode::OK, body).await;
        let access = Access::default();
        for _ in 0..3 {
            assert_eq!(access.token(&http, &grant, true).await.unwrap(), "t1");
        }
        assert_eq!(asked.load(Ordering::Relaxed), 1);
        access.forget().await;
        access.token(&http, &grant, true).await.unwrap();
        assert_eq!(asked.load(Ordering::Relaxed), 2);

        // One that ends at once is not kept.
        let (grant, asked) =
            server(StatusCode::OK, r#"{"access_token": "t", "expires_in": 5}"#).await;
        let access = Access::default();
        access.token(&http, &grant, true).await.unwrap();
        access.token(&http, &grant, true).await.unwrap();
        assert_eq!(asked.load(Ordering::Relaxed), 2);
    }

    #[tokio::test]
    async fn refusals_are_classed() {
        let http = crate::client(true).unwrap();
        for (status, body, lasting) in [
            (
                StatusCode::BAD_REQUEST,
                r#"{"error": "invalid_grant"}"#,
                true,
            ),
            (
                StatusCode::UNAUTHORIZED,
                r#"{"error": "invalid_client"}"#,
                true,
            ),
            (StatusCode::SERVICE_UNAVAILABLE, "", false),
            (StatusCode::OK, "{}", false),
        ] {
            let (grant, _) = server(status, body).await;
            let refused = Access::default().token(&http, &grant, true).await;
            assert_eq!(
                matches!(refused, Err(NoToken::Refused(_))),
                lasting,
                "{refused:?}"
            );
        }
        let (grant, asked) = server(StatusCode::OK, "{}").await;
        let refused = Access::default().token(&http, &grant, false).await;
        assert!(matches!(refused, Err(NoToken::Refused(_))), "{refused:?}");
        assert_eq!(
            asked.load(Ordering::Relaxed),
            0,
            "a private address is not called"
        );
    }
}
