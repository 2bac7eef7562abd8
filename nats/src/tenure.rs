//! The time in which a worker owns a lane: pull, hand over, acknowledge.
//!
//! Invariants: one batch is out at a time; a message is acknowledged after everything before it and
//! after its own effects are stored; nothing is acknowledged when ownership is no longer sure; the
//! pin is renewed while a handler works; what is buffered is bounded.

use std::{pin::Pin, sync::Arc, time::Duration};

use async_nats::Subject;
use bytes::Bytes;
use tokio::{task::JoinHandle, time::Instant};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use crate::{
    api::ApiError,
    attempt::Record,
    batch::{Buffer, Unpacked},
    bus::Bus,
    dead_letter::DeadLetter,
    lane::{Batch, HandleError, Handler, Held, Item, Lane, WorkerSettings},
    pull::{Delivered, Event, Pulls},
};

/// While a batch is out the pin is renewed and confirmed this often.
const CONFIRM: Duration = Duration::from_millis(1500);
/// Messages out longer than this are reported as in progress; well below the consumers' `ack_wait`.
const PROGRESS: Duration = Duration::from_secs(200);
const LONGEST_BACKOFF: Duration = Duration::from_secs(10);

/// Why a tenure ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// As asked; nothing is out.
    Stopped,
    /// Another worker has the pin.
    Lost,
    /// The requests are void: disconnected, a delivery missing, ownership unsure.
    Broken,
    /// The handler panicked.
    Crashed,
    /// The consumer is gone.
    Gone,
}

/// What is out.
struct Out {
    messages: Vec<Unpacked>,
    step: Step,
    failures: u32,
    since: Instant,
    reported: Instant,
    state: State,
}

#[derive(Clone, Copy)]
enum Step {
    /// All items of all messages.
    Whole,
    /// One item of the only message.
    Item(usize),
}

enum State {
    Working(Task),
    Resting(Instant),
}

/// A handler at work; dropped, it ends.
struct Task(JoinHandle<Result<(), HandleError>>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

pub(crate) struct Tenure {
    bus: Bus,
    lane: Arc<Lane>,
    settings: Arc<WorkerSettings>,
    pulls: Pulls,
    pin: String,
    held: Held,
    suspects: Option<Record>,
    buffer: Buffer,
    out: Option<Out>,
    /// Up to this stream sequence messages are handed over one at a time: one of them never works.
    split_until: u64,
    consumer_seq: u64,
    stream_seq: u64,
    last_ack: Option<Subject>,
    asked: Instant,
}

impl Tenure {
    pub(crate) fn new(
        bus: Bus,
        lane: Arc<Lane>,
        settings: Arc<WorkerSettings>,
        pulls: Pulls,
        pin: String,
        held: Held,
        suspects: Option<Record>,
    ) -> Self {
        Self {
            bus,
            lane,
            settings,
            pulls,
            pin,
            held,
            suspects,
            buffer: Buffer::new(),
            out: None,
            split_until: 0,
            consumer_seq: 0,
            stream_seq: 0,
            last_ack: None,
            asked: Instant::now(),
        }
    }

    /// Works the lane until something ends the tenure.
    pub(crate) async fn work<H: Handler>(
        &mut self,
        handler: &Arc<H>,
        stop: &CancellationToken,
    ) -> Result<Exit, ApiError> {
        let mut connected = self.bus.pulling().connected();
        let mut drain_until: Option<Instant> = None;
        loop {
            if drain_until.is_none() {
                self.start(handler).await?;
                self.ask().await?;
            } else if self
                .out
                .as_ref()
                .is_none_or(|out| matches!(out.state, State::Resting(_)))
            {
                return Ok(Exit::Stopped);
            }
            self.confirm().await?;
            let wake = self.wake_at(drain_until);
            tokio::select! {
                biased;
                () = stop.cancelled(), if drain_until.is_none() => {
                    drain_until = Some(Instant::now() + self.settings.drain);
                }
                _ = connected.changed() => return Ok(Exit::Broken),
                outcome = outcome(&mut self.out) => {
                    if let Some(exit) = self.finish(outcome).await? {
                        return Ok(exit);
                    }
                }
                event = self.pulls.next() => {
                    if let Some(exit) = self.receive(event) {
                        return Ok(exit);
                    }
                }
                () = tokio::time::sleep_until(wake) => {
                    let now = Instant::now();
                    if self.pulls.overdue_at().is_some_and(|at| at <= now) {
                        return Ok(Exit::Broken);
                    }
                    if drain_until.is_some_and(|at| at <= now) {
                        return Ok(Exit::Stopped);
                    }
                }
            }
        }
    }

    /// Ends what is out, and makes sure the broker has seen the last acknowledgement.
    pub(crate) async fn settle(&mut self) -> bool {
        if let Some(Out {
            state: State::Working(mut task),
            ..
        }) = self.out.take()
        {
            task.0.abort();
            // It must not run on beside its own repetition.
            if Pin::new(&mut task.0).await.is_err() {
                tracing::debug!(lane = self.lane.durable, "handler ended early");
            }
        }
        let Some(last) = self.last_ack.take() else {
            return true;
        };
        let ack = self.bus.pulling().request(
            last.to_string(),
            None,
            Bytes::from_static(b"+ACK"),
            Duration::from_secs(2),
        );
        ack.await.is_ok()
    }

    /// Ends the tenure's inbox; returns the suspects not yet cleared.
    pub(crate) async fn close(self) -> Option<Record> {
        self.pulls.close().await;
        self.suspects
    }

    fn receive(&mut self, first: Event) -> Option<Exit> {
        let mut next = Some(first);
        while let Some(event) = next {
            match event {
                Event::Delivered(delivered, pin, sent) => {
                    if pin.is_some_and(|pin| pin != self.pin) {
                        return Some(Exit::Lost);
                    }
                    self.held.confirm(sent);
                    if let Some(exit) = self.keep(delivered) {
                        return Some(exit);
                    }
                }
                Event::Answered(sent) => self.held.confirm(sent),
                Event::Pinned => return Some(Exit::Lost),
                Event::Gone => return Some(Exit::Gone),
                Event::Broken => return Some(Exit::Broken),
            }
            next = self.pulls.ready();
        }
        None
    }

    fn keep(&mut self, delivered: Delivered) -> Option<Exit> {
        // After a reset the consumer counts its deliveries from one: a gap is a lost delivery.
        self.consumer_seq += 1;
        if delivered.consumer_seq != self.consumer_seq {
            tracing::warn!(lane = self.lane.durable, "a delivery is missing");
            return Some(Exit::Broken);
        }
        // A repetition of what is out or buffered.
        if delivered.stream_seq > self.stream_seq {
            self.stream_seq = delivered.stream_seq;
            self.buffer.push(Unpacked::new(delivered));
        }
        None
    }

    /// Asks for more when there is room.
    async fn ask(&mut self) -> Result<(), ApiError> {
        let room = (self.settings.max_items * 2).saturating_sub(self.buffer.items());
        if self.pulls.waiting() == 0 && room > 0 {
            let batch = self.buffer.messages_for(room);
            self.pulls
                .ask(&self.lane, Some(&self.pin), batch, true)
                .await?;
        }
        Ok(())
    }

    /// Renews and confirms the pin while something is out, and says that it is in progress.
    async fn confirm(&mut self) -> Result<(), ApiError> {
        let Some(out) = &mut self.out else {
            return Ok(());
        };
        let now = Instant::now();
        if self.held.age() >= CONFIRM && now - self.asked >= CONFIRM / 2 {
            self.asked = now;
            self.pulls
                .ask(&self.lane, Some(&self.pin), 1, false)
                .await?;
        }
        if now - out.reported >= PROGRESS {
            out.reported = now;
            let client = self.bus.pulling().client();
            for message in out.messages.iter().chain(self.buffer.iter()) {
                let reply = message.place.reply.clone();
                let sent = client.publish(reply, Bytes::from_static(b"+WPI")).await;
                sent.map_err(|_| ApiError::Unavailable)?;
            }
        }
        Ok(())
    }

    fn wake_at(&self, drain_until: Option<Instant>) -> Instant {
        let now = Instant::now();
        let mut at = now + Duration::from_secs(60);
        let mut sooner = |other: Option<Instant>| at = at.min(other.unwrap_or(at));
        sooner(self.pulls.overdue_at());
        sooner(drain_until);
        match &self.out {
            Some(out) => {
                let due = now + CONFIRM.saturating_sub(self.held.age());
                sooner(Some(due.max(self.asked + CONFIRM / 2)));
                if let State::Resting(until) = out.state {
                    sooner(Some(until));
                }
            }
            None => sooner(self.buffer.oldest().map(|at| at + self.settings.max_wait)),
        }
        at
    }

    /// Hands over what is next, if anything is.
    async fn start<H: Handler>(&mut self, handler: &Arc<H>) -> Result<(), ApiError> {
        if let Some(out) = &self.out {
            match out.state {
                State::Working(_) => return Ok(()),
                State::Resting(until) if until > Instant::now() => return Ok(()),
                State::Resting(_) => {}
            }
        } else if !self.prepare().await? {
            return Ok(());
        }
        let Some(out) = &mut self.out else {
            return Ok(());
        };
        let items: Vec<Item> = match out.step {
            Step::Whole => out.messages.iter().flat_map(Unpacked::all).collect(),
            Step::Item(index) => out.messages.iter().filter_map(|m| m.item(index)).collect(),
        };
        if let (Some(record), Some(item)) = (&mut self.suspects, items.first()) {
            match out.step {
                Step::Whole => record.message_out(item.stream_seq),
                Step::Item(_) => record.item_out(item.stream_seq, item.index),
            }
            record.save(&self.bus, &self.lane).await?;
        }
        let span = tracing::info_span!(
            "batch",
            lane = self.lane.durable,
            first_seq = items.first().map(|item| item.stream_seq),
            items = items.len()
        );
        let batch = Batch {
            lane: Arc::clone(&self.lane),
            items,
            held: self.held.clone(),
        };
        let handler = Arc::clone(handler);
        out.since = Instant::now();
        let task = tokio::spawn(async move { handler.handle(batch).await }.instrument(span));
        out.state = State::Working(Task(task));
        Ok(())
    }

    /// Takes the next messages out of the buffer. False when there is nothing to hand over.
    async fn prepare(&mut self) -> Result<bool, ApiError> {
        loop {
            let Some(oldest) = self.buffer.oldest() else {
                return Ok(false);
            };
            let full = self.buffer.items() >= self.settings.max_items;
            if !full && oldest.elapsed() < self.settings.max_wait {
                return Ok(false);
            }
            let until = self.suspects.as_ref().map_or(0, |record| record.until);
            let until = until.max(self.split_until);
            let messages = self.buffer.take(self.settings.max_items, until);
            let Some(first) = messages.first().map(|message| message.place.stream_seq) else {
                return Ok(false);
            };
            if self
                .suspects
                .as_ref()
                .is_some_and(|record| first > record.until)
            {
                self.suspects = None;
            }
            let step = self.step(first, &messages).await?;
            let now = Instant::now();
            self.out = Some(Out {
                messages,
                step,
                failures: 0,
                since: now,
                reported: now,
                state: State::Resting(now),
            });
            let nothing = match (step, &self.out) {
                (Step::Item(index), Some(out)) => out.messages.iter().all(|m| index >= m.len()),
                (Step::Whole, Some(out)) => out.messages.iter().all(|m| m.len() == 0),
                (_, None) => true,
            };
            if !nothing {
                return Ok(true);
            }
            self.acknowledge().await?;
        }
    }

    /// How the next messages are handed over; buries what has been convicted.
    async fn step(&mut self, first: u64, messages: &[Unpacked]) -> Result<Step, ApiError> {
        let [message] = messages else {
            return Ok(Step::Whole);
        };
        if message.items.is_none() {
            let letter = self.letter(message, 0, "malformed-frame", "its lengths do not add up");
            self.bus.dead_letter(&letter).await?;
        }
        let Some(mut record) = self.suspects.take() else {
            return Ok(Step::Whole);
        };
        let mut step = Step::Whole;
        if let Some(index) = record.convicted(first) {
            let letter = self.letter(message, index, "crash-loop", "three workers died with it");
            self.bus.dead_letter(&letter).await?;
            record.bury(index);
            record.save(&self.bus, &self.lane).await?;
        }
        if record.itemwise(first) {
            step = Step::Item(living(&record, 0));
        }
        self.suspects = Some(record);
        Ok(step)
    }

    /// What the handler's outcome means.
    async fn finish(&mut self, outcome: Outcome) -> Result<Option<Exit>, ApiError> {
        let Some(mut out) = self.out.take() else {
            return Ok(None);
        };
        let role = self.settings.role.clone();
        let seconds = out.since.elapsed().as_secs_f64();
        metrics::histogram!("tidings_batch_seconds", "role" => role.clone()).record(seconds);
        match outcome {
            Ok(Ok(())) => {}
            Ok(Err(HandleError::Transient {
                retry_after,
                source,
            })) => {
                let backoff = Duration::from_millis(100 * 2_u64.pow(out.failures.min(7)));
                let rest = retry_after.unwrap_or(backoff).min(LONGEST_BACKOFF);
                out.failures += 1;
                tracing::warn!(lane = self.lane.durable, %source, ?rest, "batch will be repeated");
                metrics::counter!("tidings_batch_retries_total", "role" => role).increment(1);
                out.state = State::Resting(Instant::now() + rest);
                self.out = Some(out);
                return Ok(None);
            }
            Ok(Err(HandleError::Permanent { reason, detail })) => {
                let whole = matches!(out.step, Step::Whole);
                let items: usize = out.messages.iter().map(Unpacked::len).sum();
                if whole && out.messages.len() > 1 {
                    self.split_until = out.messages.last().map_or(0, |m| m.place.stream_seq);
                    self.buffer.give_back(out.messages);
                    return Ok(None);
                }
                if whole && items > 1 {
                    out.step = Step::Item(0);
                    out.failures = 0;
                    out.state = State::Resting(Instant::now());
                    self.out = Some(out);
                    return Ok(None);
                }
                if let Some(message) = out.messages.first() {
                    let index = if let Step::Item(index) = out.step {
                        index
                    } else {
                        0
                    };
                    let index = u32::try_from(index).unwrap_or(u32::MAX);
                    let letter = self.letter(message, index, reason, &detail);
                    self.bus.dead_letter(&letter).await?;
                }
            }
            Err(ended) => {
                let panicked = ended.is_panic();
                tracing::error!(lane = self.lane.durable, panicked, "handler died");
                metrics::counter!("tidings_handler_crashes_total", "role" => role).increment(1);
                return Ok(Some(Exit::Crashed));
            }
        }
        if self.held.expired() {
            tracing::warn!(lane = self.lane.durable, "held too long; not acknowledged");
            return Ok(Some(Exit::Broken));
        }
        if let (Step::Item(index), Some(message)) = (out.step, out.messages.first()) {
            let next = match &self.suspects {
                Some(record) => living(record, index + 1),
                None => index + 1,
            };
            if next < message.len() {
                out.step = Step::Item(next);
                out.failures = 0;
                out.state = State::Resting(Instant::now());
                self.out = Some(out);
                return Ok(None);
            }
        }
        self.out = Some(out);
        self.acknowledge().await?;
        Ok(None)
    }

    /// Acknowledges what was out, and with it everything before.
    async fn acknowledge(&mut self) -> Result<(), ApiError> {
        let Some(out) = self.out.take() else {
            return Ok(());
        };
        let Some(last) = out.messages.last() else {
            return Ok(());
        };
        let reply = last.place.reply.clone();
        let items: usize = out.messages.iter().map(Unpacked::len).sum();
        metrics::counter!("tidings_handled_total", "role" => self.settings.role.clone())
            .increment(items as u64);
        self.last_ack = Some(reply.clone());
        let client = self.bus.pulling().client();
        let sent = client.publish(reply, Bytes::from_static(b"+ACK")).await;
        sent.map_err(|_| ApiError::Unavailable)
    }

    fn letter(&self, message: &Unpacked, index: u32, reason: &str, detail: &str) -> DeadLetter {
        let payload = usize::try_from(index)
            .ok()
            .and_then(|index| message.item(index))
            .map_or_else(|| message.place.payload.clone(), |item| item.payload);
        DeadLetter {
            stage: self.settings.role.clone(),
            reason: reason.to_owned(),
            detail: detail.to_owned(),
            tenant: None,
            original_stream: self.lane.stream.to_owned(),
            original_subject: message.place.subject.to_string(),
            original_seq: message.place.stream_seq,
            original_index: index,
            at: schemas::Timestamp::now(),
            payload,
        }
        .with_tenant_of_subject()
    }
}

type Outcome = Result<Result<(), HandleError>, tokio::task::JoinError>;

/// Waits for the handler; for ever when none works.
async fn outcome(out: &mut Option<Out>) -> Outcome {
    match out {
        Some(Out {
            state: State::Working(task),
            ..
        }) => Pin::new(&mut task.0).await,
        _ => std::future::pending().await,
    }
}

/// The first item from `index` on that is not dead already.
fn living(record: &Record, mut index: usize) -> usize {
    while record
        .dead
        .iter()
        .any(|dead| usize::try_from(*dead) == Ok(index))
    {
        index += 1;
    }
    index
}
