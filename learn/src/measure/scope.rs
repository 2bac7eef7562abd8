//! Telling texts the model should know from those it should not.
//!
//! With I the texts in scope, O those out of scope, s a text's scope score: a threshold t answers the texts with s ≥ t.

use serde::Serialize;

use super::outcome::{Judgement, Outcome};

/// How well a model knows what it does not know. Everything is 0 to 1.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Scope {
    /// |O|.
    pub n: usize,
    /// Share of O that the model refuses at its own threshold.
    pub recall: f64,
    /// Share of I that the model answers at its own threshold, and rightly.
    pub in_scope_accuracy: f64,
    /// Share of I and O together that is answered rightly or rightly refused, at the model's own threshold.
    pub accuracy: f64,
    /// Share of O below the highest t at which at least 90 % of I are answered rightly; none when not even answering
    /// everything gets there.
    pub recall_at_90_correct: Option<f64>,
    /// Share of O below the highest t at which at least 90 % of I are answered, rightly or not.
    pub recall_at_90_answered: Option<f64>,
    /// Probability that s of a text of I is above s of a text of O, with half of the ties.
    pub auroc: Option<f64>,
}

impl Scope {
    /// None where the data has no texts out of scope.
    pub(super) fn of(judged: &Judgement) -> Option<Self> {
        let (inside, outside): (Vec<&Outcome>, Vec<&Outcome>) =
            judged.outcomes.iter().partition(|one| one.inside);
        if outside.is_empty() {
            return None;
        }
        let share = |part: usize, whole: usize| {
            if whole > 0 {
                part as f64 / whole as f64
            } else {
                0.0
            }
        };
        let refused = outside.iter().filter(|one| !one.claimed).count();
        let answered = inside.iter().filter(|one| one.right && one.claimed).count();
        let scores =
            |of: &[&Outcome]| -> Vec<f32> { of.iter().map(|one| one.scope_score).collect() };
        let right: Vec<f32> = inside
            .iter()
            .filter(|one| one.right)
            .map(|one| one.scope_score)
            .collect();
        let (known, unknown) = (scores(&inside), scores(&outside));
        Some(Self {
            n: outside.len(),
            recall: share(refused, outside.len()),
            in_scope_accuracy: share(answered, inside.len()),
            accuracy: share(refused + answered, inside.len() + outside.len()),
            recall_at_90_correct: recall_keeping(&right, inside.len(), &unknown),
            recall_at_90_answered: recall_keeping(&known, inside.len(), &unknown),
            auroc: auroc(&known, &unknown),
        })
    }
}

/// The share of `outside` below the highest threshold that keeps nine tenths of `whole` among `kept`.
fn recall_keeping(kept: &[f32], whole: usize, outside: &[f32]) -> Option<f64> {
    let needed = (9 * whole).div_ceil(10);
    let mut kept = kept.to_vec();
    kept.sort_by(|a, b| b.total_cmp(a));
    let threshold = *kept.get(needed.checked_sub(1)?)?;
    let below = outside.iter().filter(|score| **score < threshold).count();
    Some(below as f64 / outside.len() as f64)
}

/// Area under the receiver operating characteristic: the probability that a score of `above` is higher than one of
/// `below`, with half of the ties. None when one of them is empty.
#[must_use]
pub fn auroc(above: &[f32], below: &[f32]) -> Option<f64> {
    let mut all: Vec<(f32, bool)> = above
        .iter()
        .map(|score| (*score, true))
        .chain(below.iter().map(|score| (*score, false)))
        .collect();
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut won, mut passed) = (0.0, 0usize);
    for ties in all.chunk_by(|a, b| a.0 == b.0) {
        let higher = ties.iter().filter(|(_, above)| *above).count();
        let lower = ties.len() - higher;
        won += higher as f64 * (passed as f64 + lower as f64 / 2.0);
        passed += lower;
    }
    let pairs = above.len() as f64 * below.len() as f64;
    (pairs > 0.0).then(|| won / pairs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn area_counts_pairs() {
        assert_eq!(auroc(&[2.0, 3.0], &[0.0, 1.0]), Some(1.0));
        assert_eq!(auroc(&[0.0], &[1.0]), Some(0.0));
        assert_eq!(auroc(&[1.0, 1.0], &[1.0]), Some(0.5));
        assert_eq!(auroc(&[0.2, 0.4, 0.9], &[0.3, 0.4]), Some(3.5 / 6.0));
        assert_eq!(auroc(&[], &[1.0]), None);
    }

    #[test]
    fn a_threshold_keeps_nine_tenths() {
        let inside: Vec<f32> = (1..=10u8).map(f32::from).collect();
        // Nine of ten are kept from 2 on.
        assert_eq!(
            recall_keeping(&inside, 10, &[0.5, 1.0, 1.9, 2.0]),
            Some(0.75)
        );
        assert_eq!(recall_keeping(&inside[..8], 10, &[0.5]), None);
        assert_eq!(recall_keeping(&[], 0, &[0.5]), None);
    }
}
