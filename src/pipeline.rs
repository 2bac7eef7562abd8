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

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use nats::{Batch, Bus, DeadLetter, HandleError, Item};
use schemas::{
    About, DeadReason, Envelope, Hop, Outcome, Timestamp, TrackContext, TrackEvent, TrackKind,
    partition, subject,
};
use stages::{Cx, Stage};

use crate::{directory::Directory, media, shelf::Shelf, spoken::Memory};

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

/// What a batch causes.
#[derive(Default)]
struct Outputs {
    publish: Vec<(String, Bytes)>,
    dead: Vec<DeadLetter>,
}

impl Outputs {
    /// Hands messages with files on to who fetches them.
    fn fetch(&mut self, slots: &[Slot], unread: &[Envelope]) {
        for (slot, unread) in slots.iter().zip(unread) {
            let Slot::Going(envelope) = slot else {
                continue;
            };
            if envelope.message().is_some_and(media::has_files) {
                let place = partition::of(&partition::token(&envelope.conversation_key));
                let to = subject::pipe(subject::MEDIA, place, envelope.tenant);
                self.publish.push((to, unread.encode()));
            }
        }
    }

    fn track(&mut self, events: &[TrackEvent]) {
        self.publish.extend(events.iter().map(|event| {
            let subject = subject::track(event.tenant, event.context, event.kind);
            (subject, event.encode())
        }));
    }
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
        let mut envelopes = Vec::with_capacity(items.len());
        for item in items {
            match open(&item, stream) {
                Ok(opened) => envelopes.extend(opened),
                Err(reason) => outputs
                    .dead
                    .push(Original::of(&item, stream).letter(self.entry(), reason)),
            }
        }
        let cx = Cx {
            snapshot: self.directory.snapshot(),
            models: self.shelf.models(),
        };
        // As they came in, for those whose files are to be fetched.
        let takes_in = self.entry() == subject::stage::NORMALIZE;
        let unread: Vec<Envelope> = if takes_in {
            envelopes
                .iter()
                .map(|(_, envelope)| envelope.clone())
                .collect()
        } else {
            Vec::new()
        };
        let mut originals: Vec<Original> = Vec::with_capacity(envelopes.len());
        let mut slots: Vec<Slot> = Vec::with_capacity(envelopes.len());
        for (original, envelope) in envelopes {
            originals.push(original);
            slots.push(Slot::Going(Box::new(envelope)));
        }
        for stage in &self.stages {
            self.step(stage.as_ref(), &cx, &mut slots, &originals, &mut outputs);
            if takes_in && stage.name() == subject::stage::NORMALIZE {
                outputs.fetch(&slots, &unread);
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

/// Where an envelope came from, for its dead letter.
#[derive(Clone)]
struct Original {
    payload: Bytes,
    subject: Arc<str>,
    stream: &'static str,
    stream_seq: u64,
    index: u32,
}

impl Original {
    fn of(item: &Item, stream: &'static str) -> Self {
        Self {
            payload: item.payload.clone(),
            subject: Arc::clone(&item.subject),
            stream,
            stream_seq: item.stream_seq,
            index: item.index,
        }
    }

    fn letter(&self, stage: &'static str, reason: DeadReason) -> DeadLetter {
        DeadLetter {
            stage: stage.to_owned(),
            reason: reason.code,
            detail: reason.detail,
            tenant: tenant_of(&self.subject),
            original_stream: self.stream.to_owned(),
            original_subject: self.subject.to_string(),
            original_seq: self.stream_seq,
            original_index: self.index,
            at: Timestamp::now(),
            payload: self.payload.clone(),
        }
    }
}

fn tenant_of(subject: &str) -> Option<schemas::TenantId> {
    // `in.<p>.<tenant>.…` and `pipe.<stage>.<p>.<tenant>`
    let place = if subject.starts_with("pipe.") { 3 } else { 2 };
    subject.split('.').nth(place)?.parse().ok()
}

/// The envelopes of an item: one when the gateway or an earlier stage made it, one for each update
/// when an adapter published the platform's own bytes.
fn open(item: &Item, stream: &'static str) -> Result<Vec<(Original, Envelope)>, DeadReason> {
    let original = Original::of(item, stream);
    let place = partition::position(item.stored_at, item.index);
    if stream == subject::stream::PIPE {
        let envelope = Envelope::decode(&item.payload)
            .map_err(|error| DeadReason::new("undecodable", error.to_string()))?;
        return if tenant_of(&item.subject) == Some(envelope.tenant) {
            Ok(vec![(original, envelope)])
        } else {
            Err(forged())
        };
    }
    let from = subject::Inbound::parse(&item.subject)
        .ok_or_else(|| DeadReason::new("subject", "not an inbound subject"))?;
    if Envelope::is_envelope(&item.payload) {
        let mut envelope = Envelope::decode(&item.payload)
            .map_err(|error| DeadReason::new("undecodable", error.to_string()))?;
        let claimed = (envelope.tenant, envelope.channel, envelope.kind);
        if claimed != (from.tenant, from.channel, from.kind) {
            return Err(forged());
        }
        envelope.position = place;
        return Ok(vec![(original, envelope)]);
    }
    let updates = ingest::channel::split(from.kind, None, item.payload.clone())
        .map_err(|error| DeadReason::new("malformed", error.to_string()))?;
    Ok(updates
        .into_iter()
        .map(|update| {
            let mut envelope = ingest::channel::envelope(
                from.tenant,
                from.channel,
                from.kind,
                update,
                item.stored_at,
            );
            envelope.position = place;
            (original.clone(), envelope)
        })
        .collect())
}

/// An envelope that names another tenant or channel than the subject it was allowed on.
fn forged() -> DeadReason {
    DeadReason::new(
        "forged",
        "the envelope names another tenant or channel than its subject",
    )
}
