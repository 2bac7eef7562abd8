//! The native model: a weighted sum over hashed features, read in place from its file.
//!
//! A text's blocks of features are normalised each by itself, over what training has seen and what it has not, so that
//! unknown words lower every margin. A head sums the rows of the features; the margin is the weighted sum of the heads.
//!
//! Invariant: the same bytes of model and text give the same bits, on every machine and in every batch. Sums are made in
//! one order, products and additions are rounded one by one (`kernel`), and no function of the
//! platform's mathematics is called but the square root, which IEEE 754 defines to the last bit.

use bytes::Bytes;
use schemas::Task;
use serde_json::Value;

use super::{
    Classifier, Document, OUT_OF_SCOPE, Prediction,
    feature::{self, Feature},
    kernel::{self, Term},
    tdm::{Calibration, Model, Scope, TdmError},
};

mod calibrate;

/// Stands for a row where there is none.
const UNSEEN: u32 = u32::MAX;
/// Terms that one head after the other adds up.
const TOGETHER: usize = 16;

/// A model in memory. Cheap to keep: the arrays lie where the bytes given to [`Linear::load`] lie.
pub struct Linear {
    model: Model,
    thresholds: Option<Vec<f32>>,
    /// The labels that say "out of scope".
    outside: Vec<usize>,
    /// The instructions of the machine.
    arch: pulp::Arch,
}

impl std::fmt::Debug for Linear {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Linear").field(&self.model.id).finish()
    }
}

impl Linear {
    /// # Errors
    /// When the bytes are no model file that this version reads, or anything in it is not as it should be.
    pub fn load(file: Bytes) -> Result<Self, TdmError> {
        let model = Model::read(&file)?;
        let thresholds = match &model.manifest.calibration {
            Calibration::OneOfMany { .. } => None,
            Calibration::ManyOfMany { labels } => {
                Some(labels.iter().map(|platt| platt.threshold).collect())
            }
        };
        let labels = model.manifest.labels.iter().enumerate();
        let outside = labels.filter(|(_, name)| OUT_OF_SCOPE.contains(&name.as_str()));
        Ok(Self {
            outside: outside.map(|(label, _)| label).collect(),
            model,
            thresholds,
            arch: pulp::Arch::new(),
        })
    }

    #[must_use]
    pub fn task(&self) -> Task {
        self.model.manifest.task
    }

    /// Of the file.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        self.model.size_bytes
    }

    /// How many buckets training has seen.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.model.rows()
    }

    #[must_use]
    pub fn bits(&self) -> u8 {
        self.model.manifest.bits
    }

    #[must_use]
    pub fn uses_language(&self) -> bool {
        self.model.manifest.uses_language
    }

    #[must_use]
    pub fn calibration(&self) -> &Calibration {
        &self.model.manifest.calibration
    }

    #[must_use]
    pub fn scope(&self) -> Option<Scope> {
        self.model.manifest.scope
    }

    /// What was measured when it was made; JSON as the writer gave it.
    #[must_use]
    pub fn metrics(&self) -> Value {
        self.note("metrics")
    }

    /// What it was made of; JSON as the writer gave it.
    #[must_use]
    pub fn provenance(&self) -> Value {
        self.note("provenance")
    }

    fn note(&self, name: &str) -> Value {
        let notes: Option<Value> = serde_json::from_slice(&self.model.notes).ok();
        notes
            .and_then(|mut notes| notes.get_mut(name).map(Value::take))
            .unwrap_or_default()
    }

    /// One margin for each label, before calibration.
    #[must_use]
    pub fn margins(&self, document: &Document<'_>) -> Vec<f32> {
        // Everything below is compiled for each choice of instructions.
        self.arch.dispatch(Margins {
            model: &self.model,
            document,
        })
    }

    /// As [`Classifier::classify`], for one text.
    #[must_use]
    pub fn predict(&self, document: &Document<'_>) -> Prediction {
        self.classify_with(document, None, None)
    }

    /// Only labels that are allowed share the probability; the others get none. A label past the end of `allowed` is
    /// not allowed.
    #[must_use]
    pub fn classify_among(&self, document: &Document<'_>, allowed: &[bool]) -> Prediction {
        self.classify_with(document, Some(allowed), None)
    }

    /// With labels that are allowed, none meaning all, and what is known about each before the text is read: the
    /// logarithm of its prior, added to its calibrated margin. Both in the order of the labels.
    #[must_use]
    pub fn classify_with(
        &self,
        document: &Document<'_>,
        allowed: Option<&[bool]>,
        log_prior: Option<&[f32]>,
    ) -> Prediction {
        let labels = self.labels().len();
        let allowed = allowed.map(|allowed| calibrate::Allowed::of(allowed, labels));
        let manifest = &self.model.manifest;
        let margins = match &allowed {
            Some(allowed) if allowed.is_empty() => return calibrate::nothing(labels),
            // Certain, whatever the text says.
            Some(allowed) if allowed.is_one() && calibrate::is_relative(manifest) => {
                vec![0.0; labels]
            }
            _ => self.margins(document),
        };
        self.arch.dispatch(calibrate::Calibrate {
            manifest,
            margins: &margins,
            outside: &self.outside,
            allowed,
            log_prior,
        })
    }
}

impl Classifier for Linear {
    fn id(&self) -> &str {
        &self.model.id
    }

    fn labels(&self) -> &[String] {
        &self.model.manifest.labels
    }

    fn thresholds(&self) -> Option<&[f32]> {
        self.thresholds.as_deref()
    }

    fn classify(&self, documents: &[&Document<'_>]) -> Vec<Option<Prediction>> {
        let each = documents.iter();
        each.map(|document| Some(self.predict(document))).collect()
    }
}

/// The margins of one text, as something that can be compiled for several machines.
struct Margins<'a, 'd> {
    model: &'a Model,
    document: &'a Document<'d>,
}

impl pulp::NullaryFnOnce for Margins<'_, '_> {
    type Output = Vec<f32>;

    #[inline(always)]
    fn call(self) -> Vec<f32> {
        let Self { model, document } = self;
        let terms = terms(model, document);
        let mut sums = vec![0.0_f32; model.heads.iter().map(|head| head.padded).sum()];
        // Head after head for a few terms, and then for the next: a narrow head waits for its own last sum, and another
        // is added up meanwhile. A sum still takes its terms in their order.
        for terms in terms.chunks(TOGETHER) {
            let mut rest = sums.as_mut_slice();
            for (head, form) in model.heads.iter().zip(&model.manifest.heads) {
                let Some(sums) = rest.split_off_mut(..head.padded) else {
                    break;
                };
                let (scales, unit) = (head.scales(), form.unit);
                let mut scaled: [Term; TOGETHER] = [(UNSEEN, 0.0); TOGETHER];
                for (place, (row, coefficient)) in scaled.iter_mut().zip(terms) {
                    *place = (*row, coefficient * scales.get(*row) * unit);
                }
                let scaled = scaled.get(..terms.len()).unwrap_or_default();
                kernel::add_rows(&head.rows, scaled, sums);
            }
        }
        let mut margins = vec![0.0_f32; model.manifest.labels.len()];
        let mut rest = sums.as_slice();
        for (head, form) in model.heads.iter().zip(&model.manifest.heads) {
            let Some(sums) = rest.split_off(..head.padded) else {
                break;
            };
            let product = head.output.as_ref().map(|output| {
                let mut scores = vec![0.0_f32; head.bias.len()];
                kernel::add_product(sums, output, &mut scores);
                scores
            });
            // What the head says about each label, without its bias.
            let scores = product.as_deref().unwrap_or(sums);
            for ((margin, score), bias) in margins.iter_mut().zip(scores).zip(&head.bias) {
                *margin += form.weight * (score + bias);
            }
        }
        margins
    }
}

/// The rows of the features that training has seen, in the order of the text, and what each counts.
///
/// No branch asks whether a feature was seen: that cannot be foretold, and a wrong guess costs more than the rest.
#[inline(always)]
fn terms(model: &Model, document: &Document<'_>) -> Vec<Term> {
    let manifest = &model.manifest;
    let mask = (1_u32 << manifest.bits) - 1;
    let (index, idf) = (model.index(), model.idf());
    let features = document.features();
    let weights = manifest.block_weights.iter().copied().enumerate();
    let read = weights.filter(|(_, weight)| *weight > 0.0);
    let blocks = read.map(|(block, weight)| (features.block(block), weight));
    let count: usize = blocks.clone().map(|(block, _)| block.len()).sum();
    let longest = blocks.clone().map(|(block, _)| block.len()).max();
    // A place more than there are terms: what was not seen is written there, and written over.
    let mut terms: Vec<Term> = vec![(UNSEEN, 0.0); count + 2];
    let mut all: Vec<Term> = vec![(UNSEEN, 0.0); longest.unwrap_or_default()];
    let mut seen = 0;
    let mut keep = |row: u32, value: f32| {
        if let Some(place) = terms.get_mut(seen) {
            *place = (row, value);
        }
        seen += usize::from(row != UNSEEN);
    };
    for (block, weight) in blocks {
        let all = all.get_mut(..block.len()).unwrap_or_default();
        for (term, Feature { hash, weight }) in all.iter_mut().zip(block) {
            *term = (index.row(hash & mask, UNSEEN), *weight);
        }
        if let Some(unseen) = manifest.idf_default {
            for (row, value) in all.iter_mut() {
                *value *= idf.get_or(*row, unseen);
            }
        }
        let norm = kernel::sum_of_squares(all).sqrt();
        let factor = if norm > 0.0 { weight / norm } else { 0.0 };
        for (row, value) in all {
            keep(*row, *value * factor);
        }
    }
    if let Some(code) = document.language
        && manifest.uses_language
    {
        keep(
            index.row(feature::language_feature(code) & mask, UNSEEN),
            1.0,
        );
    }
    terms.truncate(seen);
    terms
}

#[cfg(test)]
mod tests;
