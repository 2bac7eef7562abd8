//! Models that need threads or the network: transformers (`bert`, with the feature of that name) and services over HTTP
//! ([`external`]).
//!
//! Invariants: they answer through the same trait as the native ones ([`stages::model::Classifier`]), and where they
//! fail, are overloaded or take too long, they answer nothing and the built-in model does. Every queue is bounded.
//!
//! Deliberately absent: which tenant uses which model (`schemas::Understanding`), and the native models (`stages`).

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod backend;
#[cfg(feature = "bert")]
pub mod bert;
mod desk;
pub mod external;
mod tag;

pub use backend::{Backends, BertSettings, Device, OpenError, Settings, open_dir};
pub use tag::{Span, Tagger};
