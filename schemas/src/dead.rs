//! Why a message could not go on.

use serde::{Deserialize, Serialize};

/// A dead letter's reason: a token for subjects and metrics, and a sentence for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadReason {
    /// `[a-z-]+`, low cardinality; the last token of `dlq.<stage>.<reason>`.
    pub code: String,
    /// What exactly was wrong, without the content itself.
    pub detail: String,
}

impl DeadReason {
    #[must_use]
    pub fn new(code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            detail: detail.into(),
        }
    }
}
