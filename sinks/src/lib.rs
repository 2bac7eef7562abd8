//! What lets effects out: senders, the delivery handler with its ledger, and the projectors.
//!
//! - [`channel`]: one [`channel::Sender`] per platform; the only code that talks to platforms.
//! - [`deliver`]: takes OUT, claims in the ledger, keeps the channel's rate, sends, records, tracks.
//! - [`project`]: CONV, OUT and TRACK into Postgres, in batches.
//!
//! Invariants: an input is acknowledged only after everything it causes is stored; a message that
//! may have left is never sent a second time unless its channel says so; one message's trouble
//! never holds up another.
//!
//! Deliberately absent: SQL (`store`), subjects and acknowledgements (`nats`), campaigns.

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod bulk;
pub mod channel;
pub mod deliver;
pub mod project;
