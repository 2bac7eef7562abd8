//! The channels a deliverer knows: loaded from the database, kept while it is away.
//!
//! Invariants: a route is replaced as a whole, and keeps its connections and its place in the rate
//! when nothing of its own changed; a channel counts as gone only when the database said so.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use futures::StreamExt;
use nats::{Bus, Lane};
use schemas::{
    ChannelId,
    subject::{CONFIG_CHANGED, stream},
};
use store::{Store, StoreError};
use tokio::sync::{Mutex, watch};
use tokio_util::sync::CancellationToken;

use super::route::Route;
use crate::channel::Settings;

/// How often the version is looked at when nobody announces a change.
const LOOK: Duration = Duration::from_secs(3);
/// Every so many looks, the broker is asked for lanes whose channel is gone.
const ORPHANS_EVERY: u32 = 20;
const PREFIX: &str = "deliver-";

/// The lane of a channel.
#[must_use]
pub fn lane(channel: ChannelId) -> Lane {
    Lane {
        stream: stream::OUT,
        durable: format!("{PREFIX}{}", channel.simple()),
        filter: format!("out.*.{}.*", channel.simple()),
    }
}

/// The channel of a lane.
#[must_use]
pub fn channel_of(durable: &str) -> Option<ChannelId> {
    durable.strip_prefix(PREFIX)?.parse().ok()
}

/// The lanes of these channels, in the order of their names.
#[must_use]
pub fn lanes(channels: impl IntoIterator<Item = ChannelId>) -> Vec<Lane> {
    let mut lanes: Vec<Lane> = channels.into_iter().map(lane).collect();
    lanes.sort_by(|a, b| a.durable.cmp(&b.durable));
    lanes.dedup();
    lanes
}

/// What is known of a channel.
pub enum Known {
    Route(Arc<Route>),
    /// The database says that there is none.
    Gone,
}

/// Cache of [`Route`]s.
pub struct Senders {
    store: Store,
    settings: Settings,
    loaded: RwLock<Loaded>,
    /// One refresh at a time.
    refreshing: Mutex<()>,
    lanes: watch::Sender<Vec<Lane>>,
}

#[derive(Default)]
struct Loaded {
    version: Option<i64>,
    routes: HashMap<ChannelId, Arc<Route>>,
    /// Channels that are gone and still have messages waiting.
    orphans: Vec<ChannelId>,
}

impl Senders {
    #[must_use]
    pub fn new(store: Store, settings: Settings) -> Arc<Self> {
        Arc::new(Self {
            store,
            settings,
            loaded: RwLock::default(),
            refreshing: Mutex::default(),
            lanes: watch::Sender::new(Vec::new()),
        })
    }

    /// The lanes to serve; changes when channels come and go.
    #[must_use]
    pub fn lanes(&self) -> watch::Receiver<Vec<Lane>> {
        self.lanes.subscribe()
    }

    /// A channel's route, from the cache if it is there, else from the database.
    ///
    /// # Errors
    /// [`StoreError`] when it is not in the cache and the database cannot say.
    pub async fn find(&self, channel: ChannelId) -> Result<Known, StoreError> {
        if let Some(route) = self.cached(channel) {
            return Ok(Known::Route(route));
        }
        self.refresh(true).await?;
        Ok(self.cached(channel).map_or(Known::Gone, Known::Route))
    }

    pub(super) fn cached(&self, channel: ChannelId) -> Option<Arc<Route>> {
        let loaded = self.loaded.read().unwrap_or_else(PoisonError::into_inner);
        loaded.routes.get(&channel).map(Arc::clone)
    }

    /// Loads the channels if their version changed, or anyhow when `force` is set.
    ///
    /// # Errors
    /// [`StoreError`]; the cache then stays as it was.
    pub async fn refresh(&self, force: bool) -> Result<(), StoreError> {
        let _one_at_a_time = self.refreshing.lock().await;
        // Read before the channels: what changes in between is loaded again.
        let version = store::snapshot::version(&self.store).await?;
        let (known, earlier) = {
            let loaded = self.loaded.read().unwrap_or_else(PoisonError::into_inner);
            (loaded.version, loaded.routes.clone())
        };
        if known == Some(version) && !force {
            return Ok(());
        }
        let rows = store::channel::load_all(&self.store).await?;
        let routes = rows
            .iter()
            .map(|(row, credentials)| {
                let route = Route::make(
                    row,
                    credentials.as_ref(),
                    &self.settings,
                    &self.store,
                    earlier.get(&row.id),
                );
                (row.id, route)
            })
            .collect();
        {
            let mut loaded = self.loaded.write().unwrap_or_else(PoisonError::into_inner);
            loaded.version = Some(version);
            loaded.routes = routes;
        }
        self.publish_lanes();
        Ok(())
    }

    fn publish_lanes(&self) {
        let wanted = {
            let loaded = self.loaded.read().unwrap_or_else(PoisonError::into_inner);
            lanes(loaded.routes.keys().chain(&loaded.orphans).copied())
        };
        self.lanes.send_if_modified(|lanes| {
            let changed = *lanes != wanted;
            *lanes = wanted;
            changed
        });
    }

    /// Looks for lanes with messages for channels that are gone, so that these become dead letters.
    async fn look_for_orphans(&self, bus: &Bus) {
        let lag = match bus.lag().await {
            Ok(lag) => lag,
            Err(error) => {
                tracing::debug!(%error, "cannot look for lanes without a channel");
                return;
            }
        };
        {
            let mut loaded = self.loaded.write().unwrap_or_else(PoisonError::into_inner);
            let orphans = lag
                .iter()
                .filter(|lag| lag.stream == stream::OUT && lag.pending + lag.ack_pending > 0)
                .filter_map(|lag| channel_of(&lag.consumer))
                .filter(|channel| !loaded.routes.contains_key(channel))
                .collect();
            loaded.orphans = orphans;
        }
        self.publish_lanes();
    }

    /// Keeps the cache fresh until `stop`: on every announced change, and every few seconds.
    pub async fn watch(self: Arc<Self>, bus: Bus, stop: CancellationToken) {
        let mut looks = 0_u32;
        let mut reachable = true;
        loop {
            let mut changes = match bus.listen(CONFIG_CHANGED).await {
                Ok(changes) => changes.boxed(),
                Err(error) => {
                    tracing::debug!(%error, "no announcements now; looking every few seconds");
                    futures::stream::pending().boxed()
                }
            };
            loop {
                match self.refresh(false).await {
                    Ok(()) => reachable = true,
                    Err(error) => {
                        if std::mem::replace(&mut reachable, false) {
                            tracing::warn!(%error, "cannot load the channels; keeping what is known");
                        }
                    }
                }
                if reachable && looks.is_multiple_of(ORPHANS_EVERY) {
                    self.look_for_orphans(&bus).await;
                }
                looks = looks.wrapping_add(1);
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = tokio::time::sleep(LOOK) => {}
                    change = changes.next() => if change.is_none() { break },
                }
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_lane_names_its_channel() {
        let channel = ChannelId(Uuid::from_u128(7));
        let lane = lane(channel);
        assert_eq!(lane.durable, "deliver-00000000000000000000000000000007");
        assert_eq!(lane.filter, "out.*.00000000000000000000000000000007.*");
        assert_eq!(channel_of(&lane.durable), Some(channel));
        assert_eq!(channel_of("project-out"), None);
        let two = ChannelId(Uuid::from_u128(2));
        let names: Vec<_> = lanes([channel, two, channel])
            .into_iter()
            .map(|lane| lane.durable)
            .collect();
        assert_eq!(names.len(), 2);
        assert!(names.is_sorted());
    }
}
