//! How a wave ends: what became of its messages is written down, for as long as that may take.

use std::time::Duration;

use nats::{DeadLetter, HandleError};
use schemas::{ChannelKind, DeliveryState, MessageId, Timestamp, TrackKind, subject::stream};
use store::delivery::{self, DeliveryResult, Echo};

use super::{
    super::{
        Entry, STAGE,
        dispatch::Tried,
        outcome::{Decision, decide},
    },
    Aftermath, Ready, Wave,
};
use crate::project::bury;

/// How long a record is tried while the database is away.
const RECORD: Duration = Duration::from_secs(40);

impl Wave {
    /// Writes down what became of the messages; those that were not called, so that the lane rests.
    pub(super) async fn record(
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
            let mut decision = decide(
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
                decision.result.sms = self.sender.sms(outbound);
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
        sms: None,
    }
}
