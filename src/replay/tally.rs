//! What two models say of the same messages, counted.
//!
//! Bounded, however many messages there are: cells of the matrix and examples have limits, and what is beyond them is
//! counted without names.

use std::collections::{BTreeMap, BTreeSet};

use schemas::{MessageId, Task};
use serde::Serialize;
use stages::model::{Classifier, Prediction};

/// Cells of the matrix of changes.
const MAX_CHANGES: usize = 10_000;
/// Messages that are named for a cell.
const EXAMPLES: usize = 3;
/// Messages that are named in all.
const MAX_EXAMPLES: usize = 1000;
/// Characters of an example's text.
const SHOWN: usize = 200;

/// What a model says: one label, several, or none.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Answer(BTreeSet<String>);

impl Answer {
    /// As the pipeline takes a prediction: the best label, or those from their thresholds up; `out_of_scope` where an
    /// intent is not among those the model knows, `und` where a language is not.
    pub(super) fn of(task: Task, model: &dyn Classifier, prediction: &Prediction) -> Self {
        let labels = model.labels();
        if let Some(thresholds) = model.thresholds() {
            let all = labels.iter().zip(&prediction.probabilities).zip(thresholds);
            let held = all.filter(|((_, probability), threshold)| probability >= threshold);
            return Self(held.map(|((label, _), _)| label.clone()).collect());
        }
        let best = prediction.best().and_then(|(place, _)| labels.get(place));
        let unsure = match task {
            Task::Intent => Some("out_of_scope"),
            Task::Language => Some("und"),
            _ => None,
        };
        let said = match (prediction.in_scope, unsure, best) {
            (false, Some(unsure), _) => Some(unsure),
            (_, _, best) => best.map(String::as_str),
        };
        Self(said.map(str::to_owned).into_iter().collect())
    }

    fn is(&self, labels: &[String]) -> bool {
        self.0.len() == labels.len() && labels.iter().all(|label| self.0.contains(label))
    }
}

impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.is_empty() {
            return f.write_str("-");
        }
        let all: Vec<&str> = self.0.iter().map(String::as_str).collect();
        f.write_str(&all.join("+"))
    }
}

/// One message, as both models see it. None: that one did not answer.
pub(super) struct Seen<'a> {
    pub(super) message: MessageId,
    pub(super) text: &'a str,
    pub(super) old: Option<Answer>,
    pub(super) new: Option<Answer>,
    /// What people say it is.
    pub(super) labels: Option<&'a [String]>,
}

/// A message of which the models differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Example {
    pub(super) message: MessageId,
    /// Its beginning; only where it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) text: Option<String>,
}

/// Messages that were one thing and are another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) messages: u64,
    pub(super) examples: Vec<Example>,
}

/// How a model does on messages that people labelled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Rightness {
    /// Messages it answered.
    pub(super) answered: u64,
    /// Labelled messages it was right about.
    pub(super) right: u64,
}

/// All of it.
#[derive(Debug, Default)]
pub(super) struct Tally {
    show_text: bool,
    pub(super) messages: u64,
    /// Both said the same, or both nothing.
    pub(super) alike: u64,
    pub(super) labelled: u64,
    pub(super) old: Rightness,
    pub(super) new: Rightness,
    changes: BTreeMap<(String, String), Change>,
    examples: usize,
    /// Changes in no cell, because there were too many.
    pub(super) unnamed: u64,
}

impl Tally {
    pub(super) fn new(show_text: bool) -> Self {
        Self {
            show_text,
            ..Self::default()
        }
    }

    pub(super) fn count(&mut self, seen: &Seen<'_>) {
        self.messages += 1;
        self.labelled += u64::from(seen.labels.is_some());
        for (rightness, answer) in [(&mut self.old, &seen.old), (&mut self.new, &seen.new)] {
            let Some(answer) = answer else { continue };
            rightness.answered += 1;
            rightness.right += u64::from(seen.labels.is_some_and(|labels| answer.is(labels)));
        }
        if seen.old == seen.new {
            self.alike += 1;
            return;
        }
        let name = |answer: &Option<Answer>| {
            answer
                .as_ref()
                .map_or_else(|| "no answer".to_owned(), ToString::to_string)
        };
        let cell = (name(&seen.old), name(&seen.new));
        if self.changes.len() >= MAX_CHANGES && !self.changes.contains_key(&cell) {
            self.unnamed += 1;
            return;
        }
        let change = self.changes.entry(cell).or_default();
        change.messages += 1;
        if change.examples.len() < EXAMPLES && self.examples < MAX_EXAMPLES {
            self.examples += 1;
            change.examples.push(Example {
                message: seen.message,
                text: self
                    .show_text
                    .then(|| seen.text.chars().take(SHOWN).collect()),
            });
        }
    }

    /// What was and what is, the most frequent first.
    pub(super) fn changes(&self) -> Vec<(&str, &str, &Change)> {
        let mut all: Vec<_> = self
            .changes
            .iter()
            .map(|((old, new), change)| (old.as_str(), new.as_str(), change))
            .collect();
        all.sort_by_key(|(_, _, change)| std::cmp::Reverse(change.messages));
        all
    }
}

#[cfg(test)]
mod tests {
    use stages::model::Document;
    use uuid::Uuid;

    use super::*;

    struct Fixed(Vec<String>, Option<Vec<f32>>);

    impl Classifier for Fixed {
        fn id(&self) -> &str {
            "fixed"
        }

        fn labels(&self) -> &[String] {
            &self.0
        }

        fn thresholds(&self) -> Option<&[f32]> {
            self.1.as_deref()
        }

        fn classify(&self, documents: &[&Document<'_>]) -> Vec<Option<Prediction>> {
            vec![None; documents.len()]
        }
    }

    fn strings(all: &[&str]) -> Vec<String> {
        all.iter().map(|one| (*one).to_owned()).collect()
    }

    fn said(
        task: Task,
        thresholds: Option<Vec<f32>>,
        probabilities: &[f32],
        in_scope: bool,
    ) -> String {
        let model = Fixed(strings(&["a", "b"]), thresholds);
        let prediction = Prediction {
            probabilities: probabilities.to_vec(),
            in_scope,
            scope_score: 0.0,
        };
        Answer::of(task, &model, &prediction).to_string()
    }

    #[test]
    fn an_answer_is_what_the_pipeline_would_take() {
        assert_eq!(said(Task::Intent, None, &[0.2, 0.8], true), "b");
        assert_eq!(said(Task::Intent, None, &[0.2, 0.8], false), "out_of_scope");
        assert_eq!(said(Task::Language, None, &[0.2, 0.8], false), "und");
        assert_eq!(said(Task::Topic, None, &[0.2, 0.8], false), "b");
        let half = Some(vec![0.5, 0.5]);
        assert_eq!(said(Task::Emotion, half.clone(), &[0.5, 0.8], true), "a+b");
        assert_eq!(said(Task::Emotion, half, &[0.4, 0.4], true), "-");
    }

    fn answer(labels: &[&str]) -> Option<Answer> {
        Some(Answer(
            labels.iter().map(|label| (*label).to_owned()).collect(),
        ))
    }

    #[test]
    fn what_differs_is_counted_and_named() {
        let mut tally = Tally::new(false);
        let refund = strings(&["refund"]);
        for number in 0..10_u128 {
            tally.count(&Seen {
                message: MessageId(Uuid::from_u128(number)),
                text: "secret",
                old: answer(&["cancel"]),
                new: answer(if number < 6 { &["refund"] } else { &["cancel"] }),
                labels: (number < 8).then_some(&refund),
            });
        }
        tally.count(&Seen {
            message: MessageId(Uuid::from_u128(99)),
            text: "secret",
            old: answer(&["cancel"]),
            new: None,
            labels: None,
        });
        assert_eq!((tally.messages, tally.alike, tally.labelled), (11, 4, 8));
        assert_eq!((tally.old.answered, tally.old.right), (11, 0));
        assert_eq!((tally.new.answered, tally.new.right), (10, 6));
        let changes = tally.changes();
        let (old, new, change) = changes[0];
        assert_eq!((old, new, change.messages), ("cancel", "refund", 6));
        assert_eq!(change.examples.len(), EXAMPLES);
        assert_eq!(change.examples[0].text, None, "not asked for");
        assert_eq!(changes[1].1, "no answer");
    }

    #[test]
    fn it_is_bounded() {
        let mut tally = Tally::new(true);
        let text = "ä".repeat(1000);
        for number in 0..MAX_CHANGES + 7 {
            tally.count(&Seen {
                message: MessageId(Uuid::from_u128(number as u128)),
                text: &text,
                old: answer(&["a"]),
                new: answer(&[&number.to_string()]),
                labels: None,
            });
        }
        assert_eq!(tally.changes.len(), MAX_CHANGES);
        assert_eq!(tally.unnamed, 7);
        assert_eq!(tally.examples, MAX_EXAMPLES);
        let (_, _, change) = tally.changes()[0];
        let shown = change.examples[0].text.as_ref().unwrap();
        assert_eq!(shown.chars().count(), SHOWN);
    }
}
