//! Which messages stand in the database already: asked for all requests that want to know at once.
//!
//! Invariants: one query at a time, and who comes meanwhile is in the next one, so a burst of sends
//! costs few queries; a database that is down or slow is "unknown" after [`ASK`], never "not there".

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use schemas::{MessageId, TenantId};
use store::Store;
use tokio::{sync::oneshot, time::timeout};

/// How long the database is asked.
const ASK: Duration = Duration::from_millis(500);
/// Messages of one query.
const AT_ONCE: usize = 500;

#[derive(Default)]
pub(crate) struct Projected {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    waiting: Vec<Question>,
    asking: bool,
}

struct Question {
    tenant: TenantId,
    message: MessageId,
    answer: oneshot::Sender<bool>,
}

impl Projected {
    /// Whether the message stands in the database; `None` when that cannot be known now.
    pub(crate) async fn holds(
        &self,
        store: &Store,
        tenant: TenantId,
        message: MessageId,
    ) -> Option<bool> {
        let (answer, answered) = oneshot::channel();
        let begins = {
            let mut state = lock(&self.state);
            state.waiting.push(Question {
                tenant,
                message,
                answer,
            });
            !std::mem::replace(&mut state.asking, true)
        };
        if begins {
            // In a task of its own: who asked first may go away while others wait.
            tokio::spawn(ask(store.clone(), Arc::clone(&self.state)));
        }
        answered.await.ok()
    }
}

async fn ask(store: Store, state: Arc<Mutex<State>>) {
    loop {
        let questions: Vec<Question> = {
            let mut state = lock(&state);
            state
                .waiting
                .retain(|question| !question.answer.is_closed());
            if state.waiting.is_empty() {
                state.asking = false;
                return;
            }
            let count = state.waiting.len().min(AT_ONCE);
            state.waiting.drain(..count).collect()
        };
        let wanted: Vec<(TenantId, MessageId)> = questions
            .iter()
            .map(|question| (question.tenant, question.message))
            .collect();
        // Dropped without an answer, a question is "unknown".
        let Ok(Ok(there)) = timeout(ASK, store::message::existing(&store, &wanted)).await else {
            continue;
        };
        for Question {
            message, answer, ..
        } in questions
        {
            // Whoever went away needs no answer.
            answer.send(there.contains(&message)).ok();
        }
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
