//! Campaigns: one message to many contacts.
//!
//! A campaign's audience is expanded into a ledger row a recipient ([`RecipientStatus`]) and [`Chunk`]s of up to
//! [`CHUNK`] rows, which travel on BULK as mere names of rows. What is sent is a [`Plan`], frozen at the start. What
//! people do with it comes back as [`CampaignEvent`]s.

mod chunk;
mod event;
mod limit;
mod plan;
mod window;
mod wish;

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{ChannelKind, DeliveryState};

pub use chunk::{CHUNK, Chunk};
pub use event::{CampaignEvent, CampaignEventType, Verdict};
pub use limit::{EVERY_DOMAIN, LimitWrong, Limits, MAX_LIMITS, RATES, provider};
pub use plan::{Pace, Plan, PlannedChannel, Tracked, Wording};
pub use wish::{Unsubscribe, Wish};

/// Enumerations whose names are shouted, as in the API.
macro_rules! shouted {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
        #[serde(rename_all = "SCREAMING_SNAKE_CASE")]
        pub enum $name {
            $($(#[$vdoc])* $variant),*
        }

        impl $name {
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The name on the wire and in the database.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $text),* }
            }
        }

        impl FromStr for $name {
            type Err = ();

            fn from_str(name: &str) -> Result<Self, ()> {
                match name { $($text => Ok(Self::$variant),)* _ => Err(()) }
            }
        }
    };
}
pub(crate) use shouted;

shouted! {
    /// What a campaign is sent by.
    CampaignType {
        Email = "EMAIL",
        Sms = "SMS",
        Whatsapp = "WHATSAPP",
        /// Each contact by its preferred channel, and by another one when that fails.
        MultiChannel = "MULTI_CHANNEL",
    }
}

impl CampaignType {
    /// Whether a channel of this kind can carry it.
    #[must_use]
    pub const fn fits(self, kind: ChannelKind) -> bool {
        use ChannelKind as K;
        match self {
            Self::Email => matches!(kind, K::Email | K::Gmail | K::Sandbox),
            Self::Sms => matches!(kind, K::Twilio | K::Vonage | K::MessageBird | K::Sandbox),
            Self::Whatsapp => matches!(kind, K::WhatsApp | K::Sandbox),
            Self::MultiChannel => !matches!(kind, K::Webchat),
        }
    }
}

shouted! {
    /// Where a campaign stands.
    CampaignStatus {
        /// Being written.
        Draft = "DRAFT",
        /// Starts by itself at `scheduled_at`.
        Scheduled = "SCHEDULED",
        Running = "RUNNING",
        /// Nothing leaves; it goes on where it was.
        Paused = "PAUSED",
        /// Everybody has an outcome.
        Completed = "COMPLETED",
        /// Stopped for good.
        Cancelled = "CANCELLED",
    }
}

impl CampaignStatus {
    /// Whether a campaign may go from here to there.
    #[must_use]
    pub const fn can_become(self, next: Self) -> bool {
        use CampaignStatus as S;
        matches!(
            (self, next),
            (
                S::Draft,
                S::Scheduled | S::Running | S::Cancelled
            ) | (S::Scheduled, S::Draft | S::Running | S::Cancelled)
                | (S::Running, S::Paused | S::Completed | S::Cancelled)
                | (S::Paused, S::Running | S::Cancelled)
                // Those who failed are tried again.
                | (S::Completed, S::Running)
        )
    }

    /// Whether what it says and whom it is for may still be changed.
    #[must_use]
    pub const fn is_editable(self) -> bool {
        matches!(self, Self::Draft | Self::Scheduled)
    }
}

shouted! {
    /// What became of one recipient.
    RecipientStatus {
        /// In the ledger; nothing was tried, or a try failed and another one follows.
        Pending = "PENDING",
        /// The provider is being called.
        Sending = "SENDING",
        /// Crashed while sending, or no answer: it may have left. Never sent again by itself.
        Unknown = "UNKNOWN",
        Failed = "FAILED",
        Sent = "SENT",
        Bounced = "BOUNCED",
        Delivered = "DELIVERED",
        Read = "READ",
        /// The address must not be written to.
        Suppressed = "SUPPRESSED",
        /// No address that a channel of the campaign reaches, or no consent.
        Skipped = "SKIPPED",
        /// The campaign was stopped first.
        Cancelled = "CANCELLED",
    }
}

impl RecipientStatus {
    /// Whether something is still to be done.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Pending | Self::Sending)
    }

    /// What a receipt makes of it.
    #[must_use]
    pub const fn of(state: DeliveryState) -> Option<Self> {
        match state {
            DeliveryState::Failed => Some(Self::Failed),
            DeliveryState::Sent => Some(Self::Sent),
            DeliveryState::Bounced => Some(Self::Bounced),
            DeliveryState::Delivered => Some(Self::Delivered),
            DeliveryState::Read => Some(Self::Read),
            DeliveryState::Unknown => Some(Self::Unknown),
            DeliveryState::Queued | DeliveryState::Claimed | DeliveryState::Sending => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_same_on_the_wire() {
        for status in CampaignStatus::ALL {
            assert_eq!(serde_json::to_value(status).unwrap(), status.name());
        }
        for status in RecipientStatus::ALL {
            assert_eq!(serde_json::to_value(status).unwrap(), status.name());
        }
        for kind in CampaignType::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
        }
    }

    #[test]
    fn nothing_comes_back_from_cancelled() {
        for next in CampaignStatus::ALL {
            assert!(!CampaignStatus::Cancelled.can_become(*next));
            assert!(!next.can_become(*next), "{next:?} to itself is no change");
        }
    }
}
