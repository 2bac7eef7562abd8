//! Lanes and what is handed to their handlers.
//!
//! A lane is one durable consumer with one owner at a time. Its messages are handed over in stream
//! order, in batches, one batch at a time; lanes run side by side.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use schemas::Timestamp;
use tokio::time::Instant;

/// One durable consumer with one owner at a time.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Lane {
    pub stream: &'static str,
    pub durable: String,
    /// The subject filter a consumer created from a template gets; the files decide for the others.
    pub filter: String,
}

impl Lane {
    /// What decides whose lane it is: the durable's name after its role, so that a channel's sends and its campaigns
    /// have one owner.
    pub(crate) fn share(&self) -> &str {
        self.durable
            .split_once('-')
            .map_or(&*self.durable, |(_, share)| share)
    }
}

/// One envelope.
#[derive(Clone, Debug)]
pub struct Item {
    pub payload: Bytes,
    /// The subject under which the broker stored it.
    pub subject: Arc<str>,
    pub stream_seq: u64,
    /// Its place in its frame; 0 for a bare payload.
    pub index: u32,
    /// When the broker stored it.
    pub stored_at: Timestamp,
}

/// What a handler gets at once.
#[derive(Debug)]
pub struct Batch {
    pub lane: Arc<Lane>,
    /// In stream order; never empty.
    pub items: Vec<Item>,
    pub held: Held,
}

/// Whether the lane is still surely ours.
#[derive(Clone, Debug)]
pub struct Held {
    shared: Arc<HeldState>,
}

#[derive(Debug)]
struct HeldState {
    base: Instant,
    /// Milliseconds after `base` at which a request was sent that the broker answered as our own.
    confirmed_ms: AtomicU64,
    limit: Duration,
}

impl Held {
    pub(crate) fn new(limit: Duration, sent: Instant) -> Self {
        Self {
            shared: Arc::new(HeldState {
                base: sent,
                confirmed_ms: AtomicU64::new(0),
                limit,
            }),
        }
    }

    pub(crate) fn confirm(&self, sent: Instant) {
        let after = sent.saturating_duration_since(self.shared.base).as_millis();
        let after = u64::try_from(after).unwrap_or(u64::MAX);
        self.shared.confirmed_ms.fetch_max(after, Ordering::Relaxed);
    }

    /// How long ago the broker is known to have regarded us as the owner.
    pub(crate) fn age(&self) -> Duration {
        let confirmed = Duration::from_millis(self.shared.confirmed_ms.load(Ordering::Relaxed));
        Instant::now().saturating_duration_since(self.shared.base + confirmed)
    }

    /// True when ownership was last confirmed more than half the pin's timeout ago: another worker
    /// may own the lane soon. Drop the work and return; it will be handed over again.
    #[must_use]
    pub fn expired(&self) -> bool {
        self.age() > self.shared.limit
    }

    /// Whether both are of one time of owning the lane: nobody else owned it in between.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }
}

/// Why a batch was not handled.
#[derive(Debug, thiserror::Error)]
pub enum HandleError {
    /// Something the batch needs is not there now. The same batch is handed over again, after
    /// `retry_after` or a growing pause.
    #[error("not now")]
    Transient {
        retry_after: Option<Duration>,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// It will never work. A batch is then handed over item by item, and the item that fails alone
    /// becomes a dead letter with this reason (`[a-z-]+`).
    #[error("never: {reason}")]
    Permanent {
        reason: &'static str,
        detail: String,
    },
}

impl HandleError {
    /// A failure that may pass.
    pub fn transient(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Transient {
            retry_after: None,
            source: source.into(),
        }
    }
}

/// What is done with a lane's messages.
///
/// `Ok` means: everything this batch causes is stored. The loop then acknowledges the batch; it may
/// still be handed over again after a crash, so effects must absorb repetition by their ids. A panic
/// counts as an attempt: the third in the same place makes the item a dead letter.
pub trait Handler: Send + Sync + 'static {
    fn handle(&self, batch: Batch) -> impl Future<Output = Result<(), HandleError>> + Send;

    /// The most items this lane is handed at once now, if fewer than [`WorkerSettings::max_items`].
    fn most(&self, _lane: &Lane) -> usize {
        usize::MAX
    }
}

/// How a worker takes part.
#[derive(Clone, Debug)]
pub struct WorkerSettings {
    /// The membership group whose live members share the lanes, e.g. `normalize`.
    pub role: String,
    /// This process's name in the group; unique, new at every start.
    pub worker: String,
    /// Items handed over at once at most (a single frame may exceed it).
    pub max_items: usize,
    /// How long a batch that is not full waits for more.
    pub max_wait: Duration,
    /// How long a planned stop waits for the batch in hand.
    pub drain: Duration,
}

impl WorkerSettings {
    #[must_use]
    pub fn new(role: &str, worker: &str) -> Self {
        Self {
            role: role.to_owned(),
            worker: worker.to_owned(),
            max_items: 1000,
            max_wait: Duration::ZERO,
            drain: Duration::from_secs(15),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn held_expires_unless_confirmed() {
        let long_ago = Instant::now().checked_sub(Duration::from_secs(6)).unwrap();
        let held = Held::new(Duration::from_secs(5), long_ago);
        assert!(held.expired());
        held.confirm(Instant::now());
        assert!(!held.expired());
        held.confirm(long_ago);
        assert!(!held.expired(), "an older confirmation takes nothing back");
    }
}
