//! One chunk: claim, render, send, record.

use std::{pin::pin, sync::Arc, time::Duration};

use bytes::Bytes;
use futures::{StreamExt, stream};
use nats::{HandleError, Held};
use render::Compiled;
use schemas::{
    MessageId, Outbound, SuppressionReason, SuppressionScope, Timestamp,
    campaign::{CHUNK, Chunk, RecipientStatus},
    subject,
};
use serde_json::json;
use store::{
    StoreError,
    campaign::{
        expand,
        ledger::{self, Claimed, OnLapsed, Outcome},
    },
    suppression::{self, Reach, SuppressionNew},
};
use tokio::{
    sync::Semaphore,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

use super::{
    Shared, letter,
    limits::Tenant,
    line::{NEAR, Place, Queue},
    outcome::outcome,
    plans::Planned,
    relay::{self, Gone, Refused},
};
use crate::{
    channel::{SendOutcome, Sender},
    deliver::{
        dispatch::{Traffic, Tried, in_batches, one},
        route::{OnUnknown, Route},
    },
};

/// How long a chunk may take to send before its recipients count as doubtful; a slow channel gives back what it cannot
/// send in half of it.
const LEASE: Duration = Duration::from_secs(60);
/// How long a record is tried while the database is away.
const RECORD: Duration = Duration::from_secs(90);
const AGAIN: Duration = Duration::from_millis(200);
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

    /// Claims; while the database is away again and again, so that nobody stays claimed and not sent to.
    async fn claim(
        &self,
        chunk: &Chunk,
        owner: &str,
        on_lapsed: OnLapsed,
    ) -> Result<Vec<Claimed>, HandleError> {
        let until = Instant::now() + LEASE / 2;
        loop {
            if self.held.expired() || self.stop.is_cancelled() {
                return Err(given_up());
            }
            match ledger::claim(&self.shared.store, chunk, owner, LEASE, on_lapsed).await {
                Ok(claimed) => return Ok(claimed),
                Err(error @ StoreError::Unavailable(_)) if Instant::now() < until => {
                    tracing::debug!(%error, "whether a chunk is claimed is not known yet");
                    tokio::time::sleep(AGAIN).await;
                }
                Err(error) => return Err(HandleError::transient(error)),
            }
        }
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
        let turns = Semaphore::new(route.concurrency.max(1));
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

    async fn told(&self, route: &Route, chunk: &Chunk, claimed: &Claimed, tried: Tried) -> Outcome {
        let sent: SendOutcome = match tried {
            Tried::Answered(outcome) => outcome,
            Tried::NotCalled => return Outcome::put_back(claimed.message, None),
        };
        let (outcome, decision) = outcome(
            chunk.kind,
            claimed.message,
            claimed.attempt,
            sent,
            route.on_unknown,
            Timestamp::now(),
        );
        let labels = [
            ("kind", chunk.kind.name()),
            ("outcome", outcome.status.name()),
        ];
        metrics::counter!("tidings_campaign_sends_total", &labels).increment(1);
        if decision.is_recipient_gone {
            let gone = Gone {
                chunk: (chunk.campaign, chunk.number),
                message: claimed.message,
                address: claimed.address.clone(),
                code: decision.code,
            };
            if outcome.status == RecipientStatus::Bounced {
                self.refused.add(gone);
            } else {
                self.suppress(chunk, &gone).await;
            }
        }
        if decision.is_content_refused {
            let why = outcome.reason.as_deref();
            self.shared.plans.refuse(chunk.campaign, why).await;
        }
        outcome
    }

    /// Suppresses whom the mail server said not to be there, unless it says so of too many.
    async fn believe(&self, planned: &Planned, chunk: &Chunk, outcomes: &mut [Outcome]) {
        let gone = self.refused.take((chunk.campaign, chunk.number));
        if let Some(why) = relay::trouble(&planned.pace, outcomes, &gone) {
            relay::put_back(outcomes, &gone);
            match expand::pause(&self.shared.store, chunk.campaign, &why).await {
                Ok(true) => {
                    tracing::warn!(campaign = %chunk.campaign, "paused: the mail server refuses everybody");
                }
                Ok(false) => {}
                // Whoever gets the chunk next finds it out again.
                Err(error) => tracing::debug!(%error, "a campaign could not be paused"),
            }
            let changed = subject::campaign_changed(chunk.campaign);
            if let Err(error) = self.shared.bus.notify(&changed, Bytes::new()).await {
                tracing::debug!(%error, "a change was not announced");
            }
            return;
        }
        for gone in &gone {
            self.suppress(chunk, gone).await;
        }
    }

    /// Remembers that an address is not there. When that fails the next campaign finds out again.
    async fn suppress(&self, chunk: &Chunk, gone: &Gone) {
        let is_mail = chunk.kind.address_kind() == "email";
        let suppressed = suppression::create(
            &self.shared.store,
            chunk.tenant,
            SuppressionNew {
                reach: if is_mail {
                    Reach::Kind(chunk.kind)
                } else {
                    Reach::Channel(chunk.channel)
                },
                address: gone.address.clone(),
                reason: if is_mail {
                    SuppressionReason::Bounced
                } else {
                    SuppressionReason::Blocked
                },
                scope: SuppressionScope::All,
                detail: Some(gone.code.clone()),
                expires_at: None,
            },
        )
        .await;
        if let Err(error) = suppressed {
            tracing::debug!(%error, "an address could not be suppressed");
        }
    }

    /// Records, however long the database is away within reason: what was sent must be known.
    async fn record(
        &self,
        chunk: &Chunk,
        owner: &str,
        outcomes: Vec<Outcome>,
    ) -> Result<(), HandleError> {
        let shared = &self.shared;
        let until = Instant::now() + RECORD;
        let open = loop {
            match ledger::record(&shared.store, chunk, owner, &outcomes).await {
                Ok(open) => break open,
                Err(error @ StoreError::Unavailable(_)) if Instant::now() < until => {
                    tracing::debug!(%error, "what was sent cannot be recorded yet");
                    tokio::time::sleep(AGAIN).await;
                }
                Err(error) => return Err(HandleError::transient(error)),
            }
        };
        let count = |status: RecipientStatus| {
            let of = outcomes.iter();
            of.filter(|outcome| outcome.status == status).count()
        };
        let progress = json!({
            "campaign_id": chunk.campaign,
            "chunk": chunk.number,
            "sent": count(RecipientStatus::Sent),
            "failed": count(RecipientStatus::Failed) + count(RecipientStatus::Bounced),
            "unknown": count(RecipientStatus::Unknown),
            "open": open,
        });
        let subject = subject::campaign_progress(chunk.tenant);
        let said = shared
            .bus
            .notify(&subject, Bytes::from(progress.to_string()))
            .await;
        if let Err(error) = said {
            tracing::debug!(%error, "nobody heard of a chunk's progress");
        }
        Ok(())
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

fn given_up() -> HandleError {
    HandleError::Transient {
        retry_after: Some(Duration::ZERO),
        source: "the lane may be another's by now".into(),
    }
}
