//! From what training found to bytes: quantised, and the same bytes for the same draft.

use std::iter::repeat_n;

use schemas::Task;
use serde_json::{Value, json};

use super::{
    Calibration, Scope, TdmError, ensure,
    layout::{Kind, assemble},
    manifest::{HeadForm, Manifest},
    padded,
    read::Model,
    sane,
};
use crate::model::{feature, float};

/// A model as training has it.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    pub task: Task,
    pub labels: Vec<String>,
    /// A feature's bucket is this many of the lowest bits of its hash.
    pub bits: u8,
    /// A block of weight zero is not read.
    pub block_weights: [f32; feature::BLOCKS],
    /// Whether the text's language is a feature, [`feature::language_feature`].
    pub uses_language: bool,
    /// The buckets that training has seen, in ascending order. Row `i` of every head, and of the idf, is of bucket `i`
    /// of these. A row that says nothing (its weights are zero, its idf that of the unseen) is not stored.
    pub buckets: Vec<u32>,
    pub idf: Option<DraftIdf>,
    pub heads: Vec<DraftHead>,
    pub calibration: Calibration,
    /// None: every text is in scope.
    pub scope: Option<Scope>,
    /// What was measured. Any JSON.
    pub metrics: Value,
    /// What it was made of: data with hashes and licences, seed, command. Any JSON.
    pub provenance: Value,
}

/// What a feature's weight is multiplied with.
#[derive(Clone, Debug, PartialEq)]
pub struct DraftIdf {
    /// One for each of the draft's buckets.
    pub rows: Vec<f32>,
    /// For every other bucket.
    pub default: f32,
}

/// One of the functions whose weighted sum is the margin.
#[derive(Clone, Debug, PartialEq)]
pub struct DraftHead {
    /// Its share of the margin.
    pub weight: f32,
    /// Row after row, one for each of the draft's buckets; as wide as there are labels, or dimensions.
    pub rows: Vec<f32>,
    /// One for each label.
    pub bias: Vec<f32>,
    pub shape: Shape,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    /// The sum of the rows is the score of the labels.
    Linear,
    /// The sum of the rows is a vector of `dim` dimensions, which `output` makes a score: dimension after dimension, in
    /// each a value for every label.
    Embedding { dim: usize, output: Vec<f32> },
}

/// The model file of a draft.
///
/// # Errors
/// When the draft is no model: numbers out of bounds, arrays of the wrong length, labels that repeat, too much of
/// anything.
pub fn write(draft: &Draft) -> Result<Vec<u8>, TdmError> {
    check(draft)?;
    let labels = draft.labels.len();
    let idf = draft.idf.as_ref().map(quantize_idf).transpose()?;
    let heads = draft
        .heads
        .iter()
        .map(|head| quantize(head, labels))
        .collect::<Result<Vec<_>, _>>()?;
    let default = draft
        .idf
        .as_ref()
        .and_then(|idf| float::to_f16(idf.default));
    let kept: Vec<usize> = (0..draft.buckets.len())
        .filter(|row| {
            let weighted = idf.as_ref().and_then(|rows| rows.get(*row).copied());
            weighted != default || heads.iter().any(|head| head.scales.get(*row) != Some(&0))
        })
        .collect();

    let forms = draft
        .heads
        .iter()
        .zip(&heads)
        .map(|(head, quantized)| HeadForm {
            weight: head.weight,
            unit: quantized.unit,
            dim: match head.shape {
                Shape::Linear => None,
                Shape::Embedding { dim, .. } => u32::try_from(dim).ok(),
            },
        });
    let manifest = Manifest {
        task: draft.task,
        labels: draft.labels.clone(),
        bits: draft.bits,
        block_weights: draft.block_weights.to_vec(),
        uses_language: draft.uses_language,
        idf_default: draft.idf.as_ref().map(|idf| idf.default),
        heads: forms.collect(),
        calibration: draft.calibration.clone(),
        scope: draft.scope,
    };
    manifest.check()?;
    let notes = json!({"metrics": draft.metrics, "provenance": draft.provenance});

    let mut sections = vec![
        (Kind::Manifest, 0, to_json("manifest", &manifest)?),
        (Kind::Notes, 0, to_json("notes", &notes)?),
        (Kind::Index, 0, index(draft, &kept)),
    ];
    if let Some(idf) = &idf {
        sections.push((Kind::Idf, 0, pick(idf, &kept)));
    }
    let mut arrays = Vec::new();
    for ((part, head), quantized) in (0..).zip(&draft.heads).zip(&heads) {
        let rows = kept
            .iter()
            .filter_map(|row| quantized.rows.get(*row))
            .flatten()
            .copied();
        arrays.push((Kind::Rows, part, rows.collect()));
        arrays.push((Kind::Scales, part, pick(&quantized.scales, &kept)));
        arrays.push((Kind::Bias, part, floats(&head.bias)));
        if let Shape::Embedding { output, .. } = &head.shape {
            arrays.push((Kind::Output, part, floats(output)));
        }
    }
    arrays.sort_by_key(|(kind, part, _)| (*kind, *part));
    sections.append(&mut arrays);
    let file = assemble(&sections)?;
    // What is written can be read: the reader has the last word on bounds.
    let file = bytes::Bytes::from(file);
    Model::read(&file)?;
    Ok(file.into())
}

/// That the arrays fit each other; the rest is checked when the manifest is.
fn check(draft: &Draft) -> Result<(), TdmError> {
    let draft_has = |condition, flaw| ensure(condition, "draft", flaw);
    draft_has(
        draft.buckets.is_sorted_by(|one, other| one < other),
        "has buckets out of order",
    )?;
    let end = 1_u64.checked_shl(draft.bits.into()).unwrap_or(0);
    draft_has(
        draft
            .buckets
            .last()
            .is_none_or(|last| u64::from(*last) < end),
        "has a bucket past its bits",
    )?;
    if let Some(idf) = &draft.idf {
        draft_has(
            idf.rows.len() == draft.buckets.len(),
            "has not one idf for each bucket",
        )?;
    }
    for head in &draft.heads {
        let width = match &head.shape {
            Shape::Linear => draft.labels.len(),
            Shape::Embedding { dim, output } => {
                draft_has(
                    dim.checked_mul(draft.labels.len()) == Some(output.len()),
                    "has an output of another size",
                )?;
                *dim
            }
        };
        draft_has(
            draft.buckets.len().checked_mul(width) == Some(head.rows.len()),
            "has rows of another number or width",
        )?;
        draft_has(
            head.rows.iter().copied().all(sane),
            "has a weight out of bounds",
        )?;
    }
    Ok(())
}

/// A head's rows as they are stored.
struct Quantized {
    unit: f32,
    scales: Vec<u16>,
    rows: Vec<Vec<u8>>,
}

/// Each row's largest value becomes about 127. The unit is a power of two that brings the largest scale to about 1,
/// so that f16 has room for the small ones.
fn quantize(head: &DraftHead, labels: usize) -> Result<Quantized, TdmError> {
    let width = match head.shape {
        Shape::Linear => labels,
        Shape::Embedding { dim, .. } => dim,
    };
    let largest = head
        .rows
        .iter()
        .fold(0.0_f32, |largest, value| largest.max(value.abs()));
    let unit = power_of_two(largest / 127.0);
    let rows = head.rows.len().checked_div(width).unwrap_or(0);
    let (mut scales, mut quantized) = (Vec::with_capacity(rows), Vec::with_capacity(rows));
    for row in head.rows.chunks(width.max(1)) {
        let largest = row
            .iter()
            .fold(0.0_f32, |largest, value| largest.max(value.abs()));
        let scale = half(largest / 127.0 / unit)?;
        let step = float::from_f16(scale) * unit;
        let values = row.iter().map(|value| match step {
            0.0 => 0,
            step => (value / step).round().clamp(-127.0, 127.0) as i8 as u8,
        });
        quantized.push(values.chain(repeat_n(0, padded(width) - width)).collect());
        scales.push(scale);
    }
    Ok(Quantized {
        unit,
        scales,
        rows: quantized,
    })
}

fn quantize_idf(idf: &DraftIdf) -> Result<Vec<u16>, TdmError> {
    idf.rows.iter().map(|value| half(*value)).collect()
}

fn half(value: f32) -> Result<u16, TdmError> {
    float::to_f16(value).ok_or(TdmError::Malformed {
        section: "draft",
        flaw: "has an idf out of bounds",
    })
}

/// The power of two at or below a number, of normal numbers; 1 for zero.
fn power_of_two(value: f32) -> f32 {
    if value.is_normal() {
        f32::from_bits(value.to_bits() & 0x7f80_0000)
    } else {
        1.0
    }
}

/// Which buckets have a row.
fn index(draft: &Draft, kept: &[usize]) -> Vec<u8> {
    let mut entries = vec![0_u64; (1 << draft.bits) / 64];
    for bucket in kept.iter().filter_map(|row| draft.buckets.get(*row)) {
        if let Some(entry) = entries.get_mut(*bucket as usize / 64) {
            *entry |= 1 << (bucket % 64);
        }
    }
    let mut rows = 0_u32;
    let mut bytes = Vec::with_capacity(entries.len() * super::read::INDEX_ENTRY);
    for entry in entries {
        bytes.extend_from_slice(&entry.to_le_bytes());
        bytes.extend_from_slice(&rows.to_le_bytes());
        rows += entry.count_ones();
    }
    bytes
}

fn pick(halves: &[u16], kept: &[usize]) -> Vec<u8> {
    let kept = kept.iter().filter_map(|row| halves.get(*row));
    kept.flat_map(|half| half.to_le_bytes()).collect()
}

fn floats(values: &[f32]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect()
}

fn to_json(section: &'static str, value: &impl serde::Serialize) -> Result<Vec<u8>, TdmError> {
    serde_json::to_vec(value).map_err(|source| TdmError::Json { section, source })
}
