//! What a poller is given: its channel, where updates go, and how far it had come.
//!
//! Invariants: [`Port::publish`] is done when the broker has stored every update; the cursor is moved by [`Port::save`] alone,
//! which who calls it does after that. So a worker that dies between the two leaves updates to be fetched again, which
//! their ids absorb, and none to be missed.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use nats::Bus;
use schemas::{ChannelId, ChannelKind, TenantId, Timestamp, partition, subject};
use serde_json::Value;
use store::{Store, cursor::Claim};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::{PollError, Settings};
use crate::channel::{self, Update};

/// How long the broker may take to store what was fetched.
const PUBLISH: Duration = Duration::from_secs(60);
/// Updates published at a time.
const AT_A_TIME: usize = 256;

/// A channel, as its poller sees it.
pub struct Port {
    pub tenant: TenantId,
    pub channel: ChannelId,
    pub kind: ChannelKind,
    /// Null when there are none.
    pub credentials: Value,
    /// `config.settings`; null when there are none.
    pub settings: Value,
    /// When the channel was made.
    pub since: Timestamp,
    /// Cancelled when the worker stops or the channel is changed. A poller that does not end soon after is ended.
    pub stop: CancellationToken,
    /// Whether private and loopback addresses may be called.
    pub allow_private: bool,
    /// The largest update that can be published.
    pub max_bytes: usize,
    pub(super) bus: Bus,
    pub(super) store: Store,
    pub(super) claim: Claim,
    pub(super) nudge: Arc<Notify>,
    pub(super) state: Mutex<State>,
}

/// What changes while a poller runs.
#[derive(Default)]
pub(super) struct State {
    pub(super) cursor: Value,
    /// As last written to the channel's row.
    pub(super) health: Option<&'static str>,
    /// Since the poller last had an answer.
    pub(super) failures: u32,
}

impl Port {
    pub(super) fn new(
        bus: Bus,
        store: Store,
        claim: Claim,
        spec: &super::Spec,
        settings: &Settings,
        nudge: Arc<Notify>,
        stop: CancellationToken,
    ) -> Self {
        let own = spec.settings.get("allow_private").and_then(Value::as_bool);
        Self {
            tenant: claim.tenant,
            channel: claim.channel,
            kind: spec.kind,
            credentials: spec.credentials.clone(),
            settings: spec.settings.clone(),
            since: spec.since,
            stop,
            allow_private: settings.allow_private_urls || own == Some(true),
            max_bytes: settings.max_bytes,
            bus,
            store,
            claim,
            nudge,
            state: Mutex::default(),
        }
    }

    /// Has the broker store updates, in their order. `Ok` means all of them are stored.
    ///
    /// # Errors
    /// [`PollError::Transient`]; some of them may be stored then.
    pub async fn publish(&self, updates: Vec<Update>) -> Result<(), PollError> {
        let now = Timestamp::now();
        let mut updates = updates.into_iter().peekable();
        while updates.peek().is_some() {
            let items: Vec<_> = updates
                .by_ref()
                .take(AT_A_TIME)
                .map(|update| {
                    let envelope =
                        channel::envelope(self.tenant, self.channel, self.kind, update, now);
                    let partition = partition::of(&partition::token(&envelope.conversation_key));
                    let subject = subject::inbound(partition, self.tenant, self.kind, self.channel);
                    (subject, envelope.encode())
                })
                .collect();
            let count = items.len() as u64;
            self.bus
                .publisher()
                .publish_all(items, PUBLISH)
                .await
                .map_err(|error| PollError::transient(error.to_string()))?;
            metrics::counter!("tidings_received_total", "kind" => self.kind.name())
                .increment(count);
        }
        Ok(())
    }

    /// How far the channel has been read, as the last [`Port::save`] of whoever left it; null at the start.
    #[must_use]
    pub fn cursor(&self) -> Value {
        self.state().cursor.clone()
    }

    /// Moves the cursor, which must only be done after everything up to it is published.
    ///
    /// # Errors
    /// [`PollError::Ended`] when the channel is another worker's by now.
    pub async fn save(&self, cursor: Value) -> Result<(), PollError> {
        if self.state().cursor == cursor {
            return Ok(());
        }
        match store::cursor::save(&self.store, &self.claim, &cursor).await {
            Ok(true) => {
                self.state().cursor = cursor;
                Ok(())
            }
            Ok(false) => Err(PollError::Ended),
            Err(error) => Err(PollError::transient(error.to_string())),
        }
    }

    /// Says that the platform answered as it should. Call it after every poll, or whenever something came over a connection
    /// that is listened to.
    pub async fn answered(&self) {
        metrics::counter!("tidings_polls_total", "kind" => self.kind.name(), "outcome" => "ok")
            .increment(1);
        self.state().failures = 0;
        self.note_health("healthy", None).await;
    }

    /// Waits for a nudge: the platform said that there is something to fetch. One that came since the last wait counts.
    pub async fn nudged(&self) {
        self.nudge.notified().await;
    }

    /// Waits until a nudge or so long.
    ///
    /// # Errors
    /// [`PollError::Ended`] when it is time to stop.
    pub async fn rest(&self, time: Duration) -> Result<(), PollError> {
        tokio::select! {
            () = self.stop.cancelled() => Err(PollError::Ended),
            () = self.nudge.notified() => Ok(()),
            () = tokio::time::sleep(time) => Ok(()),
        }
    }

    /// A credential that is a text.
    ///
    /// # Errors
    /// [`PollError::Broken`] when it is missing.
    pub fn credential(&self, name: &str) -> Result<&str, PollError> {
        self.credentials
            .get(name)
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty())
            .ok_or_else(|| PollError::broken(format!("the credential `{name}` is missing")))
    }

    /// A setting that is a text.
    #[must_use]
    pub fn setting(&self, name: &str) -> Option<&str> {
        self.settings
            .get(name)
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty())
    }

    /// A setting that is a number of seconds, within bounds.
    #[must_use]
    pub fn seconds(&self, name: &str, default: u64, least: u64, most: u64) -> Duration {
        let given = self.settings.get(name).and_then(Value::as_u64);
        Duration::from_secs(given.unwrap_or(default).clamp(least, most))
    }

    /// Writes the channel's health down when it changed.
    pub(super) async fn note_health(&self, health: &'static str, trouble: Option<&str>) {
        if self.state().health == Some(health) {
            return;
        }
        let noted = async {
            store::cursor::set_trouble(&self.store, &self.claim, trouble).await?;
            store::channel::set_health(&self.store, self.tenant, self.channel, health).await
        };
        match noted.await {
            Ok(()) => self.state().health = Some(health),
            Err(error) => {
                tracing::debug!(channel = %self.channel, %error, "the channel's health was not noted");
            }
        }
    }

    pub(super) fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
