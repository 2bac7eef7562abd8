//! A message's text as a platform wants it: in its markup, in parts it takes.
//!
//! Two steps: [`document`] reads a text into lines of marked spans, [`cut`] writes them in a [`Dialect`] and cuts where
//! a part is full. `docs/formatting.md` tells people what of their text arrives where.
//!
//! Invariants: no part is longer than its limit, markup counted; what is open at the end of a part is closed there and
//! opened again in the next; no word is lost and nothing the writer did not write is read as markup where the platform
//! has a way to say so. The work grows with the length of the text, whatever is in it.
//!
//! Deliberately absent: HTML as a source, images, tables: they stay the text they are.

mod atom;
mod cut;
mod dialect;
mod document;
mod nest;
mod sms;

use schemas::{Button, ButtonType, Content};

pub(crate) use dialect::Dialect;
pub(crate) use sms::{Encoding, segments, sms_size};

/// How long a part may be. Limits below sixteen units are no platform's: there, a character that is written with more
/// stands alone and is too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limit {
    pub max: usize,
    pub unit: Unit,
}

/// What a platform counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Utf16,
    Chars,
    Bytes,
}

impl Unit {
    fn count(self, text: &str) -> usize {
        match self {
            Self::Bytes => text.len(),
            _ if text.is_ascii() && !text.contains('\r') => text.len(),
            Self::Utf16 => text.chars().map(char::len_utf16).sum(),
            Self::Chars => text.chars().count(),
        }
    }
}

/// The text of a message in a platform's own markup, in parts that fit.
///
/// A part ends where a block does, else a line, else a word, else between characters as people see them (UAX 29); the
/// first two only when that leaves it at least half full. None for an empty text.
pub(crate) fn parts(content: &Content, dialect: Dialect, limit: Limit) -> Vec<String> {
    let lines = document::read(content, dialect, limit.max);
    cut::cut(&lines, dialect, limit)
}

/// Buttons as lines of text, for platforms that have none, or more of them than those take. They read the same as
/// plain text and as Markdown.
pub(crate) fn listed(buttons: &[Button]) -> String {
    let lines: Vec<String> = buttons
        .iter()
        .map(|button| match (button.kind, &button.url) {
            (ButtonType::Url, Some(url)) => format!("- {}: {url}", button.title),
            _ => format!("- {}", button.title),
        })
        .collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests;
