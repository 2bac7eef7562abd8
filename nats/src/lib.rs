//! JetStream as code, and the only crate that publishes, pulls and acknowledges.
//!
//! Invariants: `Ok` from a publish means the broker stored it; an input is acknowledged only after
//! the handler said that everything it causes is stored; a lane has one owner at a time and hands its
//! messages over in stream order; anything may be handed over more than once, and ids absorb it.
//!
//! Deliberately absent: an in-memory double of the broker, exactly-once claims, and any knowledge of
//! what the payloads mean.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod advisory;
mod api;
mod attempt;
mod batch;
mod bus;
pub mod callout;
mod dead_letter;
pub mod definition;
mod kv;
mod lag;
mod lane;
mod link;
mod membership;
mod presence;
pub mod provision;
mod publisher;
mod pull;
mod room;
mod schedule;
mod session;
mod tenure;
mod token;
mod worker;

pub use advisory::Janitor;
pub use api::ApiError;
pub use bus::{Bus, Notice};
pub use dead_letter::{DeadLetter, Letter};
pub use definition::{bulk_lane, channel_lane, lanes};
pub use lag::ConsumerLag;
pub use lane::{Batch, HandleError, Handler, Held, Item, Lane, WorkerSettings};
pub use link::{ConnectError, ConnectSettings};
pub use publisher::{PublishError, Publisher};
pub use schedule::Forwarder;
pub use worker::{WorkerError, run_lanes};
