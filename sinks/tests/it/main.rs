//! Delivery and projection against a real nats-server and a real Postgres.

#![allow(clippy::unwrap_used, reason = "tests")]

mod chat;
mod deliver;
mod line;
mod platform;
mod project;
mod rig;
mod trouble;
