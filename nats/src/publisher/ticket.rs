//! What waits to be published, and who waits for it.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use tokio::{sync::oneshot, time::Instant};

use super::{PublishError, lock};

/// An item, and whose it is.
pub(super) struct Waiting {
    pub(super) item: Bytes,
    pub(super) ticket: Arc<Ticket>,
}

/// One caller's items.
pub(super) struct Ticket {
    pub(super) deadline: Instant,
    state: Mutex<TicketState>,
}

struct TicketState {
    open: usize,
    done: Option<oneshot::Sender<Result<(), PublishError>>>,
}

impl Ticket {
    /// Of so many items; `done` hears when all are stored, or the first that is not.
    pub(super) fn new(
        items: usize,
        deadline: Instant,
        done: oneshot::Sender<Result<(), PublishError>>,
    ) -> Self {
        Self {
            deadline,
            state: Mutex::new(TicketState {
                open: items,
                done: Some(done),
            }),
        }
    }

    /// The caller is gone or answered: what has not left yet need not leave.
    pub(super) fn is_closed(&self) -> bool {
        let state = lock(&self.state);
        state.done.as_ref().is_none_or(oneshot::Sender::is_closed)
    }

    pub(super) fn settle(&self, count: usize, outcome: &Result<(), PublishError>) {
        let mut state = lock(&self.state);
        state.open = state.open.saturating_sub(count);
        if (outcome.is_err() || state.open == 0)
            && let Some(done) = state.done.take()
        {
            // The caller may have given up; its outcome is then nobody's.
            drop(done.send(outcome.clone()));
        }
    }
}
