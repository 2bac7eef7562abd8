//! A template's source cut into text and constructs (`{{ }}`, `{% %}`, `{# #}`), as the engine's lexer cuts it.
//!
//! Invariant: the pieces, one after the other, are the source. A brace inside a construct, where two readers could
//! disagree about its end, is a flaw ([`crate::grammar`]).

use std::ops::Range;

use crate::problem::Flaw;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    /// `{{ … }}`
    Expression,
    /// `{% … %}`
    Block,
    /// `{# … #}`
    Comment,
    /// `{% raw %}…{% endraw %}`, whole.
    Raw,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) kind: Kind,
    pub(crate) range: Range<usize>,
}

impl Piece {
    pub(crate) fn of<'a>(&self, source: &'a str) -> &'a str {
        source.get(self.range.clone()).unwrap_or_default()
    }

    /// What is between the delimiters, and where it begins.
    pub(crate) fn inside<'a>(&self, source: &'a str) -> (usize, &'a str) {
        let text = self.of(source);
        let text = text
            .get(2..text.len().saturating_sub(2))
            .unwrap_or_default();
        let open = text.strip_prefix(['-', '+']).unwrap_or(text);
        let start = self.range.start + 2 + (text.len() - open.len());
        (start, open.strip_suffix(['-', '+']).unwrap_or(open))
    }
}

/// Cuts a source.
pub(crate) fn cut(source: &str) -> Result<Vec<Piece>, Flaw> {
    let mut pieces = Vec::new();
    let mut at = 0;
    while at < source.len() {
        let Some((start, kind)) = next(source, at) else {
            break;
        };
        if start > at {
            pieces.push(Piece {
                kind: Kind::Text,
                range: at..start,
            });
        }
        let (kind, end) = match kind {
            Kind::Comment => (Kind::Comment, find(source, start + 2, "#}")),
            Kind::Block if basic(source, start, "raw").is_some() => {
                (Kind::Raw, raw_end(source, start))
            }
            kind => (kind, closed(source, start + 2, kind)),
        };
        let end = end.ok_or_else(|| {
            let open = source.get(start..start + 2).unwrap_or_default();
            Flaw::new(
                start,
                format!("The `{open}` that opens here is never closed."),
            )
            .hint(match kind {
                Kind::Comment => {
                    "`{#` opens a comment; in a style sheet, put a blank between `{` and `#`."
                }
                Kind::Raw => "Close it with `{% endraw %}`.",
                _ => "Close it, or write `{{ '{{' }}` where you mean the braces themselves.",
            })
        })?;
        pieces.push(Piece {
            kind,
            range: start..end,
        });
        at = end;
    }
    if at < source.len() {
        pieces.push(Piece {
            kind: Kind::Text,
            range: at..source.len(),
        });
    }
    Ok(pieces)
}

/// The next opening.
fn next(source: &str, from: usize) -> Option<(usize, Kind)> {
    let bytes = source.as_bytes().get(from..)?;
    bytes.windows(2).enumerate().find_map(|(at, pair)| {
        let kind = match pair {
            b"{{" => Kind::Expression,
            b"{%" => Kind::Block,
            b"{#" => Kind::Comment,
            _ => return None,
        };
        Some((from + at, kind))
    })
}

fn find(source: &str, from: usize, what: &str) -> Option<usize> {
    let at = source.get(from..)?.find(what)?;
    Some(from + at + what.len())
}

/// The end of a construct: not in quotes, not in parentheses.
fn closed(source: &str, from: usize, kind: Kind) -> Option<usize> {
    let end: &[u8] = if kind == Kind::Block { b"%}" } else { b"}}" };
    let bytes = source.as_bytes();
    let (mut at, mut quote, mut depth) = (from, None, 0_i32);
    while let Some(&byte) = bytes.get(at) {
        match (quote, byte) {
            (Some(_), b'\\') => at += 1,
            (Some(open), byte) if open == byte => quote = None,
            (Some(_), _) => {}
            (None, _)
                if depth == 0 && bytes.get(at..).is_some_and(|rest| rest.starts_with(end)) =>
            {
                return Some(at + 2);
            }
            (None, b'"' | b'\'') => quote = Some(byte),
            (None, b'(' | b'[') => depth += 1,
            (None, b')' | b']') => depth -= 1,
            _ => {}
        }
        at += 1;
    }
    None
}

/// The end of a block that is nothing but a name.
fn basic(source: &str, start: usize, name: &str) -> Option<usize> {
    let rest = source.get(start..)?.strip_prefix("{%")?;
    let rest = rest.strip_prefix(['-', '+']).unwrap_or(rest);
    let rest = rest
        .trim_ascii_start()
        .strip_prefix(name)?
        .trim_ascii_start();
    let rest = rest.strip_prefix(['-', '+']).unwrap_or(rest);
    let rest = rest.strip_prefix("%}")?;
    Some(source.len() - rest.len())
}

fn raw_end(source: &str, start: usize) -> Option<usize> {
    let from = basic(source, start, "raw")?;
    source
        .get(from..)?
        .match_indices("{%")
        .find_map(|(at, _)| basic(source, from + at, "endraw"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_the_source() {
        let source = "a{{ '}}' ~ x }}b{%- if (x) -%}c{# }} #}{% raw %}{{ {% endraw %}d";
        let pieces = cut(source).unwrap();
        let kinds: Vec<_> = pieces.iter().map(|piece| piece.kind).collect();
        assert_eq!(
            kinds,
            [
                Kind::Text,
                Kind::Expression,
                Kind::Text,
                Kind::Block,
                Kind::Text,
                Kind::Comment,
                Kind::Raw,
                Kind::Text
            ]
        );
        let whole: String = pieces.iter().map(|piece| piece.of(source)).collect();
        assert_eq!(whole, source);
        assert_eq!(pieces[3].inside(source).1, " if (x) ");
    }

    #[test]
    fn what_is_never_closed() {
        for source in [
            "{{ x",
            "a {% if",
            "{# x",
            "{% raw %} {% endra %}",
            "{{ '}}",
            "{{",
            "{{ (}}",
        ] {
            assert!(cut(source).is_err(), "{source}");
        }
    }
}
