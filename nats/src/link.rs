//! One connection to the broker.
//!
//! Invariant: a request waits no longer than it was told to; a reconnect can be seen by whoever has
//! something outstanding, so nobody waits for an answer that was lost with the old connection.

use std::time::Duration;

use async_nats::{Client, ConnectErrorKind, ConnectOptions, Event, HeaderMap, Message, Request};
use bytes::Bytes;
use schemas::Secret;
use serde::{Serialize, de::DeserializeOwned};
use tokio::{sync::watch, time::Instant};

use crate::api::{self, ApiError};

/// The hub's own inboxes; adapters may subscribe to `_INBOX.>` and see none of these.
const INBOX_PREFIX: &str = "_HUB";
const API_TIMEOUT: Duration = Duration::from_secs(10);

/// Where the broker is, and as whom.
#[derive(Clone, Debug)]
pub struct ConnectSettings {
    /// `nats://host:port`, several separated by commas.
    pub url: String,
    pub user: Option<String>,
    pub password: Option<Secret>,
    /// Shown by the broker in its list of connections.
    pub name: String,
    /// How long [`crate::Bus::connect`] keeps trying.
    pub timeout: Duration,
}

impl Default for ConnectSettings {
    fn default() -> Self {
        Self {
            url: "nats://127.0.0.1:4222".to_owned(),
            user: None,
            password: None,
            name: "tidings".to_owned(),
            timeout: Duration::from_secs(30),
        }
    }
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The broker answered and refused these credentials. Trying again will not help.
    #[error("the broker refused the credentials")]
    Unauthorized,
    /// Nothing usable answered before the timeout.
    #[error("no broker answered in time")]
    TimedOut(#[source] async_nats::ConnectError),
}

impl ConnectError {
    /// Whether trying again later may help.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::TimedOut(_))
    }
}

#[derive(Clone)]
pub(crate) struct Link {
    client: Client,
    connected: watch::Receiver<u64>,
    lost: watch::Receiver<u64>,
}

impl Link {
    pub(crate) async fn open(
        settings: &ConnectSettings,
        purpose: &str,
    ) -> Result<Self, ConnectError> {
        let give_up = Instant::now() + settings.timeout;
        loop {
            let (count, mut connected) = watch::channel(0_u64);
            let (losses, lost) = watch::channel(0_u64);
            let mut options = ConnectOptions::new()
                .name(format!("{} {purpose}", settings.name))
                .custom_inbox_prefix(INBOX_PREFIX)
                .connection_timeout(Duration::from_secs(5))
                .ping_interval(Duration::from_secs(10))
                .reconnect_delay_callback(|attempt| {
                    let step = u32::try_from(attempt.min(6)).unwrap_or(6);
                    Duration::from_millis(25 * 2_u64.pow(step)).min(Duration::from_secs(1))
                })
                .event_callback(move |event| {
                    match event {
                        Event::Connected => count.send_modify(|count| *count += 1),
                        Event::Disconnected => {
                            losses.send_modify(|count| *count += 1);
                            tracing::warn!("disconnected from the broker");
                        }
                        Event::SlowConsumer(_) => tracing::warn!("a subscription fell behind"),
                        other => tracing::debug!(event = %other, "broker connection"),
                    }
                    std::future::ready(())
                });
            if let (Some(user), Some(password)) = (&settings.user, &settings.password) {
                options = options.user_and_password(user.clone(), password.expose().to_owned());
            }
            let servers: Vec<&str> = settings.url.split(',').map(str::trim).collect();
            match options.connect(servers).await {
                Ok(client) => {
                    // The first event comes a little later than the connection it speaks of.
                    let first = connected.wait_for(|count| *count > 0);
                    if tokio::time::timeout(Duration::from_secs(5), first)
                        .await
                        .is_err()
                    {
                        tracing::debug!("no event for the first connection");
                    }
                    return Ok(Self {
                        client,
                        connected,
                        lost,
                    });
                }
                Err(error) => match error.kind() {
                    ConnectErrorKind::Authentication | ConnectErrorKind::AuthorizationViolation => {
                        return Err(ConnectError::Unauthorized);
                    }
                    _ if Instant::now() >= give_up => return Err(ConnectError::TimedOut(error)),
                    _ => tokio::time::sleep(Duration::from_millis(100)).await,
                },
            }
        }
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.client.connection_state() == async_nats::connection::State::Connected
    }

    /// Changes whenever the connection is made anew.
    pub(crate) fn connected(&self) -> watch::Receiver<u64> {
        let mut connected = self.connected.clone();
        connected.mark_unchanged();
        connected
    }

    /// Changes whenever the connection is lost.
    pub(crate) fn lost(&self) -> watch::Receiver<u64> {
        let mut lost = self.lost.clone();
        lost.mark_unchanged();
        lost
    }

    /// A request and its answer; `Unavailable` at once when the connection is made anew meanwhile.
    pub(crate) async fn request(
        &self,
        subject: String,
        headers: Option<HeaderMap>,
        payload: Bytes,
        timeout: Duration,
    ) -> Result<Message, ApiError> {
        let mut request = Request::new().payload(payload).timeout(Some(timeout));
        if let Some(headers) = headers {
            request = request.headers(headers);
        }
        let mut connected = self.connected();
        tokio::select! {
            answer = self.client.send_request(subject, request) => Ok(answer?),
            // The answer went down with the old connection.
            _ = connected.changed() => Err(ApiError::Unavailable),
        }
    }

    /// Returns when the broker has carried out everything sent on this connection before.
    pub(crate) async fn round_trip(&self) -> Result<(), ApiError> {
        // Answered in order, whoever else listens.
        let nothing = serde_json::json!({});
        self.api::<serde_json::Value>("INFO", &nothing)
            .await
            .map(drop)
    }

    /// A request to JetStream's API; `verb` is the subject without its prefix.
    pub(crate) async fn api<A: DeserializeOwned>(
        &self,
        verb: &str,
        question: &impl Serialize,
    ) -> Result<A, ApiError> {
        let payload = serde_json::to_vec(question)
            .map_err(|error| ApiError::Unreadable(error.to_string()))?;
        let subject = format!("{}{verb}", api::PREFIX);
        let answer = self
            .request(subject, None, payload.into(), API_TIMEOUT)
            .await?;
        api::read(&answer.payload)
    }

    /// Stores one message and waits until it is stored.
    pub(crate) async fn store(
        &self,
        subject: String,
        headers: Option<HeaderMap>,
        payload: Bytes,
        timeout: Duration,
    ) -> Result<Stored, ApiError> {
        let answer = self.request(subject, headers, payload, timeout).await?;
        api::read(&answer.payload)
    }
}

/// The broker's acknowledgement of a publish.
#[derive(Debug, serde::Deserialize)]
pub(crate) struct Stored {
    /// Its sequence; of the first copy when this one is a duplicate.
    #[serde(rename = "seq")]
    _seq: u64,
}
