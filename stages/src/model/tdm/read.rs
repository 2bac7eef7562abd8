//! From bytes to a model, everything checked.

use std::hint::select_unpredictable;

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::{
    TdmError, ensure,
    layout::{Kind, Sections},
    manifest::Manifest,
    padded, sane,
};
use crate::model::float;

const MAX_MANIFEST_BYTES: usize = 2 << 20;
const MAX_NOTES_BYTES: usize = 1 << 20;
/// Buckets of one entry of the index, and its length.
const BUCKETS: usize = 64;
pub(super) const INDEX_ENTRY: usize = 12;

/// A model file that is well formed. Its big arrays lie in the file.
pub(in crate::model) struct Model {
    /// `<task>-<first 12 hex digits of the file's SHA-256>`.
    pub(in crate::model) id: String,
    pub(in crate::model) size_bytes: usize,
    pub(in crate::model) manifest: Manifest,
    /// JSON.
    pub(in crate::model) notes: Bytes,
    pub(in crate::model) heads: Vec<Head>,
    index: Bytes,
    idf: Bytes,
    rows: usize,
}

/// One head's arrays.
pub(in crate::model) struct Head {
    /// Bytes, and values, of a row with its padding.
    pub(in crate::model) padded: usize,
    pub(in crate::model) rows: Bytes,
    scales: Bytes,
    /// One for each label.
    pub(in crate::model) bias: Vec<f32>,
    /// Dimension by dimension, each a value for every label; of an embedding only.
    pub(in crate::model) output: Option<Vec<f32>>,
}

impl Head {
    /// For each row, what its values are multiplied with, in the head's unit.
    #[inline(always)]
    pub(in crate::model) fn scales(&self) -> Halves<'_> {
        Halves(self.scales.as_chunks().0)
    }
}

/// An array of f16.
#[derive(Clone, Copy)]
pub(in crate::model) struct Halves<'a>(&'a [[u8; 2]]);

impl Halves<'_> {
    /// Zero past the end, where nothing asks.
    #[inline(always)]
    pub(in crate::model) fn get(self, place: u32) -> f32 {
        let half = self.0.get(place as usize).copied().unwrap_or_default();
        float::from_f16(u16::from_le_bytes(half))
    }

    /// `otherwise` past the end; which of the two, no branch decides.
    #[inline(always)]
    pub(in crate::model) fn get_or(self, place: u32, otherwise: f32) -> f32 {
        let place = place as usize;
        let inside = self.0.len() > place;
        // The first is read in vain where there is no such place.
        let half = self.0.get(if inside { place } else { 0 });
        let value = float::from_f16(u16::from_le_bytes(half.copied().unwrap_or_default()));
        select_unpredictable(inside, value, otherwise)
    }
}

/// From buckets to rows.
#[derive(Clone, Copy)]
pub(in crate::model) struct Index<'a>(&'a [[u8; INDEX_ENTRY]]);

impl Index<'_> {
    /// The row of a bucket when training has seen it, else `unseen`; which of the two, no branch decides.
    #[inline(always)]
    pub(in crate::model) fn row(self, bucket: u32, unseen: u32) -> u32 {
        let Some(entry) = self.0.get(bucket as usize / BUCKETS) else {
            return unseen;
        };
        let (seen, before) = split(entry);
        let bit = bucket % BUCKETS as u32;
        let lower = seen & ((1 << bit) - 1);
        let row = before + lower.count_ones();
        select_unpredictable(seen >> bit & 1 == 1, row, unseen)
    }
}

impl Model {
    pub(in crate::model) fn read(file: &Bytes) -> Result<Self, TdmError> {
        let mut sections = Sections::read(file)?;
        let manifest = sections.need(Kind::Manifest, 0)?;
        let manifest: Manifest = json("manifest", &manifest, MAX_MANIFEST_BYTES)?;
        manifest.check()?;
        let notes = sections.need(Kind::Notes, 0)?;
        json::<Box<RawValue>>("notes", &notes, MAX_NOTES_BYTES)?;

        let index = sections.need(Kind::Index, 0)?;
        let rows = count_rows(&index, manifest.bits)?;
        let idf = if manifest.idf_default.is_some() {
            halves(Kind::Idf, sections.need(Kind::Idf, 0)?, rows)?
        } else {
            Bytes::new()
        };
        let labels = manifest.labels.len();
        let mut heads = Vec::with_capacity(manifest.heads.len());
        for (part, form) in manifest.heads.iter().enumerate() {
            let width = form.width(labels);
            let padded = padded(width);
            let values = sections.need(Kind::Rows, part)?;
            ensure(
                values.len() == rows * padded,
                "rows",
                "are of another number or width",
            )?;
            let output = match form.dim {
                None => None,
                Some(_) => Some(floats(
                    Kind::Output,
                    &sections.need(Kind::Output, part)?,
                    width * labels,
                )?),
            };
            heads.push(Head {
                padded,
                rows: values,
                scales: halves(Kind::Scales, sections.need(Kind::Scales, part)?, rows)?,
                bias: floats(Kind::Bias, &sections.need(Kind::Bias, part)?, labels)?,
                output,
            });
        }
        sections.finish()?;

        let digest = Sha256::digest(file);
        let digits: String = digest
            .iter()
            .take(6)
            .map(|byte| format!("{byte:02x}"))
            .collect();
        Ok(Self {
            id: format!("{}-{digits}", manifest.task.name()),
            size_bytes: file.len(),
            manifest,
            notes,
            heads,
            index,
            idf,
            rows,
        })
    }

    #[inline(always)]
    pub(in crate::model) fn index(&self) -> Index<'_> {
        Index(self.index.as_chunks().0)
    }

    /// The idf of each row; nothing when the features are not weighted.
    #[inline(always)]
    pub(in crate::model) fn idf(&self) -> Halves<'_> {
        Halves(self.idf.as_chunks().0)
    }

    /// How many buckets have a row.
    pub(in crate::model) fn rows(&self) -> usize {
        self.rows
    }
}

/// Reads the JSON of a section.
fn json<T: DeserializeOwned>(
    section: &'static str,
    bytes: &[u8],
    limit: usize,
) -> Result<T, TdmError> {
    ensure(bytes.len() <= limit, section, "is too long")?;
    serde_json::from_slice(bytes).map_err(|source| TdmError::Json { section, source })
}

/// Walks the index: one row for each used bucket, in their order.
fn count_rows(index: &[u8], bits: u8) -> Result<usize, TdmError> {
    let entries = (1_usize << bits) / BUCKETS;
    ensure(
        index.len() == entries * INDEX_ENTRY,
        "index",
        "is of another length",
    )?;
    let mut rows = 0_u32;
    for (seen, before) in index.as_chunks().0.iter().map(split) {
        ensure(before == rows, "index", "does not count its rows")?;
        rows += seen.count_ones();
    }
    Ok(rows as usize)
}

/// An entry of the index: which of its buckets have a row, and how many rows came before.
#[inline(always)]
fn split(entry: &[u8; INDEX_ENTRY]) -> (u64, u32) {
    let [a, b, c, d, e, f, g, h, before @ ..] = *entry;
    (
        u64::from_le_bytes([a, b, c, d, e, f, g, h]),
        u32::from_le_bytes(before),
    )
}

/// An array of as many f16, none of them negative.
fn halves(kind: Kind, bytes: Bytes, count: usize) -> Result<Bytes, TdmError> {
    ensure(
        bytes.len() == 2 * count,
        kind.name(),
        "is of another length",
    )?;
    let (pairs, _) = bytes.as_chunks();
    let good = pairs
        .iter()
        .all(|pair| float::is_f16(u16::from_le_bytes(*pair)));
    ensure(good, kind.name(), "has a number out of bounds")?;
    Ok(bytes)
}

/// An array of as many f32.
fn floats(kind: Kind, bytes: &[u8], count: usize) -> Result<Vec<f32>, TdmError> {
    ensure(
        bytes.len() == 4 * count,
        kind.name(),
        "is of another length",
    )?;
    let (quads, _) = bytes.as_chunks();
    let values: Vec<f32> = quads.iter().map(|quad| f32::from_le_bytes(*quad)).collect();
    ensure(
        values.iter().copied().all(sane),
        kind.name(),
        "has a number out of bounds",
    )?;
    Ok(values)
}
