//! The whole hub, through its real interfaces, on a real broker and a real database.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod adapter;
mod campaign;
mod channels;
mod chaos;
mod command;
mod contacts;
mod direct;
mod discord;
mod dovecot;
mod email;
mod external;
mod gmail;
mod imap;
mod import;
mod labels;
mod media;
mod models;
mod platform;
mod readme;
mod resolve;
mod rig;
mod split;
mod suppression;
mod tampered;
mod templates;
mod tenancy;
mod tour;
mod tracking;
mod trouble;
mod understanding;
mod webchat;
