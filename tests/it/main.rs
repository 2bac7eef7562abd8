//! The whole hub, through its real interfaces, on a real broker and a real database.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod adapter;
mod chaos;
mod email;
mod external;
mod labels;
mod models;
mod platform;
mod resolve;
mod rig;
mod split;
mod tenancy;
mod tour;
mod trouble;
mod understanding;
