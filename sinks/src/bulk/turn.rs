//! How the recipients of a chunk come to their turns: rates, places among the calls, and the call itself.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures::{StreamExt, stream, stream::BoxStream};
use render::Compiled;
use schemas::{
    MessageId, Outbound, Timestamp,
    campaign::{CHUNK, Chunk, RecipientStatus},
};
use store::campaign::ledger::{Claimed, Outcome};
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::{Instant, sleep_until},
};

use super::{
    calls::{self, Later},
    chunk::{LEASE, Run},
    letter,
    line::{NEAR, Place, Queue},
    plans::Planned,
};
use crate::{
    channel::Sender,
    deliver::{
        dispatch::{Traffic, in_batches, one},
        route::Route,
    },
};

/// Messages whose turns are so near to each other leave together.
const TOGETHER: Duration = Duration::from_millis(20);

/// A recipient and what it is to be sent.
type Ready = (Claimed, Outbound);

/// How many of a chunk wait for somebody of their own: an answer, or room among the calls or rates of a domain or campaign.
#[derive(Default)]
pub(super) struct Apart(AtomicUsize);

/// One of them, until dropped.
struct OneApart<'a>(&'a Apart);

impl Apart {
    pub(super) fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    fn one(&self) -> OneApart<'_> {
        self.0.fetch_add(1, Ordering::Relaxed);
        OneApart(self)
    }
}

impl Drop for OneApart<'_> {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Somebody's place among the calls to a domain, and since when they are in it.
type Slot<'a> = Mutex<Option<(calls::Place<'a>, Instant)>>;

/// What one by one is sent with.
struct Course<'a> {
    planned: &'a Planned,
    compiled: &'a Compiled,
    route: &'a Route,
    sender: Arc<dyn Sender>,
    chunk: &'a Chunk,
    apart: &'a Apart,
    /// Recipients who are looked at side by side.
    turns: Semaphore,
    /// Nobody's turn comes later than that.
    until: Instant,
}

impl Run {
    /// What became of each, as it becomes known; never fails, for the ledger has them as being sent.
    pub(super) fn send<'a>(
        &'a self,
        planned: &'a Planned,
        chunk: &'a Chunk,
        claimed: Vec<Claimed>,
        apart: &'a Apart,
    ) -> BoxStream<'a, Outcome> {
        let refuse_all = |claimed: Vec<Claimed>, class: &str, reason: &str| {
            let refused: Vec<Outcome> = claimed
                .into_iter()
                .map(|claimed| failed(claimed.message, class, reason))
                .collect();
            stream::iter(refused).boxed()
        };
        let Some(route) = self.route.as_deref() else {
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
            let all = async move {
                let outcomes = self.in_batches(planned, compiled, route, &*sender, chunk, claimed);
                stream::iter(outcomes.await)
            };
            return stream::once(all).flatten().boxed();
        }
        // While people are being answered a quarter as many at a time.
        let share = if self.shared.store.precedence().is_recent() {
            route.concurrency.div_ceil(4)
        } else {
            route.concurrency
        };
        let course = Arc::new(Course {
            planned,
            compiled,
            route,
            sender,
            chunk,
            apart,
            turns: Semaphore::new(share.max(1)),
            until: Instant::now() + LEASE / 2,
        });
        stream::iter(claimed)
            .map(move |claimed| {
                let course = Arc::clone(&course);
                async move { self.to(&course, &claimed).await }
            })
            .buffer_unordered(CHUNK)
            .boxed()
    }

    /// Sends to one recipient, when it is their turn.
    async fn to(&self, course: &Course<'_>, claimed: &Claimed) -> Outcome {
        let Course { planned, route, .. } = *course;
        let mut turn = course.turns.acquire().await.ok();
        self.shared.store.precedence().give_way().await;
        let put_back = Outcome::put_back(claimed.message, None);
        if Instant::now() >= course.until || !self.goes_on(planned) {
            return put_back;
        }
        let slot = match self.slot(course, claimed, &mut turn).await {
            Ok(slot) => slot,
            Err(Later(after)) => {
                return Outcome::put_back(claimed.message, Some(Timestamp::now().plus(after)));
            }
        };
        let place = match self.place(planned, route, claimed) {
            Ok(place) => place,
            Err(later) => return later,
        };
        if place.is_own {
            // Who waits for their own domain keeps nobody else from asking for a place.
            turn = None;
        }
        if place.at > Instant::now() {
            let _apart = course.apart.one();
            sleep_until(place.at).await;
        }
        let Some(_call) = self.calls.one().await else {
            return put_back;
        };
        let outbound = match self.letter(planned, course.compiled, course.chunk, claimed) {
            Ok(outbound) => outbound,
            Err(failed) => return failed,
        };
        let _apart = course.apart.one();
        let go = || self.goes_on(planned) && self.take(&slot, &claimed.address);
        let tried = one(route, &*course.sender, &Traffic::Bulk, &go, &outbound).await;
        drop(turn);
        let slot = slot.into_inner().unwrap_or_else(PoisonError::into_inner);
        if let Some((slot, began)) = slot {
            slot.over(began.elapsed());
        }
        self.told(route, course.chunk, claimed, tried).await
    }

    /// Finds that there is room among the calls to a recipient's domain. Who waits for it keeps nobody else from a turn;
    /// and where the channel has a rate, who waits for that has no slot yet.
    async fn slot<'a>(
        &'a self,
        course: &Course<'_>,
        claimed: &Claimed,
        turn: &mut Option<SemaphorePermit<'_>>,
    ) -> Result<Slot<'a>, Later> {
        let place = match self.calls.free(&claimed.address) {
            Some(place) => place,
            None => {
                *turn = None;
                let _apart = course.apart.one();
                self.calls.place(&claimed.address).await?
            }
        };
        let is_kept = course.route.gate.limit().is_none();
        Ok(Mutex::new(is_kept.then(|| (place, Instant::now()))))
    }

    /// Begins a call to an address's domain; false when there is no room for it any more.
    fn take<'a>(&'a self, slot: &Slot<'a>, address: &str) -> bool {
        let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
        let place = match slot.take() {
            Some((place, _)) => Some(place),
            None => self.calls.free(address),
        };
        *slot = place.map(|place| (place, Instant::now()));
        slot.is_some()
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
