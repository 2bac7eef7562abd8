//! The calls of Discord's API that listening needs (<https://docs.discord.com/developers/reference>).

use std::time::Duration;

use egress::guard;
use reqwest::{
    Client, Response, StatusCode, Url,
    header::{AUTHORIZATION, HeaderValue},
};
use schemas::Secret;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

use crate::poll::PollError;

const API_BASE: &str = "https://discord.com/api/v10";
/// Bytes of an answer that are read: a hundred messages, or the channels of a guild.
const MAX_ANSWER_BYTES: usize = 8 << 20;

/// The API, as one bot.
pub(super) struct Api {
    client: Client,
    /// Ends in `/`.
    base: Url,
    key: HeaderValue,
}

/// Where the gateway is, and what is left of the day's new sessions
/// (<https://docs.discord.com/developers/events/gateway#get-gateway-bot>).
#[derive(Deserialize)]
pub(super) struct Gateway {
    pub(super) url: String,
    session_start_limit: StartLimit,
}

#[derive(Deserialize)]
struct StartLimit {
    remaining: u64,
    /// Milliseconds.
    reset_after: u64,
}

/// The first answer to an interaction.
pub(super) struct Callback {
    pub(super) id: String,
    pub(super) token: Secret,
    pub(super) body: Value,
}

/// The form of a refusal.
#[derive(Default, Deserialize)]
struct Refusal {
    /// Seconds.
    retry_after: Option<f64>,
}

impl Api {
    pub(super) fn new(
        base: Option<&str>,
        token: &Secret,
        allow_private: bool,
    ) -> Result<Self, PollError> {
        let base = base.unwrap_or(API_BASE).trim_end_matches('/');
        let base = Url::parse(&format!("{base}/"))
            .map_err(|_| PollError::broken("`api_base` is no address"))?;
        guard::check(&base, allow_private)
            .map_err(|_| PollError::broken("`api_base` may not be called"))?;
        let mut key = HeaderValue::from_str(&format!("Bot {}", token.expose()))
            .map_err(|_| PollError::broken("`bot_token` has characters no header may have"))?;
        key.set_sensitive(true);
        Ok(Self {
            client: egress::client(allow_private)
                .map_err(|_| PollError::broken("no TLS can be had here"))?,
            base,
            key,
        })
    }

    /// Where a new session may begin now.
    pub(super) async fn gateway(&self) -> Result<Gateway, PollError> {
        let gateway: Gateway = self.get("gateway/bot").await?;
        let limit = &gateway.session_start_limit;
        if limit.remaining == 0 {
            return Err(PollError::later(
                "Discord lets this bot begin no more sessions today",
                Some(Duration::from_millis(limit.reset_after)),
            ));
        }
        Ok(gateway)
    }

    /// What lies at a path of ours.
    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, PollError> {
        let found = self.find(path).await?;
        found.ok_or_else(|| PollError::transient("Discord does not show the bot itself"))
    }

    /// What lies at a path of ours; none when it is not there, not for this bot, or nothing of this kind.
    pub(super) async fn find<T: DeserializeOwned>(
        &self,
        path: &str,
    ) -> Result<Option<T>, PollError> {
        let url = self
            .base
            .join(path)
            .map_err(|_| PollError::broken("`api_base` is no address"))?;
        let request = self.client.get(url).header(AUTHORIZATION, self.key.clone());
        let response = request
            .send()
            .await
            .map_err(|error| PollError::transient(error.without_url().to_string()))?;
        let (status, asked) = (response.status(), egress::retry_after(&response));
        let body = body(response).await?;
        if status.is_client_error() && !matches!(status.as_u16(), 401 | 429) {
            return Ok(None);
        }
        if !status.is_success() {
            let refusal: Refusal = serde_json::from_slice(&body).unwrap_or_default();
            let wait = refusal.retry_after.filter(|wait| (0.0..1e6).contains(wait));
            return Err(refused(status, wait.map(Duration::from_secs_f64).or(asked)));
        }
        serde_json::from_slice(&body)
            .map(Some)
            .map_err(|_| PollError::transient("an answer that is not Discord's"))
    }

    /// Answers an interaction for the first time. One that is answered already, or too late, is no matter: what it said is taken
    /// either way.
    pub(super) async fn call_back(&self, callback: Callback) {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend([
                "interactions",
                &callback.id,
                callback.token.expose(),
                "callback",
            ]);
        }
        match self.client.post(url).json(&callback.body).send().await {
            Ok(response) if response.status().is_success() => {}
            Ok(response) => {
                let status = response.status().as_u16();
                tracing::debug!(status, "an interaction was not acknowledged");
            }
            Err(error) => {
                let error = error.without_url();
                tracing::debug!(%error, "an interaction was not acknowledged");
            }
        }
    }
}

async fn body(response: Response) -> Result<bytes::Bytes, PollError> {
    let body = egress::body_within(response, MAX_ANSWER_BYTES).await;
    body.ok_or_else(|| PollError::transient("an answer that broke off"))
}

fn refused(status: StatusCode, after: Option<Duration>) -> PollError {
    match status.as_u16() {
        401 => PollError::broken("Discord refuses the bot token"),
        429 => PollError::later("Discord wants fewer calls", after),
        status => PollError::later(format!("Discord answered HTTP {status}"), after),
    }
}
