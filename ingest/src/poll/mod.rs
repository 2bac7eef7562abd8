//! Channels that are fetched or listened to, in place of a platform that calls.
//!
//! A channel with a [`Poller`] is read by one task over all workers: a lease in Postgres says whose. The task runs the poller,
//! rests after failures, and notes the channel's health when it changes.
//!
//! A new poller is one file here and one arm in `poller`.
//!
//! Invariants: a lost lease ends the task, by this worker's clock before the database's; a cursor moves after the broker's
//! acknowledgement only, so what is fetched twice is absorbed by its ids and nothing is missed; no poller runs in a hot loop,
//! whatever its platform answers. Deliberately absent: fairness between workers; who comes first reads, and others take over
//! when it goes.

mod directory;
mod discord;
mod error;
mod gmail;
mod imap;
mod oversize;
mod pause;
mod port;
mod telegram;
mod tenure;

use async_trait::async_trait;
use schemas::{ChannelKind, TenantId, Timestamp};
use serde_json::Value;
use sha2::{Digest, Sha256};

pub use directory::run;
pub use error::PollError;
pub use port::Port;

/// Reads one channel.
#[async_trait]
pub trait Poller: Send + Sync {
    /// Fetches or listens for as long as it can: publishes what comes ([`Port::publish`]), then moves the cursor ([`Port::save`]),
    /// and says so when the platform answered ([`Port::answered`]). `Ok` means that a connection ended in good order; it is
    /// run again soon, after an error later, with the same port. May be dropped at any await.
    ///
    /// # Errors
    /// [`PollError`] says by its class when it is worth another try.
    async fn run(&self, port: &Port) -> Result<(), PollError>;
}

/// What the hub allows all pollers.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Lets channels call private and loopback addresses: for tests and a hub on one machine.
    pub allow_private_urls: bool,
    /// The largest update that is taken; it must fit into one message of the broker.
    pub max_bytes: usize,
}

/// What is stored about a channel, as far as reading needs it. Another one means another task.
#[derive(Clone, Debug, PartialEq)]
struct Spec {
    tenant: TenantId,
    kind: ChannelKind,
    /// When the channel was made.
    since: Timestamp,
    credentials: Value,
    settings: Value,
}

impl Spec {
    fn setting(&self, name: &str) -> Option<&str> {
        self.settings.get(name).and_then(Value::as_str)
    }
}

/// Logs in where a channel is read from, as a channel test does; `None` when there is nothing of the kind to try here.
pub async fn check(
    kind: ChannelKind,
    credentials: &Value,
    settings: &Value,
    allow_private_urls: bool,
) -> Option<Result<(), PollError>> {
    let own = settings.get("allow_private").and_then(Value::as_bool);
    let allow_private = allow_private_urls || own == Some(true);
    match kind {
        ChannelKind::Email if credentials.get("imap").is_some() => {
            Some(imap::check(credentials, settings, allow_private).await)
        }
        ChannelKind::Gmail => Some(gmail::check(credentials, settings, allow_private).await),
        ChannelKind::Discord
            if settings.get("receive").and_then(Value::as_str) == Some("gateway") =>
        {
            Some(discord::check(credentials, settings, allow_private).await)
        }
        _ => None,
    }
}

/// The poller of a channel; none when its platform calls us, or it is only written to.
fn poller(spec: &Spec) -> Option<Box<dyn Poller>> {
    match (spec.kind, spec.setting("receive")) {
        (ChannelKind::Email, _) if spec.credentials.get("imap").is_some() => {
            Some(Box::new(imap::Imap::default()))
        }
        (ChannelKind::Telegram, Some("poll")) => Some(Box::new(telegram::Telegram)),
        (ChannelKind::Gmail, _) => Some(Box::new(gmail::Gmail::default())),
        (ChannelKind::Discord, Some("gateway")) => Some(Box::new(discord::Discord::default())),
        _ => None,
    }
}

/// What tells one account from others in a cursor, without naming it.
fn digest(account: &str) -> String {
    let digest = Sha256::digest(account.as_bytes());
    let (short, _) = digest.split_at(8);
    short.iter().map(|byte| format!("{byte:02x}")).collect()
}
