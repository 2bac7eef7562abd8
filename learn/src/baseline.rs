//! What a model has to beat: others' work, asked through the same trait.
//!
//! Deliberately absent: what tidings itself uses (`stages`).

use stages::model::{Classifier, Document, Prediction};
use whatlang::{Detector, Lang};

/// whatlang as its authors mean it: the whole text, every language it knows, its own confidence and its own word on
/// whether that is reliable. Labels are ISO 639-3.
pub struct Whatlang {
    detector: Detector,
    labels: Vec<String>,
}

impl Default for Whatlang {
    fn default() -> Self {
        let codes = Lang::all().iter().map(|lang| lang.code().to_owned());
        Self {
            detector: Detector::new(),
            labels: codes.collect(),
        }
    }
}

impl Classifier for Whatlang {
    fn id(&self) -> &str {
        "whatlang"
    }

    fn labels(&self) -> &[String] {
        &self.labels
    }

    fn thresholds(&self) -> Option<&[f32]> {
        None
    }

    /// Probability is given to the detected language alone.
    fn classify(&self, documents: &[&Document<'_>]) -> Vec<Option<Prediction>> {
        let answer = |document: &&Document<'_>| {
            let found = self.detector.detect(document.text)?;
            let place = Lang::all().iter().position(|lang| *lang == found.lang())?;
            let confidence = (found.confidence() as f32).clamp(0.0, 1.0);
            let mut probabilities = vec![0.0; self.labels.len()];
            // Unlike no answer at all, even no confidence is a choice.
            *probabilities.get_mut(place)? = confidence.max(f32::MIN_POSITIVE);
            Some(Prediction {
                probabilities,
                in_scope: found.is_reliable(),
                scope_score: confidence,
            })
        };
        documents.iter().map(answer).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_with_its_own_labels() {
        let model = Whatlang::default();
        let texts = [
            "Wo bleibt meine Bestellung, die ich vor zwei Wochen aufgegeben habe?",
            "?",
        ];
        let documents = texts.map(|text| Document::new(text, None));
        let answers = model.classify(&documents.iter().collect::<Vec<_>>());
        let (place, _) = answers[0].as_ref().unwrap().best().unwrap();
        assert_eq!(model.labels()[place], "deu");
        assert_eq!(answers[1], None);
    }
}
