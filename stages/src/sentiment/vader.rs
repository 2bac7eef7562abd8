//! VADER as a model.

use std::collections::BTreeMap;

use super::{Lexicon, Scores, score};
use crate::model::{Classifier, Document, Prediction};

/// In the order of [`Vader`]'s probabilities.
pub const LABELS: [&str; 3] = ["negative", "neutral", "positive"];

/// From this compound a text is positive, and from its opposite negative: the authors' 0.05, as four digits round to it.
const THRESHOLD: f64 = 0.04995;
/// How fast a text gets surer with its compound.
const STEEPNESS: f64 = 2.0;

/// Answers `negative`, `neutral` or `positive` by [`score`].
///
/// The authors give thresholds and no probabilities. Ours are weights brought to the sum of one: 1 for neutral, w(c - t)
/// for positive and w(-c - t) for negative, with the compound c, the threshold t and w(x) = kx + sqrt(1 + (kx)²), which
/// rises smoothly, is 1 at 0 and positive everywhere. So the most probable label is the one the thresholds say. They are
/// not calibrated.
#[derive(Clone, Debug)]
pub struct Vader {
    lexicon: Lexicon,
    labels: Vec<String>,
}

impl Default for Vader {
    fn default() -> Self {
        Self::over(Lexicon::builtin().clone())
    }
}

impl Vader {
    /// With a tenant's own words ([`Lexicon::with`]).
    #[must_use]
    pub fn with(own: &BTreeMap<String, f32>) -> Self {
        Self::over(Lexicon::with(own))
    }

    fn over(lexicon: Lexicon) -> Self {
        Self {
            lexicon,
            labels: LABELS.map(str::to_owned).to_vec(),
        }
    }
}

impl Classifier for Vader {
    fn id(&self) -> &str {
        "vader"
    }

    fn labels(&self) -> &[String] {
        &self.labels
    }

    fn thresholds(&self) -> Option<&[f32]> {
        None
    }

    /// Always in scope; the score of it is how far from neutral a text is.
    fn classify(&self, documents: &[&Document<'_>]) -> Vec<Option<Prediction>> {
        let answer = |document: &&Document<'_>| {
            let Scores { compound, .. } = score(document.text, &self.lexicon);
            Some(Prediction {
                probabilities: probabilities(f64::from(compound)).to_vec(),
                in_scope: true,
                scope_score: compound.abs(),
            })
        };
        documents.iter().map(answer).collect()
    }
}

fn probabilities(compound: f64) -> [f32; 3] {
    let weight = |mood: f64| {
        let x = STEEPNESS * (mood - THRESHOLD);
        x + (1.0 + x * x).sqrt()
    };
    let (negative, positive) = (weight(-compound), weight(compound));
    let sum = negative + 1.0 + positive;
    [negative, 1.0, positive].map(|weight| (weight / sum) as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_thresholds_decide() {
        for (compound, label) in [
            (-1.0, 0),
            (-0.05, 0),
            (-0.049, 1),
            (0.0, 1),
            (0.049, 1),
            (0.05, 2),
            (1.0, 2),
        ] {
            let prediction = Prediction {
                probabilities: probabilities(compound).to_vec(),
                ..Prediction::default()
            };
            assert_eq!(prediction.best().unwrap().0, label, "{compound}");
            assert!((prediction.probabilities.iter().sum::<f32>() - 1.0).abs() < 1e-6);
        }
    }

    #[test]
    fn surer_with_the_compound() {
        let steps: Vec<[f32; 3]> = (-100..=100)
            .map(|step| probabilities(f64::from(step) / 100.0))
            .collect();
        assert!(
            steps
                .windows(2)
                .all(|pair| pair[0][2] < pair[1][2] && pair[0][0] > pair[1][0])
        );
    }

    #[test]
    fn answers_like_any_model() {
        let vader = Vader::with(&BTreeMap::from([("lieferverzug".to_owned(), -2.5)]));
        let texts = ["I love it", "Lieferverzug!", "The parcel is blue."];
        let documents = texts.map(|text| Document::new(text, None));
        let answers = vader.classify(&documents.iter().collect::<Vec<_>>());
        let labels: Vec<&str> = answers
            .iter()
            .map(|answer| LABELS[answer.as_ref().unwrap().best().unwrap().0])
            .collect();
        assert_eq!(labels, ["positive", "negative", "neutral"]);
    }
}
