//! What a stage decides.

use serde::{Deserialize, Serialize};

use crate::{DeadReason, Envelope, TrackEvent};

/// A stage maps one envelope to at most one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Outcome {
    /// On to the next stage, or out of the pipeline after the last.
    Next(Box<Envelope>),
    /// No message, but news about messages we sent or addresses we write to.
    Track(Vec<TrackEvent>),
    /// Decided not to go on; counted and tracked as `dropped`, not stored as a message.
    Drop(DropReason),
    /// Cannot go on; kept in the DLQ with the reason.
    Dead(DeadReason),
}

/// Why a stage dropped an envelope on purpose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DropReason {
    /// `[a-z-]+`, e.g. `rule`.
    pub code: String,
    /// For example the rule's name.
    pub detail: String,
}

impl DropReason {
    #[must_use]
    pub fn new(code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            detail: detail.into(),
        }
    }
}
