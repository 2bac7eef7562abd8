//! What the gateway is given: its settings and the parts it works with.

use std::{sync::Arc, time::Duration};

use futures::future::BoxFuture;
use nats::Bus;
use schemas::Secret;
use serde_json::Value;
use store::{Store, channel::ChannelRow};

/// How the gateway behaves.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Largest body of a request.
    pub body_limit_bytes: usize,
    /// Largest body of a webhook of an e-mail channel.
    pub email_body_limit_bytes: usize,
    /// How long a request waits for the broker to store what it brought.
    pub publish_deadline: Duration,
    /// How long a request may take in all.
    pub request_timeout: Duration,
    pub max_connections: usize,
    /// Origins browsers may call from; empty: the same origin only.
    pub cors_origins: Vec<String>,
    /// The address under which platforms reach this hub, for webhook addresses.
    pub public_url: Option<String>,
    /// How long the answer about an API key is remembered; cut at ten seconds.
    pub key_cache: Duration,
    pub jwt: JwtSettings,
}

/// Which JSON Web Tokens are taken; none without a key.
#[derive(Clone, Debug, Default)]
pub struct JwtSettings {
    /// At least 32 bytes.
    pub hs256_secret: Option<Secret>,
    pub rs256_public_key_pem: Option<Secret>,
    /// Required of a token when set.
    pub issuer: Option<String>,
    /// Required of a token when set.
    pub audience: Option<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            body_limit_bytes: 1024 * 1024,
            email_body_limit_bytes: 25 * 1024 * 1024,
            publish_deadline: Duration::from_secs(5),
            request_timeout: Duration::from_secs(30),
            max_connections: 4096,
            cors_origins: Vec::new(),
            public_url: None,
            key_cache: Duration::from_secs(5),
            jwt: JwtSettings::default(),
        }
    }
}

/// Everything the gateway works with.
pub struct Deps {
    pub store: Store,
    pub bus: Bus,
    pub settings: Settings,
    pub tester: Arc<dyn ChannelTester>,
    /// Renders the metrics in Prometheus' text form.
    pub metrics: Arc<dyn Fn() -> String + Send + Sync>,
}

/// Tries a channel's account without sending a message to anybody.
pub trait ChannelTester: Send + Sync {
    /// Always answers; what went wrong is in the answer.
    fn test(&self, channel: ChannelRow, credentials: Option<Value>) -> BoxFuture<'_, ChannelTest>;
}

/// What a test found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelTest {
    pub success: bool,
    /// For people; no credentials.
    pub detail: String,
}
