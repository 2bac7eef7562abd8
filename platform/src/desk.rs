//! What a fake was asked, and what it shall answer next.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::http::StatusCode;
use serde_json::Value;

/// Calls kept.
const MAX_CALLS: usize = 100_000;

/// A call of the platform's API.
#[derive(Clone, Debug)]
pub struct Call {
    pub method: String,
    /// With its query.
    pub path: String,
    /// JSON as it is; forms and multipart as an object of their fields.
    pub body: Value,
    /// What the fake answered.
    pub status: StatusCode,
    /// What was wrong with it.
    pub refusal: Option<String>,
}

/// What a fake does instead of its work.
#[derive(Clone, Debug)]
pub enum Trouble {
    /// Answers this, having done nothing.
    Refuse(StatusCode, Value),
    /// Does its work and says so too late.
    Slow(Duration),
    /// Does its work and answers 502.
    Silent,
}

/// Shared by the fake and whoever watches it.
#[derive(Clone, Default)]
pub struct Desk(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    calls: Vec<Call>,
    troubles: VecDeque<Trouble>,
    ids: u64,
}

impl Desk {
    /// The calls so far, in order.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.inner().calls.clone()
    }

    pub fn note(&self, call: Call) {
        let mut inner = self.inner();
        if inner.calls.len() < MAX_CALLS {
            inner.calls.push(call);
        }
    }

    /// Has trouble in store for the next call that has none yet.
    pub fn trouble(&self, trouble: Trouble) {
        self.inner().troubles.push_back(trouble);
    }

    /// The trouble of this call.
    #[must_use]
    pub fn take_trouble(&self) -> Option<Trouble> {
        self.inner().troubles.pop_front()
    }

    /// A number no other answer of this fake has.
    #[must_use]
    pub fn next_id(&self) -> u64 {
        let mut inner = self.inner();
        inner.ids += 1;
        inner.ids
    }

    fn inner(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
