//! The words of all rules of a list, and which of the rules a text says them for.
//!
//! One pass over the text finds the words of every rule: they are kept by their first character. What scripts without
//! spaces write is looked for anywhere in a run of them.

use schemas::priority::MAX_WORDS;

use super::{MAX_TEXT_BYTES, negation};
use crate::{
    text::prefix,
    word::{Gap, Script, Words, folded},
};

#[derive(Debug, Default)]
pub(super) struct Lookup {
    rules: usize,
    /// By the first character of their first word.
    phrases: Vec<(char, Phrase)>,
    runs: Vec<Run>,
}

/// Words that follow each other.
#[derive(Debug)]
struct Phrase {
    rule: usize,
    words: Vec<String>,
    /// The last word may go on.
    open: bool,
}

/// Characters of a script without spaces.
#[derive(Debug)]
struct Run {
    rule: usize,
    text: String,
}

impl Lookup {
    /// From the words of each rule.
    pub(super) fn new<'a>(rules: impl Iterator<Item = &'a [String]>) -> Self {
        let mut lookup = Self::default();
        for (rule, given) in rules.enumerate() {
            lookup.rules = rule + 1;
            for written in given {
                if lookup.phrases.len() + lookup.runs.len() < MAX_WORDS {
                    lookup.add(rule, written);
                }
            }
        }
        lookup.phrases.sort_by_key(|(first, _)| *first);
        lookup
    }

    fn add(&mut self, rule: usize, written: &str) {
        let stem = written.trim_end_matches('*');
        let words = Words::of(stem);
        if words
            .words
            .iter()
            .any(|word| word.script == Script::Spaceless)
        {
            self.runs.push(Run {
                rule,
                text: folded(stem.trim()),
            });
            return;
        }
        let open = stem.len() < written.len();
        let words: Vec<String> = words
            .words
            .iter()
            .map(|word| words.folded(word).to_owned())
            .collect();
        let first = words.first().and_then(|word| word.chars().next());
        if let Some(first) = first {
            self.phrases.push((first, Phrase { rule, words, open }));
        }
    }

    /// For each rule whether the text or the subject says one of its words, not negated.
    pub(super) fn said(&self, text: &str, subject: Option<&str>) -> Vec<bool> {
        let mut said = vec![false; self.rules];
        if self.phrases.is_empty() && self.runs.is_empty() {
            return said;
        }
        for text in [Some(text), subject].into_iter().flatten() {
            let words = Words::of(prefix(text, MAX_TEXT_BYTES));
            for (at, word) in words.words.iter().enumerate() {
                if word.script == Script::Spaceless {
                    self.read_run(words.folded(word), &mut said);
                } else {
                    self.read_words(&words, at, &mut said);
                }
            }
        }
        said
    }

    fn read_words(&self, words: &Words<'_>, at: usize, said: &mut [bool]) {
        let Some(word) = words.words.get(at) else {
            return;
        };
        let Some(initial) = words.folded(word).chars().next() else {
            return;
        };
        let from = self.phrases.partition_point(|(first, _)| *first < initial);
        let same = self
            .phrases
            .iter()
            .skip(from)
            .take_while(|(first, _)| *first == initial);
        for (_, phrase) in same {
            if let Some(said) = said.get_mut(phrase.rule)
                && !*said
                && phrase.stands(words, at)
                && !negation::negated(words, at, at + phrase.words.len())
            {
                *said = true;
            }
        }
    }

    fn read_run(&self, text: &str, said: &mut [bool]) {
        for run in &self.runs {
            let Some(said) = said.get_mut(run.rule) else {
                continue;
            };
            if *said {
                continue;
            }
            *said = text.match_indices(&*run.text).any(|(at, found)| {
                let before = text.get(..at).unwrap_or_default();
                let after = text.get(at + found.len()..).unwrap_or_default();
                !negation::negated_within(before, after)
            });
        }
    }
}

impl Phrase {
    /// Whether its words stand from place `at` on, with no punctuation between them.
    fn stands(&self, words: &Words<'_>, at: usize) -> bool {
        let here = words.words.iter().skip(at);
        let last = self.words.len().saturating_sub(1);
        let mut found = 0;
        for (place, (wanted, word)) in self.words.iter().zip(here).enumerate() {
            let given = words.folded(word);
            let same = if self.open && place == last {
                given.starts_with(&**wanted)
            } else {
                given == wanted
            };
            if !same || (place > 0 && word.gap >= Gap::Clause) {
                return false;
            }
            found += 1;
        }
        found == self.words.len()
    }
}
