//! What is known of contacts and lists besides their names.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::message::names;

names! {
    /// Whether the person behind an address agreed to be written to there.
    Consent {
        /// Nobody said; campaigns are sent.
        Unknown = "unknown",
        /// Asked, and not answered yet; no campaigns.
        Pending = "pending",
        /// Agreed.
        Given = "given",
        /// Agreed no more; no campaigns.
        Withdrawn = "withdrawn",
    } default Unknown
}

impl Consent {
    /// Whether a campaign may go to such an address.
    #[must_use]
    pub const fn allows(self) -> bool {
        matches!(self, Self::Unknown | Self::Given)
    }
}

names! {
    /// How contacts come to be on a list.
    OptIn {
        /// At once.
        Single = "single",
        /// Once they confirmed it.
        Double = "double",
    } default Single
}
names! {
    /// How a contact stands to a list.
    Membership {
        /// On a list with double opt-in, and asked to confirm it.
        Unconfirmed = "unconfirmed",
        /// On the list.
        Confirmed = "confirmed",
        /// Not on it any more, by its own wish.
        Unsubscribed = "unsubscribed",
    } default Confirmed
}
