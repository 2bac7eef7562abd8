//! One look at a text, shared by all recognisers: what occurs in it, and where its digits are.
//!
//! Invariants: positions are byte offsets; nothing beyond [`MAX_BYTES`] is looked at, and the cut never falls into a
//! word. Deliberately absent: digits of other scripts than ASCII's.

use crate::text::prefix;

/// How much of a text is looked at.
pub const MAX_BYTES: usize = 4096;

/// What a text has, as bits of [`Scan::seen`].
pub(super) mod seen {
    pub(in crate::entity) const DIGIT: u8 = 1;
    pub(in crate::entity) const AT: u8 = 2;
    pub(in crate::entity) const DOT: u8 = 4;
    pub(in crate::entity) const COLON: u8 = 8;
}

/// What each byte adds to [`Scan::seen`].
const CLASS: [u8; 256] = {
    let mut class = [0; 256];
    let mut digit = b'0';
    while digit <= b'9' {
        class[digit as usize] = seen::DIGIT;
        digit += 1;
    }
    class[b'@' as usize] = seen::AT;
    class[b'.' as usize] = seen::DOT;
    class[b':' as usize] = seen::COLON;
    class
};

/// Digits that follow each other directly; `end` is behind the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Run {
    pub(super) const fn len(self) -> usize {
        self.end - self.start
    }
}

/// A text and what one pass over it found.
pub(super) struct Scan<'a> {
    pub(super) text: &'a str,
    pub(super) bytes: &'a [u8],
    pub(super) runs: Vec<Run>,
    pub(super) seen: u8,
}

impl<'a> Scan<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        let text = cut(text);
        let (mut seen, mut runs, mut begun) = (0, Vec::new(), None);
        for (at, byte) in text.bytes().enumerate() {
            let class = CLASS[usize::from(byte)];
            seen |= class;
            match begun {
                None if class == seen::DIGIT => begun = Some(at),
                Some(start) if class != seen::DIGIT => {
                    runs.push(Run { start, end: at });
                    begun = None;
                }
                _ => {}
            }
        }
        if let Some(start) = begun {
            let end = text.len();
            runs.push(Run { start, end });
        }
        Self {
            text,
            bytes: text.as_bytes(),
            runs,
            seen,
        }
    }

    /// The byte at a position; 0 outside of the text.
    pub(super) fn at(&self, position: usize) -> u8 {
        self.bytes.get(position).copied().unwrap_or(0)
    }

    /// The text between two positions; empty if they are no boundaries of characters.
    pub(super) fn slice(&self, start: usize, end: usize) -> &'a str {
        self.text.get(start..end).unwrap_or_default()
    }

    /// The character that ends before a position.
    pub(super) fn before(&self, position: usize) -> Option<char> {
        match self.bytes.get(position.checked_sub(1)?) {
            Some(byte) if byte.is_ascii() => Some(char::from(*byte)),
            _ => self.slice(0, position).chars().next_back(),
        }
    }

    /// The character that begins at a position.
    pub(super) fn after(&self, position: usize) -> Option<char> {
        match self.bytes.get(position) {
            Some(byte) if byte.is_ascii() => Some(char::from(*byte)),
            Some(_) => self.text.get(position..)?.chars().next(),
            None => None,
        }
    }

    /// Whether no letter, digit or underscore stands before.
    pub(super) fn begins(&self, position: usize) -> bool {
        self.before(position).is_none_or(|c| !is_word(c))
    }

    /// Whether no letter, digit or underscore follows.
    pub(super) fn ends(&self, position: usize) -> bool {
        self.after(position).is_none_or(|c| !is_word(c))
    }

    /// Where the first character at or after a position is that is no blank.
    pub(super) fn skip_blanks(&self, position: usize) -> usize {
        let mut position = position;
        while let Some(c) = self.after(position).filter(|c| is_blank(*c)) {
            position += c.len_utf8();
        }
        position
    }

    /// The same backwards: the position behind the last character before that is no blank.
    pub(super) fn skip_blanks_back(&self, position: usize) -> usize {
        let mut position = position;
        while let Some(c) = self.before(position).filter(|c| is_blank(*c)) {
            position -= c.len_utf8();
        }
        position
    }

    /// The letters that begin at a position, in characters; empty if there are none.
    pub(super) fn letters(&self, start: usize) -> &'a str {
        let rest = self.text.get(start..).unwrap_or_default();
        let end = rest
            .char_indices()
            .find(|(_, c)| !c.is_alphabetic())
            .map_or(rest.len(), |(at, _)| at);
        rest.get(..end).unwrap_or_default()
    }

    /// Where the letters begin that end at a position.
    pub(super) fn letters_back(&self, end: usize) -> usize {
        let mut start = end;
        while let Some(c) = self.before(start).filter(|c| c.is_alphabetic()) {
            start -= c.len_utf8();
        }
        start
    }
}

/// A letter, a digit or an underscore.
pub(super) fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// A space within a line, breaking or not.
pub(super) fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\u{a0}' | '\u{2009}' | '\u{202f}')
}

/// The start of a text that is looked at: whole words, as many as fit.
fn cut(text: &str) -> &str {
    if text.len() <= MAX_BYTES {
        return text;
    }
    let head = prefix(text, MAX_BYTES);
    let end = head.rfind(char::is_whitespace).unwrap_or(0);
    head.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_found_once() {
        let scan = Scan::of("a1 23é456");
        let runs: Vec<_> = scan.runs.iter().map(|run| (run.start, run.end)).collect();
        assert_eq!(runs, [(1, 2), (3, 5), (7, 10)]);
        assert_eq!(scan.before(7), Some('é'));
        assert_eq!(scan.after(5), Some('é'));
        assert_eq!(scan.seen, seen::DIGIT);
    }

    #[test]
    fn a_long_text_is_cut_between_words() {
        let text = format!("{} 12345678", "x".repeat(MAX_BYTES - 4));
        assert_eq!(Scan::of(&text).runs, []);
        assert_eq!(Scan::of(&"7".repeat(MAX_BYTES + 1)).runs, []);
        assert_eq!(Scan::of(&"7".repeat(MAX_BYTES)).runs.len(), 1);
    }
}
