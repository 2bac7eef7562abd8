//! The tenants' snapshot that the stages see: loaded from Postgres, replaced when something changed.
//!
//! *Invariant:* a snapshot once loaded is kept while Postgres is away; messages go on being routed
//! by the rules last known.

use std::{sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use futures::StreamExt;
use nats::Bus;
use schemas::{ChannelId, Snapshot, TenantId, subject};
use store::{Store, StoreError};
use tokio::sync::{Mutex, watch};
use tokio_util::sync::CancellationToken;

/// How often the version is looked at when nothing was announced.
const POLL: Duration = Duration::from_secs(2);

/// The current snapshot.
pub(crate) struct Directory {
    snapshot: ArcSwap<Snapshot>,
    /// The version loaded; held while loading, so that one load serves all who wait.
    version: Mutex<i64>,
    store: Store,
    /// Sent after the snapshot was replaced.
    changed: watch::Sender<()>,
}

impl Directory {
    /// Waits until Postgres has given the first snapshot; none when `stop` came first.
    pub(crate) async fn load(store: Store, stop: &CancellationToken) -> Option<Arc<Self>> {
        loop {
            match store::snapshot::load(&store).await {
                Ok((snapshot, version)) => {
                    return Some(Arc::new(Self {
                        snapshot: ArcSwap::from_pointee(snapshot),
                        version: Mutex::new(version),
                        store,
                        changed: watch::Sender::new(()),
                    }));
                }
                Err(error) => tracing::warn!(%error, "the tenants' settings cannot be loaded yet"),
            }
            if pause(stop).await.is_break() {
                return None;
            }
        }
    }

    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// Tells when the snapshot was replaced, from now on.
    pub(crate) fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// Whether a channel exists. One that is not known is looked for in Postgres: it may be younger
    /// than the snapshot.
    pub(crate) async fn knows(
        &self,
        tenant: TenantId,
        channel: ChannelId,
    ) -> Result<bool, StoreError> {
        if self.snapshot.load().channel(tenant, channel).is_some() {
            return Ok(true);
        }
        self.refresh().await?;
        Ok(self.snapshot.load().channel(tenant, channel).is_some())
    }

    async fn refresh(&self) -> Result<(), StoreError> {
        let mut version = self.version.lock().await;
        if store::snapshot::version(&self.store).await? != *version {
            let (snapshot, loaded) = store::snapshot::load(&self.store).await?;
            self.snapshot.store(Arc::new(snapshot));
            *version = loaded;
            self.changed.send_replace(());
        }
        Ok(())
    }

    /// Follows changes until `stop`.
    pub(crate) async fn follow(self: Arc<Self>, bus: Bus, stop: CancellationToken) {
        let mut announced = loop {
            match bus.listen(subject::CONFIG_CHANGED).await {
                Ok(announced) => break announced,
                Err(error) => tracing::debug!(%error, "changes are not announced yet"),
            }
            if pause(&stop).await.is_break() {
                return;
            }
        };
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                Some(_) = announced.next() => {}
                () = tokio::time::sleep(POLL) => {}
            }
            if let Err(error) = self.refresh().await {
                tracing::debug!(%error, "the tenants' settings cannot be looked at now");
            }
        }
    }
}

async fn pause(stop: &CancellationToken) -> std::ops::ControlFlow<()> {
    tokio::select! {
        () = stop.cancelled() => std::ops::ControlFlow::Break(()),
        () = tokio::time::sleep(POLL) => std::ops::ControlFlow::Continue(()),
    }
}
