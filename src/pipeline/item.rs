//! What the stream holds, opened: the envelopes of an item, and where each came from.

use std::sync::Arc;

use bytes::Bytes;
use nats::{DeadLetter, Item};
use schemas::{DeadReason, Envelope, Timestamp, partition, subject};

/// Where an envelope came from: for its dead letter, and for who wants it as it came in.
#[derive(Clone)]
pub(super) struct Original {
    payload: Bytes,
    subject: Arc<str>,
    stream: &'static str,
    stream_seq: u64,
    stored_at: Timestamp,
    index: u32,
    /// Which of the item's envelopes.
    pub(super) part: usize,
}

impl Original {
    pub(super) fn of(item: &Item, stream: &'static str) -> Self {
        Self {
            payload: item.payload.clone(),
            subject: Arc::clone(&item.subject),
            stream,
            stream_seq: item.stream_seq,
            stored_at: item.stored_at,
            index: item.index,
            part: 0,
        }
    }

    /// Of another envelope of the same item.
    pub(super) fn at(&self, part: usize) -> Self {
        Self {
            part,
            ..self.clone()
        }
    }

    /// Whether both are of one item.
    pub(super) fn is_beside(&self, other: &Self) -> bool {
        self.stream_seq == other.stream_seq && self.index == other.index
    }

    pub(super) fn letter(&self, stage: &'static str, reason: DeadReason) -> DeadLetter {
        DeadLetter {
            stage: stage.to_owned(),
            reason: reason.code,
            detail: reason.detail,
            tenant: tenant_of(&self.subject),
            original_stream: self.stream.to_owned(),
            original_subject: self.subject.to_string(),
            original_seq: self.stream_seq,
            original_index: self.index,
            at: Timestamp::now(),
            payload: self.payload.clone(),
        }
    }

    /// The envelopes of an item: one when the gateway or an earlier stage made it, one for each update
    /// when an adapter published the platform's own bytes.
    pub(super) fn open(&self) -> Result<Vec<Envelope>, DeadReason> {
        let place = partition::position(self.stored_at, self.index);
        if self.stream == subject::stream::PIPE {
            let envelope = Envelope::decode(&self.payload)
                .map_err(|error| DeadReason::new("undecodable", error.to_string()))?;
            return if tenant_of(&self.subject) == Some(envelope.tenant) {
                Ok(vec![envelope])
            } else {
                Err(forged())
            };
        }
        let from = subject::Inbound::parse(&self.subject)
            .ok_or_else(|| DeadReason::new("subject", "not an inbound subject"))?;
        if Envelope::is_envelope(&self.payload) {
            let mut envelope = Envelope::decode(&self.payload)
                .map_err(|error| DeadReason::new("undecodable", error.to_string()))?;
            let claimed = (envelope.tenant, envelope.channel, envelope.kind);
            if claimed != (from.tenant, from.channel, from.kind) {
                return Err(forged());
            }
            envelope.position = place;
            return Ok(vec![envelope]);
        }
        let updates = ingest::channel::split(from.kind, None, self.payload.clone())
            .map_err(|error| DeadReason::new("malformed", error.to_string()))?;
        Ok(updates
            .into_iter()
            .map(|update| {
                let mut envelope = ingest::channel::envelope(
                    from.tenant,
                    from.channel,
                    from.kind,
                    update,
                    self.stored_at,
                );
                envelope.position = place;
                envelope
            })
            .collect())
    }
}

fn tenant_of(subject: &str) -> Option<schemas::TenantId> {
    // `in.<p>.<tenant>.…` and `pipe.<stage>.<p>.<tenant>`
    let place = if subject.starts_with("pipe.") { 3 } else { 2 };
    subject.split('.').nth(place)?.parse().ok()
}

/// An envelope that names another tenant or channel than the subject it was allowed on.
fn forged() -> DeadReason {
    DeadReason::new(
        "forged",
        "the envelope names another tenant or channel than its subject",
    )
}
