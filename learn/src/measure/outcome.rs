//! Each text's answer beside its labels: what all measures are counted from.

use std::{
    collections::{BTreeSet, HashMap},
    iter,
};

use stages::model::Prediction;

use super::{Answers, Certain, Names, OUT_OF_SCOPE, Options};
use crate::dataset::Example;

/// All answers, compared.
pub(super) struct Judgement {
    pub(super) many: bool,
    /// Every label of the data or the model, by its name of comparison.
    pub(super) labels: Vec<String>,
    /// One for each text.
    pub(super) outcomes: Vec<Outcome>,
    pub(super) probabilities: bool,
}

/// One text's answer beside its labels.
pub(super) struct Outcome {
    /// Whether the text is about something the model should know.
    pub(super) inside: bool,
    /// Whether there is an answer.
    pub(super) answered: bool,
    /// Whether the answer says the text is in scope.
    pub(super) claimed: bool,
    /// The surer, the higher; only to order answers by.
    pub(super) scope_score: f32,
    /// Whether exactly the given labels were predicted.
    pub(super) right: bool,
    /// The labels given or predicted, each once; none that was not judged.
    pub(super) marks: Vec<Mark>,
    /// Probabilities and whether they came true: of the best label, or of every judged one.
    pub(super) certain: Vec<Certain>,
    /// Squared errors of the probabilities: summed over labels for one of many, one by one for many of many.
    pub(super) brier: Vec<f64>,
}

/// A label of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    /// Place in [`Judgement::labels`].
    pub(super) label: u32,
    pub(super) given: bool,
    pub(super) predicted: bool,
}

pub(super) fn judge(answers: &Answers<'_>, examples: &[Example], options: &Options) -> Judgement {
    let many =
        answers.thresholds.is_some() || examples.iter().any(|example| example.labels.len() != 1);
    let vocabulary = Vocabulary::of(answers, examples, options.names);
    let missing = iter::repeat(&None);
    let outcomes = examples
        .iter()
        .zip(answers.predictions.iter().chain(missing))
        .map(|(example, prediction)| {
            if many {
                vocabulary.of_many(answers, example, prediction.as_ref())
            } else {
                vocabulary.of_one(example, prediction.as_ref())
            }
        })
        .collect();
    Judgement {
        many,
        labels: vocabulary.names,
        outcomes,
        probabilities: options.probabilities,
    }
}

/// Labels by number.
struct Vocabulary {
    names: Vec<String>,
    /// For each label of the model, its number.
    of_model: Vec<u32>,
    places: HashMap<String, u32>,
    compare: Names,
}

impl Vocabulary {
    fn of(answers: &Answers<'_>, examples: &[Example], compare: Names) -> Self {
        let annotated = examples
            .iter()
            .flat_map(|example| &example.annotated)
            .flatten();
        let names: BTreeSet<String> = examples
            .iter()
            .flat_map(|example| &example.labels)
            .chain(annotated)
            .chain(answers.labels)
            .map(|label| compare.of(label).into_owned())
            .collect();
        let names: Vec<String> = names.into_iter().collect();
        let places: HashMap<String, u32> = names.iter().cloned().zip(0..).collect();
        let of_model = answers
            .labels
            .iter()
            .filter_map(|label| places.get(&*compare.of(label)).copied())
            .collect();
        Self {
            names,
            of_model,
            places,
            compare,
        }
    }

    fn place(&self, label: &str) -> Option<u32> {
        self.places.get(&*self.compare.of(label)).copied()
    }

    fn out_of_scope(&self, label: u32) -> bool {
        self.names
            .get(label as usize)
            .is_some_and(|name| OUT_OF_SCOPE.contains(&&**name))
    }

    fn of_one(&self, example: &Example, prediction: Option<&Prediction>) -> Outcome {
        let given = example.labels.first().and_then(|label| self.place(label));
        let inside = !given.is_some_and(|given| self.out_of_scope(given));
        let best = prediction.and_then(Prediction::best);
        let predicted =
            best.and_then(|(place, probability)| Some((*self.of_model.get(place)?, probability)));
        let right = predicted.is_some_and(|(predicted, _)| Some(predicted) == given);
        let mark = |label: u32| Mark {
            label,
            given: Some(label) == given,
            predicted: predicted.is_some_and(|(predicted, _)| predicted == label),
        };
        let wrong = predicted.map(|(label, _)| label).filter(|_| !right);
        let claimed = prediction.is_some_and(|prediction| prediction.in_scope)
            && predicted.is_some_and(|(predicted, _)| !self.out_of_scope(predicted));
        Outcome {
            inside,
            answered: predicted.is_some(),
            claimed,
            scope_score: prediction.map_or(f32::NEG_INFINITY, |prediction| prediction.scope_score),
            right,
            marks: given.into_iter().chain(wrong).map(mark).collect(),
            certain: predicted
                .iter()
                .map(|&(_, probability)| Certain { probability, right })
                .collect(),
            brier: prediction
                .iter()
                .map(|prediction| self.squared_error(given, &prediction.probabilities))
                .collect(),
        }
    }

    /// Summed over the labels; a given label that the model does not know has the probability 0.
    fn squared_error(&self, given: Option<u32>, probabilities: &[f32]) -> f64 {
        let (mut sum, mut of_given) = (0.0, 0.0);
        for (label, probability) in self.of_model.iter().zip(probabilities) {
            let probability = f64::from(*probability);
            if Some(*label) == given {
                of_given += probability;
            } else {
                sum += probability * probability;
            }
        }
        sum + (1.0 - of_given) * (1.0 - of_given)
    }

    fn of_many(
        &self,
        answers: &Answers<'_>,
        example: &Example,
        prediction: Option<&Prediction>,
    ) -> Outcome {
        let given: BTreeSet<u32> = example
            .labels
            .iter()
            .filter_map(|label| self.place(label))
            .collect();
        let judged: Option<BTreeSet<u32>> = example.annotated.as_ref().map(|annotated| {
            let places = annotated.iter().filter_map(|label| self.place(label));
            places.chain(given.iter().copied()).collect()
        });
        let known = |label: u32| judged.as_ref().is_none_or(|judged| judged.contains(&label));

        let mut probabilities: HashMap<u32, f32> = HashMap::new();
        let mut predicted: BTreeSet<u32> = BTreeSet::new();
        if let Some(prediction) = prediction {
            let best = prediction.best().map(|(place, _)| place);
            let all = self.of_model.iter().zip(&prediction.probabilities);
            for (place, (&label, &probability)) in all.enumerate() {
                let holds = match answers.thresholds {
                    Some(thresholds) => thresholds.get(place).is_some_and(|at| probability >= *at),
                    None => best == Some(place),
                };
                if holds && known(label) {
                    predicted.insert(label);
                }
                if known(label) {
                    probabilities.insert(label, probability);
                }
            }
        }
        let marks: Vec<Mark> = given
            .union(&predicted)
            .map(|label| Mark {
                label: *label,
                given: given.contains(label),
                predicted: predicted.contains(label),
            })
            .collect();
        let mut certain = Vec::new();
        if prediction.is_some() {
            for label in (0u32..).zip(&self.names).map(|(label, _)| label) {
                let right = given.contains(&label);
                match probabilities.get(&label) {
                    Some(&probability) => certain.push(Certain { probability, right }),
                    None if right => certain.push(Certain {
                        probability: 0.0,
                        right,
                    }),
                    None => {}
                }
            }
        }
        let brier = certain
            .iter()
            .map(|pair| (f64::from(pair.probability) - f64::from(u8::from(pair.right))).powi(2))
            .collect();
        Outcome {
            inside: !given.iter().any(|label| self.out_of_scope(*label)),
            answered: prediction.is_some(),
            claimed: prediction.is_some_and(|prediction| prediction.in_scope),
            scope_score: prediction.map_or(f32::NEG_INFINITY, |prediction| prediction.scope_score),
            right: prediction.is_some() && predicted == given,
            marks,
            certain,
            brier,
        }
    }
}
