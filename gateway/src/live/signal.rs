//! What is said from socket to socket and kept by nobody: who is writing, who is there.

use bytes::Bytes;
use schemas::{ConversationId, TenantId};
use serde::{Deserialize, Serialize};

use crate::hub::Hub;

/// Core NATS subjects `signal.<tenant>`.
pub(super) const PREFIX: &str = "signal.";
pub(super) const ALL: &str = "signal.*";

/// A signal and whose it is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Signalled {
    pub(crate) tenant: TenantId,
    pub(crate) conversation: Option<ConversationId>,
    /// The visitor's or the agent's.
    pub(crate) user: String,
    /// Said by a visitor, so agents want to know; else the other way round.
    pub(crate) by_visitor: bool,
    pub(crate) signal: Signal,
}

/// What is signalled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Signal {
    Typing(bool),
    /// A status such as `online`, `away`, `offline`.
    Presence(String),
}

impl Signalled {
    /// Tells every process. What is not heard is missed.
    pub(crate) async fn tell(&self, hub: &Hub) {
        let Ok(payload) = serde_json::to_vec(self) else {
            return;
        };
        let subject = format!("{PREFIX}{}", self.tenant.simple());
        if let Err(error) = hub.bus.notify(&subject, Bytes::from(payload)).await {
            tracing::debug!(%error, "a signal was not told");
        }
    }
}
