//! Projectors: what happened, written into Postgres in batches.
//!
//! [`Conversations`] reads CONV, [`OutboundMessages`] OUT, [`Tracking`] TRACK. A batch is one
//! transaction and one acknowledgement. [`look_again`] finds the messages of receipts that came early.
//!
//! Invariants: writing the same batch twice changes nothing; the database being away holds the lane
//! up and loses nothing; an item that cannot be read or stored becomes a dead letter and never holds
//! up the others.
//!
//! Deliberately absent: anything that a projection would decide. What is written here can be made anew
//! from the streams.

mod conversation;
mod outbound;
mod pending;
mod tracking;

use std::ops::Range;

use futures::future::BoxFuture;
use nats::{Bus, DeadLetter, HandleError, Item};
use schemas::Timestamp;
use store::{Store, StoreError};

pub use conversation::Conversations;
pub use outbound::OutboundMessages;
pub use pending::look_again;
pub use tracking::Tracking;

/// The first token of a projector's dead letters.
const STAGE: &str = "project";

/// What could be read of a batch: values, and where each came from.
struct Read<T> {
    items: Vec<Item>,
    values: Vec<T>,
}

/// Why an item cannot be projected.
struct Unreadable {
    reason: &'static str,
    detail: String,
}

impl Unreadable {
    fn new(reason: &'static str, detail: impl Into<String>) -> Self {
        Self {
            reason,
            detail: detail.into(),
        }
    }
}

/// Decodes a batch; what cannot be read becomes a dead letter.
async fn read<T>(
    bus: &Bus,
    stream: &'static str,
    items: Vec<Item>,
    decode: impl Fn(&Item) -> Result<T, Unreadable>,
) -> Result<Read<T>, HandleError> {
    let mut read = Read {
        items: Vec::with_capacity(items.len()),
        values: Vec::with_capacity(items.len()),
    };
    for item in items {
        match decode(&item) {
            Ok(value) => {
                read.items.push(item);
                read.values.push(value);
            }
            Err(Unreadable { reason, detail }) => {
                bury(bus, stream, &item, STAGE, reason, detail).await?;
            }
        }
    }
    Ok(read)
}

/// Stores a dead letter for an item.
pub(crate) async fn bury(
    bus: &Bus,
    stream: &'static str,
    item: &Item,
    stage: &str,
    reason: &str,
    detail: String,
) -> Result<(), HandleError> {
    let letter = DeadLetter {
        stage: stage.to_owned(),
        reason: reason.to_owned(),
        detail,
        tenant: None,
        original_stream: stream.to_owned(),
        original_subject: item.subject.to_string(),
        original_seq: item.stream_seq,
        original_index: item.index,
        at: Timestamp::now(),
        payload: item.payload.clone(),
    };
    bus.dead_letter(&letter.with_tenant_of_subject())
        .await
        .map_err(HandleError::transient)
}

/// Writes rows; a part that the database refuses is halved until the bad row stands alone, which
/// becomes a dead letter. `write` is one transaction of the store, and answers how many rows are new.
///
/// A refusal that is not about data (a defect, a schema that is not there yet) counts against a row
/// only when others of the batch went through; else the whole batch waits.
async fn write<T: Sync>(
    bus: &Bus,
    store: &Store,
    stream: &'static str,
    rows: &Read<T>,
    write: impl for<'a> Fn(&'a Store, &'a [T]) -> BoxFuture<'a, Result<u64, StoreError>>,
) -> Result<u64, HandleError> {
    let mut written = 0;
    let mut any_went_through = false;
    let mut refused: Vec<(usize, StoreError)> = Vec::new();
    let mut parts: Vec<Range<usize>> = std::iter::once(0..rows.values.len()).collect();
    while let Some(part) = parts.pop() {
        let values = rows.values.get(part.clone()).unwrap_or_default();
        if values.is_empty() {
            continue;
        }
        match write(store, values).await {
            Ok(count) => {
                written += count;
                any_went_through = true;
            }
            Err(error) if error.is_unavailable() => return Err(HandleError::transient(error)),
            Err(error) if part.len() == 1 => refused.push((part.start, error)),
            Err(_) => {
                let middle = part.start + part.len() / 2;
                parts.push(middle..part.end);
                parts.push(part.start..middle);
            }
        }
    }
    for (at, error) in refused {
        let reason = match &error {
            StoreError::Invalid(_) => "invalid",
            StoreError::Conflict { .. } => "conflict",
            StoreError::NotFound => "not-found",
            _ if any_went_through => "refused",
            _ => return Err(HandleError::transient(error)),
        };
        if let Some(item) = rows.items.get(at) {
            bury(bus, stream, item, STAGE, reason, error.to_string()).await?;
        }
    }
    Ok(written)
}

fn count(projection: &'static str, rows: u64) {
    metrics::counter!("tidings_projected_total", "projection" => projection).increment(rows);
}
