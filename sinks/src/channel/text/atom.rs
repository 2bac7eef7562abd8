//! Where a line may be cut: its words, one by one.
//!
//! Deliberately absent: dictionaries. Scripts without spaces that are no ideographs are cut between characters.

use std::rc::Rc;

use super::document::{Line, Mark};

/// A word, or what of it is marked the same.
#[derive(Clone, Copy)]
pub(super) struct Atom<'d> {
    pub(super) text: &'d str,
    pub(super) marks: &'d Rc<[Mark]>,
    pub(super) line: &'d Line,
    pub(super) border: Border,
    /// White space before it, in its line.
    pub(super) space: &'d str,
}

/// What lies before an atom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Border {
    /// Nothing: the word goes on.
    Joined,
    Word,
    Line,
}

/// White space at which a line may be cut.
fn is_space(c: char) -> bool {
    c.is_whitespace() && !matches!(c, '\u{a0}' | '\u{2007}' | '\u{202f}')
}

/// Characters of scripts without spaces, before which a line may be cut: ideographs and kana, less their punctuation.
fn is_word_by_itself(c: char) -> bool {
    matches!(c, '\u{2e80}'..='\u{2fff}' | '\u{3041}'..='\u{3096}' | '\u{30a1}'..='\u{30fa}' | '\u{3400}'..='\u{9fff}'
        | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

pub(super) fn atoms(line: &Line) -> Vec<Atom<'_>> {
    let mut atoms = Vec::new();
    let mut border = Border::Line;
    let mut space = "";
    for span in &line.spans {
        let mut rest = span.text.as_str();
        loop {
            let (blank, words) = rest.split_at(rest.find(|c| !is_space(c)).unwrap_or(rest.len()));
            if !blank.is_empty() {
                space = blank;
                border = border.max(Border::Word);
            }
            if words.is_empty() {
                break;
            }
            if words.starts_with(is_word_by_itself) {
                border = border.max(Border::Word);
            }
            let end = words
                .char_indices()
                .skip(1)
                .find(|(_, c)| is_space(*c) || is_word_by_itself(*c));
            let (text, next) = words.split_at(end.map_or(words.len(), |(at, _)| at));
            atoms.push(Atom {
                text,
                marks: &span.marks,
                line,
                border,
                space,
            });
            (border, space) = (Border::Joined, "");
            rest = next;
        }
    }
    if atoms.is_empty() {
        atoms.extend(line.spans.first().map(|span| Atom {
            text: "",
            marks: &span.marks,
            line,
            border,
            space: "",
        }));
    }
    atoms
}
