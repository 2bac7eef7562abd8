//! The tokens of a text, as the specification's step 2 cuts them ([`super`]).

use super::{
    super::fold::{Class, fold},
    MAX_WORD,
};

/// The tokens of a text, folded, in one allocation.
pub(super) struct Tokens {
    pub(super) chars: Vec<char>,
    /// Where each token ends.
    pub(super) ends: Vec<usize>,
}

impl Tokens {
    pub(super) fn of(text: &str) -> Self {
        let mut tokens = Self {
            chars: Vec::with_capacity(text.len()),
            ends: Vec::with_capacity(text.len() / 4),
        };
        let mut start = 0;
        let mut rest = text.chars();
        while let Some(c) = rest.next() {
            let (folded, class) = fold(c);
            let inside = tokens.chars.len() - start;
            match class {
                Class::Dropped => {}
                Class::Word | Class::Digit => {
                    let last_two = tokens
                        .chars
                        .get(start..)
                        .and_then(<[char]>::last_chunk::<2>);
                    let third = class == Class::Word && last_two == Some(&[folded; 2]);
                    if inside == 0 && link(folded, rest.as_str()) {
                        rest = past_link(rest.as_str());
                        tokens.push("http");
                        start = tokens.chars.len();
                    } else if !third {
                        if inside == MAX_WORD {
                            start = tokens.end();
                        }
                        tokens.chars.push(folded);
                    }
                }
                Class::Symbol if folded == '\'' && inside > 0 && begins_word(rest.as_str()) => {
                    tokens.chars.push('\'');
                }
                Class::Space => start = tokens.end(),
                Class::Symbol => {
                    start = tokens.end();
                    if tokens.last() != Some(&[folded]) {
                        tokens.chars.push(folded);
                        start = tokens.end();
                    }
                    if folded == '@' && inside == 0 && begins_word(rest.as_str()) {
                        rest = past_name(rest.as_str());
                        tokens.push("user");
                        start = tokens.chars.len();
                    }
                }
            }
        }
        tokens.end();
        tokens
    }

    /// Ends the token at hand, if there is one; where the next begins.
    fn end(&mut self) -> usize {
        if self.ends.last().copied().unwrap_or(0) < self.chars.len() {
            self.ends.push(self.chars.len());
        }
        self.chars.len()
    }

    fn push(&mut self, word: &str) {
        self.chars.extend(word.chars());
        self.end();
    }

    fn last(&self) -> Option<&[char]> {
        self.iter().last()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &[char]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts
            .zip(&self.ends)
            .map(|(start, end)| self.chars.get(start..*end).unwrap_or_default())
    }
}

/// Whether a link begins with this folded letter and goes on with `rest`.
fn link(first: char, rest: &str) -> bool {
    let goes_on = |with: &str| {
        rest.get(..with.len())
            .is_some_and(|head| head.eq_ignore_ascii_case(with))
    };
    match first {
        'h' => goes_on("ttps://") || goes_on("ttp://"),
        'w' => goes_on("ww."),
        _ => false,
    }
}

fn past_link(rest: &str) -> std::str::Chars<'_> {
    rest.trim_start_matches(|c| fold(c).1 != Class::Space)
        .chars()
}

fn past_name(rest: &str) -> std::str::Chars<'_> {
    rest.trim_start_matches(|c| matches!(fold(c).1, Class::Word | Class::Digit) || c == '_')
        .chars()
}

fn begins_word(rest: &str) -> bool {
    rest.chars()
        .next()
        .is_some_and(|c| matches!(fold(c).1, Class::Word | Class::Digit))
}
