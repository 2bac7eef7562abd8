//! HTML to plain text, for mail.
//!
//! Invariants: linear in the input and without recursion, whatever the nesting; at most
//! [`MAX_HTML_BYTES`] are looked at; quotations are marked with `> `, so that the cutting of quoted
//! tails sees them. Deliberately absent: layout. Tables become lines, their cells tab-separated.

use mail_parser::decoders::html::add_html_token;

use super::MAX_HTML_BYTES;
use crate::text::prefix;

/// Elements whose content is no text of the page.
const HIDDEN: [&str; 6] = ["head", "script", "style", "template", "title", "noscript"];
/// Elements that begin and end a line.
const BLOCKS: [&str; 26] = [
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
    "ol",
    "section",
    "table",
    "ul",
];

/// The text of a page.
pub(super) fn to_text(html: &str) -> String {
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

/// The text so far.
#[derive(Default)]
struct Page {
    out: String,
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

    fn word(&mut self, word: &str) {
        if self.breaks > 0 || self.out.is_empty() {
            if !self.out.is_empty() {
                let blank = self.breaks.min(2);
                self.out.extend(std::iter::repeat_n('\n', blank));
            }
            self.out
                .extend(std::iter::repeat_n("> ", self.quotes.min(8)));
            self.breaks = 0;
        } else if let Some(gap) = self.gap {
            self.out.push(gap);
        }
        self.gap = None;
        decode(&mut self.out, word);
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
        match &*name {
            "br" => self.breaks += 1,
            "p" => self.line_end(2),
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
                self.word("-");
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
