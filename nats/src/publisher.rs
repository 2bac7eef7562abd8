//! Publishing with natural batching: items for a subject wait while that subject's previous frame is
//! in flight, then leave together.
//!
//! Invariants: per subject one frame in flight, so order is kept; `Ok` means every item is stored;
//! a frame keeps its `Nats-Msg-Id` through its retries, so a lost acknowledgement stores nothing
//! twice; frames in flight and waiting bytes are bounded.

mod pace;
mod ticket;

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_nats::HeaderMap;
use bytes::Bytes;
use schemas::frame;
use tokio::{
    sync::{Semaphore, oneshot},
    time::Instant,
};

use self::{
    pace::Singles,
    ticket::{Ticket, Waiting},
};
use crate::{api::ApiError, link::Link, room::Room, token::is_subject};

/// Items in one frame.
const FRAME_ITEMS: usize = 128;
/// Frames in flight; more than about a thousand unacknowledged publishes starve the broker's acks.
const FRAMES_IN_FLIGHT: usize = 256;
/// Bytes that may wait, over all subjects.
const WAITING_BYTES: usize = 64 * 1024 * 1024;
/// How long one attempt waits for its acknowledgement.
const ATTEMPT: Duration = Duration::from_secs(5);
/// A frame is not sent again after this: the streams forget `Nats-Msg-Id` after two minutes.
const RETRY_FOR: Duration = Duration::from_secs(100);
/// While single items come fast, a frame waits this long for more of them: it costs the broker a sync
/// however many it holds.
const LINGER: Duration = Duration::from_millis(2);
/// Room a frame's own bytes and headers may take of the broker's `max_payload`.
const OVERHEAD: usize = 1024;

/// Why something was not, or perhaps not, published.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum PublishError {
    /// Too much is waiting already, here or in the stream. Nothing was published; try again shortly.
    #[error("too much is waiting to be published")]
    Busy,
    /// The deadline passed. Some of it may be stored; publishing again stores it twice.
    #[error("not acknowledged in time")]
    TimedOut,
    /// The broker will not store it; a code of 500 and above may pass.
    #[error("the broker refused ({code}): {description}")]
    Refused {
        /// As in HTTP.
        code: u16,
        /// The broker's sentence.
        description: String,
    },
}

impl PublishError {
    /// Whether the same publish may succeed later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Busy | Self::TimedOut => true,
            Self::Refused { code, .. } => *code >= 500,
        }
    }
}

/// Publishes items in frames. Cheap to clone.
#[derive(Clone)]
pub struct Publisher {
    shared: Arc<Shared>,
}

struct Shared {
    link: Link,
    state: Mutex<State>,
    slots: Semaphore,
    room: Room,
    nonce: String,
    frames: AtomicU64,
}

#[derive(Default)]
struct State {
    /// Subjects with a task at work, and what waits for it.
    lines: HashMap<Arc<str>, VecDeque<Waiting>>,
    waiting_bytes: usize,
    singles: Singles,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Publisher {
    pub(crate) fn new(link: Link) -> Self {
        Self {
            shared: Arc::new(Shared {
                link,
                state: Mutex::default(),
                slots: Semaphore::new(FRAMES_IN_FLIGHT),
                room: Room::default(),
                nonce: uuid::Uuid::new_v4().simple().to_string(),
                frames: AtomicU64::new(0),
            }),
        }
    }

    pub(crate) fn room(&self) -> &Room {
        &self.shared.room
    }

    /// Publishes one item and waits until the broker has stored it.
    ///
    /// # Errors
    /// [`PublishError`]; after `TimedOut` the item may be stored.
    pub async fn publish(
        &self,
        subject: &str,
        item: Bytes,
        deadline: Duration,
    ) -> Result<(), PublishError> {
        self.publish_all(vec![(subject.to_owned(), item)], deadline)
            .await
    }

    /// Publishes items, keeping their order per subject, and waits until all are stored. Tries again
    /// after transient failures until the deadline (which is cut at 100 seconds).
    ///
    /// # Errors
    /// [`PublishError`]; after an error some of the items may be stored.
    pub async fn publish_all(
        &self,
        items: Vec<(String, Bytes)>,
        deadline: Duration,
    ) -> Result<(), PublishError> {
        if items.is_empty() {
            return Ok(());
        }
        let largest = self.shared.largest();
        for (subject, item) in &items {
            if !is_subject(subject) {
                return Err(refused(400, "not a subject"));
            }
            if !self.shared.room.has(subject) {
                return Err(PublishError::Busy);
            }
            if item.len() > largest {
                return Err(refused(413, "larger than the broker's max_payload"));
            }
        }
        let deadline = Instant::now() + deadline.min(RETRY_FOR);
        let (done, outcome) = oneshot::channel();
        let count = items.len();
        self.enqueue(items, deadline, done)?;
        let outcome = tokio::time::timeout_at(deadline, outcome).await;
        let outcome = match outcome {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) | Err(_) => Err(PublishError::TimedOut),
        };
        match &outcome {
            Ok(()) => metrics::counter!("tidings_published_total").increment(count as u64),
            Err(error) => {
                metrics::counter!("tidings_publish_failures_total", "class" => class(error))
                    .increment(1);
            }
        }
        outcome
    }

    fn enqueue(
        &self,
        items: Vec<(String, Bytes)>,
        deadline: Instant,
        done: oneshot::Sender<Result<(), PublishError>>,
    ) -> Result<(), PublishError> {
        let bytes: usize = items.iter().map(|(_, item)| item.len()).sum();
        let ticket = Arc::new(Ticket::new(items.len(), deadline, done));
        let mut starting = Vec::new();
        {
            let mut state = lock(&self.shared.state);
            if state.waiting_bytes > 0 && state.waiting_bytes + bytes > WAITING_BYTES {
                return Err(PublishError::Busy);
            }
            state.waiting_bytes += bytes;
            if items.len() == 1 {
                state.singles.count();
            }
            for (subject, item) in items {
                let waiting = Waiting {
                    item,
                    ticket: Arc::clone(&ticket),
                };
                if let Some(line) = state.lines.get_mut(subject.as_str()) {
                    line.push_back(waiting);
                } else {
                    let subject: Arc<str> = subject.into();
                    starting.push(Arc::clone(&subject));
                    state.lines.insert(subject, VecDeque::from([waiting]));
                }
            }
        }
        for subject in starting {
            tokio::spawn(Arc::clone(&self.shared).run_line(subject));
        }
        Ok(())
    }
}

impl Shared {
    /// Bytes one item may have.
    fn largest(&self) -> usize {
        self.link.client().max_payload().saturating_sub(OVERHEAD)
    }

    /// Sends a subject's frames one after another until none waits.
    async fn run_line(self: Arc<Self>, subject: Arc<str>) {
        loop {
            if self.may_grow(&subject) {
                tokio::time::sleep(LINGER).await;
            }
            let Ok(slot) = self.slots.acquire().await else {
                return;
            };
            let Some(frame) = self.next_frame(&subject) else {
                return;
            };
            let items: Vec<&Bytes> = frame.iter().map(|waiting| &waiting.item).collect();
            let payload = match items.as_slice() {
                [item] => (*item).clone(),
                items => frame::encode(items),
            };
            metrics::counter!("tidings_frames_total").increment(1);
            let outcome = self.send(&subject, payload, &frame).await;
            drop(slot);
            let mut run = frame.iter().peekable();
            while let Some(first) = run.next() {
                let mut count = 1;
                while run
                    .next_if(|next| Arc::ptr_eq(&next.ticket, &first.ticket))
                    .is_some()
                {
                    count += 1;
                }
                first.ticket.settle(count, &outcome);
            }
        }
    }

    /// Whether more is likely to come for the next frame of a subject.
    fn may_grow(&self, subject: &Arc<str>) -> bool {
        let mut state = lock(&self.state);
        let waiting = state.lines.get(subject).map_or(0, VecDeque::len);
        (1..FRAME_ITEMS / 2).contains(&waiting) && state.singles.look()
    }

    /// Takes what waits for a subject; `None` ends its line.
    fn next_frame(&self, subject: &Arc<str>) -> Option<Vec<Waiting>> {
        let limit = frame::MAX_BYTES.min(self.largest());
        let mut state = lock(&self.state);
        let state = &mut *state;
        let line = state.lines.get_mut(subject)?;
        let mut frame = Vec::new();
        let mut bytes = 0;
        while let Some(next) = line.front() {
            let size = next.item.len() + 4;
            if frame.len() == FRAME_ITEMS || (!frame.is_empty() && bytes + size > limit) {
                break;
            }
            let Some(next) = line.pop_front() else { break };
            state.waiting_bytes = state.waiting_bytes.saturating_sub(next.item.len());
            if !next.ticket.is_closed() {
                bytes += size;
                frame.push(next);
            }
        }
        if frame.is_empty() {
            state.lines.remove(subject);
            return None;
        }
        Some(frame)
    }

    async fn send(
        &self,
        subject: &str,
        payload: Bytes,
        frame: &[Waiting],
    ) -> Result<(), PublishError> {
        let mut headers = HeaderMap::new();
        let number = self.frames.fetch_add(1, Ordering::Relaxed);
        headers.insert("Nats-Msg-Id", format!("{}-{number:x}", self.nonce));
        let give_up = Instant::now() + RETRY_FOR;
        let mut pause = Duration::from_millis(20);
        let mut last = PublishError::TimedOut;
        loop {
            let limit = frame
                .iter()
                .filter(|waiting| !waiting.ticket.is_closed())
                .map(|waiting| waiting.ticket.deadline)
                .max();
            let now = Instant::now();
            let Some(limit) = limit.map(|limit| limit.min(give_up)) else {
                return Err(last);
            };
            if now >= limit {
                return Err(last);
            }
            let attempt = self.link.store(
                subject.to_owned(),
                Some(headers.clone()),
                payload.clone(),
                ATTEMPT.min(limit - now),
            );
            match attempt.await {
                Ok(_) => return Ok(()),
                Err(ApiError::Refused {
                    status,
                    description,
                    ..
                }) => {
                    last = PublishError::Refused {
                        code: status,
                        description,
                    };
                    if status < 500 {
                        return Err(last);
                    }
                }
                Err(ApiError::Unreadable(description)) => return Err(refused(502, &description)),
                Err(ApiError::TimedOut | ApiError::Unavailable) => last = PublishError::TimedOut,
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(1));
        }
    }
}

fn refused(code: u16, description: &str) -> PublishError {
    PublishError::Refused {
        code,
        description: description.to_owned(),
    }
}

fn class(error: &PublishError) -> &'static str {
    match error {
        PublishError::Busy => "busy",
        PublishError::TimedOut => "timed-out",
        PublishError::Refused { .. } => "refused",
    }
}
