//! HTML of a template: read once, when it is compiled.
//!
//! The source is read as what it is, HTML with constructs in it ([`scan()`]), and never written anew: what is changed is
//! put in at its byte ([`Edit`]), everything else stays as it was written. A parser that builds a tree and prints it
//! would move a `{% for %}` between table rows out of its table, and close what is opened in one branch only.

mod css;
mod entity;
mod footer;
mod link;
mod scan;
mod sheet;
mod text;

use std::ops::Range;

use schemas::campaign::Tracked;

use crate::{
    construct::{Kind, Piece},
    page,
    problem::Flaw,
};

pub(crate) use footer::plain as plain_footer;
pub(crate) use scan::{Document, scan};
pub(crate) use text::{plain, tidy};

/// Something in place of a range of the source.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Edit {
    range: Range<usize>,
    text: String,
}

impl Edit {
    fn new(range: Range<usize>, text: impl Into<String>) -> Self {
        Self {
            range,
            text: text.into(),
        }
    }
}

/// The source that is rendered: styles inlined, links, footer and pixel in place.
pub(crate) fn ready(
    source: &str,
    pieces: &[Piece],
    document: &Document,
    tracked: Tracked,
    footer: Option<Option<&str>>,
) -> Result<String, Vec<Flaw>> {
    let mut edits = sheet::inline(source, document);
    link::links(source, pieces, document, tracked.clicks, &mut edits)?;
    let mut end = String::new();
    if let Some(language) = footer {
        end.push_str(&footer::html(language));
    }
    if tracked.opens {
        end.push_str("<img src=\"");
        end.push_str(page::PIXEL);
        end.push_str("\" width=\"1\" height=\"1\" alt=\"\" style=\"display:block;border:0\">");
    }
    if !end.is_empty() {
        let at = document.end_of_body.unwrap_or(source.len());
        edits.push(Edit::new(at..at, end));
    }
    Ok(edited(source, edits))
}

/// The source with every edit made; one that overlaps an earlier one is left out.
fn edited(source: &str, mut edits: Vec<Edit>) -> String {
    edits.sort_by_key(|edit| (edit.range.start, edit.range.end));
    let mut whole = String::with_capacity(source.len() * 5 / 4);
    let mut at = 0;
    for edit in edits {
        if edit.range.start >= at {
            whole.push_str(source.get(at..edit.range.start).unwrap_or_default());
            whole.push_str(&edit.text);
            at = edit.range.end;
        }
    }
    whole.push_str(source.get(at..).unwrap_or_default());
    whole
}

/// Text that is no construct, as the source of a template.
fn literal(into: &mut String, text: &str) {
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        // Also the last one: what follows may be a brace.
        if c == '{' && matches!(chars.peek(), None | Some('{' | '%' | '#')) {
            into.push_str("{{ '{' }}");
        } else {
            into.push(c);
        }
    }
}

/// A part of the source as the source of a template in which nothing is escaped: entities decoded, constructs as
/// they are.
fn decoded(source: &str, pieces: &[Piece], range: &Range<usize>) -> String {
    let mut whole = String::new();
    for piece in within(pieces, range) {
        let part = piece.range.start.max(range.start)..piece.range.end.min(range.end);
        let part = source.get(part).unwrap_or_default();
        if piece.kind == Kind::Text {
            literal(&mut whole, &entity::decoded(part));
        } else {
            whole.push_str(part);
        }
    }
    whole
}

/// The pieces that reach into a range.
fn within<'a>(pieces: &'a [Piece], range: &Range<usize>) -> impl Iterator<Item = &'a Piece> {
    let first = pieces.partition_point(|piece| piece.range.end <= range.start);
    let end = range.end;
    pieces
        .get(first..)
        .unwrap_or_default()
        .iter()
        .take_while(move |piece| piece.range.start < end)
}
