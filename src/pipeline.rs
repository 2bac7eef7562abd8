//! The pipeline worker: runs a group of stages over the batches of its partitions.
//!
//! A batch is one partition's next items, in order. Every output of a batch is stored by the broker
//! before the batch is acknowledged, and the next batch of that partition starts after it, so a
//! conversation never overtakes itself. Partitions run side by side.
//!
//! *Invariant:* what is published depends only on the item, its place in the stream, the tenant's snapshot and models,
//! and the languages its conversation was in before ([`crate::spoken`]), which the envelope then carries; a redelivery
//! publishes the same ids again and the sinks absorb them.
//!
//! Deliberately absent: any I/O inside a stage, and any second code path for fused stages: a group
//! of one stage and a group of all of them run through the same lines.

mod item;
mod output;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use nats::{Batch, Bus, DeadLetter, HandleError, Item};
use schemas::{
    About, DeadReason, Envelope, Hop, Outcome, Timestamp, TrackContext, TrackEvent, TrackKind,
    partition, subject,
};
use stages::{Cx, Stage};

use self::{item::Original, output::Outputs};
use crate::{directory::Directory, shelf::Shelf, spoken::Memory};

/// How long the outputs of a batch may take to be stored before the batch is given up and redelivered.
const PUBLISH_DEADLINE: Duration = Duration::from_secs(60);

/// One group of stages at work.
pub(crate) struct Pipeline {
    bus: Bus,
    stages: Vec<Box<dyn Stage>>,
    /// The first stage of the next group; none when this group is the last.
    next_stage: Option<&'static str>,
    directory: Arc<Directory>,
    shelf: Arc<Shelf>,
    /// For the stage `language`, in whichever group it is.
    spoken: Memory,
    worker: String,
}

/// An envelope in the batch, or what it became.
enum Slot {
    Going(Box<Envelope>),
    Settled,
}

impl Pipeline {
    pub(crate) fn new(
        bus: Bus,
        stages: Vec<Box<dyn Stage>>,
        next_stage: Option<&'static str>,
        directory: Arc<Directory>,
        shelf: Arc<Shelf>,
        worker: String,
    ) -> Self {
        Self {
            bus,
            stages,
            next_stage,
            directory,
            shelf,
            spoken: Memory::default(),
            worker,
        }
    }

    /// Parts the items of channels that exist from those of channels that do not.
    async fn known(
        &self,
        stream: &'static str,
        items: Vec<Item>,
    ) -> Result<(Vec<Item>, Vec<DeadLetter>), HandleError> {
        if stream != subject::stream::INGEST {
            return Ok((items, Vec::new()));
        }
        let mut kept = Vec::with_capacity(items.len());
        let mut orphans = Vec::new();
        let mut last: Option<(Arc<str>, bool)> = None;
        for item in items {
            let known = match &last {
                Some((subject, known)) if *subject == item.subject => *known,
                _ => match subject::Inbound::parse(&item.subject) {
                    Some(from) => self
                        .directory
                        .knows(from.tenant, from.channel)
                        .await
                        .map_err(HandleError::transient)?,
                    // Not an inbound subject: `open` says so.
                    None => true,
                },
            };
            last = Some((Arc::clone(&item.subject), known));
            if known {
                kept.push(item);
            } else {
                let reason =
                    DeadReason::new("unknown-channel", "the channel does not exist (any more)");
                orphans.push(Original::of(&item, stream).letter(self.entry(), reason));
            }
        }
        Ok((kept, orphans))
    }

    /// The name a dead letter of this group carries when no stage decided it.
    fn entry(&self) -> &'static str {
        self.stages.first().map_or("pipeline", |stage| stage.name())
    }

    /// Everything a batch causes; pure but for the clock that times the journey and the memory of languages.
    fn run(&self, stream: &'static str, items: Vec<Item>) -> Outputs {
        let mut outputs = Outputs::default();
        let mut originals: Vec<Original> = Vec::with_capacity(items.len());
        let mut slots: Vec<Slot> = Vec::with_capacity(items.len());
        for item in items {
            let original = Original::of(&item, stream);
            match original.open() {
                Ok(envelopes) => {
                    for (part, envelope) in envelopes.into_iter().enumerate() {
                        originals.push(original.at(part));
                        slots.push(Slot::Going(Box::new(envelope)));
                    }
                }
                Err(reason) => outputs.dead.push(original.letter(self.entry(), reason)),
            }
        }
        let cx = Cx {
            snapshot: self.directory.snapshot(),
            models: self.shelf.models(),
        };
        for stage in &self.stages {
            self.step(stage.as_ref(), &cx, &mut slots, &originals, &mut outputs);
            if stage.name() == subject::stage::NORMALIZE {
                outputs.fetch(&slots, &originals);
            }
        }
        let kept = slots.into_iter().filter_map(|slot| match slot {
            Slot::Going(envelope) => Some(envelope),
            Slot::Settled => None,
        });
        for envelope in kept {
            self.forward(*envelope, &mut outputs);
        }
        outputs
    }

    /// One stage over everything still going.
    fn step(
        &self,
        stage: &dyn Stage,
        cx: &Cx,
        slots: &mut [Slot],
        originals: &[Original],
        outputs: &mut Outputs,
    ) {
        let mut places = Vec::with_capacity(slots.len());
        let mut going = Vec::with_capacity(slots.len());
        for (place, slot) in slots.iter_mut().enumerate() {
            if let Slot::Going(envelope) = std::mem::replace(slot, Slot::Settled) {
                places.push(place);
                going.push(*envelope);
            }
        }
        if going.is_empty() {
            return;
        }
        let count = going.len();
        let identities: Vec<_> = going
            .iter()
            .map(|e| (e.tenant, e.channel, e.conversation, e.message))
            .collect();
        let listens = stage.name() == subject::stage::LANGUAGE;
        if listens {
            self.spoken.recall(&mut going);
        }
        let started = Instant::now();
        let outcomes = stage.apply_all(cx, going);
        let took = started.elapsed();
        if listens {
            self.spoken.remember(outcomes.iter().filter_map(passed_on));
        }
        let share_us = u32::try_from(took.as_micros() / count.max(1) as u128).unwrap_or(u32::MAX);
        metrics::histogram!("tidings_stage_seconds", "stage" => stage.name())
            .record(took.as_secs_f64() / count as f64);
        let at = Timestamp::now();
        for ((place, outcome), (tenant, channel, conversation, message)) in
            places.into_iter().zip(outcomes).zip(identities)
        {
            match outcome {
                Outcome::Next(mut envelope) => {
                    let decision = stages::decision(stage.name(), &envelope);
                    // One span for each message and stage; its id, never its content.
                    tracing::debug_span!("message", id = %message, %conversation, stage = stage.name())
                        .in_scope(|| tracing::debug!(took_us = share_us, decision, "done"));
                    envelope.trace.push(Hop {
                        stage: stage.name().to_owned(),
                        worker: self.worker.clone(),
                        at,
                        took_us: share_us,
                        decision,
                    });
                    slots[place] = Slot::Going(envelope);
                }
                Outcome::Track(events) => outputs.track(&events),
                Outcome::Drop(reason) => {
                    metrics::counter!("tidings_dropped_total", "stage" => stage.name())
                        .increment(1);
                    let event = TrackEvent {
                        id: TrackEvent::derive_id(message, TrackKind::Dropped, ""),
                        tenant,
                        channel,
                        conversation,
                        message,
                        context: TrackContext::Inbound,
                        kind: TrackKind::Dropped,
                        at,
                        provider_id: None,
                        detail: Some(format!("{}: {}", reason.code, reason.detail)),
                        about: About::Message,
                    };
                    outputs.track(&[event]);
                }
                Outcome::Dead(reason) => {
                    if let Some(original) = originals.get(place) {
                        outputs.dead.push(original.letter(stage.name(), reason));
                    }
                }
            }
        }
    }

    /// To the next group, or out of the pipeline.
    fn forward(&self, envelope: Envelope, outputs: &mut Outputs) {
        let place = partition::of(&partition::token(&envelope.conversation_key));
        if let Some(stage) = self.next_stage {
            outputs.publish.push((
                subject::pipe(stage, place, envelope.tenant),
                envelope.encode(),
            ));
            return;
        }
        outputs.track(&envelope.events);
        for reply in &envelope.replies {
            outputs.publish.push((
                subject::outbound(reply.kind, reply.channel, reply.tenant),
                reply.encode(),
            ));
        }
        outputs.publish.push((
            subject::conversation(place, envelope.tenant),
            envelope.encode(),
        ));
    }
}

impl nats::Handler for Pipeline {
    async fn handle(&self, batch: Batch) -> Result<(), HandleError> {
        let stream = batch.lane.stream;
        let (items, orphans) = self.known(stream, batch.items).await?;
        let outputs = if items.len() > 32 || self.shelf.waits() {
            tokio::task::block_in_place(|| self.run(stream, items))
        } else {
            self.run(stream, items)
        };
        for letter in orphans.iter().chain(&outputs.dead) {
            self.bus
                .dead_letter(letter)
                .await
                .map_err(HandleError::transient)?;
        }
        if batch.held.expired() {
            return Err(HandleError::transient(
                "the partition was held too long; another worker may have it",
            ));
        }
        self.bus
            .publisher()
            .publish_all(outputs.publish, PUBLISH_DEADLINE)
            .await
            .map_err(HandleError::transient)
    }
}

fn passed_on(outcome: &Outcome) -> Option<&Envelope> {
    match outcome {
        Outcome::Next(envelope) => Some(envelope),
        Outcome::Track(_) | Outcome::Drop(_) | Outcome::Dead(_) => None,
    }
}
