//! What ends a poller's run, classed by who raises it.

use std::time::Duration;

use egress::oauth::NoToken;

/// Why a poller ended.
#[derive(Debug, thiserror::Error)]
pub enum PollError {
    /// May pass by itself: tried again after a pause that grows with each failure in a row.
    #[error("{reason}")]
    Transient {
        /// For the channel's people; never a secret, an address or content.
        reason: String,
        /// As the platform asked.
        after: Option<Duration>,
    },
    /// Goes on failing until a person changes something, mostly the credentials: the channel is unhealthy, and is tried
    /// again after a long rest only, or when it is changed.
    #[error("{reason}")]
    Broken { reason: String },
    /// Somebody else has the channel now, or the worker stops. No failure.
    #[error("the channel is no longer ours to read")]
    Ended,
}

impl PollError {
    pub fn transient(reason: impl Into<String>) -> Self {
        Self::Transient {
            reason: reason.into(),
            after: None,
        }
    }

    /// Transient, and the platform said when to come back.
    pub fn later(reason: impl Into<String>, after: Option<Duration>) -> Self {
        Self::Transient {
            reason: reason.into(),
            after,
        }
    }

    pub fn broken(reason: impl Into<String>) -> Self {
        Self::Broken {
            reason: reason.into(),
        }
    }
}

impl From<NoToken> for PollError {
    fn from(none: NoToken) -> Self {
        match none {
            NoToken::Refused(reason) => Self::Broken { reason },
            NoToken::Unavailable { reason, after } => Self::Transient { reason, after },
        }
    }
}
