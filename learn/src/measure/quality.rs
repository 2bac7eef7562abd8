//! Accuracy, recall, F1 and calibration of answers.

use serde::Serialize;

use super::{
    Interval, ece15,
    outcome::{Judgement, Outcome},
    wilson,
};

/// How good answers are. Everything is 0 to 1, over texts in scope.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Quality {
    pub n: usize,
    /// Texts with exactly the given label (or labels, those that were judged).
    pub accuracy: f64,
    /// 95 % (Wilson).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accuracy_interval: Option<Interval>,
    /// Mean of the labels' F1.
    pub macro_f1: f64,
    /// 95 % (bootstrap over texts, percentiles).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub macro_f1_interval: Option<Interval>,
    /// F1 over all labels of all texts together; for one of many it is the accuracy of what was answered and is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub micro_f1: Option<f64>,
    /// Mean of the labels' recall; for languages the mean accuracy over languages.
    pub average_recall: f64,
    /// Expected calibration error, fifteen bins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ece15: Option<f64>,
    /// Mean squared error of the probabilities: summed over labels (0 to 2) for one of many, per label for many of many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub brier: Option<f64>,
    /// Accuracy of the nine tenths of the texts that the model is surest of; only for one of many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accuracy_at_90: Option<f64>,
    /// Texts of which the model says that they are in scope.
    pub in_scope: f64,
}

/// One label's share in it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LabelQuality {
    pub label: String,
    /// Texts that have it.
    pub n: usize,
    /// Texts of which the model says so.
    pub predicted: usize,
    pub precision: f64,
    pub recall: f64,
    pub f1: f64,
}

/// A label's texts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) right: u32,
    pub(super) given: u32,
    pub(super) predicted: u32,
}

impl Counts {
    pub(super) fn add(all: &mut [Self], outcome: &Outcome) {
        for mark in &outcome.marks {
            if let Some(counts) = all.get_mut(mark.label as usize) {
                counts.right += u32::from(mark.given && mark.predicted);
                counts.given += u32::from(mark.given);
                counts.predicted += u32::from(mark.predicted);
            }
        }
    }

    /// The mean F1 of the labels that occur.
    pub(super) fn macro_f1(all: &[Self]) -> f64 {
        let terms = all.iter().filter(|counts| counts.given > 0);
        mean(terms.map(|counts| counts.f1())).unwrap_or(0.0)
    }

    fn f1(self) -> f64 {
        share(
            2.0 * f64::from(self.right),
            f64::from(self.given + self.predicted),
        )
    }

    fn recall(self) -> f64 {
        share(self.right.into(), self.given.into())
    }

    fn precision(self) -> f64 {
        share(self.right.into(), self.predicted.into())
    }
}

fn share(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0u64), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / count as f64)
}

impl Judgement {
    /// The counts of every label over these texts.
    pub(super) fn counts(&self, places: &[usize]) -> Vec<Counts> {
        let mut all = vec![Counts::default(); self.labels.len()];
        for outcome in self.at(places) {
            Counts::add(&mut all, outcome);
        }
        all
    }

    pub(super) fn at<'a>(&'a self, places: &'a [usize]) -> impl Iterator<Item = &'a Outcome> {
        places.iter().filter_map(|place| self.outcomes.get(*place))
    }
}

impl Quality {
    pub(super) fn of(judged: &Judgement, places: &[usize]) -> Self {
        let counts = judged.counts(places);
        let n = places.len();
        let right = judged.at(places).filter(|one| one.right).count();
        let claimed = judged.at(places).filter(|one| one.claimed).count();
        let sum = |of: fn(&Counts) -> u32| {
            counts
                .iter()
                .map(|counts| f64::from(of(counts)))
                .sum::<f64>()
        };
        let micro = share(
            2.0 * sum(|counts| counts.right),
            sum(|counts| counts.given) + sum(|counts| counts.predicted),
        );
        let recalls = counts.iter().filter(|counts| counts.given > 0);
        let probabilities = judged.probabilities;
        let brier = judged.at(places).flat_map(|one| one.brier.iter().copied());
        let certain = judged
            .at(places)
            .flat_map(|one| one.certain.iter().copied());
        Self {
            n,
            accuracy: share(right as f64, n as f64),
            accuracy_interval: wilson(right, n),
            macro_f1: Counts::macro_f1(&counts),
            macro_f1_interval: None,
            micro_f1: judged.many.then_some(micro),
            average_recall: mean(recalls.map(|counts| counts.recall())).unwrap_or(0.0),
            ece15: probabilities.then(|| ece15(certain)).flatten(),
            brier: probabilities.then(|| mean(brier)).flatten(),
            accuracy_at_90: (probabilities && !judged.many && n > 0)
                .then(|| surest(judged, places)),
            in_scope: share(claimed as f64, n as f64),
        }
    }
}

/// Accuracy of the surest nine tenths, rounded up; of equally sure ones the first.
fn surest(judged: &Judgement, places: &[usize]) -> f64 {
    let mut sure: Vec<(f32, bool)> = judged
        .at(places)
        .map(|one| {
            let probability = one
                .certain
                .first()
                .map_or(f32::NEG_INFINITY, |one| one.probability);
            (probability, one.right)
        })
        .collect();
    sure.sort_by(|a, b| b.0.total_cmp(&a.0));
    sure.truncate((9 * sure.len()).div_ceil(10));
    let right = sure.iter().filter(|(_, right)| *right).count();
    share(right as f64, sure.len() as f64)
}

impl LabelQuality {
    pub(super) fn all(judged: &Judgement, places: &[usize]) -> Vec<Self> {
        let counts = judged.counts(places);
        let used = |counts: &Counts| counts.given + counts.predicted > 0;
        judged
            .labels
            .iter()
            .zip(&counts)
            .filter(|(_, counts)| used(counts))
            .map(|(label, counts)| Self {
                label: label.clone(),
                n: counts.given as usize,
                predicted: counts.predicted as usize,
                precision: counts.precision(),
                recall: counts.recall(),
                f1: counts.f1(),
            })
            .collect()
    }
}
