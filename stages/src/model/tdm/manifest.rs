//! The manifest: what a model is, apart from its arrays.

use std::collections::BTreeSet;

use schemas::Task;
use serde::{Deserialize, Serialize};

use super::{
    Calibration, MAX_BITS, MAX_DIM, MAX_HEADS, MAX_LABEL_BYTES, MAX_LABELS, MIN_BITS,
    MIN_TEMPERATURE, Scope, TdmError, ensure, sane,
};
use crate::model::feature;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::model) struct Manifest {
    pub(in crate::model) task: Task,
    pub(in crate::model) labels: Vec<String>,
    /// A feature's bucket is the lowest bits of its hash.
    pub(in crate::model) bits: u8,
    /// One for each block of features; a block of weight zero is not read.
    pub(in crate::model) block_weights: Vec<f32>,
    pub(in crate::model) uses_language: bool,
    /// The idf of what training has not seen; present when the features are weighted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::model) idf_default: Option<f32>,
    pub(in crate::model) heads: Vec<HeadForm>,
    pub(in crate::model) calibration: Calibration,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::model) scope: Option<Scope>,
}

/// The form of one head.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::model) struct HeadForm {
    /// Its share of the margin.
    pub(in crate::model) weight: f32,
    /// What the f16 scales are multiplied with.
    pub(in crate::model) unit: f32,
    /// Of an embedding; a linear head has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::model) dim: Option<u32>,
}

impl HeadForm {
    /// Values in a row.
    pub(super) fn width(&self, labels: usize) -> usize {
        self.dim.map_or(labels, |dim| dim as usize)
    }
}

impl Manifest {
    pub(super) fn check(&self) -> Result<(), TdmError> {
        let labels = self.labels.len();
        let manifest = |condition, flaw| ensure(condition, "manifest", flaw);
        manifest(
            (1..=MAX_LABELS).contains(&labels),
            "has no labels, or too many",
        )?;
        let named = |label: &String| !label.trim().is_empty() && label.len() <= MAX_LABEL_BYTES;
        manifest(
            self.labels.iter().all(named),
            "has a label that is empty or too long",
        )?;
        let different = self.labels.iter().collect::<BTreeSet<_>>().len();
        manifest(different == labels, "has a label twice")?;
        manifest(
            (MIN_BITS..=MAX_BITS).contains(&self.bits),
            "has too few or too many bits",
        )?;
        manifest(
            self.block_weights.len() == feature::BLOCKS,
            "has not one weight for each block",
        )?;
        let positive = |value: f32| value >= 0.0 && sane(value);
        manifest(
            self.block_weights.iter().copied().all(positive),
            "has a block's weight out of bounds",
        )?;
        manifest(
            self.idf_default.is_none_or(positive),
            "has an idf out of bounds",
        )?;
        manifest(
            (1..=MAX_HEADS).contains(&self.heads.len()),
            "has no heads, or too many",
        )?;
        for head in &self.heads {
            manifest(
                sane(head.weight) && positive(head.unit),
                "has a head's weight out of bounds",
            )?;
            let dim = head.dim.unwrap_or(1) as usize;
            manifest(
                (1..=MAX_DIM).contains(&dim),
                "has an embedding of no size, or too large",
            )?;
        }
        match &self.calibration {
            Calibration::OneOfMany { temperature } => manifest(
                *temperature >= MIN_TEMPERATURE && sane(*temperature),
                "has a temperature out of bounds",
            )?,
            Calibration::ManyOfMany { labels: each } => {
                manifest(each.len() == labels, "is not calibrated for each label")?;
                let good = each.iter().all(|platt| {
                    sane(platt.a) && sane(platt.b) && (0.0..=1.0).contains(&platt.threshold)
                });
                manifest(good, "has a calibration out of bounds")?;
            }
        }
        let threshold = self.scope.is_none_or(|scope| scope.threshold.is_finite());
        manifest(threshold, "has a scope without bounds")
    }
}
