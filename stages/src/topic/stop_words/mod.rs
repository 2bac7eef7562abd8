//! Words that are no topic, by language.
//!
//! Three sorts. *Stop* words end a phrase: function words, greetings, and the verbs and adverbs that fill every chat.
//! *Weak* words are too general to stand alone: `problem` is no topic, `login problem` is one. *Links* join two words
//! to one phrase: `mode de paiement`. All are compared in their folded form, without case and accents.
//!
//! Of a language without a table only words that stand out are taken (see [`super::phrases`]).

mod table;

use std::{collections::HashMap, sync::LazyLock};

use self::table::TABLES;
use crate::{hash::Fnv, word::folded};

/// A language's words, separated by white space.
struct Table {
    code: &'static str,
    stop: &'static str,
    weak: &'static str,
    links: &'static str,
}

/// Which languages a word belongs to, one bit for each of the tables.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Kind {
    stop: u32,
    weak: u32,
    link: u32,
}

/// The tables that count for one text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Vocabulary {
    mask: u32,
}

impl Vocabulary {
    /// The language's words; all languages' where it is unknown; none for a language without a table.
    pub(super) fn of(language: Option<&str>) -> Option<Self> {
        let all = u32::MAX >> (32 - TABLES.len());
        let Some(code) = language.filter(|code| *code != "und") else {
            return Some(Self { mask: all });
        };
        // Both written forms of Norwegian share one table.
        let code = if matches!(code, "nb" | "nn") {
            "no"
        } else {
            code
        };
        let place = TABLES.iter().position(|table| table.code == code)?;
        Some(Self { mask: 1 << place })
    }

    pub(super) fn is_stop(self, kind: Kind) -> bool {
        kind.stop & self.mask != 0
    }

    pub(super) fn is_weak(self, kind: Kind) -> bool {
        kind.weak & self.mask != 0
    }

    /// Never without a language: what joins in one parts in another.
    pub(super) fn is_link(self, kind: Kind) -> bool {
        self.mask.count_ones() == 1 && kind.link & self.mask != 0
    }
}

/// What is known of a folded word.
pub(super) fn kind(folded: &str) -> Kind {
    WORDS.get(folded).copied().unwrap_or_default()
}

static WORDS: LazyLock<HashMap<String, Kind, Fnv>> = LazyLock::new(|| {
    let mut words: HashMap<String, Kind, Fnv> = HashMap::default();
    for (place, table) in TABLES.iter().enumerate() {
        let bit = 1 << place;
        for word in table.stop.split_whitespace() {
            words.entry(folded(word)).or_default().stop |= bit;
        }
        for word in table.weak.split_whitespace() {
            words.entry(folded(word)).or_default().weak |= bit;
        }
        for word in table.links.split_whitespace() {
            words.entry(folded(word)).or_default().link |= bit;
        }
    }
    words
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_has_words_and_a_place() {
        for table in &TABLES {
            let stop = table.stop.split_whitespace().count();
            assert!((110..=500).contains(&stop), "{}: {stop}", table.code);
            assert!(
                table.weak.split_whitespace().count() >= 15,
                "{}",
                table.code
            );
            let vocabulary = Vocabulary::of(Some(table.code)).unwrap();
            for word in table.stop.split_whitespace() {
                assert!(vocabulary.is_stop(kind(&folded(word))), "{word}");
            }
        }
        assert!(Vocabulary::of(Some("nb")).is_some());
        assert!(Vocabulary::of(Some("vi")).is_none());
    }

    #[test]
    fn a_word_belongs_to_its_languages() {
        let en = Vocabulary::of(Some("en")).unwrap();
        let de = Vocabulary::of(Some("de")).unwrap();
        let any = Vocabulary::of(None).unwrap();
        assert!(en.is_stop(kind("the")) && any.is_stop(kind("the")) && !de.is_stop(kind("the")));
        assert!(de.is_stop(kind("fur")), "folded");
        assert!(en.is_weak(kind("issue")) && !en.is_stop(kind("issue")));
        assert!(Vocabulary::of(Some("fr")).unwrap().is_link(kind("de")));
        assert!(!any.is_link(kind("de")) && any.is_stop(kind("de")));
        assert!(!en.is_stop(kind("refund")) && !any.is_stop(kind("refund")));
    }
}
