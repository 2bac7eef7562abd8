//! The tables that come with tidings, read once.

use std::{
    collections::{BTreeMap, HashMap},
    sync::OnceLock,
};

use super::{
    super::fold::folded,
    entry::{Entry, Role},
    stem::Stems,
};
use crate::hash::Fnv;

/// A word and its mean valence, of VADER.
const LEXICON: &str = include_str!("../lexicon.tsv");
/// An emoji and its name, of VADER; those with a mood only.
const EMOJI: &str = include_str!("../emoji.tsv");
/// What strengthens, weakens and negates, and idioms; of VADER.
const MODIFIERS: &str = include_str!("../modifiers.tsv");

/// Our own words: a mood, or what a word does. In order of precedence.
pub(crate) const WORDS: [(&str, &str); 15] = [
    ("de", include_str!("../words/de.tsv")),
    ("fr", include_str!("../words/fr.tsv")),
    ("es", include_str!("../words/es.tsv")),
    ("it", include_str!("../words/it.tsv")),
    ("pt", include_str!("../words/pt.tsv")),
    ("nl", include_str!("../words/nl.tsv")),
    ("pl", include_str!("../words/pl.tsv")),
    ("ru", include_str!("../words/ru.tsv")),
    ("uk", include_str!("../words/uk.tsv")),
    ("tr", include_str!("../words/tr.tsv")),
    ("ar", include_str!("../words/ar.tsv")),
    ("hi", include_str!("../words/hi.tsv")),
    ("sv", include_str!("../words/sv.tsv")),
    ("id", include_str!("../words/id.tsv")),
    ("emoji", include_str!("../words/emoji.tsv")),
];
/// Words that mean something else in another language: what is left of them where the language is not known.
const SHARED: &str = include_str!("../words/shared.tsv");

/// A word of an emoji's name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Piece {
    pub(crate) entry: Entry,
    pub(crate) capitals: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Phrase {
    /// The folded words after the first; at least one.
    pub(crate) rest: Vec<Box<str>>,
    pub(crate) entry: Entry,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    words: HashMap<Box<str>, Entry, Fnv>,
    phrases: HashMap<Box<str>, Vec<Phrase>, Fnv>,
    stems: Stems,
    emoji: HashMap<char, Vec<Piece>>,
    pub(super) lenient: bool,
}

pub(super) fn english() -> &'static Table {
    static TABLE: OnceLock<Table> = OnceLock::new();
    TABLE.get_or_init(Table::english)
}

pub(super) fn every_language() -> &'static Table {
    static TABLE: OnceLock<Table> = OnceLock::new();
    TABLE.get_or_init(Table::every_language)
}

/// The lines of a table; what is no line of it is left out (a test sees to it that there is none).
pub(super) fn lines(text: &'static str) -> impl Iterator<Item = (&'static str, Entry)> {
    text.lines().filter_map(|line| {
        let (words, column) = line.split_once('\t')?;
        Some((words, Entry::read(column)?))
    })
}

impl Table {
    fn english() -> Self {
        let mut table = Self::default();
        for (words, entry) in lines(LEXICON).chain(lines(MODIFIERS)) {
            table.add(words, entry, None);
        }
        for word in [
            "no", "never", "so", "this", "without", "doubt", "least", "at", "very", "or", "nor",
        ] {
            let entry = table.words.entry(word.into()).or_default();
            entry.role = entry.role | Entry::role_of(word);
        }
        for (emoji, name) in EMOJI.lines().filter_map(|line| line.split_once('\t')) {
            let pieces = name.split(' ').map(|word| Piece {
                entry: table.word(&folded(word)).unwrap_or_default(),
                capitals: word.chars().all(char::is_uppercase),
            });
            if let Some(emoji) = emoji.chars().next() {
                table.emoji.insert(emoji, pieces.collect());
            }
        }
        table
    }

    fn every_language() -> Self {
        let mut table = Self {
            lenient: true,
            ..english().clone()
        };
        let mut stems: BTreeMap<Box<str>, Entry> = BTreeMap::new();
        for (words, entry) in WORDS.iter().flat_map(|(_, text)| lines(text)) {
            match words.strip_suffix('*') {
                Some(stem) => {
                    let known = stems.entry(folded(stem).into()).or_insert(entry);
                    *known = agreed(*known, entry);
                }
                None => {
                    let known = table.known(words).unwrap_or(entry);
                    table.add(words, agreed(known, entry), None);
                }
            }
        }
        for (word, entry) in lines(SHARED) {
            table.words.insert(folded(word).into(), entry);
        }
        table.stems = Stems::of(stems.into_iter());
        table
    }

    /// Adds a word or phrase, in place of what was there. What a word does to others stays, as far as this table or the
    /// one below it knows.
    pub(super) fn add(&mut self, words: &str, entry: Entry, below: Option<&Self>) {
        let mut words = words.split_whitespace().map(key).filter(|w| !w.is_empty());
        let Some(first) = words.next() else { return };
        let rest: Vec<Box<str>> = words.map(String::into_boxed_str).collect();
        let first = first.into_boxed_str();
        let known = self.word(&first);
        let mut known = known.or_else(|| below?.word(&first)).unwrap_or_default();
        if rest.is_empty() {
            known = Entry {
                role: known.role | entry.role,
                ..entry
            };
        } else {
            known.role = known.role | Role::PHRASE;
            let phrases = self.phrases.entry(first.clone()).or_default();
            phrases.retain(|phrase| phrase.rest != rest);
            phrases.push(Phrase { rest, entry });
            phrases.sort_by_key(|phrase| std::cmp::Reverse(phrase.rest.len()));
        }
        self.words.insert(first, known);
    }

    fn known(&self, words: &str) -> Option<Entry> {
        self.word(&key(words)).filter(|entry| entry.is_known())
    }

    pub(super) fn word(&self, folded: &str) -> Option<Entry> {
        self.words.get(folded).copied()
    }

    pub(super) fn stem(&self, folded: &str) -> Entry {
        self.stems.find(folded)
    }

    pub(super) fn emoji(&self, c: char) -> Option<&[Piece]> {
        self.emoji.get(&c).map(Vec::as_slice)
    }

    pub(super) fn phrases(&self, first: &str) -> &[Phrase] {
        self.phrases.get(first).map_or(&[], Vec::as_slice)
    }
}

/// A word as a reading looks it up: without the punctuation around it, unless that is all or most of it.
fn key(word: &str) -> String {
    let bare = word.trim_matches(|c: char| c.is_ascii_punctuation());
    if bare.chars().nth(2).is_none() {
        return folded(word);
    }
    folded(bare)
}

/// What two languages say of a word: the first, but no mood if they are of opposite moods.
fn agreed(first: Entry, second: Entry) -> Entry {
    if first.mood * second.mood < 0.0 {
        return Entry { mood: 0.0, ..first };
    }
    first
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_read() {
        let tables = [
            ("lexicon", LEXICON),
            ("modifiers", MODIFIERS),
            ("shared", SHARED),
        ];
        for (name, text) in tables.iter().chain(&WORDS) {
            for line in text.lines() {
                let read = line
                    .split_once('\t')
                    .and_then(|(_, column)| Entry::read(column));
                assert!(
                    read.is_some_and(|entry| entry.mood.abs() <= 4.0),
                    "{name}: {line}"
                );
            }
        }
    }

    #[test]
    fn languages_agree_or_leave_it() {
        let of = Entry::of_mood;
        assert_eq!(agreed(of(2.0), of(-1.0)).mood, 0.0);
        assert_eq!(agreed(of(2.0), of(1.0)).mood, 2.0);
        let table = every_language();
        for (word, mood) in [("die", 0.0), ("no", 0.0), ("great", 3.1)] {
            assert_eq!(table.word(word).unwrap().mood, mood, "{word}");
        }
    }
}
