//! How good a model is: the same measures for every model, whoever made it.
//!
//! Texts labelled [`OUT_OF_SCOPE`] are about nothing the model should know. They count in [`Scope`] alone; every other
//! measure is over the remaining texts, the *in-scope* ones, and asks for the model's best label whatever it says about
//! scope. A text the model does not answer counts as wrong. Macro averages are over the labels that texts were given, so
//! a label that only the model knows costs recall elsewhere and is no term of its own. Where only some labels were judged
//! for a text, what the model says about the others does not count.
//!
//! Invariant: the same answers give the same figures; only [`Speed`] differs from run to run. Deliberately absent:
//! choosing thresholds, and printing.

mod calibration;
mod interval;
mod outcome;
mod quality;
mod scope;
mod slice;
mod speed;

use std::{borrow::Cow, collections::BTreeMap};

use serde::Serialize;
pub use stages::model::OUT_OF_SCOPE;
use stages::model::{Classifier, Prediction};

use crate::dataset::{Example, language};

pub use calibration::{Certain, ece15};
pub use interval::{Interval, wilson};
pub use quality::{LabelQuality, Quality};
pub use scope::{Scope, auroc};
pub use slice::{LanguageMean, Slice};
pub use speed::Speed;

/// How to measure.
#[derive(Clone, Debug)]
pub struct Options {
    pub names: Names,
    /// Whether the model's probabilities are meant as such; without, what judges them is left out.
    pub probabilities: bool,
    /// Texts handed to the model at once; the time per text is then its share.
    pub batch: usize,
    /// Samples for the interval of macro-F1; 0 leaves it out.
    pub samples: usize,
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            names: Names::Verbatim,
            probabilities: true,
            batch: 1,
            samples: 1_000,
            seed: 1,
        }
    }
}

/// When a label of the data is a label of the model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Names {
    #[default]
    Verbatim,
    /// ISO 639-1 and 639-3 codes of one language are one label.
    Language,
}

impl Names {
    /// The name under which a label is compared.
    #[must_use]
    pub fn of(self, label: &str) -> Cow<'_, str> {
        match self {
            Self::Verbatim => Cow::Borrowed(label),
            Self::Language => Cow::Owned(language::code(label)),
        }
    }
}

/// What a model is good for, on some examples.
#[derive(Clone, Debug, Serialize)]
pub struct Measures {
    /// The model's id.
    pub model: String,
    /// Whether each label stands for itself; otherwise exactly one holds.
    pub many: bool,
    /// Texts, those out of scope among them.
    pub n: usize,
    /// Texts the model gave no answer to.
    pub unanswered: usize,
    /// Over the texts in scope.
    pub quality: Quality,
    /// Where the data has texts out of scope.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<Scope>,
    /// Where the data has two languages or more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language_mean: Option<LanguageMean>,
    /// Absent where answers were measured and not the model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub speed: Option<Speed>,
    /// Of the model's file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size_bytes: Option<u64>,
    /// By name.
    pub labels: Vec<LabelQuality>,
    /// By `language`, `channel` and `length`; only what the data tells apart.
    pub slices: BTreeMap<&'static str, Vec<Slice>>,
}

/// Asks a model about every example, one batch after the other on this thread, and measures its answers.
#[must_use]
pub fn measure(model: &dyn Classifier, examples: &[Example], options: &Options) -> Measures {
    let (predictions, speed) = speed::timed(model, examples, options.batch);
    let answers = Answers {
        labels: model.labels(),
        thresholds: model.thresholds(),
        predictions: &predictions,
    };
    Measures {
        model: model.id().to_owned(),
        speed,
        ..score(&answers, examples, options)
    }
}

/// What a model said about examples.
#[derive(Clone, Copy, Debug)]
pub struct Answers<'a> {
    /// The model's, in the order of the probabilities.
    pub labels: &'a [String],
    /// As [`Classifier::thresholds`].
    pub thresholds: Option<&'a [f32]>,
    /// One for each example, in their order.
    pub predictions: &'a [Option<Prediction>],
}

/// Measures answers that were given elsewhere, such as those of cross-validation.
#[must_use]
pub fn score(answers: &Answers<'_>, examples: &[Example], options: &Options) -> Measures {
    let judged = outcome::judge(answers, examples, options);
    let inside: Vec<usize> = (0..judged.outcomes.len())
        .filter(|place| judged.outcomes.get(*place).is_some_and(|one| one.inside))
        .collect();
    let mut quality = Quality::of(&judged, &inside);
    if options.samples > 0 {
        quality.macro_f1_interval = interval::macro_f1(&judged, &inside, options);
    }
    let slices = slice::slices(&judged, &inside, examples);
    Measures {
        model: String::new(),
        many: judged.many,
        n: examples.len(),
        unanswered: judged.outcomes.iter().filter(|one| !one.answered).count(),
        quality,
        scope: Scope::of(&judged),
        language_mean: LanguageMean::of(&slices),
        speed: None,
        size_bytes: None,
        labels: LabelQuality::all(&judged, &inside),
        slices,
    }
}

#[cfg(test)]
mod tests;
