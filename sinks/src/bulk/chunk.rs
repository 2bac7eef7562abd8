//! One chunk: claim, render, send, record.

use std::{pin::pin, sync::Arc, time::Duration};

use futures::{Stream, StreamExt};
use nats::{HandleError, Held};
use schemas::campaign::{CHUNK, Chunk};
use store::campaign::ledger::{self, Claimed, OnLapsed, Outcome};
use tokio::{
    sync::{OwnedRwLockReadGuard, SemaphorePermit, oneshot},
    time::{Instant, MissedTickBehavior, interval_at},
};
use tokio_util::sync::CancellationToken;

use super::{Shared, calls::Calls, limits::Tenant, plans::Planned, relay::Refused, turn::Apart};
use crate::deliver::route::{OnUnknown, Route};

/// How long a chunk may take to send before its recipients count as doubtful, unless it is said meanwhile that they are
/// being sent to; a slow channel gives back what it cannot begin to send in half of it.
pub(super) const LEASE: Duration = Duration::from_secs(60);
/// A chunk that takes so long is not busy, it waits.
const SLOW: Duration = Duration::from_millis(500);
/// So many are claimed at once while people are being answered: a claim of more keeps the database busy for too long.
const FEW: usize = 15;
/// How often it is looked then what it waits for.
const LOOK: Duration = Duration::from_millis(100);

/// Chunks of one channel that were handed over together.
pub(super) struct Run {
    pub(super) shared: Arc<Shared>,
    /// None: the channel was deleted.
    pub(super) route: Option<Arc<Route>>,
    /// Of the channel's tenant.
    pub(super) limits: Option<Arc<Tenant>>,
    pub(super) held: Held,
    /// Nobody waits for the batch any more, or another chunk of it failed.
    pub(super) stop: CancellationToken,
    /// Of the channel.
    pub(super) calls: Arc<Calls>,
    /// Of its chunks, whom the mail server said not to be there.
    pub(super) refused: Refused,
    /// The process waits for it before it ends.
    pub(super) _alive: OwnedRwLockReadGuard<()>,
}

/// Says once that the lane need not wait for a chunk any more.
struct Handed(Option<oneshot::Sender<Result<(), HandleError>>>);

impl Handed {
    fn is_said(&self) -> bool {
        self.0.is_none()
    }

    fn say(&mut self, result: Result<(), HandleError>) {
        let unheard = match self.0.take() {
            // Nobody waits where the batch was given up.
            Some(handed) => handed.send(result).err(),
            None => Some(result),
        };
        if let Some(Err(error)) = unheard {
            tracing::warn!(%error, "a chunk that nobody waits for failed; its lease runs out");
        }
    }
}

impl Run {
    /// Works on a chunk; while people are being answered one after the other, so that there is room for the answers.
    /// `handed` is told what became of it, or that it goes on by itself.
    pub(super) async fn chunk(
        self: Arc<Self>,
        chunk: Chunk,
        handed: oneshot::Sender<Result<(), HandleError>>,
    ) {
        let mut handed = Handed(Some(handed));
        let narrow = if self.shared.store.precedence().is_recent() {
            self.shared.narrow.acquire().await.ok()
        } else {
            None
        };
        let result = self.narrowly(narrow, self.work(&chunk, &mut handed)).await;
        handed.say(result);
    }

    /// Holds on to `narrow` as long as the work is busy.
    async fn narrowly<T>(
        &self,
        narrow: Option<SemaphorePermit<'_>>,
        work: impl Future<Output = T>,
    ) -> T {
        let mut work = pin!(work);
        if narrow.is_some() {
            tokio::select! {
                done = &mut work => return done,
                // It waits for its channel's rate, and is in nobody's way.
                () = tokio::time::sleep(SLOW) => drop(narrow),
            }
        }
        work.await
    }

    async fn work(&self, chunk: &Chunk, handed: &mut Handed) -> Result<(), HandleError> {
        let shared = &self.shared;
        let planned = shared
            .plans
            .find(chunk.campaign)
            .await
            .map_err(HandleError::transient)?;
        let Some(planned) = planned.filter(|planned| planned.tenant == chunk.tenant) else {
            return Ok(());
        };
        let on_lapsed = match self.route.as_ref().map(|route| route.on_unknown) {
            Some(OnUnknown::Resend) => OnLapsed::Resend,
            _ => OnLapsed::Hold,
        };
        let mut is_first = true;
        loop {
            if self.held.expired() || self.stop.is_cancelled() {
                return Err(given_up());
            }
            shared.store.precedence().give_way().await;
            let most = if shared.store.precedence().is_recent() {
                FEW
            } else {
                CHUNK
            };
            let owner = shared.claimant();
            let claimed = self.claim(chunk, &owner, on_lapsed, most).await?;
            let count = claimed.len();
            if count > 0 {
                self.part(&planned, chunk, &owner, claimed, handed).await?;
            } else if is_first {
                ledger::look_at(&shared.store, chunk)
                    .await
                    .map_err(HandleError::transient)?;
            }
            // What is left of one that was left to itself comes again.
            if count < most || count >= CHUNK || handed.is_said() {
                return Ok(());
            }
            is_first = false;
        }
    }

    /// Sends to those who were claimed, and records what became of them.
    async fn part(
        &self,
        planned: &Planned,
        chunk: &Chunk,
        owner: &str,
        claimed: Vec<Claimed>,
        handed: &mut Handed,
    ) -> Result<(), HandleError> {
        let mut left = claimed.len();
        let apart = Apart::default();
        let mut sending = self.send(planned, chunk, claimed, &apart).fuse();
        let mut outcomes = Vec::with_capacity(left);
        let mut kept = Instant::now();
        let mut look = interval_at(kept + SLOW, LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut left_alone = None;
        let mut recorded = kept;
        loop {
            let is_waiting = tokio::select! {
                biased;
                outcome = sending.next() => match outcome {
                    Some(outcome) => {
                        outcomes.push(outcome);
                        false
                    }
                    None => break,
                },
                _ = look.tick() => true,
            };
            if !is_waiting {
                continue;
            }
            let leave = if left_alone.is_none() && apart.count() + outcomes.len() >= left {
                self.calls.leave_alone()
            } else {
                None
            };
            let is_news = left_alone.is_some() && !outcomes.is_empty();
            if leave.is_some() || is_news && recorded.elapsed() >= SLOW {
                let mut told = std::mem::take(&mut outcomes);
                left -= told.len();
                let recording = async {
                    self.believe(planned, chunk, &mut told).await;
                    self.record(chunk, owner, &told).await
                };
                match beside(&mut sending, &mut outcomes, recording).await {
                    Ok(()) => {
                        if left_alone.is_none() {
                            handed.say(Ok(()));
                        }
                        left_alone = left_alone.or(leave);
                    }
                    Err(error) => {
                        tracing::debug!(%error, "a part of a chunk is recorded later");
                        left += told.len();
                        outcomes.append(&mut told);
                    }
                }
                recorded = Instant::now();
            }
            if kept.elapsed() >= LEASE / 3 {
                kept = Instant::now();
                let keeping = ledger::keep(&self.shared.store, chunk, owner, LEASE);
                if let Err(error) = beside(&mut sending, &mut outcomes, keeping).await {
                    tracing::debug!(%error, "a lease could not be kept");
                }
            }
        }
        self.believe(planned, chunk, &mut outcomes).await;
        self.shared.store.precedence().give_way().await;
        self.record(chunk, owner, &outcomes).await
    }
}

/// Waits for something while sending goes on.
async fn beside<T>(
    sending: &mut (impl Stream<Item = Outcome> + Unpin),
    outcomes: &mut Vec<Outcome>,
    other: impl Future<Output = T>,
) -> T {
    let mut other = pin!(other);
    let mut is_over = false;
    loop {
        tokio::select! {
            biased;
            done = &mut other => return done,
            outcome = sending.next(), if !is_over => match outcome {
                Some(outcome) => outcomes.push(outcome),
                None => is_over = true,
            },
        }
    }
}

pub(super) fn given_up() -> HandleError {
    HandleError::Transient {
        retry_after: Some(Duration::ZERO),
        source: "the lane may be another's by now".into(),
    }
}
