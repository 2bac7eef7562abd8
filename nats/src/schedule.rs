//! Doing something later: the broker keeps the message and publishes it when its time has come.
//!
//! A schedule lives on its own subject `sched.<id>`; when it is due the broker moves it, without its
//! `Nats-Msg-Id`, to `due.<target>` in the same stream, and the forwarder on to `<target>`. So the
//! item itself must carry its identity.

use std::time::Duration;

use async_nats::HeaderMap;
use bytes::Bytes;
use schemas::{Timestamp, subject::stream};
use serde_json::{Value, json};

use crate::{
    api::ApiError,
    bus::Bus,
    lane::{Batch, HandleError, Handler},
    publisher::PublishError,
    token::{is_subject, is_token},
};

const TIMEOUT: Duration = Duration::from_secs(5);
const DUE: &str = "due.";

impl Bus {
    /// Publishes `item` to `target` at `at` (at once when that is past). Scheduling the same `id`
    /// again replaces what was scheduled.
    ///
    /// # Errors
    /// [`ApiError`]; status 400 when `id` is no token or `target` no subject.
    pub async fn schedule(
        &self,
        at: Timestamp,
        id: &str,
        target: &str,
        item: Bytes,
    ) -> Result<(), ApiError> {
        if !is_token(id) || !is_subject(target) {
            return Err(not_a("token or subject"));
        }
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Schedule", format!("@at {at}"));
        headers.insert("Nats-Schedule-Target", format!("{DUE}{target}"));
        headers.insert("Nats-Msg-Id", format!("sched-{id}-{}", at.0));
        self.publishing()
            .store(format!("sched.{id}"), Some(headers), item, TIMEOUT)
            .await
            .map(drop)
    }

    /// Takes back what was scheduled as `id`. False when nothing was, or it is already due.
    ///
    /// # Errors
    /// [`ApiError`]; status 400 when `id` is no token.
    pub async fn unschedule(&self, id: &str) -> Result<bool, ApiError> {
        if !is_token(id) {
            return Err(not_a("token"));
        }
        let purged = self.purge(stream::SCHED, &format!("sched.{id}")).await?;
        Ok(purged > 0)
    }

    /// Takes what a stream has on these subjects out of it, also what is handed over and not acknowledged; how many.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn purge(&self, stream: &str, subjects: &str) -> Result<u64, ApiError> {
        let verb = format!("STREAM.PURGE.{stream}");
        let filter = json!({ "filter": subjects });
        let purged: Value = self.publishing().api(&verb, &filter).await?;
        Ok(purged["purged"].as_u64().unwrap_or(0))
    }
}

fn not_a(what: &str) -> ApiError {
    ApiError::Refused {
        status: 400,
        code: 0,
        description: format!("not a {what}"),
    }
}

/// Moves due items to their targets; the handler of lane `forward-due`.
pub struct Forwarder {
    bus: Bus,
}

impl Forwarder {
    #[must_use]
    pub fn new(bus: Bus) -> Self {
        Self { bus }
    }
}

impl Handler for Forwarder {
    async fn handle(&self, batch: Batch) -> Result<(), HandleError> {
        let items: Vec<(String, Bytes)> = batch
            .items
            .into_iter()
            .filter_map(|item| {
                let target = item.subject.strip_prefix(DUE)?.to_owned();
                Some((target, item.payload))
            })
            .collect();
        let published = self
            .bus
            .publisher()
            .publish_all(items, Duration::from_secs(30))
            .await;
        published.map_err(|error| match error {
            PublishError::Refused { code, description } if code < 500 => HandleError::Permanent {
                reason: "target-refused",
                detail: description,
            },
            error => HandleError::transient(error),
        })
    }
}
