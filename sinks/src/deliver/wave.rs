//! One wave: commit `sending`, send, record, then what follows.
//!
//! Between the commit and the record lies all that a crash can leave doubtful; so a wave is small
//! ([`Route::wave`]), and nothing else happens in between.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use nats::{DeadLetter, HandleError, Held};
use schemas::{
    About, ChannelKind, ConversationId, DeliveryState, MessageId, Outbound, Timestamp, TrackEvent,
    TrackKind,
    subject::{self, stream},
};
use store::delivery::{self, Claim, DeliveryResult, Echo, Verdict};

use super::{
    Entry, STAGE, Shared,
    dispatch::{Tried, dispatch},
    event,
    outcome::{Decision, decide},
    route::{OnUnknown, Route},
};
use crate::{channel::Sender, project::bury};

/// How long a claim of doubtful messages holds until `sending` is committed for them.
const CLAIM_LEASE: Duration = Duration::from_secs(15);
/// How long a wave may take to send before its messages count as doubtful.
const SENDING_LEASE: Duration = Duration::from_secs(40);
/// How long a record is tried while the database is away.
const RECORD: Duration = Duration::from_secs(40);

/// Messages that are claimed and sent together.
pub(super) struct Wave {
    pub(super) shared: Arc<Shared>,
    pub(super) route: Arc<Route>,
    pub(super) sender: Arc<dyn Sender>,
    pub(super) held: Held,
    /// Distinct messages, also from the other wave's, in stream order.
    pub(super) entries: Vec<Entry>,
}

/// How the batch goes on.
pub(super) enum Next {
    GoOn,
    /// Not now; what was not sent is looked at again then.
    Rest(Duration, &'static str),
}

/// What follows the record. Repeating it is harmless.
#[derive(Default)]
struct Aftermath {
    events: Vec<TrackEvent>,
    retries: Vec<(Timestamp, Outbound)>,
}

/// A message this wave may send: its place among the entries, and the ledger's attempt.
type Ready = (usize, u32);

/// What the ledger said of a wave.
#[derive(Default)]
struct Begun {
    ready: Vec<Ready>,
    /// Begun, and not to be sent: another sender holds a message before it in its conversation.
    behind: Vec<Ready>,
    /// What another sender holds, and for how long it may.
    held: Vec<MessageId>,
    held_for: Option<Duration>,
    aftermath: Aftermath,
}

/// A wave that was sent and must be recorded.
#[must_use]
pub(super) struct Sent {
    wave: Wave,
    begun: Begun,
    tried: Vec<Tried>,
}

impl Sent {
    /// Whether the batch must not go on: what comes next could overtake a message that another sender holds.
    pub(super) fn is_last(&self) -> bool {
        self.begun.held_for.is_some()
    }

    /// Records, then lets follow what follows.
    pub(super) async fn record(self) -> Result<Next, HandleError> {
        let Self { wave, begun, tried } = self;
        let Begun {
            mut ready,
            behind,
            held: mut stay,
            held_for,
            mut aftermath,
        } = begun;
        let tried = tried
            .into_iter()
            .chain(behind.iter().map(|_| Tried::NotCalled))
            .collect();
        ready.extend(behind);
        let not_called = wave.record(&ready, tried, &mut aftermath).await?;
        wave.follow(aftermath).await?;
        let rests = !not_called.is_empty();
        stay.extend(not_called);
        wave.leave(&stay).await?;
        Ok(match held_for {
            Some(wait) => Next::Rest(wait, "another sender holds some of the messages"),
            None if rests => {
                let silent = wave.route.gate.silent_for().max(Duration::from_millis(100));
                Next::Rest(silent, "the channel is not reachable now")
            }
            None => Next::GoOn,
        })
    }
}

impl Wave {
    /// Commits `sending` and sends. On an error nothing was sent.
    pub(super) async fn send(self) -> Result<Sent, HandleError> {
        let begun = self.begin().await?;
        let tried = {
            let messages: Vec<&Outbound> = begun
                .ready
                .iter()
                .filter_map(|(at, _)| self.entries.get(*at))
                .map(|entry| &entry.outbound)
                .collect();
            dispatch(&self.route, self.sender.as_ref(), &self.held, &messages).await
        };
        Ok(Sent {
            wave: self,
            begun,
            tried,
        })
    }

    /// Commits `sending` for all that may go; what is done already, held by another or doubtful is
    /// dealt with here.
    async fn begin(&self) -> Result<Begun, HandleError> {
        let claims: Vec<Claim<'_>> = self
            .entries
            .iter()
            .map(|Entry { outbound, .. }| Claim {
                message: outbound.message.id,
                tenant: outbound.tenant,
                channel: outbound.channel,
                kind: outbound.kind,
                conversation: outbound.message.conversation_id,
                recipient: &outbound.message.recipient.id,
            })
            .collect();
        let shared = &self.shared;
        let claimed = delivery::begin(&shared.store, &claims, &shared.owner, SENDING_LEASE)
            .await
            .map_err(HandleError::transient)?;
        let mut begun = Begun::default();
        let mut doubtful = Vec::new();
        let mut held_up: HashSet<ConversationId> = HashSet::new();
        let now = Timestamp::now();
        for (at, (claimed, entry)) in claimed.iter().zip(&self.entries).enumerate() {
            let conversation = entry.outbound.message.conversation_id;
            match claimed.verdict {
                Verdict::Send { attempt } if held_up.contains(&conversation) => {
                    begun.behind.push((at, attempt));
                }
                Verdict::Send { attempt } => begun.ready.push((at, attempt)),
                Verdict::Ambiguous => doubtful.push(claimed.message),
                Verdict::Suppressed(reason) => {
                    let code = format!("suppressed: {}", reason.name());
                    let failed = event(&entry.outbound, TrackKind::Failed, "", Some(&code), None);
                    begun.aftermath.events.push(failed);
                    self.count("suppressed", 1);
                }
                Verdict::AlreadyDone(state) => {
                    let told = told_again(&entry.outbound, state);
                    begun.aftermath.events.extend(told);
                }
                Verdict::HeldByOther { until } => {
                    let wait = until
                        .since(now)
                        .clamp(Duration::from_millis(200), SENDING_LEASE);
                    begun.held_for = begun.held_for.max(Some(wait));
                    begun.held.push(claimed.message);
                    held_up.insert(conversation);
                }
                // Its next try is scheduled; unless a crash came in between.
                Verdict::NotYet { until } => {
                    let mut copy = entry.outbound.clone();
                    copy.attempt = copy.attempt.max(1);
                    begun.aftermath.retries.push((until, copy));
                }
            }
        }
        if !doubtful.is_empty() {
            let taken = self
                .settle_doubtful(&doubtful, &mut begun.aftermath)
                .await?;
            begun.ready.extend(taken);
            begun.ready.sort_unstable();
        }
        Ok(begun)
    }

    /// Messages whose sender died while sending: sent again or held, as the channel says.
    async fn settle_doubtful(
        &self,
        doubtful: &[MessageId],
        aftermath: &mut Aftermath,
    ) -> Result<Vec<Ready>, HandleError> {
        let shared = &self.shared;
        match self.route.on_unknown {
            OnUnknown::Resend => {
                let taken =
                    delivery::take_ambiguous(&shared.store, doubtful, &shared.owner, CLAIM_LEASE)
                        .await
                        .map_err(HandleError::transient)?;
                let taken: HashMap<MessageId, u32> = taken.into_iter().collect();
                let ready = self.entries.iter().enumerate().filter_map(|(at, entry)| {
                    let attempt = taken.get(&entry.outbound.message.id)?;
                    Some((at, *attempt))
                });
                self.mark_sending(ready.collect()).await
            }
            OnUnknown::Hold => {
                let held = delivery::hold_unknown(&shared.store, doubtful, &shared.owner)
                    .await
                    .map_err(HandleError::transient)?;
                for entry in &self.entries {
                    if held.contains(&entry.outbound.message.id) {
                        let outbound = &entry.outbound;
                        let code = Some("ambiguous");
                        aftermath
                            .events
                            .push(event(outbound, TrackKind::Unknown, "", code, None));
                        self.count("unknown", 1);
                    }
                }
                Ok(Vec::new())
            }
        }
    }

    /// Commits `sending`; what is not ours any more is left to its owner.
    async fn mark_sending(&self, ready: Vec<Ready>) -> Result<Vec<Ready>, HandleError> {
        if ready.is_empty() {
            return Ok(ready);
        }
        let id = |at: usize| self.entries.get(at).map(|entry| entry.outbound.message.id);
        let messages: Vec<MessageId> = ready.iter().filter_map(|(at, _)| id(*at)).collect();
        let shared = &self.shared;
        let ours = delivery::mark_sending(&shared.store, &messages, &shared.owner, SENDING_LEASE)
            .await
            .map_err(HandleError::transient)?;
        let ours: HashSet<MessageId> = ours.into_iter().collect();
        Ok(ready
            .into_iter()
            .filter(|(at, _)| id(*at).is_some_and(|id| ours.contains(&id)))
            .collect())
    }

    /// Writes down what became of the messages; those that were not called, so that the lane rests.
    async fn record(
        &self,
        ready: &[Ready],
        tried: Vec<Tried>,
        aftermath: &mut Aftermath,
    ) -> Result<Vec<MessageId>, HandleError> {
        let now = Timestamp::now();
        let mut results = Vec::with_capacity(ready.len());
        let mut not_called = Vec::new();
        let mut health = None;
        // A letter that could not be stored: its message is tried once more, all others are recorded.
        let mut unburied = None;
        for ((at, attempt), tried) in ready.iter().zip(tried) {
            let Some(entry) = self.entries.get(*at) else {
                continue;
            };
            let outbound = &entry.outbound;
            let Tried::Answered(outcome) = tried else {
                not_called.push(outbound.message.id);
                results.push(given_back(outbound.message.id, *attempt, now));
                continue;
            };
            // The ledger counts claims, also those of a process that died; tries are what was sent.
            let tries = outbound.attempt.saturating_add(1);
            let decision = decide(
                outbound.message.id,
                *attempt,
                tries,
                outcome,
                self.route.on_unknown,
                now,
            );
            self.count(decision.word(), 1);
            if decision.is_channel_broken {
                health = Some("unhealthy");
            } else if decision.event == TrackKind::Sent {
                health = health.or(Some("healthy"));
            }
            // Before the record: after it nobody would know that the letter is missing.
            if decision.is_exhausted
                && let Err(error) = self.give_up(entry, &decision).await
            {
                unburied = Some(error);
                results.push(given_back(outbound.message.id, *attempt, now));
                continue;
            }
            aftermath.add(outbound, &decision, tries);
            results.push(decision.result);
        }
        if !results.is_empty() {
            self.write(&results).await?;
        }
        if let Some(health) = health {
            self.note_health(health).await;
        }
        match unburied {
            None => Ok(not_called),
            Some(error) => Err(error),
        }
    }

    /// All but these do not wait for their chat's rate any more: they are done with, or their next try is scheduled.
    async fn leave(&self, stay: &[MessageId]) -> Result<(), HandleError> {
        let done: Vec<MessageId> = self
            .entries
            .iter()
            .map(Entry::message)
            .filter(|message| !stay.contains(message))
            .collect();
        let waiting = self.route.chats.waiting(&done);
        self.shared.leave(&self.route, &waiting).await
    }

    /// Keeps what failed for the last time; re-driven, it has all its tries again.
    async fn give_up(&self, entry: &Entry, decision: &Decision) -> Result<(), HandleError> {
        let mut item = entry.item.clone();
        let mut outbound = entry.outbound.clone();
        outbound.attempt = 0;
        item.payload = outbound.encode();
        let detail = decision.result.detail.clone().unwrap_or_default();
        let (bus, reason) = (&self.shared.bus, DeadLetter::EXHAUSTED);
        bury(bus, stream::OUT, &item, STAGE, reason, detail).await
    }

    /// Records, for as long as the leases last: what is not recorded becomes doubtful.
    async fn write(&self, results: &[DeliveryResult]) -> Result<(), HandleError> {
        // A sandbox speaks of nothing again; what it was sent need not be found by its names.
        let echo = match self.route.kind {
            ChannelKind::Sandbox => Echo::Never,
            _ => Echo::Expected,
        };
        let give_up = tokio::time::Instant::now() + RECORD;
        let mut pause = Duration::from_millis(100);
        loop {
            match delivery::record(&self.shared.store, results, echo).await {
                Ok(_) => return Ok(()),
                Err(error) if error.is_unavailable() && tokio::time::Instant::now() < give_up => {
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(Duration::from_secs(2));
                }
                Err(error) => {
                    tracing::error!(
                        channel = %self.route.channel,
                        messages = results.len(),
                        "what was sent could not be recorded; it will count as doubtful"
                    );
                    return Err(HandleError::transient(error));
                }
            }
        }
    }

    async fn follow(&self, aftermath: Aftermath) -> Result<(), HandleError> {
        let bus = &self.shared.bus;
        let retries = aftermath.retries.iter().map(|(at, copy)| async move {
            let id = copy.message.id.simple().to_string();
            let target = subject::outbound(copy.kind, copy.channel, copy.tenant);
            bus.schedule(*at, &id, &target, copy.encode()).await
        });
        futures::future::try_join_all(retries)
            .await
            .map_err(HandleError::transient)?;
        self.shared.track(&aftermath.events).await
    }

    /// Noted once each time it changes; not worth failing for.
    async fn note_health(&self, health: &'static str) {
        if !self.route.gate.health_changed(health) {
            return;
        }
        let route = &self.route;
        let noted =
            store::channel::set_health(&self.shared.store, route.tenant, route.channel, health)
                .await;
        if let Err(error) = noted {
            tracing::warn!(channel = %route.channel, %error, "could not note the channel's health");
        }
    }

    fn count(&self, outcome: &'static str, number: u64) {
        let kind = self.route.kind.name();
        metrics::counter!("tidings_sends_total", "kind" => kind, "outcome" => outcome)
            .increment(number);
    }
}

impl Aftermath {
    fn add(&mut self, outbound: &Outbound, decision: &Decision, tries: u32) {
        let result = &decision.result;
        let occurrence = match decision.event {
            TrackKind::Retrying => tries.to_string(),
            _ => String::new(),
        };
        let code = (decision.event != TrackKind::Sent).then_some(decision.code.as_str());
        self.events.push(event(
            outbound,
            decision.event,
            &occurrence,
            code,
            result.provider_id.clone(),
        ));
        if decision.is_recipient_gone {
            self.events.push(gone(outbound, code));
        }
        if let Some(at) = result.next_try_at {
            let mut copy = outbound.clone();
            copy.attempt = tries;
            self.retries.push((at, copy));
        }
    }
}

/// That an address cannot be written to any more, by what the platform said of this message.
fn gone(outbound: &Outbound, code: Option<&str>) -> TrackEvent {
    let mut event = event(outbound, TrackKind::Blocked, "", code, None);
    event.about = About::Address(outbound.message.recipient.id.clone());
    event
}

/// The event of a state that was reached before, in case its first telling was lost.
fn told_again(outbound: &Outbound, state: DeliveryState) -> Option<TrackEvent> {
    let kind = match state {
        DeliveryState::Sent => TrackKind::Sent,
        DeliveryState::Failed => TrackKind::Failed,
        DeliveryState::Unknown => TrackKind::Unknown,
        _ => return None,
    };
    Some(event(outbound, kind, "", None, None))
}

/// A message that was claimed and not called: due at once, for whoever gets the batch next.
fn given_back(message: MessageId, attempt: u32, now: Timestamp) -> DeliveryResult {
    DeliveryResult {
        message,
        state: DeliveryState::Queued,
        attempt,
        provider_id: None,
        more_ids: Vec::new(),
        error_class: Some("not-called".into()),
        detail: None,
        next_try_at: Some(now),
    }
}
