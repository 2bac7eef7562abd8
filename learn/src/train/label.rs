//! The labels of examples, as the numbers that training counts with.

use std::collections::BTreeMap;

use crate::{dataset::Example, measure::OUT_OF_SCOPE};

/// The labels of examples, as numbers.
pub(super) struct Labels {
    pub(super) names: Vec<String>,
    pub(super) many: bool,
    numbers: BTreeMap<String, usize>,
}

/// What is known about one example's labels.
#[derive(Clone, Debug, Default)]
pub(super) struct Target {
    /// Ascending.
    pub(super) labels: Vec<usize>,
    /// The labels that were judged; none: all.
    pub(super) judged: Option<Vec<usize>>,
}

impl Target {
    /// Whether the example has the label; none when nobody judged.
    pub(super) fn has(&self, label: usize) -> Option<bool> {
        let judged = self
            .judged
            .as_ref()
            .is_none_or(|judged| judged.contains(&label));
        judged.then(|| self.labels.contains(&label))
    }

    /// The label of a one-of-many example.
    pub(super) fn only(&self) -> Option<usize> {
        self.labels.first().copied()
    }
}

impl Labels {
    pub(super) fn of(examples: &[Example]) -> Self {
        let many = examples.iter().any(|example| example.labels.len() != 1);
        let mut numbers: BTreeMap<String, usize> = BTreeMap::new();
        for label in examples.iter().flat_map(|example| &example.labels) {
            numbers.insert(label.clone(), 0);
        }
        for (number, place) in numbers.values_mut().enumerate() {
            *place = number;
        }
        Self {
            names: numbers.keys().cloned().collect(),
            many,
            numbers,
        }
    }

    pub(super) fn target(&self, example: &Example) -> Target {
        let known = |labels: &Vec<String>| {
            let mut numbers: Vec<usize> = labels
                .iter()
                .filter_map(|label| self.numbers.get(label).copied())
                .collect();
            numbers.sort_unstable();
            numbers
        };
        Target {
            labels: known(&example.labels),
            judged: example.annotated.as_ref().map(known),
        }
    }

    /// Whether the label says that a text is about nothing the model knows.
    pub(super) fn outside(&self, label: usize) -> bool {
        self.names
            .get(label)
            .is_some_and(|name| OUT_OF_SCOPE.contains(&name.as_str()))
    }
}
