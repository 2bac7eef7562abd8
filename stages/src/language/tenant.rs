//! A tenant's settings for languages, compiled.

use schemas::{Backend, Language, Spoken, Task, Understanding};

use super::{
    iso, language,
    native::{Native, native},
    sample::Sample,
    trigrams::Whatlang,
    unsure,
};
use crate::model::{Classifier, Prediction, linear::Linear};

/// How one tenant's languages are found.
pub(super) struct Tenant {
    pub(super) by: By,
    /// Canonical codes; empty: every language.
    codes: Vec<String>,
    /// The same for the native model.
    allowed: Option<Vec<bool>>,
}

/// Who answers.
pub(super) enum By {
    Nobody,
    /// The model of the tenant's own, and where it cannot answer, or is not there, what the hub's settings say.
    Own(Box<By>),
    Native(&'static Native<&'static Linear>),
    Whatlang(Whatlang),
}

impl Tenant {
    /// `usual` is what answers where the tenant's settings do not say.
    pub(super) fn compile(settings: &Understanding, usual: &Backend) -> Self {
        let backend = settings.models.get(&Task::Language).unwrap_or(usual);
        let codes = settings.languages.iter();
        let codes: Vec<String> = codes.map(|code| iso::canonical(code).to_owned()).collect();
        let allowed = native().filter(|_| !codes.is_empty());
        Self {
            by: By::of(backend, usual, &codes),
            allowed: allowed.map(|native| native.allow(&codes)),
            codes,
        }
    }

    /// What the built-in ways say; none when nobody is to answer.
    pub(super) fn detect(&self, sample: &Sample, spoken: &[Spoken]) -> Option<Language> {
        let mut by = &self.by;
        while let By::Own(otherwise) = by {
            by = otherwise;
        }
        match by {
            By::Native(native) => {
                let prediction = native.read(sample, self.allowed.as_deref(), spoken);
                Some(answer(*native, &prediction))
            }
            By::Whatlang(whatlang) => Some(whatlang.detect(sample)),
            By::Nobody | By::Own(_) => None,
        }
    }

    /// What a model of the tenant's own says, as far as the tenant's languages allow it.
    pub(super) fn own(&self, model: &dyn Classifier, mut prediction: Prediction) -> Language {
        if !self.codes.is_empty() {
            let allowed = |label: &String| {
                let code = iso::canonical(label);
                self.codes.iter().any(|allowed| allowed == code)
            };
            let each = prediction.probabilities.iter_mut().zip(model.labels());
            let mut sum = 0.0;
            for (probability, label) in each {
                *probability = if allowed(label) {
                    probability.max(0.0)
                } else {
                    0.0
                };
                sum += *probability;
            }
            // As if the others had never been asked about.
            for probability in &mut prediction.probabilities {
                *probability = if sum > 0.0 { *probability / sum } else { 0.0 };
            }
            prediction.in_scope &= sum > 0.0;
        }
        answer(model, &prediction)
    }
}

impl By {
    fn of(backend: &Backend, usual: &Backend, codes: &[String]) -> Self {
        match backend {
            Backend::Off => Self::Nobody,
            Backend::Whatlang => Self::Whatlang(Whatlang::among(codes)),
            // No model of moods knows languages.
            Backend::Builtin | Backend::Vader => match native() {
                Some(native) => Self::Native(native),
                None => Self::Whatlang(Whatlang::among(codes)),
            },
            Backend::Model(_) | Backend::Bert(_) | Backend::External(_) => {
                let otherwise = match usual {
                    Backend::Off | Backend::Whatlang => usual,
                    _ => &Backend::Builtin,
                };
                Self::Own(Box::new(Self::of(otherwise, otherwise, codes)))
            }
        }
    }
}

/// The best label as a language; `und` where the model is unsure.
fn answer(model: &dyn Classifier, prediction: &Prediction) -> Language {
    let best = prediction.best().map(|(label, probability)| {
        let probability = if probability.is_nan() {
            0.0
        } else {
            probability
        };
        (label, probability.clamp(0.0, 1.0))
    });
    let Some((label, confidence)) = best else {
        return unsure(0.0, model.id());
    };
    match model.labels().get(label) {
        Some(code) if prediction.in_scope => language(code, confidence, model.id()),
        _ => unsure(confidence, model.id()),
    }
}
