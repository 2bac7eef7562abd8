//! The plain-text part of a mail, made of its HTML.
//!
//! Words, paragraphs, lists, what pictures say, and links with their address behind them. Constructs stay as they
//! are. Blanks are put right when it is rendered ([`tidy`]), because only then it is known what a branch left out; until
//! then up to two line ends stand for one, and more for an empty line.

use std::borrow::Cow;

use super::{
    decoded, link,
    scan::{Document, Event, Tag},
};
use crate::{construct::Piece, page};

/// Elements without an end.
pub(super) const VOID: [&str; 14] = [
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source",
    "track", "wbr",
];
const PARAGRAPHS: [&str; 17] = [
    "article",
    "blockquote",
    "dl",
    "figure",
    "footer",
    "form",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "header",
    "ol",
    "p",
    "section",
    "table",
];
const LINES: [&str; 8] = ["caption", "dd", "div", "dt", "li", "pre", "tr", "ul"];

/// Around an address that a value decides, by itself or behind words, until it is rendered: then it is shown, or is not one to
/// be shown. Characters that no text has (Unicode, 23.7); in one that has them all the same an address is left out.
const ALONE: char = '\u{fdd0}';
const BEHIND: char = '\u{fdd1}';
const END: char = '\u{fdd2}';

/// The source of the text part.
pub(crate) fn plain(source: &str, pieces: &[Piece], document: &Document) -> String {
    let mut text = Text {
        source,
        pieces,
        made: String::new(),
        skipped: None,
        link: None,
    };
    for event in &document.events {
        text.event(event);
    }
    text.made
}

struct Text<'a> {
    source: &'a str,
    pieces: &'a [Piece],
    made: String,
    /// The element that is left out, and how many of its name are open.
    skipped: Option<(String, u32)>,
    link: Option<Link>,
}

/// A link that is open.
struct Link {
    address: String,
    /// A value decides where it leads.
    varies: bool,
    /// Where its words begin.
    start: usize,
}

impl Text<'_> {
    fn event(&mut self, event: &Event) {
        match event {
            // Branches are kept whole, whatever of them is left out.
            Event::Block(range) => {
                let block = self.source.get(range.clone()).unwrap_or_default();
                self.made.push_str(block);
            }
            Event::Start(tag) if self.skipped.is_none() => self.start(tag),
            Event::Start(tag) => {
                if let Some((name, depth)) = &mut self.skipped
                    && *name == tag.name
                {
                    *depth += 1;
                }
            }
            Event::End(name) if self.skipped.is_none() => self.end(name),
            Event::End(name) => {
                if let Some((skipped, depth)) = &mut self.skipped
                    && skipped == name
                {
                    *depth -= 1;
                    if *depth == 0 {
                        self.skipped = None;
                    }
                }
            }
            _ if self.skipped.is_some() => {}
            Event::Expression(range) => {
                let expression = self.source.get(range.clone()).unwrap_or_default();
                self.made.push_str(expression);
            }
            Event::Text(range) => {
                let words = decoded(self.source, self.pieces, range);
                self.words(&words);
            }
            Event::RawText(_) => {}
        }
    }

    /// Text with every run of blanks as one.
    fn words(&mut self, words: &str) {
        let mut was_blank = self.made.ends_with([' ', '\n']);
        for c in words.chars() {
            let is_blank = c.is_whitespace();
            match (is_blank, was_blank) {
                (true, false) => self.made.push(' '),
                (true, true) => {}
                (false, _)
                    if matches!(
                        c,
                        '\u{200b}'..='\u{200d}' | '\u{ad}' | '\u{34f}' | '\u{feff}'
                    ) =>
                {
                    continue;
                }
                (false, _) => self.made.push(c),
            }
            was_blank = is_blank;
        }
    }

    fn value(&self, tag: &Tag, name: &str) -> Option<String> {
        let attribute = tag.attribute(name)?;
        let value = decoded(self.source, self.pieces, &attribute.value);
        Some(value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    fn start(&mut self, tag: &Tag) {
        let name = tag.name.as_str();
        if !VOID.contains(&name)
            && (matches!(
                name,
                "head" | "title" | "script" | "style" | "template" | "textarea"
            ) || is_hidden(self.source, tag))
        {
            self.skipped = Some((tag.name.clone(), 1));
            return;
        }
        match name {
            "br" => self.made.push_str("\n\n"),
            "hr" => self.made.push_str("\n\n\n---\n\n\n"),
            "img" => {
                if let Some(words) = self.value(tag, "alt") {
                    self.words(" ");
                    self.made.push_str(&words);
                    self.words(" ");
                }
            }
            "a" => {
                if let Some(address) = self.value(tag, "href") {
                    let range = tag.attribute("href").map(|href| href.value.clone());
                    let varies = range
                        .is_some_and(|range| !link::ours(self.source, self.pieces, &range))
                        && tag.attribute("href").is_some_and(|href| href.varies);
                    self.link = Some(Link {
                        address,
                        varies,
                        start: self.made.len(),
                    });
                }
            }
            "td" | "th" => self.words(" "),
            name => self.around(name),
        }
        if name == "li" {
            self.made.push_str("- ");
        }
    }

    fn end(&mut self, name: &str) {
        if name != "a" {
            self.around(name);
            return;
        }
        let Some(Link {
            address,
            varies,
            start,
        }) = self.link.take()
        else {
            return;
        };
        let words = self.made.get(start..).unwrap_or_default().trim();
        let shown = address
            .strip_prefix("mailto:")
            .or_else(|| address.strip_prefix("tel:"))
            .unwrap_or(&address);
        if address.starts_with('#') || words.contains(shown) {
            return;
        }
        // What a value decides is looked at when it is known.
        let said = match (words.is_empty(), varies) {
            (true, false) => address,
            (false, false) => format!(" ({address})"),
            (true, true) => format!("{ALONE}{address}{END}"),
            (false, true) => format!("{BEHIND}{address}{END}"),
        };
        self.made.truncate(self.made.trim_end_matches(' ').len());
        self.made.push_str(&said);
    }

    fn around(&mut self, name: &str) {
        if PARAGRAPHS.contains(&name) {
            self.made.push_str("\n\n\n");
        } else if LINES.contains(&name) {
            self.made.push('\n');
        }
    }
}

/// What only fills a preview, or nothing at all.
fn is_hidden(source: &str, tag: &Tag) -> bool {
    tag.attribute("hidden").is_some()
        || tag
            .attribute("style")
            .and_then(|style| source.get(style.value.clone()))
            .is_some_and(|style| {
                let style: String = style.chars().filter(|c| !c.is_whitespace()).collect();
                style.to_ascii_lowercase().contains("display:none")
            })
}

/// The text with the addresses that values decided.
fn led(text: &str) -> Cow<'_, str> {
    let Some((mut before, mut rest)) = text.split_once([ALONE, BEHIND]) else {
        return Cow::Borrowed(text);
    };
    let mut whole = String::with_capacity(text.len());
    loop {
        whole.push_str(before);
        let until = text.get(..text.len().saturating_sub(rest.len()));
        let is_behind = until.is_some_and(|until| until.ends_with(BEHIND));
        let (address, after) = rest.split_once(END).unwrap_or((rest, ""));
        match (page::shown(address), is_behind) {
            (shown, _) if shown.is_empty() => {}
            (shown, false) => whole.push_str(&shown),
            (shown, true) => {
                whole.push_str(" (");
                whole.push_str(&shown);
                whole.push(')');
            }
        }
        match after.split_once([ALONE, BEHIND]) {
            Some(next) => (before, rest) = next,
            None => {
                whole.push_str(after);
                return Cow::Owned(whole);
            }
        }
    }
}

/// A rendered text part: no blanks around lines, at most one empty line in a row.
pub(crate) fn tidy(text: &str) -> String {
    let text = led(text);
    let mut tidy = String::with_capacity(text.len());
    let mut empty = 0;
    for line in text.lines() {
        let line = line.trim();
        if line.is_empty() {
            empty += 1;
            continue;
        }
        if !tidy.is_empty() {
            tidy.push_str(if empty > 1 { "\n\n" } else { "\n" });
        }
        tidy.push_str(line);
        empty = 0;
    }
    tidy
}
