//! Suppressions: addresses that must not be written to, and why.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::message::names;

names! {
    /// Why an address is not written to.
    SuppressionReason {
        /// It asked for that: STOP, unsubscribe. Asking again for messages lifts it.
        OptedOut = "opted_out",
        /// It blocked us, left, or is not there. A message from there lifts it.
        Blocked = "blocked",
        /// It called what we sent unwanted. Only a person lifts it.
        Complained = "complained",
        /// A person said so.
        Manual = "manual",
        /// What was sent there came back.
        Bounced = "bounced",
    } default Manual
}
names! {
    /// What is not sent to a suppressed address.
    SuppressionScope {
        /// Anything.
        All = "all",
        /// Campaigns alone; conversations go on.
        Marketing = "marketing",
    } default All
}
