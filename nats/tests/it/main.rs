//! The crate against a real nats-server: `$TIDINGS_NATS_SERVER`, the one in `.tidings/tools`, or the
//! one on the `PATH`.

#![allow(clippy::unwrap_used)]

mod callout;
mod crash;
mod lanes;
mod provision;
mod publish;
mod rig;
mod schedule;
mod worker;
