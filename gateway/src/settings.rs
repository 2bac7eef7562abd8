//! What the gateway is given: its settings and the parts it works with.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures::{future::BoxFuture, stream::BoxStream};
use nats::Bus;
use schemas::{ImportId, MediaId, Secret, Task, TenantId, Understanding};
use serde_json::Value;
use store::{Store, channel::ChannelRow, media::MediaStored};

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
    /// Proxies whose `X-Forwarded-*` is believed.
    pub trusted_proxies: Vec<ipnet::IpNet>,
    /// Where Google's public keys are.
    pub google_keys_url: String,
    /// Where Amazon SNS is, if not at its own hosts.
    pub sns_url: Option<String>,
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
            trusted_proxies: Vec::new(),
            google_keys_url: ingest::google::KEYS_URL.to_owned(),
            sns_url: None,
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
    pub models: Arc<dyn ModelKeeper>,
    pub media: Arc<dyn MediaKeeper>,
    pub imports: Arc<dyn ImportKeeper>,
    /// Renders the metrics in Prometheus' text form.
    pub metrics: Arc<dyn Fn() -> String + Send + Sync>,
}

/// Tries a channel's account without sending a message to anybody.
pub trait ChannelTester: Send + Sync {
    /// Always answers; what went wrong is in the answer. A platform that can be told where to deliver is told
    /// `webhook_url`.
    fn test(
        &self,
        channel: ChannelRow,
        credentials: Option<Value>,
        webhook_url: Option<String>,
    ) -> BoxFuture<'_, ChannelTest>;

    /// Shows a conversation of the platform that somebody writes, `last` being the newest message from there; whether
    /// the platform took it, or has no such thing.
    fn typing(
        &self,
        channel: ChannelRow,
        credentials: Option<Value>,
        conversation: String,
        last: Option<String>,
    ) -> BoxFuture<'_, bool>;

    /// The platform's own conversation with a person, opened if need be, where what they answer arrives elsewhere than at
    /// their address; none where `conversation` names no person.
    ///
    /// # Errors
    /// [`Unopened`] says whose fault it is.
    fn open(
        &self,
        channel: ChannelRow,
        credentials: Option<Value>,
        conversation: String,
    ) -> BoxFuture<'_, Result<Option<Opened>, Unopened>>;
}

/// A conversation that a platform opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    pub conversation: String,
    /// With whom, as the platform names them when they write.
    pub person: String,
}

/// Why a platform opened no conversation; the texts are for people, without a stop at their end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unopened {
    /// There is no such person, or they must not be written to.
    Person(String),
    /// The channel's configuration does not reach the platform.
    Channel(String),
    /// The platform refuses the channel, or cannot be reached.
    Platform(String),
}

/// What a test found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelTest {
    pub success: bool,
    /// Who we are on the platform.
    pub account: Option<String>,
    /// For people; no credentials.
    pub detail: String,
}

/// Those who understand messages, as far as the API asks them: what settings may say, and models' files.
pub trait ModelKeeper: Send + Sync {
    /// Whether the settings make sense in themselves. Whether the models they name are there is not asked here.
    ///
    /// # Errors
    /// The first thing that does not.
    fn check(&self, settings: &Understanding) -> Result<(), SettingRefused>;

    /// Reads a model's file to its end.
    ///
    /// # Errors
    /// What is wrong with it, for people.
    fn inspect(&self, file: Bytes) -> BoxFuture<'_, Result<ModelRead, String>>;

    /// Keeps a file; the same one again is no error.
    fn put(
        &self,
        tenant: TenantId,
        id: String,
        file: Bytes,
    ) -> BoxFuture<'_, Result<(), StorageDown>>;

    /// A file that was kept; none when it is not there.
    fn get(
        &self,
        tenant: TenantId,
        id: String,
    ) -> BoxFuture<'_, Result<Option<Bytes>, StorageDown>>;

    /// Removes a file; one that is not there is no error.
    fn delete(&self, tenant: TenantId, id: String) -> BoxFuture<'_, Result<(), StorageDown>>;
}

/// Where files of messages are kept.
pub trait MediaKeeper: Send + Sync {
    /// Largest file that is taken.
    fn max_bytes(&self) -> usize;

    /// Keeps a file, and says what it is; `content_type` is what its sender said.
    ///
    /// # Errors
    /// [`StorageDown`].
    fn put(
        &self,
        tenant: TenantId,
        id: MediaId,
        content_type: Option<String>,
        file: Bytes,
    ) -> BoxFuture<'_, Result<MediaStored, StorageDown>>;

    /// A file that was kept; none when it is not there.
    ///
    /// # Errors
    /// [`StorageDown`].
    fn get(
        &self,
        tenant: TenantId,
        id: MediaId,
    ) -> BoxFuture<'_, Result<Option<Bytes>, StorageDown>>;
}

/// Where files of contacts are kept until they are read in.
pub trait ImportKeeper: Send + Sync {
    /// Largest file that is taken.
    fn max_bytes(&self) -> u64;

    /// Keeps a file as it comes, in constant memory, and tells how long it is. It is there whole, or not at all.
    ///
    /// # Errors
    /// [`NotKept`].
    fn keep<'a>(
        &'a self,
        tenant: TenantId,
        id: ImportId,
        file: BoxStream<'a, Result<Bytes, Interrupted>>,
    ) -> BoxFuture<'a, Result<u64, NotKept>>;
}

/// A file does not come to its end; whoever brings it knows why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the file does not come to its end")]
pub struct Interrupted;

/// Why a file is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotKept {
    #[error("the file does not come to its end")]
    Interrupted,
    #[error(transparent)]
    Storage(#[from] StorageDown),
}

/// A part of the settings that cannot be accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingRefused {
    /// JSON Pointer (RFC 6901).
    pub pointer: String,
    /// For people.
    pub detail: String,
}

/// What a model's file says of itself.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelRead {
    pub id: String,
    pub task: Task,
    /// Of the file, in hex.
    pub sha256: String,
    pub labels: Vec<String>,
    pub metrics: Value,
    /// Markdown.
    pub card: String,
}

/// The object storage cannot be reached, or refuses; logged where it arose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the object storage is not available")]
pub struct StorageDown;
