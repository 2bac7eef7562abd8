//! What is wrong with labelled texts before anything is learnt from them.
//!
//! Two texts are the same when they are after compatibility normalisation (NFKC), lower-casing and with every run of
//! white space as one space. Punctuation counts: `ok?` is not `ok!`.
//!
//! Invariant: results are in the order of the rows. Deliberately absent: removing anything.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde::Serialize;
use unicode_normalization::UnicodeNormalization;

use crate::{dataset::Example, measure::OUT_OF_SCOPE};

/// Most conflicts that are kept; the rest is counted.
const MAX_CONFLICTS: usize = 100;

/// What a set of examples consists of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Inspection {
    pub rows: usize,
    /// How many rows have each label, the most frequent first, then by name.
    pub labels: Vec<(String, usize)>,
    /// Rows without any label.
    pub unlabelled: usize,
    /// Rows whose text has neither letter nor digit.
    pub wordless: usize,
    /// How many rows there are of each language, where rows say one.
    pub languages: BTreeMap<String, usize>,
    /// Rows whose text stands in an earlier row too.
    pub duplicates: usize,
    /// Texts that stand there several times with labels that exclude each other.
    pub conflicting: usize,
    /// The first of them.
    pub conflicts: Vec<Conflict>,
}

/// One text with labels that exclude each other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Conflict {
    pub text: String,
    /// Counted from 0, over all files.
    pub rows: Vec<usize>,
    /// One for each row.
    pub labels: Vec<Vec<String>>,
}

/// What training and dev examples have in common.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Leakage {
    /// Dev rows whose text is among the training texts.
    pub shared: usize,
    /// Those of them that are labelled otherwise there.
    pub conflicting: usize,
    pub dev_rows: usize,
    /// The first of the shared texts.
    pub examples: Vec<String>,
    /// Labels of dev rows that no training row has: they cannot be learnt. Being out of scope needs not be.
    pub unknown_labels: Vec<String>,
}

/// The form in which texts are compared.
#[must_use]
pub fn folded(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    let lower = text.nfkc().flat_map(char::to_lowercase);
    for char in lower {
        if !char.is_whitespace() {
            folded.push(char);
        } else if !folded.is_empty() && !folded.ends_with(' ') {
            folded.push(' ');
        }
    }
    if folded.ends_with(' ') {
        folded.pop();
    }
    folded
}

/// Counts, and finds duplicates and conflicts.
#[must_use]
pub fn inspect(examples: &[Example]) -> Inspection {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut inspection = Inspection {
        rows: examples.len(),
        ..Inspection::default()
    };
    for example in examples {
        for label in &example.labels {
            *counts.entry(label).or_default() += 1;
        }
        inspection.unlabelled += usize::from(example.labels.is_empty());
        inspection.wordless += usize::from(!example.text.chars().any(char::is_alphanumeric));
        if let Some(language) = &example.language {
            *inspection.languages.entry(language.clone()).or_default() += 1;
        }
    }
    let mut labels: Vec<(String, usize)> = counts
        .into_iter()
        .map(|(label, count)| (label.to_owned(), count))
        .collect();
    labels.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    inspection.labels = labels;

    for rows in repeated(examples) {
        inspection.duplicates += rows.len() - 1;
        let same = || rows.iter().filter_map(|row| examples.get(*row));
        let Some(first) = same().next() else { continue };
        let conflict = same().any(|one| same().any(|other| disagree(one, other)));
        if !conflict {
            continue;
        }
        inspection.conflicting += 1;
        if inspection.conflicts.len() < MAX_CONFLICTS {
            inspection.conflicts.push(Conflict {
                text: first.text.clone(),
                labels: same().map(|example| example.labels.clone()).collect(),
                rows,
            });
        }
    }
    inspection
}

/// Looks for dev texts among the training texts.
#[must_use]
pub fn leakage(train: &[Example], dev: &[Example]) -> Leakage {
    let mut known: HashMap<String, Vec<&Example>> = HashMap::new();
    for example in train {
        known
            .entry(folded(&example.text))
            .or_default()
            .push(example);
    }
    let learnt: HashSet<&str> = train
        .iter()
        .flat_map(|example| &example.labels)
        .map(String::as_str)
        .collect();
    let mut leakage = Leakage {
        dev_rows: dev.len(),
        ..Leakage::default()
    };
    for example in dev {
        for label in &example.labels {
            let known = learnt.contains(&**label) || OUT_OF_SCOPE.contains(&&**label);
            if !known && !leakage.unknown_labels.contains(label) {
                leakage.unknown_labels.push(label.clone());
            }
        }
        let Some(same) = known.get(&folded(&example.text)) else {
            continue;
        };
        leakage.shared += 1;
        leakage.conflicting += usize::from(same.iter().any(|other| disagree(example, other)));
        if leakage.examples.len() < 5 {
            leakage.examples.push(example.text.clone());
        }
    }
    leakage
}

/// Groups of rows with the same text, of two and more, by their first row.
fn repeated(examples: &[Example]) -> Vec<Vec<usize>> {
    let mut place: HashMap<String, usize> = HashMap::with_capacity(examples.len());
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for (row, example) in examples.iter().enumerate() {
        let group = *place
            .entry(folded(&example.text))
            .or_insert_with(|| groups.len());
        match groups.get_mut(group) {
            Some(rows) => rows.push(row),
            None => groups.push(vec![row]),
        }
    }
    groups.retain(|rows| rows.len() > 1);
    groups
}

/// Whether some label that was judged for both is given to one of them only.
fn disagree(one: &Example, other: &Example) -> bool {
    let missing =
        |from: &Example, label: &String| !from.labels.contains(label) && from.judged(label);
    one.labels.iter().any(|label| missing(other, label))
        || other.labels.iter().any(|label| missing(one, label))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example(text: &str, labels: &[&str]) -> Example {
        Example {
            text: text.into(),
            labels: labels.iter().map(|&label| label.into()).collect(),
            ..Example::default()
        }
    }

    #[test]
    fn texts_are_compared_without_case_and_spacing() {
        assert_eq!(folded("  Ｗhere\u{a0}IS\n\nit?  "), "where is it?");
        assert_ne!(folded("ok?"), folded("ok!"));
    }

    #[test]
    fn conflicts_are_the_duplicates_that_disagree() {
        let found = inspect(&[
            example("Where is it?", &["status"]),
            example("where  is it?", &["complaint"]),
            example("Hi", &["greeting"]),
            example("hi", &["greeting"]),
            example("HI", &["greeting"]),
            example("...", &[]),
        ]);
        assert_eq!(found.labels[0], ("greeting".to_owned(), 3));
        assert_eq!(found.labels.len(), 3);
        assert_eq!((found.duplicates, found.conflicting), (3, 1));
        assert_eq!(found.conflicts[0].rows, [0, 1]);
        assert_eq!((found.unlabelled, found.wordless), (1, 1));
    }

    #[test]
    fn what_was_not_judged_is_no_conflict() {
        let mut partly = example("hi", &["joy"]);
        partly.annotated = Some(vec!["joy".into(), "fear".into()]);
        assert_eq!(
            inspect(&[partly.clone(), example("hi", &["joy", "anger"])]).conflicting,
            0
        );
        assert_eq!(
            inspect(&[partly, example("hi", &["joy", "fear"])]).conflicting,
            1
        );
    }

    #[test]
    fn leakage_names_shared_texts_and_labels_nobody_taught() {
        let train = [example("Hi", &["greeting"]), example("bye", &["farewell"])];
        let dev = [
            example("hi", &["greeting"]),
            example("BYE", &["greeting"]),
            example("help", &["human"]),
            example("2 + 2?", &["oos"]),
        ];
        let found = leakage(&train, &dev);
        assert_eq!((found.shared, found.conflicting, found.dev_rows), (2, 1, 4));
        assert_eq!(found.unknown_labels, ["human"]);
    }
}
