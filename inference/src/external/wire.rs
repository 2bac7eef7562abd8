//! What is said to a service, and what its answer means.
//!
//! Invariant: an answer that breaks the contract is no answer; a label nobody asked for is not heard.

use serde::{Deserialize, Serialize};
use stages::model::Prediction;

#[derive(Serialize)]
pub(super) struct Request<'a> {
    pub(super) model: &'a str,
    pub(super) task: &'a str,
    pub(super) texts: Vec<Text<'a>>,
}

#[derive(Serialize)]
pub(super) struct Text<'a> {
    pub(super) text: &'a str,
    /// ISO 639 code; null when not known.
    pub(super) language: Option<&'a str>,
}

#[derive(Deserialize)]
pub(super) struct Answer {
    /// One for each text, in order; null where the service has nothing to say.
    pub(super) predictions: Vec<Option<Said>>,
}

#[derive(Deserialize)]
pub(super) struct Said {
    labels: Vec<Label>,
    in_scope: Option<bool>,
}

#[derive(Deserialize)]
struct Label {
    name: String,
    probability: f32,
}

impl Said {
    /// None when it names none of the labels, or a probability is none.
    ///
    /// One of many: what was said is made to add up to 1. What is missing goes in equal parts to the labels that were
    /// not named; where all were named, or more than 1 was given away, everything is scaled.
    pub(super) fn prediction(&self, labels: &[String], many: bool) -> Option<Prediction> {
        let mut said: Vec<Option<f32>> = vec![None; labels.len()];
        for label in &self.labels {
            if !(0.0..=1.0).contains(&label.probability) {
                return None;
            }
            if let Some(place) = labels.iter().position(|name| *name == label.name)
                && let Some(slot) = said.get_mut(place)
            {
                *slot = Some(label.probability);
            }
        }
        let sum: f32 = said.iter().flatten().sum();
        let unsaid = said.iter().filter(|slot| slot.is_none()).count();
        if unsaid == labels.len() || (!many && sum <= 0.0) {
            return None;
        }
        let (scale, rest) = match (many, unsaid) {
            (true, _) => (1.0, 0.0),
            (false, 0) => (1.0 / sum, 0.0),
            (false, _) if sum > 1.0 => (1.0 / sum, 0.0),
            (false, unsaid) => (1.0, (1.0 - sum) / unsaid as f32),
        };
        let probabilities: Vec<f32> = said
            .into_iter()
            .map(|slot| slot.map_or(rest, |probability| probability * scale))
            .collect();
        let scope_score = probabilities.iter().copied().fold(0.0, f32::max);
        Some(Prediction {
            probabilities,
            in_scope: self.in_scope.unwrap_or(true),
            scope_score,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn probabilities(labels: &str, many: bool) -> Option<Vec<f32>> {
        let said: Said = serde_json::from_str(&format!(r#"{{"labels": {labels}}}"#)).unwrap();
        let names = ["a", "b", "c"].map(str::to_owned);
        let prediction = said.prediction(&names, many)?;
        assert!(prediction.in_scope);
        Some(prediction.probabilities)
    }

    #[test]
    fn what_is_missing_is_shared_by_the_labels_not_named() {
        let found = probabilities(r#"[{"name": "b", "probability": 0.5}]"#, false);
        assert_eq!(found.unwrap(), [0.25, 0.5, 0.25]);
    }

    #[test]
    fn what_does_not_add_up_is_scaled() {
        let all = r#"[{"name": "a", "probability": 0.5}, {"name": "b", "probability": 0.5},
            {"name": "c", "probability": 1}]"#;
        assert_eq!(probabilities(all, false).unwrap(), [0.25, 0.25, 0.5]);
        assert_eq!(probabilities(all, true).unwrap(), [0.5, 0.5, 1.0]);
    }

    #[test]
    fn labels_nobody_asked_for_are_not_heard() {
        let found = probabilities(
            r#"[{"name": "x", "probability": 0.9}, {"name": "a", "probability": 0.1}]"#,
            true,
        );
        assert_eq!(found.unwrap(), [0.1, 0.0, 0.0]);
        assert_eq!(
            probabilities(r#"[{"name": "x", "probability": 1}]"#, true),
            None
        );
        assert_eq!(probabilities("[]", false), None);
    }

    #[test]
    fn what_is_no_probability_is_no_answer() {
        for wrong in ["-0.1", "1.5", "1e30"] {
            let labels = format!(r#"[{{"name": "a", "probability": {wrong}}}]"#);
            assert_eq!(probabilities(&labels, true), None, "{wrong}");
        }
        assert_eq!(
            probabilities(r#"[{"name": "a", "probability": 0}]"#, false),
            None
        );
    }

    #[test]
    fn the_request_is_what_the_documentation_shows() {
        let request = Request {
            model: "mine",
            task: "intent",
            texts: vec![Text {
                text: "hi",
                language: None,
            }],
        };
        assert_eq!(
            serde_json::to_string(&request).unwrap(),
            r#"{"model":"mine","task":"intent","texts":[{"text":"hi","language":null}]}"#
        );
    }
}
