//! Sentiment and intent: the seam for a model.
//!
//! Without a model both stay absent; nothing is guessed. Deliberately absent: the models themselves.

use schemas::{Envelope, Intent, Outcome, Sentiment, subject::stage};

use crate::{Cx, Stage, not_normalized};

/// What a model says about one text.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Classified {
    pub sentiment: Option<Sentiment>,
    pub intent: Option<Intent>,
}

/// A model. Deterministic: the same texts give the same answers, whatever batch they come in.
pub trait Classifier: Send + Sync {
    /// One answer for each text, in order.
    fn classify(&self, texts: &[&str]) -> Vec<Classified>;
}

/// The stage; by default without a model.
#[derive(Default)]
pub struct Classify {
    model: Option<Box<dyn Classifier>>,
}

impl Classify {
    #[must_use]
    pub fn with(model: Box<dyn Classifier>) -> Self {
        Self { model: Some(model) }
    }
}

impl Stage for Classify {
    fn name(&self) -> &'static str {
        stage::CLASSIFY
    }

    fn apply(&self, cx: &Cx, envelope: Envelope) -> Outcome {
        self.apply_all(cx, vec![envelope])
            .pop()
            .unwrap_or_else(not_normalized)
    }

    fn apply_all(&self, _: &Cx, mut envelopes: Vec<Envelope>) -> Vec<Outcome> {
        if let Some(model) = &self.model {
            let texts: Vec<&str> = envelopes
                .iter()
                .filter_map(|envelope| Some(&*envelope.message()?.content.text))
                .collect();
            let answers = model.classify(&texts);
            let messages = envelopes.iter_mut().filter_map(Envelope::message_mut);
            for (message, answer) in messages.zip(answers) {
                message.sentiment = answer.sentiment;
                message.intent = answer.intent;
            }
        }
        envelopes
            .into_iter()
            .map(|envelope| match envelope.message() {
                Some(_) => Outcome::Next(Box::new(envelope)),
                None => not_normalized(),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Length;

    impl Classifier for Length {
        fn classify(&self, texts: &[&str]) -> Vec<Classified> {
            texts
                .iter()
                .map(|text| Classified {
                    sentiment: None,
                    intent: Some(Intent {
                        name: text.len().to_string(),
                        confidence: 1.0,
                        category: None,
                        queue: None,
                        entities: Vec::new(),
                        model: "length".into(),
                    }),
                })
                .collect()
        }
    }

    #[test]
    fn answers_reach_their_own_messages() {
        let cx = Cx::default();
        let raw = |text: &str| crate::normalize::tests::sandbox(text);
        let normalized = crate::normalize::Normalize.apply_all(&cx, vec![raw("a"), raw("ccc")]);
        let mut envelopes: Vec<Envelope> = normalized
            .into_iter()
            .map(|outcome| match outcome {
                Outcome::Next(envelope) => *envelope,
                end => panic!("{end:?}"),
            })
            .collect();
        envelopes.insert(1, raw("still raw"));
        let outcomes = Classify::with(Box::new(Length)).apply_all(&cx, envelopes);
        let names: Vec<_> = outcomes
            .iter()
            .map(|outcome| match outcome {
                Outcome::Next(envelope) => envelope.message().unwrap().intent.clone().unwrap().name,
                Outcome::Dead(reason) => reason.code.clone(),
                Outcome::Drop(reason) => reason.code.clone(),
            })
            .collect();
        assert_eq!(names, ["1", "not-normalized", "3"]);
    }
}
