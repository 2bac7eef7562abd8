//! Models: what answers a task about a text.
//!
//! A model is a [`Classifier`]. The native one is linear, over hashed n-grams ([`feature`]), and lives in one file of
//! a fixed format ([`tdm`]). Its features are computed once for a text, in its [`Document`], and shared by all models
//! that look at it.
//!
//! Invariant: deterministic. Deliberately absent: training (`learn`), and models that need a clock, threads or the
//! network (`inference`); they implement the same trait.

pub mod builtin;
pub mod feature;
mod float;
pub mod fold;
mod kernel;
pub mod linear;
#[rustfmt::skip]
mod table;
pub mod tdm;

use std::{cell::OnceCell, collections::HashMap, sync::Arc};

use schemas::{Task, TenantId};

use self::feature::Features;

/// Labels that say a text is about nothing the model knows. A model may have one of them; a text it fits best is out of
/// scope, and so is one that fits none of the others well.
pub const OUT_OF_SCOPE: [&str; 3] = ["oos", "out_of_scope", "NO_NODES_DETECTED"];

/// One text, and what was found out about it.
pub struct Document<'a> {
    pub text: &'a str,
    /// ISO 639 code, when known.
    pub language: Option<&'a str>,
    features: OnceCell<Features>,
}

impl<'a> Document<'a> {
    #[must_use]
    pub fn new(text: &'a str, language: Option<&'a str>) -> Self {
        Self {
            text,
            language,
            features: OnceCell::new(),
        }
    }

    /// Computed when first asked for.
    #[must_use]
    pub fn features(&self) -> &Features {
        self.features.get_or_init(|| Features::of(self.text))
    }
}

/// What a model says about one text.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Prediction {
    /// Calibrated, 0 to 1, one for each of [`Classifier::labels`] in their order. One of many: they add up to 1. Many
    /// of many: each stands for itself.
    pub probabilities: Vec<f32>,
    /// Whether the text is one the model knows about; always true for a model without a threshold.
    pub in_scope: bool,
    /// What `in_scope` was decided by: the higher, the surer. Comparable between texts of one model only.
    pub scope_score: f32,
}

impl Prediction {
    /// The most probable label and its probability; the first of equals.
    #[must_use]
    pub fn best(&self) -> Option<(usize, f32)> {
        let mut best: Option<(usize, f32)> = None;
        for (label, probability) in self.probabilities.iter().enumerate() {
            if best.is_none_or(|(_, highest)| *probability > highest) {
                best = Some((label, *probability));
            }
        }
        best
    }
}

/// A model. Deterministic: the same texts give the same answers, whatever batch they come in.
pub trait Classifier: Send + Sync {
    /// What stands in a message as its model, e.g. `intent-1f0c2ab9d341`.
    fn id(&self) -> &str;

    fn labels(&self) -> &[String];

    /// For many-of-many models, the probability from which each label holds; none for one-of-many.
    fn thresholds(&self) -> Option<&[f32]>;

    /// One answer for each text, in order; none where the model could not answer, and another has to.
    fn classify(&self, documents: &[&Document<'_>]) -> Vec<Option<Prediction>>;
}

/// What tenants use instead of the built-in models, ready to answer.
#[derive(Clone, Default)]
pub struct Models {
    chosen: HashMap<(TenantId, Task), Arc<dyn Classifier>>,
}

impl std::fmt::Debug for Models {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let chosen = self.chosen.iter().map(|(key, model)| (key, model.id()));
        f.debug_map().entries(chosen).finish()
    }
}

impl Models {
    /// The tenant's own model for a task; none means the built-in one.
    #[must_use]
    pub fn get(&self, tenant: TenantId, task: Task) -> Option<&Arc<dyn Classifier>> {
        self.chosen.get(&(tenant, task))
    }

    pub fn choose(&mut self, tenant: TenantId, task: Task, model: Arc<dyn Classifier>) {
        self.chosen.insert((tenant, task), model);
    }
}
