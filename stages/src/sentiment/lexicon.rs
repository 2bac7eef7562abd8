//! Words and their mood.
//!
//! A table holds words, stems (`отличн*`: every word that begins so), phrases and emoji. There are two that come with
//! tidings: VADER's for English ([`Lexicon::builtin`]), and one of all languages, which also takes words apart that
//! people write carelessly (`soooo`, `good,but`). A tenant's own words lie over one of them.

mod entry;
mod stem;
mod table;

use std::{collections::BTreeMap, sync::OnceLock};

#[cfg(test)]
pub(super) use self::table::WORDS;
pub(super) use self::{
    entry::{Entry, Role},
    table::{Phrase, Piece, Table},
};

/// Words of a tenant are taken up to this mood, either way.
const MAX_MOOD: f32 = 4.0;

/// What words say about mood.
#[derive(Clone, Debug)]
pub struct Lexicon {
    base: &'static Table,
    own: Option<Box<Table>>,
}

impl Lexicon {
    /// VADER's, for English.
    #[must_use]
    pub fn builtin() -> &'static Self {
        static BUILTIN: OnceLock<Lexicon> = OnceLock::new();
        BUILTIN.get_or_init(|| Self {
            base: table::english(),
            own: None,
        })
    }

    /// All languages at once, for the features.
    pub(super) fn every_language() -> &'static Self {
        static EVERY: OnceLock<Lexicon> = OnceLock::new();
        EVERY.get_or_init(|| Self {
            base: table::every_language(),
            own: None,
        })
    }

    /// VADER's with a tenant's own words, phrases, emoji or emoticons over it, each with its mood from -4 to 4.
    /// Compared without case and accents; 0 takes a word's mood away. A phrase counts as one word.
    #[must_use]
    pub fn with(own: &BTreeMap<String, f32>) -> Self {
        let base = table::english();
        let mut table = Table::default();
        for (words, mood) in own {
            let mood = if mood.is_finite() {
                mood.clamp(-MAX_MOOD, MAX_MOOD)
            } else {
                0.0
            };
            table.add(words, Entry::of_mood(mood), Some(base));
        }
        Self {
            base,
            own: Some(Box::new(table)),
        }
    }

    /// What is known of a folded word.
    pub(super) fn entry(&self, word: &str) -> Entry {
        let own = self.own.as_ref().and_then(|own| own.word(word));
        own.or_else(|| self.base.word(word)).unwrap_or_default()
    }

    /// Whether words are taken apart that were written carelessly.
    pub(super) fn is_lenient(&self) -> bool {
        self.base.lenient
    }

    /// By the longest stem that a word begins with.
    pub(super) fn stem(&self, word: &str) -> Entry {
        self.base.stem(word)
    }

    /// The words of an emoji's name.
    pub(super) fn emoji(&self, c: char) -> Option<&[Piece]> {
        self.base.emoji(c)
    }

    /// The phrases that begin with a word, the longest first.
    pub(super) fn phrases(&self, first: &str) -> impl Iterator<Item = &Phrase> {
        let own = self.own.as_ref().map_or(&[][..], |own| own.phrases(first));
        own.iter().chain(self.base.phrases(first))
    }
}
