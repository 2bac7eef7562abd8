//! What lets messages in: verification of what a platform sends, splitting it into updates, fetching where no platform calls,
//! and who may connect as an external adapter.
//!
//! Invariants: fail closed (a channel without its secret takes nothing in); no secret and no
//! expected signature is ever part of an error; every input is bounded. Deliberately absent: serving HTTP
//! (`gateway`), how publishing works (`nats`), and understanding what was said (`stages`).

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod adapter;
pub mod campaign;
pub mod channel;
pub mod contact;
pub mod google;
pub mod poll;
pub mod sns;
