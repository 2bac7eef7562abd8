//! Delivery: from OUT to the platforms, each message once as far as a platform lets us.
//!
//! [`Deliver`] is the handler of the lanes `deliver-<channel>`; each has one owner at a time, so a
//! channel's rate is exact and kept here. A batch goes in waves, and a wave goes like this: commit
//! `sending` in the ledger, call the platform (conversations side by side, the messages of one in
//! order, each through the channel's [`rate::Gate`]), record, then retries and tracking events. What its chat has no
//! room for yet goes back to the broker first, and comes again at its time ([`limit::ChatLimits`]).
//! `docs/delivery.md` tells the states, the retries and what a crash costs.
//!
//! Invariants:
//! - Nothing is sent that the ledger has not as `sending`; with the database away nothing is sent.
//! - A wave that has begun to send is recorded even when its batch is given up: the batch runs in a task
//!   of its own, which then begins no further wave, and the channel's next batch here waits for it.
//! - Every outcome is the message's own. Only a channel that is away as a whole holds its lane up.
//! - Tracking events and retries follow the record and are repeated with it; their ids absorb that.
//!
//! Deliberately absent: campaigns ([`crate::bulk`]), which share the [`route::Route`] and take what the gate leaves over.

mod chat;
pub(crate) mod dispatch;
pub mod limit;
pub mod outcome;
pub mod rate;
pub mod retry;
pub mod route;
mod run;
pub mod senders;
mod wave;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use nats::{Batch, Bus, DeadLetter, HandleError, Handler, Item, Lane};
use schemas::{
    About, ChannelId, ChannelStatus, MessageId, Outbound, TrackContext, TrackEvent, TrackKind,
    subject::{self, stream},
};
use store::{Store, delivery};
use tokio::sync::{Mutex as AsyncMutex, RwLock};
use tokio_util::sync::CancellationToken;

pub use self::senders::{Known, Senders, channel_of, lane, lanes};
use self::{route::Route, run::Run};
use crate::project::bury;

/// Messages to hand over at once: [`nats::WorkerSettings::max_items`] of the role.
pub const MAX_ITEMS: usize = 512;

/// The first token of delivery's dead letters.
const STAGE: &str = DeadLetter::DELIVER;
/// How long a lane rests whose channel is switched off.
const INACTIVE: Duration = Duration::from_secs(5);
const PUBLISH: Duration = Duration::from_secs(30);
/// How long what is being sent is nobody else's after the last sign of life of its sender; it is renewed meanwhile.
const LEASE: Duration = Duration::from_secs(40);

/// A message and where it came from.
struct Entry {
    item: Item,
    outbound: Outbound,
}

impl Entry {
    fn message(&self) -> MessageId {
        self.outbound.message.id
    }
}

/// Handler of the lanes `deliver-<channel>`.
pub struct Deliver {
    shared: Arc<Shared>,
}

/// What a wave needs, also after its batch was given up.
struct Shared {
    bus: Bus,
    store: Store,
    senders: Arc<Senders>,
    /// Names this process in the ledger.
    owner: String,
    /// As [`LEASE`] says, but in tests.
    lease: Duration,
    /// One batch at a time for a channel, in this process.
    turns: Mutex<HashMap<ChannelId, Arc<AsyncMutex<()>>>>,
    /// Read by every batch; written by who waits for their end.
    waves: Arc<RwLock<()>>,
}

impl Deliver {
    /// `owner` names this process in the ledger. No two that live may share it; one that keeps it
    /// over a restart takes its own claims back at once instead of after their lease.
    #[must_use]
    pub fn new(bus: Bus, store: Store, senders: Arc<Senders>, owner: impl Into<String>) -> Self {
        Self::with_lease(bus, store, senders, owner, LEASE)
    }

    /// The same with a lease of its own: how long after this process died others call doubtful what it was sending.
    #[must_use]
    pub fn with_lease(
        bus: Bus,
        store: Store,
        senders: Arc<Senders>,
        owner: impl Into<String>,
        lease: Duration,
    ) -> Self {
        Self {
            shared: Arc::new(Shared {
                bus,
                store,
                senders,
                owner: owner.into(),
                lease,
                turns: Mutex::default(),
                waves: Arc::default(),
            }),
        }
    }

    /// Waits until what is being sent is recorded; false when that takes longer than `limit`. Call it
    /// after the lanes have stopped, before the process ends.
    pub async fn settle(&self, limit: Duration) -> bool {
        tokio::time::timeout(limit, self.shared.waves.write())
            .await
            .is_ok()
    }
}

impl Handler for Deliver {
    async fn handle(&self, batch: Batch) -> Result<(), HandleError> {
        let shared = &self.shared;
        let Some(channel) = channel_of(&batch.lane.durable) else {
            return Err(HandleError::Permanent {
                reason: "lane",
                detail: "not the lane of a channel".into(),
            });
        };
        let held = batch.held;
        let entries = shared.read(channel, batch.items).await?;
        if entries.is_empty() {
            return Ok(());
        }
        let known = shared
            .senders
            .find(channel)
            .await
            .map_err(HandleError::transient)?;
        let route = match known {
            Known::Route(route) => route,
            Known::Gone => {
                return shared
                    .bury_all(&entries, "channel-gone", "the channel was deleted")
                    .await;
            }
        };
        if route.status == ChannelStatus::Inactive {
            return Err(rest(INACTIVE, "the channel is switched off"));
        }
        let sender = match &route.sender {
            Ok(sender) => Arc::clone(sender),
            Err(problem) => {
                shared
                    .bury_all(&entries, "misconfigured", &problem.to_string())
                    .await?;
                let messages: Vec<MessageId> = entries.iter().map(Entry::message).collect();
                return shared.leave(&route, &messages).await;
            }
        };
        let given_up = CancellationToken::new();
        let _given_up_when_dropped = given_up.clone().drop_guard();
        let turn = shared.turn(channel).lock_owned().await;
        let alive = Arc::clone(&shared.waves).read_owned().await;
        let run = Run {
            shared: Arc::clone(shared),
            route,
            sender,
            held,
            entries,
            given_up,
        };
        // In a task of its own: what has begun to be sent must be recorded.
        let first = shared.store.precedence().enter();
        let running = tokio::spawn(async move {
            let _held_to_the_end = (turn, alive, first);
            run.run().await
        });
        running.await.map_err(HandleError::transient)?
    }

    fn most(&self, lane: &Lane) -> usize {
        channel_of(&lane.durable)
            .and_then(|channel| self.shared.senders.cached(channel))
            .map_or(usize::MAX, |route| route.batch())
    }
}

/// Why a lane rests.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Resting(&'static str);

fn rest(wait: Duration, why: &'static str) -> HandleError {
    HandleError::Transient {
        retry_after: Some(wait),
        source: Box::new(Resting(why)),
    }
}

impl Shared {
    /// Decodes; what cannot be read, or is not this channel's, becomes a dead letter.
    async fn read(&self, channel: ChannelId, items: Vec<Item>) -> Result<Vec<Entry>, HandleError> {
        let mut entries = Vec::with_capacity(items.len());
        for item in items {
            let (reason, detail) = match Outbound::decode(&item.payload) {
                Ok(outbound) => {
                    let subject =
                        subject::outbound(outbound.kind, outbound.channel, outbound.tenant);
                    if outbound.channel == channel && *item.subject == *subject {
                        entries.push(Entry { item, outbound });
                        continue;
                    }
                    (
                        "forged",
                        "its subject names another channel or tenant".into(),
                    )
                }
                Err(error) => ("undecodable", error.to_string()),
            };
            bury(&self.bus, stream::OUT, &item, STAGE, reason, detail).await?;
        }
        Ok(entries)
    }

    async fn bury_all(
        &self,
        entries: &[Entry],
        reason: &'static str,
        detail: &str,
    ) -> Result<(), HandleError> {
        let mut events = Vec::with_capacity(entries.len());
        for Entry { item, outbound } in entries {
            bury(
                &self.bus,
                stream::OUT,
                item,
                STAGE,
                reason,
                detail.to_owned(),
            )
            .await?;
            events.push(event(
                outbound,
                TrackKind::Failed,
                reason,
                Some(reason),
                None,
            ));
        }
        self.track(&events).await
    }

    async fn track(&self, events: &[TrackEvent]) -> Result<(), HandleError> {
        let items = events
            .iter()
            .map(|event| {
                let subject = subject::track(event.tenant, event.context, event.kind);
                (subject, event.encode())
            })
            .collect();
        self.bus
            .publisher()
            .publish_all(items, PUBLISH)
            .await
            .map_err(HandleError::transient)
    }

    /// These messages do not wait for their chat's rate any more.
    async fn leave(&self, route: &Route, waiting: &[MessageId]) -> Result<(), HandleError> {
        if waiting.is_empty() {
            return Ok(());
        }
        delivery::leave(&self.store, route.tenant, route.channel, waiting)
            .await
            .map_err(HandleError::transient)?;
        route.chats.leave(waiting);
        Ok(())
    }

    fn turn(&self, channel: ChannelId) -> Arc<AsyncMutex<()>> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(turns.entry(channel).or_default())
    }
}

/// A tracking event about a message; `occurrence` as [`TrackEvent::derive_id`] has it.
fn event(
    outbound: &Outbound,
    kind: TrackKind,
    occurrence: &str,
    detail: Option<&str>,
    provider_id: Option<String>,
) -> TrackEvent {
    let message = &outbound.message;
    TrackEvent {
        id: TrackEvent::derive_id(message.id, kind, occurrence),
        tenant: outbound.tenant,
        channel: outbound.channel,
        conversation: message.conversation_id,
        message: message.id,
        context: TrackContext::Message,
        kind,
        at: schemas::Timestamp::now(),
        provider_id,
        detail: detail.map(str::to_owned),
        about: About::Message,
    }
}
