//! The built-in way: what the script leaves open the linear model decides.
//!
//! A text belongs to the script that says most of it (`sample`). A script of one language decides at once; of the
//! others only their languages are candidates, and of those only the allowed ones: both before the softmax, so that what
//! cannot be takes no probability from what can. Where part of the text is in other scripts, that part of the probability
//! is spread evenly over all languages.

use std::{borrow::Borrow, sync::LazyLock};

use schemas::{Spoken, Task};

use super::{
    iso,
    sample::Sample,
    script::{Languages, Script},
};
use crate::model::{Classifier, Document, Prediction, builtin, linear::Linear};

/// How likely a letter that only one of two languages has, or its absence, is to say the truth of a short text, and of a
/// longer one.
const BY_LETTER: [f32; 2] = [0.95, 0.995];
/// As if each language had been spoken in so many messages before: how slowly earlier messages convince.
const BEFORE: f32 = 0.1;
/// More earlier messages than this make nobody surer.
const MOST_SPOKEN: u32 = 10;
/// The probability a language needs: for a short text, and for one of [`LONG_LETTERS`] letters or more; between in
/// proportion.
const SURE_SHORT: f32 = 0.65;
const SURE_LONG: f32 = 0.45;
const LONG_LETTERS: f32 = 60.0;

/// Which of [`Native::labels`] may be answered; none: all of them.
pub(super) type Allowed<'a> = Option<&'a [bool]>;

/// The model: `M` is a [`Linear`] or a reference to one.
pub struct Native<M> {
    linear: M,
    /// Canonical codes: the linear model's labels first, in its order, then the languages that have a script of their own.
    labels: Vec<String>,
    /// For each script, in the order of [`Script::ALL`], which of the linear model's labels are written in it.
    written: Vec<Vec<bool>>,
}

/// What tidings comes with; none where no model of languages is built in.
#[must_use]
pub fn native() -> Option<&'static Native<&'static Linear>> {
    static NATIVE: LazyLock<Option<Native<&'static Linear>>> =
        LazyLock::new(|| builtin::get(Task::Language).map(Native::over));
    NATIVE.as_ref()
}

impl<M: Borrow<Linear>> Native<M> {
    /// With this linear model, whose labels are codes of languages.
    #[must_use]
    pub fn over(linear: M) -> Self {
        let known = linear
            .borrow()
            .labels()
            .iter()
            .map(|label| iso::canonical(label));
        let mut labels: Vec<String> = known.map(str::to_owned).collect();
        let of_model = labels.len();
        let mut elsewhere: Vec<&str> = Vec::new();
        for script in Script::ALL {
            match script.languages() {
                Languages::One(code) => add(&mut labels, code),
                Languages::ByLetter(usual, other, _) => {
                    add(&mut labels, usual);
                    add(&mut labels, other);
                }
                Languages::These(codes) => elsewhere.extend(codes),
                Languages::Rest | Languages::None => {}
            }
        }
        let written = Script::ALL.iter().map(|script| {
            let codes = labels.iter().take(of_model);
            let writes: Vec<bool> = codes
                .map(|code| match script.languages() {
                    // Serbian has two.
                    Languages::Rest => code == "sr" || !elsewhere.contains(&&**code),
                    Languages::These(codes) => codes.contains(&&**code),
                    Languages::One(_) | Languages::ByLetter(..) | Languages::None => false,
                })
                .collect();
            writes
        });
        Self {
            written: written.collect(),
            linear,
            labels,
        }
    }

    /// Of the linear model's file.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        self.linear.borrow().size_bytes()
    }

    /// The languages, as [`Classifier::labels`], that these codes name.
    pub(super) fn allow(&self, codes: &[String]) -> Vec<bool> {
        let codes: Vec<&str> = codes.iter().map(|code| iso::canonical(code)).collect();
        let labels = self.labels.iter();
        labels.map(|label| codes.contains(&&**label)).collect()
    }

    /// What the sample is in. Which languages were spoken before matters for a short one alone.
    pub(super) fn read(
        &self,
        sample: &Sample,
        allowed: Allowed<'_>,
        spoken: &[Spoken],
    ) -> Prediction {
        let may = |place: usize| {
            allowed.is_none_or(|allowed| allowed.get(place).copied().unwrap_or(false))
        };
        let prior = if sample.is_short() && !spoken.is_empty() {
            Some(self.prior(spoken))
        } else {
            None
        };
        let mut probabilities = match sample.script.languages() {
            Languages::Rest | Languages::These(_) => {
                self.by_model(sample, allowed, prior.as_deref())
            }
            Languages::One(code) => self.among(&[(code, 1.0)], &may, None),
            Languages::ByLetter(usual, other, tells) => {
                let told = sample.text.chars().any(tells);
                let [short, long] = BY_LETTER;
                let right = if sample.is_short() { short } else { long };
                let other_has = if told { right } else { 1.0 - right };
                let two = [(usual, 1.0 - other_has), (other, other_has)];
                self.among(&two, &may, prior.as_deref())
            }
            Languages::None => vec![0.0; self.labels.len()],
        };
        if sample.share < 1.0 && probabilities.iter().any(|probability| *probability > 0.0) {
            let others = (0..self.labels.len()).filter(|place| may(*place)).count();
            let even = (1.0 - sample.share) / others.max(1) as f32;
            for (place, probability) in probabilities.iter_mut().enumerate() {
                *probability *= sample.share;
                *probability += if may(place) { even } else { 0.0 };
            }
        }
        let highest = probabilities.iter().copied().fold(0.0, f32::max);
        let surplus = highest - sure(sample);
        Prediction {
            probabilities,
            in_scope: highest > 0.0 && surplus >= 0.0,
            scope_score: surplus,
        }
    }

    fn by_model(
        &self,
        sample: &Sample,
        allowed: Allowed<'_>,
        log_prior: Option<&[f32]>,
    ) -> Vec<f32> {
        let written = self.written.get(sample.script as usize);
        let mut candidates = written.cloned().unwrap_or_default();
        if let Some(allowed) = allowed {
            for (candidate, allowed) in candidates.iter_mut().zip(allowed) {
                *candidate &= allowed;
            }
        }
        let document = Document::new(&sample.text, None);
        let prediction =
            self.linear
                .borrow()
                .classify_with(&document, Some(&candidates), log_prior);
        let mut probabilities = prediction.probabilities;
        probabilities.resize(self.labels.len(), 0.0);
        probabilities
    }

    /// The probabilities of a few languages, of those that may be.
    fn among(
        &self,
        candidates: &[(&str, f32)],
        may: &dyn Fn(usize) -> bool,
        log_prior: Option<&[f32]>,
    ) -> Vec<f32> {
        let mut probabilities = vec![0.0; self.labels.len()];
        for (place, (label, probability)) in self.labels.iter().zip(&mut probabilities).enumerate()
        {
            let own = candidates.iter().find(|(code, _)| code == label);
            if let Some((_, own)) = own.filter(|_| may(place)) {
                let prior = log_prior.and_then(|prior| prior.get(place));
                *probability = own * prior.map_or(1.0, |prior| prior.exp());
            }
        }
        let sum: f32 = probabilities.iter().sum();
        if sum > 0.0 {
            for probability in &mut probabilities {
                *probability /= sum;
            }
        }
        probabilities
    }

    /// The logarithm of how much likelier each language is than one that was never spoken.
    fn prior(&self, spoken: &[Spoken]) -> Vec<f32> {
        let each = self.labels.iter().map(|label| {
            let known = spoken
                .iter()
                .find(|spoken| iso::canonical(&spoken.code) == label);
            let messages = known.map_or(0, |spoken| spoken.messages).min(MOST_SPOKEN);
            (1.0 + messages as f32 / BEFORE).ln()
        });
        each.collect()
    }
}

fn add(labels: &mut Vec<String>, code: &str) {
    if !labels.iter().any(|label| label == code) {
        labels.push(code.to_owned());
    }
}

/// The probability a language needs to be answered.
fn sure(sample: &Sample) -> f32 {
    if sample.is_short() {
        return SURE_SHORT;
    }
    let long = (sample.letters as f32 / LONG_LETTERS).min(1.0);
    SURE_SHORT + (SURE_LONG - SURE_SHORT) * long
}

impl<M: Borrow<Linear> + Send + Sync> Classifier for Native<M> {
    fn id(&self) -> &str {
        self.linear.borrow().id()
    }

    fn labels(&self) -> &[String] {
        &self.labels
    }

    fn thresholds(&self) -> Option<&[f32]> {
        None
    }

    /// No answer for a text without words.
    fn classify(&self, documents: &[&Document<'_>]) -> Vec<Option<Prediction>> {
        let read = |document: &&Document<'_>| {
            let sample = Sample::of(document.text)?;
            Some(self.read(&sample, None, &[]))
        };
        documents.iter().map(read).collect()
    }
}
