//! Learning from labelled texts: data sets, training, calibration and measures.
//!
//! Invariant: deterministic; the same examples, options and seed give the same bytes; only measures of speed look at a
//! clock. Deliberately absent: the network.

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod baseline;
pub mod card;
pub mod dataset;
pub mod inspect;
pub mod judged;
pub mod measure;
pub mod random;
pub mod suspect;
pub mod train;

/// Bytes in hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
