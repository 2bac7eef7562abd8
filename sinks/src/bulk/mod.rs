//! Campaigns: from chunks on BULK to the platforms, each recipient once as far as a platform lets us.
//!
//! [`Bulk`] is the handler of the lanes `bulk-<channel>`, which have the owner of the channel's other sends, and share
//! its [`Route`]: sender, rate, connections. A batch of chunks goes some chunks side by
//! side: each is claimed in the ledger (recipients are `SENDING` from then on), rendered, sent, and recorded. A chunk that
//! waits for slow servers is left to itself: what is known of it is recorded, the ledger has it come again should this
//! process die, and the lane goes on with others.
//!
//! Invariants:
//! - Nobody is sent to whom the ledger has not as `SENDING` for this process; with the database away nothing is sent.
//! - What was sent is recorded even when the batch is given up; it is tried until it is done.
//! - Right before each single send it is asked whether the campaign still runs (`plans`); who is not sent to then is
//!   `PENDING` again, as if never claimed.
//! - A chunk is a mere name of rows: handing it over twice, or long after, sends nothing twice.
//!
//! Deliberately absent: tracking events of each message (the ledger of a campaign is what is asked), fairness between
//! campaigns (each has only so many chunks in the broker, so they take turns).

mod book;
mod calls;
mod chunk;
mod letter;
mod limits;
mod line;
mod outcome;
mod pace;
mod plans;
mod relay;
mod turn;
mod verdict;

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures::StreamExt;
use nats::{Batch, Bus, DeadLetter, HandleError, Handler, Lane};
use schemas::{
    ChannelId, ChannelStatus,
    campaign::Chunk,
    subject::{CAMPAIGNS_CHANGED, stream},
};
use store::{Store, campaign::watch as campaigns};
use tokio::sync::{RwLock, Semaphore, oneshot, watch};
use tokio_util::sync::CancellationToken;

use self::{calls::Calls, chunk::Run, limits::Limits, plans::Plans, relay::Refused};
use crate::{
    deliver::{Known, Senders, route::Route},
    project::bury,
};

/// Chunks handed over at once.
pub const MAX_ITEMS: usize = 64;
/// Chunks worked on side by side: while one is claimed or recorded, another is sent. Also how many may be doubtful after
/// a crash.
const SIDE_BY_SIDE: usize = 4;
/// So many of all channels, while people are being answered.
const NARROW: usize = 1;
/// How often it is looked for campaigns when nobody announces one, and whether known ones still run.
const LOOK: Duration = Duration::from_millis(250);
/// How long it is tried to say that this process sends no more; the others find out by themselves.
const LEAVE: Duration = Duration::from_secs(1);
/// How long a lane rests whose channel is switched off.
const INACTIVE: Duration = Duration::from_secs(5);
/// Whose dead letters these are.
const STAGE: &str = DeadLetter::DELIVER;

/// Where links in campaigns lead, and who signs them.
#[derive(Clone, Debug)]
pub struct Links {
    /// Of the gateway, without a slash at its end.
    pub public_url: String,
}

/// Handler of the lanes `bulk-<channel>`.
pub struct Bulk {
    shared: Arc<Shared>,
}

struct Shared {
    bus: Bus,
    store: Store,
    senders: Arc<Senders>,
    /// Names this process in the ledger; new at every start.
    owner: String,
    /// Claims made so far.
    claims: AtomicU64,
    /// Chunks in hand while people are being answered.
    narrow: Semaphore,
    calls: Mutex<HashMap<ChannelId, Arc<Calls>>>,
    links: Links,
    plans: Plans,
    limits: Limits,
    lanes: watch::Sender<Vec<Lane>>,
    /// Read by every batch; written by who waits for their end.
    runs: Arc<RwLock<()>>,
}

impl Bulk {
    /// `owner` names this process in the ledger; no two ever share it.
    #[must_use]
    pub fn new(
        bus: Bus,
        store: Store,
        senders: Arc<Senders>,
        links: Links,
        owner: impl Into<String>,
    ) -> Self {
        let owner = owner.into();
        Self {
            shared: Arc::new(Shared {
                plans: Plans::new(store.clone()),
                limits: Limits::new(store.clone(), owner.clone()),
                bus,
                store,
                senders,
                owner,
                links,
                claims: AtomicU64::default(),
                narrow: Semaphore::new(NARROW),
                calls: Mutex::default(),
                lanes: watch::Sender::new(Vec::new()),
                runs: Arc::default(),
            }),
        }
    }

    /// The lanes to serve: of the channels by which campaigns are sent now.
    #[must_use]
    pub fn lanes(&self) -> watch::Receiver<Vec<Lane>> {
        self.shared.lanes.subscribe()
    }

    /// Keeps the lanes, whether campaigns run, and the tenants' limits up to date until `stop`.
    pub fn watch(&self, stop: CancellationToken) -> impl Future<Output = ()> + Send + use<> {
        let shared = Arc::clone(&self.shared);
        async move {
            // Apart from each other: whether campaigns run is never asked late.
            tokio::join!(shared.watch(stop.clone()), shared.limits.watch(stop));
        }
    }

    /// Waits until what is being sent is recorded; false when that takes longer than `limit`. Call it after the lanes have
    /// stopped, before the process ends.
    pub async fn settle(&self, limit: Duration) -> bool {
        let settled = tokio::time::timeout(limit, self.shared.runs.write()).await;
        let left = tokio::time::timeout(LEAVE, self.shared.limits.leave()).await;
        if left.is_err() {
            tracing::debug!("nobody heard that nothing more is sent here");
        }
        settled.is_ok()
    }
}

impl Shared {
    /// Names a claim in the ledger; each has another name.
    fn claimant(&self) -> String {
        let number = self.claims.fetch_add(1, Ordering::Relaxed);
        format!("{}/{number}", self.owner)
    }

    /// The calls of a channel, which all its chunks share.
    fn calls(&self, channel: ChannelId, route: Option<&Route>) -> Arc<Calls> {
        let (most, of_domain) = route.map_or((1, 1), |route| {
            (route.concurrency, route.domain_concurrency)
        });
        let mut all = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let known = all
            .entry(channel)
            .or_insert_with(|| Arc::new(Calls::new(most, of_domain)));
        if !known.are(most, of_domain) {
            *known = Arc::new(Calls::new(most, of_domain));
        }
        Arc::clone(known)
    }

    async fn watch(&self, stop: CancellationToken) {
        loop {
            let mut changes = match self.bus.listen(CAMPAIGNS_CHANGED).await {
                Ok(changes) => changes.boxed(),
                Err(error) => {
                    tracing::debug!(%error, "no announcements now");
                    futures::stream::pending().boxed()
                }
            };
            loop {
                self.look().await;
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

    async fn look(&self) {
        self.plans.look().await;
        match campaigns::channels(&self.store).await {
            Ok(mut channels) => {
                channels.sort();
                let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
                calls.retain(|channel, calls| {
                    Arc::strong_count(calls) > 1 || channels.binary_search(channel).is_ok()
                });
                drop(calls);
                let wanted: Vec<Lane> = channels.into_iter().map(nats::bulk_lane).collect();
                self.lanes.send_if_modified(|lanes| {
                    let changed = *lanes != wanted;
                    *lanes = wanted;
                    changed
                });
            }
            Err(error) => tracing::debug!(%error, "cannot look for campaigns"),
        }
    }
}

impl Handler for Bulk {
    async fn handle(&self, batch: Batch) -> Result<(), HandleError> {
        let shared = &self.shared;
        let mut seen = HashSet::with_capacity(batch.items.len());
        let mut chunks: Vec<Chunk> = Vec::with_capacity(batch.items.len());
        for item in &batch.items {
            match Chunk::decode(&item.payload) {
                Ok(chunk) if seen.insert((chunk.campaign, chunk.number)) => chunks.push(chunk),
                Ok(_) => {}
                Err(error) => {
                    let detail = error.to_string();
                    bury(
                        &shared.bus,
                        stream::BULK,
                        item,
                        STAGE,
                        "undecodable",
                        detail,
                    )
                    .await?;
                }
            }
        }
        let Some(channel) = chunks.first().map(|chunk| chunk.channel) else {
            return Ok(());
        };
        let known = shared
            .senders
            .find(channel)
            .await
            .map_err(HandleError::transient)?;
        let route = match known {
            Known::Route(route) => Some(route),
            Known::Gone => None,
        };
        if let Some(route) = &route
            && route.status == ChannelStatus::Inactive
        {
            return Err(HandleError::Transient {
                retry_after: Some(INACTIVE),
                source: "the channel is switched off".into(),
            });
        }
        let limits = match &route {
            Some(route) => {
                let limits = shared.limits.of(route.tenant, &route.provider).await;
                Some(limits.map_err(HandleError::transient)?)
            }
            None => None,
        };
        let stop = CancellationToken::new();
        let stopped_when_dropped = stop.clone().drop_guard();
        let run = Arc::new(Run {
            shared: Arc::clone(shared),
            calls: shared.calls(channel, route.as_deref()),
            refused: Refused::default(),
            route,
            limits,
            held: batch.held,
            stop,
            _alive: Arc::clone(&shared.runs).read_owned().await,
        });
        // Each in a task of its own: what has begun to be sent must be recorded.
        let mut results = futures::stream::iter(chunks)
            .map(|chunk| {
                let (handed, over) = oneshot::channel();
                tokio::spawn(Arc::clone(&run).chunk(chunk, handed));
                over
            })
            .buffer_unordered(SIDE_BY_SIDE);
        let mut outcome = Ok(());
        while let Some(result) = results.next().await {
            let result = result.map_err(HandleError::transient).flatten();
            if let Err(error) = result {
                // The others in hand go on to their record; no further one begins.
                run.stop.cancel();
                outcome = Err(error);
            }
        }
        // Those that are left to themselves go on.
        stopped_when_dropped.disarm();
        outcome
    }
}
