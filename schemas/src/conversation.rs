//! Conversations.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Whether a conversation is being worked on. An inbound message reopens a closed one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConversationStatus {
    Active,
    Archived,
    Closed,
}

impl ConversationStatus {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Archived => "archived",
            Self::Closed => "closed",
        }
    }
}

impl FromStr for ConversationStatus {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        [Self::Active, Self::Archived, Self::Closed]
            .into_iter()
            .find(|status| status.name() == name)
            .ok_or(())
    }
}
