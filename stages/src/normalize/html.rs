//! HTML to plain text, for mail.
//!
//! Invariants: linear in the input and without recursion, whatever the nesting; at most
//! [`MAX_HTML_BYTES`] are looked at; quotations are marked with `> `, so that the cutting of quoted
//! tails sees them, and where a page says itself where its quotation begins, a mark stands in the text
//! ([`to_marked_text`]). What is hidden from the reader is left out. Deliberately absent: layout. Tables become lines,
//! their cells tab-separated; of style sheets only `display: none` on the element itself is understood.

mod mark;

use mail_parser::decoders::html::add_html_token;

use super::MAX_HTML_BYTES;
use crate::text::prefix;

pub(super) use mark::{EARLIER, QUOTATION, SIGNATURE, names_quotation, unmarked};

/// Elements whose content is no text of the page.
const HIDDEN: [&str; 6] = ["head", "script", "style", "template", "title", "noscript"];
/// Elements that begin and end a line.
const BLOCKS: [&str; 24] = [
    "address",
    "article",
    "aside",
    "blockquote",
    "body",
    "center",
    "dd",
    "div",
    "dl",
    "dt",
    "fieldset",
    "footer",
    "form",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "header",
    "hr",
    "li",
    "section",
    "table",
];

/// The text of a page.
pub(super) fn to_text(html: &str) -> String {
    unmarked(&to_marked_text(html))
}

/// The text of a page, with marks where its quotations and its signature begin.
pub(super) fn to_marked_text(html: &str) -> String {
    let mut page = Page::default();
    let mut rest = prefix(html, MAX_HTML_BYTES);
    while let Some(open) = rest.find('<') {
        let (text, markup) = rest.split_at_checked(open).unwrap_or((rest, ""));
        page.text(text);
        if let Some(comment) = markup.strip_prefix("<!--") {
            rest = comment.split_once("-->").map_or("", |(_, after)| after);
            continue;
        }
        let begins_tag = |c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '!' | '?');
        if !markup.chars().nth(1).is_some_and(begins_tag) {
            page.text("<");
            rest = markup.strip_prefix('<').unwrap_or_default();
            continue;
        }
        let (tag, after) = split_tag(markup);
        rest = match page.tag(tag) {
            Some(hidden) if !page.unclosed.contains(&hidden) => match skip(after, hidden) {
                Some(rest) => rest,
                None => {
                    page.unclosed.push(hidden);
                    after
                }
            },
            _ if mark::is_hidden(tag) && page.skips < MAX_SKIPS => {
                page.skips += 1;
                skip_nested(after, tag).unwrap_or(after)
            }
            _ => after,
        };
    }
    page.text(rest);
    page.out
}

/// A tag and what follows; a `>` within a quoted attribute does not end it.
fn split_tag(markup: &str) -> (&str, &str) {
    let mut quote = None;
    for (at, byte) in markup.bytes().enumerate() {
        match (quote, byte) {
            (None, b'>') => return markup.split_at_checked(at + 1).unwrap_or((markup, "")),
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), byte) if open == byte => quote = None,
            _ => {}
        }
    }
    // A quote that is never closed: the first `>` after all.
    match markup.find('>') {
        Some(at) => markup.split_at_checked(at + 1).unwrap_or((markup, "")),
        None => (markup, ""),
    }
}

/// What follows the end of a hidden element. One that is never closed hides nothing.
fn skip<'a>(html: &'a str, element: &str) -> Option<&'a str> {
    let mut rest = html;
    while let Some((_, markup)) = rest.split_once("</") {
        let name = markup.get(..element.len()).unwrap_or_default();
        if name.eq_ignore_ascii_case(element) {
            return Some(split_tag(markup).1);
        }
        rest = markup;
    }
    None
}

/// What follows the end of an element that the reader does not see, elements of its name within it counted. One that is
/// never closed hides nothing.
fn skip_nested<'a>(html: &'a str, tag: &str) -> Option<&'a str> {
    let name = mark::name(tag)?;
    if mark::is_void(name) {
        return None;
    }
    let mut depth = 1usize;
    let mut rest = html;
    while let Some(open) = rest.find('<') {
        let markup = rest.get(open..)?;
        let (tag, after) = split_tag(markup);
        if mark::name(tag).is_some_and(|other| other.eq_ignore_ascii_case(name)) {
            if tag.starts_with("</") {
                depth -= 1;
            } else if !tag.ends_with("/>") {
                depth += 1;
            }
        }
        if depth == 0 {
            return Some(after);
        }
        rest = after;
    }
    None
}

/// Hidden elements that are skipped; beyond, they are shown. Keeps hostile pages linear.
const MAX_SKIPS: usize = 64;

/// The text so far.
#[derive(Default)]
struct Page {
    out: String,
    /// Numbers of the ordered lists that are open; `None` for the others.
    lists: Vec<Option<u32>>,
    /// Elements skipped so far.
    skips: usize,
    /// Depth of elements whose white space is kept.
    preformatted: usize,
    /// Whether the paragraph has no margin.
    tight: bool,
    /// A mark owed before the next word.
    mark: Option<char>,
    /// Depth of quotation.
    quotes: usize,
    /// Line ends owed before the next word.
    breaks: usize,
    /// A space or a tab owed before the next word of this line.
    gap: Option<char>,
    /// Hidden elements found to have no end, so that it is looked for once.
    unclosed: Vec<&'static str>,
}

impl Page {
    fn text(&mut self, text: &str) {
        if self.preformatted > 0 {
            self.lines(text);
            return;
        }
        if text.starts_with(char::is_whitespace) {
            self.gap = self.gap.or(Some(' '));
        }
        for word in text.split_whitespace() {
            self.word(word);
            self.gap = Some(' ');
        }
        if !text.ends_with(char::is_whitespace) && !text.is_empty() {
            self.gap = None;
        }
    }

    /// Text whose line ends and spaces are kept.
    fn lines(&mut self, text: &str) {
        for (at, line) in text.split('\n').enumerate() {
            if at > 0 {
                self.breaks += 1;
            }
            let line = line.trim_end_matches('\r');
            if !line.trim().is_empty() {
                self.word(line);
            }
        }
    }

    fn word(&mut self, word: &str) {
        let mut decoded = String::with_capacity(word.len());
        decode(&mut decoded, word);
        // What only fills a line, or shows nothing at all.
        if decoded.chars().all(mark::is_filler) {
            if self.breaks > 0 && decoded.contains('\u{a0}') {
                self.breaks += 1;
            }
            return;
        }
        if self.breaks > 0 || self.out.is_empty() {
            if !self.out.is_empty() {
                let blank = self.breaks.min(2);
                self.out.extend(std::iter::repeat_n('\n', blank));
            }
            if let Some(mark) = self.mark.take() {
                self.out.push(mark);
            }
            self.out
                .extend(std::iter::repeat_n("> ", self.quotes.min(8)));
            self.breaks = 0;
        } else if let Some(gap) = self.gap {
            self.out.push(gap);
        }
        self.gap = None;
        let shown = decoded
            .chars()
            .filter(|c| !mark::is_mark(*c))
            .map(|c| if c == '\u{a0}' { ' ' } else { c });
        self.out.extend(shown);
    }

    fn line_end(&mut self, wanted: usize) {
        self.breaks = self.breaks.max(wanted);
    }

    /// Takes notice of a tag; of a hidden element's opening tag, says its name.
    fn tag(&mut self, tag: &str) -> Option<&'static str> {
        let inner = tag.trim_start_matches('<').trim_end_matches('>');
        let closing = inner.starts_with('/');
        let name = inner
            .trim_start_matches('/')
            .split(|c: char| !c.is_ascii_alphanumeric())
            .next()
            .unwrap_or_default()
            .to_ascii_lowercase();
        if !closing && self.quotes == 0 && self.mark.is_none() {
            self.mark = mark::of(&name, inner);
            if self.mark.is_some() {
                self.line_end(1);
            }
        }
        match &*name {
            "br" => self.breaks += 1,
            // Outlook's paragraphs have no margin.
            "p" => {
                if !closing {
                    self.tight = inner.contains("MsoNormal");
                }
                self.line_end(if self.tight { 1 } else { 2 });
            }
            "pre" | "textarea" => {
                self.line_end(1);
                self.preformatted = if closing {
                    self.preformatted.saturating_sub(1)
                } else {
                    self.preformatted + 1
                };
            }
            "ol" | "ul" => {
                self.line_end(1);
                if closing {
                    self.lists.pop();
                } else if self.lists.len() < 32 {
                    self.lists.push((name == "ol").then_some(0));
                }
            }
            "tr" => self.line_end(1),
            "td" | "th" if !closing => self.gap = Some('\t'),
            "blockquote" => {
                self.line_end(1);
                self.quotes = if closing {
                    self.quotes.saturating_sub(1)
                } else {
                    self.quotes + 1
                };
            }
            "li" if !closing => {
                self.line_end(1);
                let bullet = match self.lists.last_mut() {
                    Some(Some(number)) => {
                        *number += 1;
                        format!("{number}.")
                    }
                    _ => "-".to_owned(),
                };
                self.word(&bullet);
                self.gap = Some(' ');
            }
            name if BLOCKS.contains(&name) => self.line_end(1),
            name if !closing && !inner.ends_with('/') => {
                return HIDDEN.into_iter().find(|hidden| *hidden == name);
            }
            _ => {}
        }
        None
    }
}

/// Adds a word, its character references decoded.
fn decode(out: &mut String, word: &str) {
    let mut rest = word;
    while let Some((before, reference)) = rest.split_once('&') {
        out.push_str(before);
        let end = reference
            .bytes()
            .take(32)
            .position(|byte| byte == b';')
            .and_then(|end| reference.split_at_checked(end));
        match end {
            Some((name, after)) if name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'#') => {
                add_html_token(out, format!("&{name};").as_bytes(), false);
                rest = after.strip_prefix(';').unwrap_or(after);
            }
            _ => {
                out.push('&');
                rest = reference;
            }
        }
    }
    out.push_str(rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_become_text() {
        for (html, text) in [
            ("<p>Hello <b>Ann</b>,</p><p>bye</p>", "Hello Ann,\n\nbye"),
            ("<div>a</div><div>b<br>c</div>", "a\nb\nc"),
            (
                "f&uuml;r &amp; &#8364; &lt;3 &unknown; &",
                "für & € <3 &unknown; &",
            ),
            ("<style>p{}</style><title>t</title>x<!-- <p>no --> y", "x y"),
            ("<ul><li>one</li><li>two</li></ul>", "- one\n- two"),
            (
                "<ol><li>one<ul><li>a</ul><li>two</ol>",
                "1. one\n- a\n2. two",
            ),
            (
                "<div style='display: none; max-height:0'>preview<div>x</div></div><p>Hello&nbsp;Ann</p>",
                "Hello Ann",
            ),
            ("a<pre>b\n  c</pre>d", "a\nb\n  c\nd"),
            (
                "<p class=MsoNormal>Hi,</p><p class=MsoNormal>&nbsp;</p><p class=MsoNormal>one</p><p class=MsoNormal>two</p>",
                "Hi,\n\none\ntwo",
            ),
            ("&#847;&zwnj;&nbsp;&#8203;<div>x</div>", "x"),
            (
                "<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>",
                "a\tb\nc",
            ),
            (
                "yes<blockquote>no<blockquote>why</blockquote></blockquote>",
                "yes\n> no\n> > why",
            ),
            ("a <a href=\"x>y\">link</a> 1 < 2", "a link 1 < 2"),
            ("<script>never closed", "never closed"),
            ("<!-- never closed", ""),
        ] {
            assert_eq!(to_text(html), text, "{html}");
        }
    }

    #[test]
    fn deep_and_hostile_pages_stay_linear() {
        for unit in [
            "<div>",
            "<blockquote>x",
            "<table><tr><td>",
            "<hr>",
            "<",
            "\"<a '",
            "&",
            "<!--",
            "</",
            "<style>",
            "<style></x>",
        ] {
            let page = unit.repeat(MAX_HTML_BYTES / unit.len());
            assert!(to_text(&page).len() <= MAX_HTML_BYTES * 8, "{unit}");
        }
    }
}
