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
    tdm::{Calibration, Head, Model, Scope, TdmError},
};

mod calibrate;

/// Stands for a row where there is none.
const UNSEEN: u32 = u32::MAX;

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
        let labels = model.manifest.labels.len();
        let mut margins = vec![0.0_f32; labels];
        let mut scaled: Vec<Term> = vec![(UNSEEN, 0.0); terms.len()];
        for (head, form) in model.heads.iter().zip(&model.manifest.heads) {
            let (scales, unit) = (head.scales(), form.unit);
            let mut seen = 0;
            for &(row, coefficient) in &terms {
                if let Some(place) = scaled.get_mut(seen) {
                    *place = (row, coefficient * scales.get(row) * unit);
                }
                // No branch: which features were seen cannot be foretold.
                seen += usize::from(row != UNSEEN);
            }
            let scores = scores(head, scaled.get(..seen).unwrap_or_default());
            for ((margin, score), bias) in margins.iter_mut().zip(scores).zip(&head.bias) {
                *margin += form.weight * (score + bias);
            }
        }
        margins
    }
}

/// What a head says about each label, without its bias.
#[inline(always)]
fn scores(head: &Head, terms: &[Term]) -> Vec<f32> {
    let mut sums = vec![0.0_f32; head.padded];
    kernel::add_rows(&head.rows, terms, &mut sums);
    match &head.output {
        None => sums,
        Some(output) => {
            let mut scores = vec![0.0_f32; head.bias.len()];
            kernel::add_product(&sums, output, &mut scores);
            scores
        }
    }
}

/// The rows of a text's features, [`UNSEEN`] where there is none, and what each counts.
#[inline(always)]
fn terms(model: &Model, document: &Document<'_>) -> Vec<Term> {
    let manifest = &model.manifest;
    let mask = (1_u32 << manifest.bits) - 1;
    let (index, idf) = (model.index(), model.idf());
    let features = document.features();
    let weights = manifest.block_weights.iter().copied().enumerate();
    let read = weights.filter(|(_, weight)| *weight > 0.0);
    let count: usize = read
        .clone()
        .map(|(block, _)| features.block(block).len())
        .sum();
    let mut terms: Vec<Term> = vec![(UNSEEN, 0.0); count + 1];
    let mut rest = terms.as_mut_slice();
    for (block, weight) in read {
        let block = features.block(block);
        let Some(terms) = rest.split_off_mut(..block.len()) else {
            break;
        };
        for (term, Feature { hash, weight }) in terms.iter_mut().zip(block) {
            *term = (index.row(hash & mask).unwrap_or(UNSEEN), *weight);
        }
        if let Some(unseen) = manifest.idf_default {
            for (row, value) in terms.iter_mut() {
                *value *= if *row == UNSEEN {
                    unseen
                } else {
                    idf.get(*row)
                };
            }
        }
        let norm = kernel::sum_of_squares(terms).sqrt();
        let factor = if norm > 0.0 { weight / norm } else { 0.0 };
        for (_, value) in terms {
            *value *= factor;
        }
    }
    // The last place is the language's.
    if let (Some(code), [term, ..]) = (document.language, rest)
        && manifest.uses_language
    {
        let row = index.row(feature::language_feature(code) & mask);
        *term = (row.unwrap_or(UNSEEN), 1.0);
    }
    terms
}

#[cfg(test)]
mod tests;
