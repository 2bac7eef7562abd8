//! What training held back, measured: how good the model is on texts it has not seen, and which of their labels are
//! doubtful.

use stages::model::{Prediction, tdm::Calibration};

use crate::{
    dataset::Example,
    measure::{Answers, Measures, Options, score},
    suspect::{self, Suspect},
    train::Report,
};

/// Measures the predictions a report holds. `examples` are those that its rows count: the dev texts, or without them
/// the training texts.
#[must_use]
pub fn measures(report: &Report, examples: &[Example], options: &Options) -> Measures {
    let labels: Vec<String> = report
        .labels
        .iter()
        .map(|(label, _)| label.clone())
        .collect();
    let thresholds: Option<Vec<f32>> = match &report.calibration {
        Calibration::OneOfMany { .. } => None,
        Calibration::ManyOfMany { labels } => {
            Some(labels.iter().map(|platt| platt.threshold).collect())
        }
    };
    let known = report
        .held_out
        .iter()
        .filter_map(|judged| Some((examples.get(judged.row)?.clone(), judged)));
    let (texts, predictions): (Vec<Example>, Vec<Option<Prediction>>) = known
        .map(|(example, judged)| {
            let in_scope = report
                .scope
                .is_none_or(|scope| judged.scope_score >= scope.threshold);
            let prediction = Prediction {
                probabilities: judged.probabilities.clone(),
                in_scope,
                scope_score: judged.scope_score,
            };
            (example, Some(prediction))
        })
        .unzip();
    let answers = Answers {
        labels: &labels,
        thresholds: thresholds.as_deref(),
        predictions: &predictions,
    };
    score(&answers, &texts, options)
}

/// The most suspicious labels of those texts, the worst first. For many-of-many a label that is missing is called
/// `not` and its name.
#[must_use]
pub fn suspects(report: &Report, examples: &[Example], most: usize) -> Vec<Suspect> {
    let names: Vec<(&str, String)> = report
        .labels
        .iter()
        .map(|(label, _)| (label.as_str(), format!("not {label}")))
        .collect();
    let mut judged = Vec::new();
    for prediction in &report.held_out {
        let Some(example) = examples.get(prediction.row) else {
            continue;
        };
        let all = || names.iter().zip(&prediction.probabilities);
        if report.many {
            for ((label, absent), &probability) in
                all().filter(|((label, _), _)| example.judged(label))
            {
                let has = example.labels.iter().any(|given| given == label);
                let sides = [(*label, probability), (absent.as_str(), 1.0 - probability)];
                let [holds, lacks] = sides;
                let (given, other) = if has { (holds, lacks) } else { (lacks, holds) };
                let best = if other.1 > given.1 { other } else { given };
                judged.push(suspect::Judged {
                    row: prediction.row,
                    given: given.0,
                    given_probability: given.1,
                    best: best.0,
                    best_probability: best.1,
                });
            }
            continue;
        }
        let given = example
            .labels
            .first()
            .and_then(|given| all().find(|((label, _), _)| label == given));
        let best = all().max_by(|(_, one), (_, other)| one.total_cmp(other));
        if let (Some(((given, _), &given_probability)), Some(((best, _), &best_probability))) =
            (given, best)
        {
            judged.push(suspect::Judged {
                row: prediction.row,
                given,
                given_probability,
                best,
                best_probability,
            });
        }
    }
    suspect::suspects(&judged, most)
}

#[cfg(test)]
mod tests {
    use stages::model::tdm::{Platt, Scope, ScopeKind};

    use super::*;
    use crate::train::{Judged, JudgedBy};

    fn report(many: bool, held_out: &[(usize, [f32; 2])]) -> Report {
        let platt = Platt {
            a: 1.0,
            b: 0.0,
            threshold: 0.5,
        };
        Report {
            labels: vec![("a".into(), 2), ("b".into(), 2)],
            many,
            features: 1,
            c: 1.0,
            tried: Vec::new(),
            calibration: if many {
                Calibration::ManyOfMany {
                    labels: vec![platt; 2],
                }
            } else {
                Calibration::OneOfMany { temperature: 1.0 }
            },
            scope: Some(Scope {
                kind: ScopeKind::Probability,
                threshold: 0.6,
            }),
            head_weights: vec![1.0],
            judged_by: JudgedBy::OutOfFold,
            held_out: held_out
                .iter()
                .map(|(row, probabilities)| Judged {
                    row: *row,
                    probabilities: probabilities.to_vec(),
                    scope_score: probabilities[0].max(probabilities[1]),
                })
                .collect(),
        }
    }

    fn example(labels: &[&str]) -> Example {
        Example {
            labels: labels.iter().map(|&label| label.into()).collect(),
            ..Example::default()
        }
    }

    #[test]
    fn only_what_was_held_back_is_measured() {
        let examples = [
            example(&["a"]),
            example(&["b"]),
            example(&["oos"]),
            example(&["b"]),
        ];
        let report = report(false, &[(3, [0.1, 0.9]), (0, [0.3, 0.7]), (2, [0.5, 0.5])]);
        let measures = measures(&report, &examples, &Options::default());
        assert_eq!((measures.n, measures.quality.n), (3, 2));
        assert!((measures.quality.accuracy - 0.5).abs() < 1e-9);
        assert!((measures.scope.unwrap().recall - 1.0).abs() < 1e-9);
        let found = suspects(&report, &examples, 20);
        assert!(
            found.is_empty(),
            "0.7 is less than a right `b` usually has: {found:?}"
        );
    }

    #[test]
    fn a_missing_label_can_be_suspicious() {
        let examples = [
            example(&["a"]),
            example(&[]),
            example(&["a"]),
            example(&["a", "b"]),
        ];
        let report = report(
            true,
            &[
                (0, [0.9, 0.1]),
                (1, [0.95, 0.2]),
                (2, [0.8, 0.1]),
                (3, [0.9, 0.9]),
            ],
        );
        let found = suspects(&report, &examples, 20);
        assert_eq!(found.len(), 1);
        assert_eq!(
            (found[0].row, &*found[0].given, &*found[0].suggested),
            (1, "not a", "a")
        );
    }
}
