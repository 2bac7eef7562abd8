//! Output with an end, and the marks in it where the caller's addresses go.
//!
//! A mark is text between two control characters, which no value and no template can contain
//! ([`crate::words`], [`crate::compiled`]): an address to be counted, or the place of the pixel. They are replaced once
//! the template has run, because its filters cannot know the caller.

use std::io;

use crate::recipient::Links;

/// Longest HTML of a message, in bytes.
pub const MAX_HTML: usize = 512 * 1024;
/// Longest text of a message, in bytes.
pub const MAX_TEXT: usize = 128 * 1024;
/// Longest address that is counted; longer ones stay as they are.
const MAX_CLICK: usize = schemas::tracking_token::MAX_URL;

const OPEN: char = '\u{1}';
const CLOSE: char = '\u{2}';
/// In place of an address: the pixel.
pub(crate) const PIXEL: &str = "\u{1}\u{3}\u{2}";

/// In place of an address: the recipient's own page.
pub(crate) const PREFERENCES: &str = "\u{1}\u{4}\u{2}";

/// Whether a character may stand in values and templates.
pub(crate) const fn is_plain(byte: u8) -> bool {
    byte >= b' ' || matches!(byte, b'\t' | b'\n' | b'\r')
}

/// Whether a text is one mark.
pub(crate) fn is_mark(text: &str) -> bool {
    text.starts_with(OPEN) && text.ends_with(CLOSE)
}

/// Output with an end.
pub(crate) struct Page {
    pub(crate) text: Vec<u8>,
    pub(crate) full: bool,
    max: usize,
}

impl Page {
    pub(crate) fn new(room: usize, max: usize) -> Self {
        Self {
            text: Vec::with_capacity(room.min(max)),
            full: false,
            max,
        }
    }
}

impl io::Write for Page {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.text.len() + bytes.len() > self.max {
            self.full = true;
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The text with every mark replaced.
pub(crate) fn addressed(text: String, html: bool, links: &dyn Links) -> String {
    let Some((mut before, mut rest)) = text.split_once(OPEN) else {
        return text;
    };
    let mut whole = String::with_capacity(text.len() + text.len() / 2);
    loop {
        whole.push_str(before);
        let (mark, after) = rest.split_once(CLOSE).unwrap_or((rest, ""));
        let address = match mark {
            "\u{3}" => links.pixel(),
            "\u{4}" => links.preferences(),
            url => links.click(url),
        };
        if html {
            escape(&mut whole, &address);
        } else {
            whole.push_str(&address);
        }
        match after.split_once(OPEN) {
            Some(next) => (before, rest) = next,
            None => {
                whole.push_str(after);
                return whole;
            }
        }
    }
}

/// What is escaped in HTML.
pub(crate) const SPECIAL: [char; 5] = ['&', '"', '\'', '<', '>'];

/// For text and for between quotes. Marks stay.
pub(crate) fn escape(into: &mut String, text: &str) {
    let mut rest = text;
    while let Some(at) = rest.find(SPECIAL) {
        let (before, after) = rest.split_at(at);
        into.push_str(before);
        let mut chars = after.chars();
        into.push_str(match chars.next() {
            Some('&') => "&amp;",
            Some('"') => "&quot;",
            Some('\'') => "&#39;",
            Some('<') => "&lt;",
            _ => "&gt;",
        });
        rest = chars.as_str();
    }
    into.push_str(rest);
}

/// A mark for an address that can be counted; any other address as [`address`] has it.
pub(crate) fn click(url: &str) -> String {
    if is_mark(url) {
        return url.to_owned();
    }
    let url = cleaned(url);
    if is_web(&url) && url.len() <= MAX_CLICK {
        format!("{OPEN}{url}{CLOSE}")
    } else {
        safe(url)
    }
}

/// An address that is not counted.
pub(crate) fn address(url: &str) -> String {
    if is_mark(url) {
        return url.to_owned();
    }
    safe(cleaned(url))
}

/// Whether an address may be one of a link: it neither runs a script nor holds a document of its own.
pub(crate) fn is_harmless(url: &str) -> bool {
    is_mark(url) || scheme(&cleaned(url)).is_none_or(is_known)
}

/// An address as a text shows it; nothing in place of one that is no link's.
pub(crate) fn shown(url: &str) -> String {
    if !is_harmless(url) {
        return String::new();
    }
    url.trim()
        .chars()
        .filter(|c| !matches!(c, '\t' | '\n' | '\r'))
        .collect()
}

/// What [`click`] or [`address`] made, for between quotes.
pub(crate) fn quoted(url: String) -> String {
    if is_mark(&url) {
        url
    } else {
        url.replace('&', "&amp;")
    }
}

/// `#` for what would run a script or hold a document of its own.
fn safe(url: String) -> String {
    if scheme(&url).is_none_or(is_known) {
        url
    } else {
        "#".into()
    }
}

/// The scheme of an address; none of one that is relative.
fn scheme(url: &str) -> Option<&str> {
    let (scheme, _) = url.split_once(':')?;
    (!scheme.contains(['/', '?', '#'])).then_some(scheme)
}

/// Schemes of what a mail may lead to: the web, people, and pictures of the mail itself.
fn is_known(scheme: &str) -> bool {
    const KNOWN: [&str; 8] = [
        "http", "https", "mailto", "tel", "sms", "cid", "geo", "whatsapp",
    ];
    KNOWN.iter().any(|name| name.eq_ignore_ascii_case(scheme))
}

fn is_web(url: &str) -> bool {
    ["https://", "http://"].iter().any(|scheme| {
        url.get(..scheme.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
            && url.len() > scheme.len()
    })
}

/// As a browser would read it (WHATWG URL: without tabs, line ends, and blanks around), and ASCII.
fn cleaned(url: &str) -> String {
    let mut clean = String::with_capacity(url.len());
    for byte in url.trim_matches(|c: char| c <= ' ').bytes() {
        match byte {
            b'\t' | b'\n' | b'\r' => {}
            b'"' | b'\'' | b'<' | b'>' | b'`' | b'\\' | b'{' | b'}' | b'|' | b'^' => {
                percent(&mut clean, byte);
            }
            b'!'..=b'~' => clean.push(char::from(byte)),
            _ => percent(&mut clean, byte),
        }
    }
    clean
}

/// A byte as `%XX`.
pub(crate) fn percent(into: &mut String, byte: u8) {
    into.push('%');
    for digit in [byte >> 4, byte & 15] {
        into.push(char::from_digit(u32::from(digit), 16).map_or('0', |c| c.to_ascii_uppercase()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for (given, made) in [
            (
                "https://a.example/x?a=1&b=2",
                "https://a.example/x?a=1&amp;b=2",
            ),
            (" java\tscript:alert(1)", "#"),
            ("JAVASCRIPT:alert(1)", "#"),
            ("\u{1}javascript:alert(1)", "#"),
            ("data:text/html,x", "#"),
            ("vbscript:x", "#"),
            ("mailto:a@b.example", "mailto:a@b.example"),
            ("/path:x", "/path:x"),
            ("#top", "#top"),
            ("a b\"c'<é", "a%20b%22c%27%3C%C3%A9"),
        ] {
            assert_eq!(quoted(address(given)), made, "{given}");
            assert_eq!(is_harmless(given), made != "#", "{given}");
        }
        assert_eq!(shown(" https://a.example/\tü "), "https://a.example/ü");
        assert_eq!(shown("JavaScript:alert(1)"), "");
        assert_eq!(click("HTTPS://a.example"), "\u{1}HTTPS://a.example\u{2}");
        assert_eq!(click("javascript:x"), "#");
        assert_eq!(click("https://"), "https://");
    }
}
