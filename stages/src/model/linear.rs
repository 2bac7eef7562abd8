//! The native model: a weighted sum over hashed features, read in place from its file.
//!
//! A text's blocks of features are normalised each by itself, over what training has seen and what it has not, so that
//! unknown words lower every margin. A head sums the rows of the features; the margin is the weighted sum of the heads.
//!
//! Invariant: the same bytes of model and text give the same bits, on every machine and in every batch. Sums are made in
//! one order, products and additions are rounded one by one ([`kernel`](super::kernel)), and no function of the
//! platform's mathematics is called but the square root, which IEEE 754 defines to the last bit.

use bytes::Bytes;
use schemas::Task;
use serde_json::Value;

use super::{
    Classifier, Document, Prediction,
    feature::{self, Feature},
    float,
    kernel::{self, Term},
    tdm::{Calibration, Head, Model, Scope, ScopeKind, TdmError},
};

/// A logarithm of a prior further from zero is as good as certain.
const MAX_PRIOR: f64 = 1e6;

/// A model in memory. Cheap to keep: the arrays lie where the bytes given to [`Linear::load`] lie.
pub struct Linear {
    model: Model,
    thresholds: Option<Vec<f32>>,
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
        Ok(Self { model, thresholds })
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
        // Picks the instructions of the machine; everything below is compiled for each choice.
        pulp::Arch::new().dispatch(Margins {
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
        let is_allowed =
            |label: usize| allowed.is_none_or(|allowed| allowed.get(label) == Some(&true));
        let labels = self.model.manifest.labels.len();
        if (0..labels).any(is_allowed) {
            self.calibrate(&self.margins(document), is_allowed, log_prior)
        } else {
            nothing(labels)
        }
    }

    fn calibrate(
        &self,
        margins: &[f32],
        is_allowed: impl Fn(usize) -> bool,
        log_prior: Option<&[f32]>,
    ) -> Prediction {
        let prior = |label: usize| {
            let prior = log_prior.and_then(|priors| priors.get(label)).copied();
            let prior = prior.filter(|prior| !prior.is_nan()).unwrap_or(0.0);
            f64::from(prior).clamp(-MAX_PRIOR, MAX_PRIOR)
        };
        let scores = |temperature: f64| {
            let margins = margins.iter().enumerate();
            margins
                .map(|(label, margin)| match is_allowed(label) {
                    true => f64::from(*margin) / temperature,
                    false => f64::NEG_INFINITY,
                })
                .collect::<Vec<f64>>()
        };
        let (probabilities, temperature) = match &self.model.manifest.calibration {
            Calibration::OneOfMany { temperature } => {
                let temperature = f64::from(*temperature);
                let mut scores = scores(temperature);
                for (label, score) in scores.iter_mut().enumerate() {
                    *score += prior(label);
                }
                (softmax(&scores), temperature)
            }
            Calibration::ManyOfMany { labels } => {
                let each = margins.iter().zip(labels).enumerate();
                let probability =
                    |(label, (margin, platt)): (usize, (&f32, &super::tdm::Platt))| {
                        if !is_allowed(label) {
                            return 0.0;
                        }
                        let score = f64::from(platt.a) * f64::from(*margin) + f64::from(platt.b);
                        float::sigmoid(score + prior(label)) as f32
                    };
                (each.map(probability).collect(), 1.0)
            }
        };
        let probable = probabilities.iter().copied().fold(0.0, f32::max);
        let Some(scope) = self.model.manifest.scope else {
            return Prediction {
                probabilities,
                in_scope: true,
                scope_score: probable,
            };
        };
        let allowed = || {
            let margins = margins.iter().enumerate();
            margins
                .filter(|(label, _)| is_allowed(*label))
                .map(|(_, margin)| *margin)
        };
        let highest = || allowed().fold(f32::NEG_INFINITY, f32::max);
        let scope_score = match scope.kind {
            ScopeKind::Probability => probable,
            ScopeKind::Margin => highest(),
            ScopeKind::Spread => {
                let (sum, count) = allowed().fold((0.0_f64, 0.0), |(sum, count), margin| {
                    (sum + f64::from(margin), count + 1.0)
                });
                highest() - (sum / count) as f32
            }
            ScopeKind::Energy => log_sum_exp(&scores(temperature)) as f32,
        };
        Prediction {
            probabilities,
            in_scope: scope_score >= scope.threshold,
            scope_score,
        }
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

/// The answer when no label is allowed.
fn nothing(labels: usize) -> Prediction {
    Prediction {
        probabilities: vec![0.0; labels],
        in_scope: false,
        scope_score: 0.0,
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
        let mut scaled = Vec::with_capacity(terms.len());
        for (head, form) in model.heads.iter().zip(&model.manifest.heads) {
            scaled.clear();
            scaled.extend(
                terms
                    .iter()
                    .map(|(row, coefficient)| (*row, coefficient * head.scale(*row) * form.unit)),
            );
            let scores = scores(head, &scaled);
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

/// The rows of a text's features, and what each counts.
#[inline(always)]
fn terms(model: &Model, document: &Document<'_>) -> Vec<Term> {
    let manifest = &model.manifest;
    let mask = (1_u32 << manifest.bits) - 1;
    let features = document.features();
    let weights = || manifest.block_weights.iter().copied().enumerate();
    let read = || weights().filter(|(_, weight)| *weight > 0.0);
    let count: usize = read().map(|(block, _)| features.block(block).len()).sum();
    let mut terms: Vec<Term> = Vec::with_capacity(count + 1);
    for (block, block_weight) in read() {
        let first = terms.len();
        let mut square = 0.0_f32;
        for Feature { hash, weight } in features.block(block) {
            let row = model.row(hash & mask);
            let value = match (manifest.idf_default, row) {
                (None, _) => *weight,
                (Some(_), Some(row)) => weight * model.idf(row),
                (Some(unseen), None) => weight * unseen,
            };
            square += value * value;
            if let Some(row) = row {
                terms.push((row, value));
            }
        }
        let norm = square.sqrt();
        let factor = if norm > 0.0 { block_weight / norm } else { 0.0 };
        for (_, coefficient) in terms.iter_mut().skip(first) {
            *coefficient *= factor;
        }
    }
    if let Some(code) = document.language.filter(|_| manifest.uses_language)
        && let Some(row) = model.row(feature::language_feature(code) & mask)
    {
        terms.push((row, 1.0));
    }
    terms
}

/// Probabilities that are proportional to the exponentials; a score of minus infinity has none.
fn softmax(scores: &[f64]) -> Vec<f32> {
    let highest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let parts: Vec<f64> = scores.iter().map(|score| part(*score, highest)).collect();
    let sum: f64 = parts.iter().sum();
    parts.iter().map(|part| (part / sum) as f32).collect()
}

fn log_sum_exp(scores: &[f64]) -> f64 {
    let highest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    highest + float::ln(scores.iter().map(|score| part(*score, highest)).sum())
}

/// The exponential of a score, in parts of the highest.
#[inline(always)]
fn part(score: f64, highest: f64) -> f64 {
    if score == f64::NEG_INFINITY {
        0.0
    } else {
        float::exp(score - highest)
    }
}

#[cfg(test)]
mod tests;
