//! Stems: one entry for all words that begin with it.

use super::Entry;

/// Characters that a word may have more than its stem.
const MAX_ENDING: usize = 6;

#[derive(Clone, Debug, Default)]
pub(super) struct Stems {
    /// In order of their text.
    stems: Vec<Stem>,
    /// How each begins: what is searched, close together and without looking at texts.
    beginnings: Vec<u64>,
}

#[derive(Clone, Debug)]
struct Stem {
    text: Box<str>,
    entry: Entry,
    /// The longest other stem that this one begins with.
    parent: Option<usize>,
}

impl Stems {
    /// From stems in order, each once.
    pub(super) fn of(stems: impl Iterator<Item = (Box<str>, Entry)>) -> Self {
        let mut all: Vec<Stem> = Vec::new();
        for (text, entry) in stems {
            // What begins a stem stands before it: at its neighbour, or at one of the neighbour's parents.
            let mut parent = all.len().checked_sub(1);
            while let Some(stem) = parent.and_then(|at| all.get(at)) {
                if text.starts_with(&*stem.text) {
                    break;
                }
                parent = stem.parent;
            }
            all.push(Stem {
                text,
                entry,
                parent,
            });
        }
        let beginnings = all.iter().map(|stem| beginning(&stem.text)).collect();
        Self {
            stems: all,
            beginnings,
        }
    }

    /// By the longest stem. The last stem that is not after the word in order is it, or begins with it.
    pub(super) fn find(&self, word: &str) -> Entry {
        let key = beginning(word);
        let after = self.beginnings.partition_point(|other| *other <= key);
        let mut at = after.checked_sub(1);
        // Those that begin alike are in order of what follows.
        while let Some(place) = at
            && self.beginnings.get(place) == Some(&key)
            && self.stems.get(place).is_some_and(|stem| *stem.text > *word)
        {
            at = place.checked_sub(1);
        }
        while let Some(stem) = at.and_then(|at| self.stems.get(at)) {
            if let Some(ending) = word.strip_prefix(&*stem.text) {
                let fits = ending.chars().nth(MAX_ENDING).is_none();
                return if fits { stem.entry } else { Entry::default() };
            }
            at = stem.parent;
        }
        Entry::default()
    }
}

/// The first eight bytes, so that numbers are in the order of the texts, as far as they differ there.
fn beginning(text: &str) -> u64 {
    let mut bytes = [0; 8];
    for (byte, of) in bytes.iter_mut().zip(text.bytes()) {
        *byte = of;
    }
    u64::from_be_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_stem_decides() {
        let stems = [
            ("ab", 1.0),
            ("abc", 2.0),
            ("abd", 3.0),
            ("b", 4.0),
            ("beginning", 5.0),
            ("beginnings", 6.0),
        ];
        let stems = Stems::of(
            stems
                .into_iter()
                .map(|(text, mood)| (text.into(), Entry::of_mood(mood))),
        );
        for (word, mood) in [
            ("ab", 1.0),
            ("abcx", 2.0),
            ("abcz", 2.0),
            ("abe", 1.0),
            ("abx", 1.0),
            ("bz", 4.0),
            ("beginnin", 0.0),
            ("beginn", 4.0),
            ("beginninga", 5.0),
            ("beginningz", 5.0),
            ("beginningsz", 6.0),
            ("a", 0.0),
            ("", 0.0),
            ("zz", 0.0),
            ("abcdefghijklm", 0.0),
        ] {
            assert_eq!(stems.find(word).mood, mood, "{word}");
        }
    }
}
