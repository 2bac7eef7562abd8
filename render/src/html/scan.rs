//! HTML with constructs in it, read from the start to the end.
//!
//! Invariants: where HTML is concerned, every way through a template reads the same. So a branch ends in the state in
//! which it began (in text, in this tag, in this value), and no construct stands where it could glue two halves of
//! a delimiter together. An expression stands in text or between quotes only, where escaping keeps its value in.
//! What HTML calls an error and repairs is not repaired here; see <https://html.spec.whatwg.org/#tokenization>.

mod cursor;
mod tag;

use std::ops::Range;

use crate::{
    construct::{Kind, Piece},
    problem::Flaw,
    token::tokens,
};
use cursor::trims;

/// What was read.
#[derive(Debug, Default)]
pub(crate) struct Document {
    pub(crate) events: Vec<Event>,
    /// Where `</body>` begins, the last of them.
    pub(crate) end_of_body: Option<usize>,
}

#[derive(Debug)]
pub(crate) enum Event {
    Text(Range<usize>),
    /// Inside script, style, title and the like.
    RawText(Range<usize>),
    Expression(Range<usize>),
    /// `if`, `for` and the like.
    Block(Range<usize>),
    Start(Tag),
    /// Its name, in lower case.
    End(String),
}

#[derive(Debug)]
pub(crate) struct Tag {
    /// In lower case.
    pub(crate) name: String,
    pub(crate) attributes: Vec<Attribute>,
    /// Behind its name, where an attribute can be put in.
    pub(crate) after_name: usize,
}

impl Tag {
    pub(crate) fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes
            .iter()
            .find(|attribute| attribute.name == name)
    }
}

#[derive(Debug)]
pub(crate) struct Attribute {
    /// In lower case.
    pub(crate) name: String,
    /// From its name to the end of its value.
    pub(crate) range: Range<usize>,
    /// Without quotes; empty where there is none.
    pub(crate) value: Range<usize>,
    pub(crate) quoted: bool,
    /// Whether there are constructs in its value.
    pub(crate) varies: bool,
}

/// Elements whose content is no HTML.
const RAW: [&str; 9] = [
    "iframe",
    "noembed",
    "noframes",
    "plaintext",
    "script",
    "style",
    "textarea",
    "title",
    "xmp",
];
/// How long a closing tag can be that is not yet one: `</plaintext`.
const LONGEST_END: usize = 12;
/// The most that is read, so that what follows is bounded.
const MAX_EVENTS: usize = 100_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Text,
    /// The number of the tag.
    Tag(usize),
    /// The number of the value.
    Value(usize),
    /// The number of the comment or of the element.
    Inside(usize),
}

/// Reads a source.
pub(crate) fn scan(source: &str, pieces: &[Piece]) -> Result<Document, Vec<Flaw>> {
    let mut scan = Scan {
        source,
        pieces,
        piece: 0,
        at: 0,
        numbers: 0,
        open: Vec::new(),
        document: Document::default(),
    };
    match scan.document() {
        Ok(()) => Ok(scan.document),
        Err(flaw) => Err(vec![flaw]),
    }
}

struct Scan<'a> {
    source: &'a str,
    pieces: &'a [Piece],
    /// The first piece that does not end before `at`.
    piece: usize,
    at: usize,
    numbers: usize,
    /// Where the blocks that are open were opened.
    open: Vec<State>,
    document: Document,
}

impl<'a> Scan<'a> {
    fn document(&mut self) -> Result<(), Flaw> {
        while self.at < self.source.len() {
            if self.document.events.len() > MAX_EVENTS {
                return Err(Flaw::new(self.at, "There are too many tags."));
            }
            if let Some(piece) = self.construct() {
                self.take(&piece, State::Text)?;
            } else if self.byte() == Some(b'<') {
                self.markup()?;
            } else {
                let end = self.until(|byte| byte == b'<');
                self.push(Event::Text(self.at..end));
                self.at = end;
            }
        }
        Ok(())
    }

    /// From a `<`.
    fn markup(&mut self) -> Result<(), Flaw> {
        let rest = self.rest();
        let bare = rest
            .strip_prefix("<!-")
            .or_else(|| rest.strip_prefix("<!"))
            .or_else(|| rest.strip_prefix("<?"))
            .or_else(|| rest.strip_prefix("</"))
            .unwrap_or(rest.get(1..).unwrap_or_default());
        let next = self.source.len() - bare.trim_start().len();
        if self.construct_at(next).is_some() {
            return Err(Flaw::new(next, "A tag cannot begin with a construct.")
                .hint("Write the whole tag in each branch; for the sign itself write `&lt;`."));
        }
        let letter = |text: &str| text.starts_with(|c: char| c.is_ascii_alphabetic());
        if rest.starts_with("<!--") {
            self.comment()
        } else if rest.starts_with("<!") || rest.starts_with("<?") {
            self.skip_to_end("This")
        } else if let Some(name) = rest.strip_prefix("</") {
            if letter(name) {
                self.end_tag()
            } else {
                self.skip_to_end("This")
            }
        } else if rest.get(1..).is_some_and(letter) {
            self.tag()
        } else {
            self.push(Event::Text(self.at..self.at + 1));
            self.at += 1;
            Ok(())
        }
    }

    fn comment(&mut self) -> Result<(), Flaw> {
        let (start, state) = (self.at, State::Inside(self.number()));
        let before = self.document.events.len();
        self.at += 4;
        let rest = self.rest();
        if rest.starts_with('>') || rest.starts_with("->") {
            self.at += rest.find('>').unwrap_or(0) + 1;
            return Ok(());
        }
        loop {
            if let Some(piece) = self.construct() {
                let glues = self
                    .source
                    .get(..self.at)
                    .is_some_and(|text| text.ends_with(['-', '!']))
                    || self
                        .source
                        .get(piece.range.end..)
                        .is_some_and(|text| text.starts_with(['-', '>', '!']));
                if glues || trims(piece.of(self.source)) || piece.kind == Kind::Raw {
                    return Err(Flaw::new(self.at, "A comment's end cannot touch a construct.")
                        .hint("Put a blank between them, and use no `-` in the construct's own delimiters."));
                }
                self.take(&piece, state)?;
                continue;
            }
            let rest = self.rest();
            if let Some(end) = ["-->", "--!>"].iter().find(|end| rest.starts_with(**end)) {
                self.at += end.len();
                self.document.events.truncate(before);
                return Ok(());
            }
            let Some(c) = rest.chars().next() else {
                return Err(
                    Flaw::new(start, "This comment is never closed.").hint("Close it with `-->`.")
                );
            };
            self.at += c.len_utf8();
        }
    }

    /// To behind the next `>`.
    fn skip_to_end(&mut self, what: &str) -> Result<(), Flaw> {
        let start = self.at;
        let end = self.until(|byte| byte == b'>');
        self.at = end;
        if self.construct().is_some() {
            return Err(Flaw::new(
                end,
                format!("{what} cannot have constructs in it."),
            ));
        }
        if self.byte().is_none() {
            return Err(
                Flaw::new(start, format!("{what} is never closed.")).hint("Is a `>` missing?")
            );
        }
        self.at = end + 1;
        Ok(())
    }

    /// The content of script, style, title and the like.
    fn raw_text(&mut self, name: &str) -> Result<(), Flaw> {
        let (start, state) = (self.at, State::Inside(self.number()));
        loop {
            if let Some(piece) = self.construct() {
                let before = self.source.as_bytes().get(start..self.at);
                let mut tail = before.unwrap_or_default().iter().rev().take(LONGEST_END);
                let begun = tail.find(|byte| !(byte.is_ascii_alphabetic() || **byte == b'/'))
                    == Some(&b'<');
                if begun || piece.kind == Kind::Raw {
                    return Err(Flaw::new(self.at, "A tag cannot begin before a construct."));
                }
                if name == "script" && piece.kind == Kind::Expression {
                    return Err(Flaw::new(self.at, "A script cannot hold a value.")
                        .hint("Mail programs run no scripts; leave it out."));
                }
                self.take(&piece, state)?;
                continue;
            }
            let rest = self.rest();
            let closes = rest.strip_prefix("</").is_some_and(|rest| {
                rest.get(..name.len())
                    .is_some_and(|end| end.eq_ignore_ascii_case(name))
                    && rest.get(name.len()..).is_some_and(|rest| {
                        rest.starts_with(|c: char| {
                            c.is_ascii_whitespace() || matches!(c, '/' | '>')
                        })
                    })
            });
            if closes {
                return Ok(());
            }
            let Some(c) = rest.chars().next() else {
                return Err(Flaw::new(start, format!("`<{name}>` is never closed.")));
            };
            let from = self.at;
            self.at += c.len_utf8();
            self.at = self.until(|byte| byte == b'<');
            self.push(Event::RawText(from..self.at));
        }
    }

    /// Takes a construct in a state.
    fn take(&mut self, piece: &Piece, state: State) -> Result<(), Flaw> {
        let range = piece.range.clone();
        match piece.kind {
            Kind::Expression => self.push(Event::Expression(range.clone())),
            Kind::Raw => {
                if piece.of(self.source).contains(['<', '>', '"', '\'']) {
                    return Err(Flaw::new(
                        range.start,
                        "`raw` can hold text only here, no tags and no quotes.",
                    ));
                }
                self.push(Event::Block(range.clone()));
            }
            Kind::Block => {
                let (start, inside) = piece.inside(self.source);
                let name = tokens(start, inside).first().and_then(|token| token.name());
                if name == Some("set") && state != State::Text {
                    return Err(Flaw::new(
                        range.start,
                        "`set` stands in text, not inside a tag.",
                    ));
                }
                let opened = match name {
                    Some("if" | "for") => {
                        self.open.push(state);
                        Some(state)
                    }
                    Some("elif" | "else") => self.open.last().copied(),
                    Some("endif" | "endfor") => self.open.pop(),
                    _ => Some(state),
                };
                if opened != Some(state) {
                    return Err(Flaw::new(
                        range.start,
                        "A branch or loop ends elsewhere than it began.",
                    )
                    .hint("Write whole tags, and whole values of attributes, in each branch."));
                }
                self.push(Event::Block(range.clone()));
            }
            Kind::Comment | Kind::Text => {}
        }
        self.at = range.end;
        Ok(())
    }
}
