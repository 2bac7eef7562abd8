//! One chunk: claim, render, send, record.

use std::{pin::pin, sync::Arc, time::Duration};

use futures::{StreamExt, stream};
use nats::{HandleError, Held};
use render::Compiled;
use schemas::{
    MessageId, Outbound, Timestamp,
    campaign::{CHUNK, Chunk, RecipientStatus},
};
use store::campaign::ledger::{self, Claimed, OnLapsed, Outcome};
use tokio::{
    sync::Semaphore,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

use super::{
    Shared, letter,
    limits::Tenant,
    line::{NEAR, Place, Queue},
    plans::Planned,
    relay::Refused,
};
use crate::{
    channel::Sender,
    deliver::{
        dispatch::{Traffic, in_batches, one},
        route::{OnUnknown, Route},
    },
};

/// How long a chunk may take to send before its recipients count as doubtful; a slow channel gives back what it cannot
/// send in half of it.
pub(super) const LEASE: Duration = Duration::from_secs(60);
/// A chunk that takes so long is not busy, it waits.
const SLOW: Duration = Duration::from_millis(500);
/// Messages whose turns are so near to each other leave together.
const TOGETHER: Duration = Duration::from_millis(20);

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
    /// Calls side by side, over all the chunks.
    pub(super) calls: Semaphore,
    /// Of its chunks, whom the mail server said not to be there.
    pub(super) refused: Refused,
}

/// A recipient and what it is to be sent.
type Ready = (Claimed, Outbound);

impl Run {
    /// Works on a chunk; while people are being answered one after the other, so that there is room for the answers.
    pub(super) async fn chunk(self: Arc<Self>, chunk: Chunk) -> Result<(), HandleError> {
        let narrow = if self.shared.senders.precedence().is_recent() {
            self.shared.narrow.acquire().await.ok()
        } else {
            None
        };
        let mut working = pin!(self.work(chunk));
        if narrow.is_some() {
            tokio::select! {
                done = &mut working => return done,
                // It waits for its channel's rate, and is in nobody's way.
                () = tokio::time::sleep(SLOW) => drop(narrow),
            }
        }
        working.await
    }

    async fn work(&self, chunk: Chunk) -> Result<(), HandleError> {
        let shared = &self.shared;
        if self.held.expired() || self.stop.is_cancelled() {
            return Err(given_up());
        }
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
        shared.senders.precedence().give_way().await;
        let owner = shared.claimant();
        let claimed = self.claim(&chunk, &owner, on_lapsed).await?;
        if claimed.is_empty() {
            ledger::look_at(&shared.store, &chunk)
                .await
                .map_err(HandleError::transient)?;
            return Ok(());
        }
        let mut outcomes = self.send(&planned, &chunk, claimed).await;
        self.believe(&planned, &chunk, &mut outcomes).await;
        self.record(&chunk, &owner, outcomes).await
    }

    /// What became of each; never fails, for the ledger has them as being sent.
    async fn send(&self, planned: &Planned, chunk: &Chunk, claimed: Vec<Claimed>) -> Vec<Outcome> {
        let refuse_all = |claimed: Vec<Claimed>, class: &str, reason: &str| -> Vec<Outcome> {
            let refused = claimed.into_iter();
            refused
                .map(|claimed| failed(claimed.message, class, reason))
                .collect()
        };
        let Some(route) = &self.route else {
            return refuse_all(claimed, "channel-gone", "the channel was deleted");
        };
        let sender = match &route.sender {
            Ok(sender) => Arc::clone(sender),
            Err(problem) => return refuse_all(claimed, "misconfigured", &problem.to_string()),
        };
        let compiled = match &planned.compiled {
            Ok(compiled) => compiled,
            Err(problems) => {
                let first = problems.first().map(ToString::to_string);
                return refuse_all(claimed, "template", &first.unwrap_or_default());
            }
        };
        if sender.batch_size() > 1 {
            return self
                .in_batches(planned, compiled, route, &*sender, chunk, claimed)
                .await;
        }
        let until = Instant::now() + LEASE / 2;
        // While people are being answered half as many at a time.
        let share = if self.shared.senders.precedence().is_recent() {
            route.concurrency.div_ceil(2)
        } else {
            route.concurrency
        };
        let turns = Semaphore::new(share.max(1));
        stream::iter(claimed)
            .map(|claimed| {
                let (sender, turns) = (&sender, &turns);
                async move {
                    let mut turn = turns.acquire().await.ok();
                    self.shared.senders.precedence().give_way().await;
                    let put_back = Outcome::put_back(claimed.message, None);
                    if Instant::now() >= until || !self.goes_on(planned) {
                        return put_back;
                    }
                    let place = match self.place(planned, route, &claimed) {
                        Ok(place) => place,
                        Err(later) => return later,
                    };
                    if place.is_own {
                        // Who waits for their own domain keeps nobody else from asking for a place.
                        turn = None;
                    }
                    sleep_until(place.at).await;
                    let calling = self.calls.acquire().await;
                    if calling.is_err() {
                        return put_back;
                    }
                    let outbound = match self.letter(planned, compiled, chunk, &claimed) {
                        Ok(outbound) => outbound,
                        Err(failed) => return failed,
                    };
                    let go = || self.goes_on(planned);
                    let tried = one(route, &**sender, &Traffic::Bulk, &go, &outbound).await;
                    drop(turn);
                    self.told(route, chunk, &claimed, tried).await
                }
            })
            .buffer_unordered(CHUNK)
            .collect()
            .await
    }

    async fn in_batches(
        &self,
        planned: &Planned,
        compiled: &Compiled,
        route: &Route,
        sender: &dyn Sender,
        chunk: &Chunk,
        claimed: Vec<Claimed>,
    ) -> Vec<Outcome> {
        let mut outcomes = Vec::with_capacity(claimed.len());
        let mut ready: Vec<Ready> = Vec::with_capacity(claimed.len());
        for claimed in claimed {
            match self.letter(planned, compiled, chunk, &claimed) {
                Ok(outbound) => ready.push((claimed, outbound)),
                Err(failed) => outcomes.push(failed),
            }
        }
        let until = Instant::now() + LEASE / 2;
        let mut together: Vec<Ready> = Vec::with_capacity(ready.len().min(sender.batch_size()));
        for ready in ready {
            if Instant::now() >= until || !self.goes_on(planned) {
                outcomes.push(Outcome::put_back(ready.0.message, None));
                continue;
            }
            let place = match self.place(planned, route, &ready.0) {
                Ok(place) => place.at,
                Err(later) => {
                    outcomes.push(later);
                    continue;
                }
            };
            // Whoever's turn has come does not wait for those whose turn has not.
            let waits = place > Instant::now() + TOGETHER;
            if waits || together.len() >= sender.batch_size() {
                let batch = std::mem::take(&mut together);
                outcomes.extend(self.batch(planned, route, sender, chunk, batch).await);
            }
            if waits {
                sleep_until(place).await;
            }
            together.push(ready);
        }
        outcomes.extend(self.batch(planned, route, sender, chunk, together).await);
        outcomes
    }

    async fn batch(
        &self,
        planned: &Planned,
        route: &Route,
        sender: &dyn Sender,
        chunk: &Chunk,
        batch: Vec<Ready>,
    ) -> Vec<Outcome> {
        let messages: Vec<&Outbound> = batch.iter().map(|(_, outbound)| outbound).collect();
        let go = || self.goes_on(planned);
        let tried = in_batches(route, sender, &Traffic::Bulk, &go, &messages).await;
        let mut outcomes = Vec::with_capacity(batch.len());
        for ((claimed, _), tried) in batch.iter().zip(tried) {
            outcomes.push(self.told(route, chunk, claimed, tried).await);
        }
        outcomes
    }

    /// Whether one more message may leave.
    fn goes_on(&self, planned: &Planned) -> bool {
        planned.runs() && !self.stop.is_cancelled() && !self.held.expired()
    }

    /// When the campaign's window and all rates let a message leave; what becomes of the recipient when that is far away.
    fn place(&self, planned: &Planned, route: &Route, claimed: &Claimed) -> Result<Place, Outcome> {
        let zone = claimed.time_zone.as_deref();
        if let Some(opens) = planned.pace.opens(zone, Timestamp::now()) {
            return Err(Outcome::put_back(claimed.message, Some(opens)));
        }
        let now = Instant::now();
        let (address, campaign) = (&claimed.address, (&planned.paces, route.channel));
        let place = match &self.limits {
            Some(limits) => limits.place(&route.provider, address, campaign, now),
            None => Queue::default().place(now),
        };
        if place.at > now + NEAR {
            let at = Timestamp::now().plus(place.at - now);
            return Err(Outcome::put_back(claimed.message, Some(at)));
        }
        Ok(place)
    }

    fn letter(
        &self,
        planned: &Planned,
        compiled: &Compiled,
        chunk: &Chunk,
        claimed: &Claimed,
    ) -> Result<Outbound, Outcome> {
        let shared = &self.shared;
        let (links, keyring) = (&shared.links, shared.store.keyring());
        letter::write(
            planned,
            compiled,
            chunk,
            claimed,
            links,
            keyring,
            Timestamp::now(),
        )
        .map_err(|error| failed(claimed.message, "template", &error.to_string()))
    }
}

fn failed(message: MessageId, class: &str, reason: &str) -> Outcome {
    Outcome {
        message,
        status: RecipientStatus::Failed,
        provider_ids: Vec::new(),
        class: Some(class.to_owned()),
        reason: Some(reason.to_owned()),
        next_try_at: None,
    }
}

pub(super) fn given_up() -> HandleError {
    HandleError::Transient {
        retry_after: Some(Duration::ZERO),
        source: "the lane may be another's by now".into(),
    }
}
