//! HTTP: REST, webhooks, auth, OpenAPI.
//!
//! Invariants: what comes in is answered after the broker's ack, never after a hope; every query is by
//! the caller's tenant, and another tenant's object is 404; every error is a problem detail; every
//! input has a bound. The database being down stops neither webhooks nor sends.
//!
//! Deliberately absent: SQL (`store`), subjects and streams (`nats`, `schemas`), what a platform's
//! signature is (`ingest`), and TLS, which a reverse proxy ends.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod auth;
mod bounded;
mod counted;
mod csv;
mod directory;
mod edge;
mod extract;
mod google;
mod hub;
mod live;
mod openapi;
mod page;
mod problem;
mod projected;
#[cfg(test)]
mod rig;
mod route;
mod router;
mod serve;
mod settings;
mod sns;
#[cfg(test)]
mod tests;
mod track;
mod upload;

pub use auth::JwtKeyError;
pub use router::openapi;
pub use serve::{ServeError, serve};
pub use settings::{
    ChannelTest, ChannelTester, Deps, ImportKeeper, Interrupted, JwtSettings, MediaKeeper,
    ModelKeeper, ModelRead, NotKept, Opened, SettingRefused, Settings, StorageDown, Unopened,
};

/// Where the API is served: its own place, and the one that older clients know.
pub(crate) const PREFIXES: [&str; 2] = ["/api/v1", "/api/communications"];
