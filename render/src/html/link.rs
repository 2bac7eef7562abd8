//! Addresses in HTML: which are counted, and which a value decides.

use std::ops::Range;

use super::{
    Edit, decoded,
    scan::{Attribute, Document, Event, Tag},
    within,
};
use crate::{
    construct::{Kind, Piece},
    filter::{ADDRESS, CLICK},
    page,
    problem::Flaw,
    token::tokens,
};

/// Turns counting off for one link.
const ATTRIBUTE: &str = "data-tidings-track";
/// Attributes that hold an address.
const ADDRESSES: [&str; 10] = [
    "action",
    "background",
    "cite",
    "data",
    "formaction",
    "href",
    "longdesc",
    "poster",
    "src",
    "xlink:href",
];

/// Those of them that somebody follows.
const LEADS: [&str; 4] = ["action", "formaction", "href", "xlink:href"];

pub(super) fn links(
    source: &str,
    pieces: &[Piece],
    document: &Document,
    clicks: bool,
    edits: &mut Vec<Edit>,
) -> Result<(), Vec<Flaw>> {
    let mut flaws = Vec::new();
    for event in &document.events {
        let Event::Start(tag) = event else { continue };
        let mut is_first = true;
        for attribute in &tag.attributes {
            if !ADDRESSES.contains(&attribute.name.as_str()) {
                continue;
            }
            let counted = clicks
                && attribute.name == "href"
                && std::mem::take(&mut is_first)
                && matches!(tag.name.as_str(), "a" | "area")
                && !is_off(source, tag);
            match replaced(source, pieces, attribute, counted) {
                Ok(Some(text)) => edits.push(Edit::new(attribute.value.clone(), text)),
                Ok(None) => {}
                Err(flaw) => flaws.push(flaw),
            }
        }
        if let Some(off) = tag.attribute(ATTRIBUTE) {
            edits.push(Edit::new(off.range.clone(), ""));
        }
    }
    if flaws.is_empty() { Ok(()) } else { Err(flaws) }
}

fn is_off(source: &str, tag: &Tag) -> bool {
    tag.attribute(ATTRIBUTE)
        .and_then(|attribute| source.get(attribute.value.clone()))
        .is_some_and(|value| value.eq_ignore_ascii_case("off"))
}

/// What an address is replaced by, if it is.
fn replaced(
    source: &str,
    pieces: &[Piece],
    attribute: &Attribute,
    counted: bool,
) -> Result<Option<String>, Flaw> {
    let range = &attribute.value;
    let address = decoded(source, pieces, range);
    // Blanks within a scheme, which programs take away, also those that stand there as `&#10;`.
    let head = address.split([':', '/', '?']).next().unwrap_or_default();
    let hides = head.contains("&#")
        && address
            .get(head.len()..)
            .is_some_and(|rest| rest.starts_with(':'));
    let start: String = address
        .chars()
        .filter(|c| !c.is_control() && *c != ' ')
        .take(16)
        .collect();
    let start = start.to_ascii_lowercase();
    if hides
        || ["javascript:", "vbscript:"]
            .iter()
            .any(|scheme| start.starts_with(scheme))
    {
        return Err(
            Flaw::new(range.start, "A link cannot run a script.").hint("Mail programs refuse it.")
        );
    }
    if ours(source, pieces, range) {
        return Ok(None);
    }
    // Pictures may be in the mail itself, as `data:`; a link leads somewhere.
    if !attribute.varies && LEADS.contains(&attribute.name.as_str()) && !page::is_harmless(&address)
    {
        return Err(
            Flaw::new(range.start, "A link cannot lead to that kind of address.")
                .hint("Write one that begins with https, http, mailto or tel."),
        );
    }
    let is_web = start.starts_with("https://") || start.starts_with("http://");
    if !attribute.varies {
        let text = page::click(&address);
        let marked = counted && page::is_mark(&text);
        // Without quotes around it, the caller's address could not stand there.
        return Ok(marked.then(|| {
            if attribute.quoted {
                text
            } else {
                format!("\"{text}\"")
            }
        }));
    }
    let filter = match (counted, is_web) {
        (true, _) => CLICK,
        (false, true) => return Ok(None),
        (false, false) => ADDRESS,
    };
    Ok(Some(format!(
        "{{% filter {filter} %}}{{% autoescape false %}}{address}{{% endautoescape %}}{{% endfilter %}}"
    )))
}

/// Whether an address is one of the hub's own pages.
pub(super) fn ours(source: &str, pieces: &[Piece], range: &Range<usize>) -> bool {
    within(pieces, range)
        .filter(|piece| piece.kind == Kind::Expression)
        .any(|piece| {
            let (start, inside) = piece.inside(source);
            tokens(start, inside)
                .iter()
                .any(|token| matches!(token.name(), Some("unsubscribe_url" | "preferences_url")))
        })
}
