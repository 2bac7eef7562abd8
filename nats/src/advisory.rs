//! The janitor: turns the broker's advisories about undecided messages into dead letters.
//!
//! Lanes decide about every message themselves; this is for consumers that limit deliveries, and for
//! consumers others have made.

use bytes::Bytes;
use schemas::Timestamp;
use serde::Deserialize;
use serde_json::json;

use crate::{
    api::{ApiError, code},
    bus::Bus,
    dead_letter::DeadLetter,
    kv::Fetched,
    lane::{Batch, HandleError, Handler},
};

/// The handler of lane `janitor`.
pub struct Janitor {
    bus: Bus,
}

#[derive(Deserialize)]
struct Advisory {
    #[serde(rename = "type")]
    kind: String,
    stream: String,
    consumer: String,
    stream_seq: u64,
    #[serde(default)]
    deliveries: u64,
}

impl Janitor {
    #[must_use]
    pub fn new(bus: Bus) -> Self {
        Self { bus }
    }

    async fn bury(&self, payload: &Bytes) -> Result<(), ApiError> {
        let Ok(advisory) = serde_json::from_slice::<Advisory>(payload) else {
            tracing::warn!("an advisory could not be read");
            return Ok(());
        };
        let verb = format!("STREAM.MSG.GET.{}", advisory.stream);
        let wanted = json!({ "seq": advisory.stream_seq });
        let message = match self.bus.pulling().api::<Fetched>(&verb, &wanted).await {
            Ok(found) => found.message,
            // Too old to be there still.
            Err(error)
                if error.is_code(code::MESSAGE_NOT_FOUND)
                    || error.is_code(code::STREAM_NOT_FOUND) =>
            {
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        let terminated = advisory.kind.ends_with("terminated");
        let letter = DeadLetter {
            stage: advisory.consumer,
            reason: if terminated {
                "terminated"
            } else {
                "max-deliveries"
            }
            .to_owned(),
            detail: format!("delivered {} times", advisory.deliveries),
            tenant: None,
            original_stream: advisory.stream,
            original_subject: message.subject.clone(),
            original_seq: message.seq,
            original_index: 0,
            at: Timestamp::now(),
            payload: message.payload()?,
        };
        self.bus.dead_letter(&letter.with_tenant_of_subject()).await
    }
}

impl Handler for Janitor {
    async fn handle(&self, batch: Batch) -> Result<(), HandleError> {
        for item in &batch.items {
            self.bury(&item.payload)
                .await
                .map_err(HandleError::transient)?;
        }
        Ok(())
    }
}
