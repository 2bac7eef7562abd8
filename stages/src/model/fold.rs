//! Folding: what models see of a character.
//!
//! Invariant: frozen. The tables are our own (`table`), so no newer standard library changes a feature.

use std::sync::OnceLock;

use super::table::{DIGITS, DROPPED, FOLDED, SPACES, WORDS};

/// What a character is to a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Punctuation, symbols, emoji, and what is not assigned.
    Symbol,
    Space,
    /// Part of a word.
    Word,
    /// A decimal digit of any script; all are the same.
    Digit,
    /// Not there: joiners, direction marks, variation selectors.
    Dropped,
}

/// The scripts people chat in lie below; above, the runs are few and long, and searching is as good.
const DIRECT: usize = 0x3000;
/// A folded character in 21 bits, its class above them.
const CLASS_SHIFT: u32 = 24;

/// A character folded, and its class. A digit folds to `0`.
#[must_use]
pub fn fold(c: char) -> (char, Class) {
    let code = c as u32;
    let packed = match direct().get(code as usize) {
        Some(packed) => *packed,
        None => pack(code),
    };
    let class = match packed >> CLASS_SHIFT {
        1 => Class::Space,
        2 => Class::Word,
        3 => Class::Digit,
        4 => Class::Dropped,
        _ => Class::Symbol,
    };
    let folded = char::from_u32(packed & ((1 << CLASS_SHIFT) - 1)).unwrap_or(c);
    (folded, class)
}

fn direct() -> &'static [u32] {
    static TABLE: OnceLock<Vec<u32>> = OnceLock::new();
    TABLE.get_or_init(|| (0..DIRECT as u32).map(pack).collect())
}

fn pack(code: u32) -> u32 {
    let class = if within(WORDS, code) {
        2
    } else if within(SPACES, code) {
        1
    } else if within(DIGITS, code) {
        return '0' as u32 | 3 << CLASS_SHIFT;
    } else if within(DROPPED, code) {
        4
    } else {
        0
    };
    lower(code) | class << CLASS_SHIFT
}

fn within(runs: &[(u32, u32)], code: u32) -> bool {
    let after = runs.partition_point(|(first, _)| *first <= code);
    after
        .checked_sub(1)
        .and_then(|at| runs.get(at))
        .is_some_and(|(_, last)| code <= *last)
}

fn lower(code: u32) -> u32 {
    let after = FOLDED.partition_point(|(first, ..)| *first <= code);
    // Runs of a step of two interleave with their neighbours: the one before may be meant.
    FOLDED[..after]
        .iter()
        .rev()
        .take(3)
        .find(|(first, last, step, _)| code <= *last && (code - first).is_multiple_of(*step))
        .map_or(code, |(.., add)| code.wrapping_add_signed(*add))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_width_and_digits_fold() {
        for (from, to, class) in [
            ('A', 'a', Class::Word),
            ('ß', 'ß', Class::Word),
            ('Ä', 'ä', Class::Word),
            ('Ж', 'ж', Class::Word),
            ('Σ', 'σ', Class::Word),
            ('İ', 'i', Class::Word),
            ('ﾏ', 'ﾏ', Class::Word),
            ('Ａ', 'a', Class::Word),
            ('７', '0', Class::Digit),
            ('٣', '0', Class::Digit),
            ('7', '0', Class::Digit),
            ('’', '\'', Class::Symbol),
            ('\u{a0}', '\u{a0}', Class::Space),
            ('\n', '\n', Class::Space),
            ('\u{200d}', '\u{200d}', Class::Dropped),
            ('\u{fe0f}', '\u{fe0f}', Class::Dropped),
            ('\u{940}', '\u{940}', Class::Word),
            ('漢', '漢', Class::Word),
            ('😀', '😀', Class::Symbol),
            ('!', '!', Class::Symbol),
        ] {
            assert_eq!(fold(from), (to, class), "{from:?}");
        }
    }

    /// Against the standard library, for what both know. The tables are of Unicode 14.0; the few characters that
    /// differ on purpose are the ones of `case_width_and_digits_fold`.
    #[test]
    fn lower_case_is_that_of_unicode() {
        let differing = (0..0x2_0000u32)
            .filter_map(char::from_u32)
            .filter(|c| c.is_uppercase() && !('\u{ff01}'..='\u{ff5e}').contains(c))
            .filter(|c| c.to_lowercase().next() != Some(fold(*c).0))
            .count();
        // Letters that were added to Unicode after 14.0.
        assert!(differing < 120, "{differing}");
        assert!(
            ('a'..='z')
                .chain('à'..='ö')
                .chain('а'..='я')
                .all(|c| fold(c).0 == c)
        );
    }

    #[test]
    fn the_direct_table_is_the_searched_one() {
        assert!((0..DIRECT as u32).all(|code| direct()[code as usize] == pack(code)));
    }
}
