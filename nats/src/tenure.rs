//! The time in which a worker owns a lane: pull, hand over, acknowledge.
//!
//! Invariants: one batch is out at a time; a message is acknowledged after everything before it and
//! after its own effects are stored; nothing is acknowledged when ownership is no longer sure; the
//! pin is renewed while a handler works; what is buffered is bounded.

mod hand;

use std::{pin::Pin, sync::Arc, time::Duration};

use async_nats::Subject;
use bytes::Bytes;
use tokio::{task::JoinHandle, time::Instant};
use tokio_util::sync::CancellationToken;

use crate::{
    api::ApiError,
    attempt::Record,
    batch::{Buffer, Unpacked},
    bus::Bus,
    lane::{HandleError, Handler, Held, Lane, WorkerSettings},
    presence::Presence,
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
    /// Tells the others that its holder lives.
    _presence: Presence,
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
        (pin, presence): (String, Presence),
        held: Held,
        suspects: Option<Record>,
    ) -> Self {
        Self {
            bus,
            lane,
            settings,
            pulls,
            pin,
            _presence: presence,
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
        // Without a connection we are not there, and somebody else may take the pin.
        let mut lost = self.bus.pulling().lost();
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
                _ = lost.changed() => return Ok(Exit::Broken),
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
