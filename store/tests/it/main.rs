//! The store against a real Postgres: one private server for all tests, a fresh database for each.

#![allow(clippy::unwrap_used)]

mod addresses;
mod campaign_events;
mod change;
mod configuration;
mod contact;
mod credentials;
mod cursor;
mod given_up;
mod ledger;
mod limit;
mod outage;
mod pages;
mod projection;
mod receipts;
mod rig;
mod segment;
mod suppression;
mod tenancy;
mod understanding;
mod waiting;
