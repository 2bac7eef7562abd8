//! All channels with their credentials, in memory: what the webhook path reads.
//!
//! Invariants: webhooks of known channels need no database; an unknown channel costs at most one
//! cheap query per [`CHECK_EVERY`], however many are tried; a channel that cannot be looked up because
//! the database is down is [`Lookup::Unavailable`], never "unknown".

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;
use futures::{FutureExt, StreamExt};
use schemas::{ChannelId, ChannelKind, ChannelStatus, TenantId, subject};
use serde_json::Value;
use store::{Store, StoreError};
use tokio::{sync::Mutex, time::timeout};
use tokio_util::sync::CancellationToken;

use crate::hub::Hub;

/// How long an answer "not there" stands without asking again.
const CHECK_EVERY: Duration = Duration::from_millis(250);
/// How long the database is not asked after it failed.
const REST: Duration = Duration::from_secs(1);
const QUERY: Duration = Duration::from_secs(3);
/// Changes that were not announced (made in SQL) are seen after this.
const POLL: Duration = Duration::from_secs(5);

pub(crate) struct Directory {
    channels: ArcSwap<HashMap<ChannelId, Arc<Entry>>>,
    checked: Mutex<Checked>,
}

#[derive(Default)]
struct Checked {
    version: Option<i64>,
    fresh_at: Option<Instant>,
    failed_at: Option<Instant>,
}

/// A channel, as far as receiving and sending need it.
pub(crate) struct Entry {
    pub(crate) tenant: TenantId,
    pub(crate) kind: ChannelKind,
    pub(crate) status: ChannelStatus,
    pub(crate) credentials: Value,
    /// `config.settings`; null when there are none.
    pub(crate) settings: Value,
}

impl Entry {
    /// What its requests are told by.
    pub(crate) fn account<'a>(&'a self, public_keys: &'a Value) -> ingest::channel::Account<'a> {
        ingest::channel::Account {
            kind: self.kind,
            credentials: &self.credentials,
            settings: &self.settings,
            public_keys,
        }
    }
}

pub(crate) enum Lookup {
    Found(Arc<Entry>),
    Unknown,
    Unavailable,
}

impl Directory {
    pub(crate) fn new() -> Self {
        Self {
            channels: ArcSwap::default(),
            checked: Mutex::default(),
        }
    }

    pub(crate) async fn find(&self, store: &Store, id: ChannelId) -> Lookup {
        if let Some(entry) = self.channels.load().get(&id) {
            return Lookup::Found(Arc::clone(entry));
        }
        match self.check(store, CHECK_EVERY).await {
            Ok(()) => match self.channels.load().get(&id) {
                Some(entry) => Lookup::Found(Arc::clone(entry)),
                None => Lookup::Unknown,
            },
            Err(()) => Lookup::Unavailable,
        }
    }

    /// The channel of the same tenant and kind that is this account of the platform, if it trusts the same secret or has
    /// none: an active one before others.
    pub(crate) fn of_account(
        &self,
        like: &Entry,
        account: &str,
    ) -> Option<(ChannelId, Arc<Entry>)> {
        let secret = |entry: &Entry| entry.credentials.get("app_secret").cloned();
        let channels = self.channels.load();
        let own = channels.iter().filter(|(_, entry)| {
            entry.tenant == like.tenant
                && entry.kind == like.kind
                && ingest::channel::own_account(&entry.account(&Value::Null)) == Some(account)
                && secret(entry).is_none_or(|other| Some(other) == secret(like))
        });
        own.min_by_key(|(id, entry)| (entry.status == ChannelStatus::Inactive, id.0))
            .map(|(id, entry)| (*id, Arc::clone(entry)))
    }

    /// Whether there is a channel of this kind.
    pub(crate) fn has(&self, kind: ChannelKind) -> bool {
        self.channels
            .load()
            .values()
            .any(|entry| entry.kind == kind)
    }

    /// Loads the channels again if they changed.
    pub(crate) async fn refresh_now(&self, store: &Store) {
        // A failure is logged, and the next look-up or poll tries again.
        self.check(store, Duration::ZERO).await.ok();
    }

    #[cfg(test)]
    pub(crate) fn put(
        &self,
        id: ChannelId,
        tenant: TenantId,
        kind: ChannelKind,
        status: ChannelStatus,
        credentials: Value,
    ) {
        let entry = Entry {
            tenant,
            kind,
            status,
            credentials,
            settings: Value::Null,
        };
        self.put_entry(id, entry);
    }

    #[cfg(test)]
    pub(crate) fn put_entry(&self, id: ChannelId, entry: Entry) {
        let mut channels = HashMap::clone(&self.channels.load());
        channels.insert(id, Arc::new(entry));
        self.channels.store(Arc::new(channels));
    }

    /// One caller at a time asks; who waited meanwhile takes its answer.
    async fn check(&self, store: &Store, every: Duration) -> Result<(), ()> {
        let asked_at = Instant::now();
        let mut checked = self.checked.lock().await;
        if checked
            .fresh_at
            .is_some_and(|at| at > asked_at || (every > Duration::ZERO && at.elapsed() < every))
        {
            return Ok(());
        }
        if checked.failed_at.is_some_and(|at| at.elapsed() < REST) {
            return Err(());
        }
        let started = Instant::now();
        let loaded = timeout(QUERY, self.load(store, checked.version))
            .await
            .unwrap_or_else(|_| Err(None));
        match loaded {
            Ok(version) => {
                *checked = Checked {
                    version: Some(version),
                    fresh_at: Some(started),
                    failed_at: None,
                };
                Ok(())
            }
            Err(error) => {
                checked.failed_at = Some(Instant::now());
                match error {
                    Some(error) => tracing::warn!(%error, "the channels cannot be loaded"),
                    None => tracing::warn!("the channels cannot be loaded in time"),
                }
                Err(())
            }
        }
    }

    async fn load(&self, store: &Store, known: Option<i64>) -> Result<i64, Option<StoreError>> {
        // The version first: what changes while the rows are read is seen next time.
        let version = store::snapshot::version(store).await.map_err(Some)?;
        if known == Some(version) {
            return Ok(version);
        }
        let rows = store::channel::load_all(store).await.map_err(Some)?;
        let channels = rows
            .into_iter()
            .map(|(row, credentials)| {
                let entry = Entry {
                    tenant: row.tenant_id,
                    kind: row.kind,
                    status: row.status,
                    credentials: credentials.unwrap_or(Value::Null),
                    settings: row.config.get("settings").cloned().unwrap_or(Value::Null),
                };
                (row.id, Arc::new(entry))
            })
            .collect();
        self.channels.store(Arc::new(channels));
        Ok(version)
    }
}

/// Keeps the directory and the remembered keys up to date until `stop`.
pub(crate) async fn watch(hub: Arc<Hub>, stop: CancellationToken) {
    loop {
        let Some(mut changes) = (match hub.bus.listen(subject::CONFIG_CHANGED).await {
            Ok(changes) => Some(changes),
            Err(error) => {
                tracing::debug!(%error, "changes are polled for, not listened to");
                None
            }
        }) else {
            hub.directory.refresh_now(&hub.store).await;
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(POLL) => continue,
            }
        };
        hub.directory.refresh_now(&hub.store).await;
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                change = changes.next() => {
                    if change.is_none() {
                        break;
                    }
                    // A burst of changes is one reload.
                    while changes.next().now_or_never().flatten().is_some() {}
                    hub.keys.forget();
                }
                () = tokio::time::sleep(POLL) => {}
            }
            hub.directory.refresh_now(&hub.store).await;
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(Duration::from_millis(200)) => {}
        }
    }
}
