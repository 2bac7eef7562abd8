//! Fetches what is queued.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
    time::Duration,
};

use anyhow::Context as _;
use egress::NotGot;
use futures::StreamExt as _;
use reqwest::Client;
use schemas::ChannelId;
use sinks::channel::{Account, Failure, Scope, Sender};
use store::{
    Store,
    media::{self, MediaTaken, object_key},
};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::queue::describe;
use crate::{config::MediaSettings, shelf::Objects};

/// Tries of one file.
const MAX_TRIES: i32 = 8;
/// How long the queue rests when it is empty.
const REST: Duration = Duration::from_millis(500);
/// How long it rests while the database is away.
const AWAY: Duration = Duration::from_secs(2);
/// How long one file may take in all, and how long it is nobody else's.
const LEASE: Duration = Duration::from_secs(120);
/// The wait after a first try that failed; doubled each time.
const FIRST_WAIT: Duration = Duration::from_secs(5);

/// Takes files from the queue until it is stopped.
pub(crate) struct Fetcher {
    store: Store,
    objects: Objects,
    senders: sinks::channel::Settings,
    client: Client,
    /// For channels that may call private addresses.
    inside: Client,
    max_bytes: usize,
    concurrency: usize,
}

/// Why a file was not fetched this time.
struct Missed {
    detail: String,
    is_transient: bool,
}

impl Missed {
    fn never(detail: impl Into<String>) -> Self {
        Self {
            detail: detail.into(),
            is_transient: false,
        }
    }

    fn now(detail: impl Into<String>) -> Self {
        Self {
            detail: detail.into(),
            is_transient: true,
        }
    }
}

impl From<Failure> for Missed {
    fn from(failure: Failure) -> Self {
        Self {
            // A channel's trouble may be mended.
            is_transient: failure.scope == Scope::Channel,
            detail: format!("{}: {}", failure.code, failure.detail),
        }
    }
}

impl From<NotGot> for Missed {
    fn from(error: NotGot) -> Self {
        Self {
            is_transient: error.is_transient(),
            detail: error.to_string(),
        }
    }
}

impl Fetcher {
    pub(crate) fn new(
        store: Store,
        objects: Objects,
        senders: sinks::channel::Settings,
        settings: &MediaSettings,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            client: egress::client(false).context("no TLS here")?,
            inside: egress::client(true).context("no TLS here")?,
            store,
            objects,
            senders,
            max_bytes: settings.max_bytes,
            concurrency: settings.concurrency.clamp(1, 64),
        })
    }

    pub(crate) async fn run(self, stop: CancellationToken) {
        let limit = i64::try_from(self.concurrency).unwrap_or(1);
        loop {
            let wait = match media::take(&self.store, limit, LEASE).await {
                Ok(taken) if taken.is_empty() => REST,
                Ok(taken) => {
                    let channels = self.channels(&taken).await;
                    futures::stream::iter(taken)
                        .for_each_concurrent(self.concurrency, |one| self.settle(one, &channels))
                        .await;
                    Duration::ZERO
                }
                Err(error) => {
                    tracing::warn!(%error, "the queue of files cannot be read");
                    AWAY
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = sleep(wait) => {}
            }
        }
    }

    /// The senders of the channels: they know where their platforms keep files.
    async fn channels(&self, taken: &[MediaTaken]) -> HashMap<ChannelId, Known> {
        let mut known = HashMap::new();
        for one in taken {
            if let Entry::Vacant(e) = known.entry(one.channel) {
                e.insert(self.channel(one).await);
            }
        }
        known
    }

    async fn channel(&self, one: &MediaTaken) -> Known {
        let row = store::channel::get(&self.store, one.tenant, one.channel)
            .await
            .map_err(|error| error.to_string())?;
        let credentials = store::channel::credentials(&self.store, one.tenant, one.channel)
            .await
            .map_err(|error| error.to_string())?;
        let account = Account {
            tenant: one.tenant,
            channel: one.channel,
            kind: row.kind,
            config: &row.config,
            credentials: credentials.as_ref(),
        };
        // Strangers choose these addresses, so what the hub allows its tenants is not enough.
        let private = row.config.pointer("/settings/allow_private") == Some(&true.into());
        sinks::channel::build(&account, &self.senders, &self.store)
            .map(|sender| (sender, private))
            .map_err(|error| error.to_string())
    }

    async fn settle(&self, one: MediaTaken, channels: &HashMap<ChannelId, Known>) {
        let fetched = tokio::time::timeout(LEASE, self.fetch(&one, channels))
            .await
            .unwrap_or_else(|_| Err(Missed::now("it took too long")));
        let (outcome, noted) = match fetched {
            Ok(file) => {
                let noted = media::stored(&self.store, one.tenant, one.id, &file).await;
                ("stored", noted)
            }
            Err(missed) => {
                let again = (missed.is_transient && one.attempt < MAX_TRIES).then(|| {
                    let doubled = u32::try_from(one.attempt.saturating_sub(1)).unwrap_or(0);
                    FIRST_WAIT * 2_u32.saturating_pow(doubled)
                });
                let noted =
                    media::missed(&self.store, one.tenant, one.id, &missed.detail, again).await;
                (if again.is_some() { "retried" } else { "failed" }, noted)
            }
        };
        metrics::counter!("tidings_media_total", "outcome" => outcome).increment(1);
        if let Err(error) = noted {
            // Its lease ends some time, and then it is fetched again.
            tracing::warn!(%error, file = %one.id, "what became of a file could not be noted");
        }
    }

    async fn fetch(
        &self,
        one: &MediaTaken,
        channels: &HashMap<ChannelId, Known>,
    ) -> Result<media::MediaStored, Missed> {
        let (sender, private) = match channels.get(&one.channel) {
            Some(Ok(known)) => known,
            Some(Err(why)) => return Err(Missed::now(why.clone())),
            None => return Err(Missed::now("the channel is not known")),
        };
        let announced = one.source.size_bytes.unwrap_or(0);
        if announced > self.max_bytes as u64 {
            return Err(Missed::never(format!(
                "larger than {} bytes",
                self.max_bytes
            )));
        }
        let at = sender.file(&one.source).await?;
        let client = if *private { &self.inside } else { &self.client };
        let got = egress::get(client, at.url, at.headers, self.max_bytes, *private).await?;
        let claimed = one
            .source
            .content_type
            .as_deref()
            .or(got.content_type.as_deref());
        let file = describe(&got.bytes, claimed);
        self.objects
            .put(&object_key(one.tenant, one.id), got.bytes)
            .await
            .map_err(|error| {
                tracing::error!(error = format!("{error:#}"), "the object storage failed");
                Missed::now("the object storage failed")
            })?;
        Ok(file)
    }
}

/// A channel's sender, and whether it may call private addresses; or why there is none.
type Known = Result<(Arc<dyn Sender>, bool), String>;
