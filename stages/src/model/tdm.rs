//! The model file, `.tdm`: what training writes and [`Linear`](super::linear::Linear) reads in place.
//!
//! Numbers are little-endian. The file begins with a header of 32 bytes: the magic `TDM1`, the format's version (u16),
//! the version of the feature specification (u16), the number of sections (u32), the CRC-32 of header and table with
//! this field as zero (u32), the file's length (u64), and eight zero bytes. The table follows, 24 bytes for each section:
//! kind (u16), part (u16, the number of the head it belongs to), CRC-32 (u32), offset (u64), length (u64). Sections come
//! in the order of kind and part; each begins at the next multiple of 64, and what lies between is zero. So there is one
//! way to write a model down, and the same model is the same bytes.
//!
//! | kind | section | holds |
//! |---|---|---|
//! | 1 | manifest | JSON: task, labels, bits, blocks, the forms of the heads, calibration, scope |
//! | 2 | notes | JSON: `metrics` and `provenance`, not interpreted here |
//! | 3 | index | for each 64 buckets: a bit for each that has a row (u64), and the rows before (u32) |
//! | 4 | idf | f16 for each row; absent when features are not weighted |
//! | 5 | rows | i8, a row of the head's padded width for each used bucket, in the order of buckets |
//! | 6 | scales | f16 for each row: what the i8 are multiplied with, in the head's unit |
//! | 7 | bias | f32 for each label |
//! | 8 | output | f32, dimensions × labels, of an embedding head only |
//!
//! Invariants: nothing malformed is read, and nothing that is read makes scoring panic, overflow or give what is no
//! number; reading allocates less than the file is long, a few small tables apart, for the big arrays stay where they
//! are. Deliberately absent: older formats, compression, files past [`MAX_BYTES`].

mod layout;
mod manifest;
mod read;
mod write;

use serde::{Deserialize, Serialize};

pub use self::write::{Draft, DraftHead, DraftIdf, Shape, write};
pub(super) use self::{manifest::Manifest, read::Model};
use super::feature;

/// No model file is longer.
pub const MAX_BYTES: usize = 64 << 20;
/// The version of the format that is written and read.
pub const FORMAT: u16 = 1;
pub const MAX_LABELS: usize = 4096;
/// A label's length in bytes.
pub const MAX_LABEL_BYTES: usize = 256;
pub const MIN_BITS: u8 = 8;
pub const MAX_BITS: u8 = 22;
pub const MAX_HEADS: usize = 4;
/// Dimensions of an embedding.
pub const MAX_DIM: usize = 1024;
/// No weight, bias, temperature or threshold lies further from zero, so that no sum of them overflows.
pub const MAX_MAGNITUDE: f32 = 10_000.0;
/// A lower temperature would make every difference a certainty.
pub const MIN_TEMPERATURE: f32 = 0.001;

/// How margins become probabilities; also says whether one label holds or any number of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Calibration {
    /// Softmax of the margins over the temperature.
    OneOfMany { temperature: f32 },
    /// Each label for itself, in the order of the labels.
    ManyOfMany { labels: Vec<Platt> },
}

/// One label's probability: the sigmoid of `a · margin + b`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Platt {
    pub a: f32,
    pub b: f32,
    /// The probability from which the label holds.
    pub threshold: f32,
}

/// When a text is one the model knows about: its score is at least the threshold.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scope {
    pub kind: ScopeKind,
    pub threshold: f32,
}

/// What is compared with the threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScopeKind {
    /// The highest probability.
    Probability,
    /// The highest margin.
    Margin,
    /// The highest margin less the mean of all.
    Spread,
    /// The negative free energy: the logarithm of the sum of exponentials of the margins over the temperature (1 for
    /// many-of-many). Liu et al., "Energy-based Out-of-distribution Detection", 2020.
    Energy,
}

/// Why bytes are no model, or a draft cannot be one. All are permanent.
#[derive(Debug, thiserror::Error)]
pub enum TdmError {
    #[error("not a model file")]
    NotAModel,
    #[error("a model file of format {0}; this version reads format {FORMAT}")]
    Format(u16),
    #[error(
        "made for version {0} of the features; this version has {current}: train it again",
        current = feature::VERSION
    )]
    Features(u16),
    #[error("longer than {} MiB", MAX_BYTES >> 20)]
    TooLong,
    #[error("cut short, or longer than it says")]
    Length,
    #[error("the checksum of its {0} is wrong")]
    Checksum(&'static str),
    #[error("its {section} {flaw}")]
    Malformed {
        section: &'static str,
        flaw: &'static str,
    },
    #[error("its {section} cannot be read")]
    Json {
        section: &'static str,
        #[source]
        source: serde_json::Error,
    },
}

/// For checks: the section is malformed unless the condition holds.
fn ensure(condition: bool, section: &'static str, flaw: &'static str) -> Result<(), TdmError> {
    if condition {
        Ok(())
    } else {
        Err(TdmError::Malformed { section, flaw })
    }
}

/// The width a row of this many values is stored with: whole vectors of the machine, where it has more than a few.
fn padded(width: usize) -> usize {
    match width {
        0..=4 => 4,
        5..=8 => 8,
        _ => width.next_multiple_of(16),
    }
}

/// Whether a number is finite and of a size that cannot make a sum overflow.
fn sane(value: f32) -> bool {
    value.abs() <= MAX_MAGNITUDE
}

#[cfg(test)]
pub(in crate::model) mod tests;
