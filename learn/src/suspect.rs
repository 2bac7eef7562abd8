//! Labels that are probably wrong, by confident learning (Northcutt, Jiang, Chuang: Confident Learning, 2021).
//!
//! A label is suspicious when a model that has not seen the row is surer of another label than it is on average of rows
//! that really carry that one. Deliberately absent: correcting anything; people decide.

use std::collections::HashMap;

use serde::Serialize;

/// What a model that has not seen the row makes of its label.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged<'a> {
    /// Counted from 0, over all files.
    pub row: usize,
    pub given: &'a str,
    pub given_probability: f32,
    /// The label the model prefers.
    pub best: &'a str,
    pub best_probability: f32,
}

/// A label to look at.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Suspect {
    /// Counted from 0, over all files.
    pub row: usize,
    pub given: String,
    pub given_probability: f32,
    pub suggested: String,
    pub suggested_probability: f32,
}

/// The most suspicious labels, the worst first, at most `most`.
#[must_use]
pub fn suspects(judged: &[Judged<'_>], most: usize) -> Vec<Suspect> {
    let mut confidence: HashMap<&str, (f64, u32)> = HashMap::new();
    for row in judged {
        let (sum, count) = confidence.entry(row.given).or_default();
        *sum += f64::from(row.given_probability);
        *count += 1;
    }
    let usual = |label: &str| match confidence.get(label) {
        Some((sum, count)) => sum / f64::from(*count),
        None => 1.0,
    };
    let mut suspicious: Vec<&Judged<'_>> = judged
        .iter()
        .filter(|row| row.best != row.given)
        .filter(|row| f64::from(row.best_probability) >= usual(row.best))
        .collect();
    let margin = |row: &Judged<'_>| row.given_probability - row.best_probability;
    suspicious.sort_by(|a, b| margin(a).total_cmp(&margin(b)).then(a.row.cmp(&b.row)));
    suspicious
        .into_iter()
        .take(most)
        .map(|row| Suspect {
            row: row.row,
            given: row.given.to_owned(),
            given_probability: row.given_probability,
            suggested: row.best.to_owned(),
            suggested_probability: row.best_probability,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged<'a>(row: usize, given: (&'a str, f32), best: (&'a str, f32)) -> Judged<'a> {
        Judged {
            row,
            given: given.0,
            given_probability: given.1,
            best: best.0,
            best_probability: best.1,
        }
    }

    #[test]
    fn only_what_the_model_is_usually_less_sure_of_is_suspicious() {
        let rows = [
            judged(0, ("a", 0.9), ("a", 0.9)),
            judged(1, ("a", 0.7), ("a", 0.7)),
            judged(2, ("b", 0.6), ("b", 0.6)),
            // Surely an `a`: rows that are one have 0.8 on average (with this row's own share of `b` aside).
            judged(3, ("b", 0.05), ("a", 0.95)),
            // Rather an `a`, but no more than often happens.
            judged(4, ("b", 0.4), ("a", 0.6)),
            judged(5, ("b", 0.1), ("a", 0.85)),
        ];
        let found = suspects(&rows, 20);
        assert_eq!(
            found.iter().map(|suspect| suspect.row).collect::<Vec<_>>(),
            [3, 5]
        );
        assert_eq!(found[0].suggested, "a");
        assert_eq!(suspects(&rows, 1).len(), 1);
        assert!(suspects(&[], 20).is_empty());
    }

    #[test]
    fn a_label_no_row_carries_is_not_believed() {
        assert!(suspects(&[judged(0, ("a", 0.1), ("b", 0.9))], 20).is_empty());
    }
}
