//! What elements say by their names and classes: that a quotation or a signature begins, that nobody sees them.
//!
//! Marks are characters of the private use area that stand at the beginning of a line; the page's own characters of that
//! kind are left out, so a mark is always ours.

/// Before the words that introduce a quotation.
pub(in crate::normalize) const QUOTATION: char = '\u{f8f1}';
/// Before an earlier mail that runs to the end.
pub(in crate::normalize) const EARLIER: char = '\u{f8f2}';
/// Before a signature.
pub(in crate::normalize) const SIGNATURE: char = '\u{f8f3}';

/// How far into a tag is looked.
const MAX_TAG_BYTES: usize = 2048;

/// Gmail, Thunderbird, Yahoo, Proton, Tuta, Apple Mail, Zoho.
const QUOTATIONS: [&str; 10] = [
    "gmail_quote",
    "moz-cite-prefix",
    "yahoo_quoted",
    "yahoo-quoted",
    "protonmail_quote",
    "tutanota_quote",
    "zmail_extra",
    "type=\"cite\"",
    "type=cite",
    "gmail_attr",
];
/// Outlook in its editions, GMX, Zimbra, 163.com, QQ.
const EARLIER_MAILS: [&str; 15] = [
    "divrplyfwdmsg",
    "appendonsend",
    "mail-editor-reference-message-container",
    "ms-outlook-mobile-reference-message",
    "olk_src_body_section",
    "outlookmessageheader",
    "id=\"stopspelling\"",
    "name=\"quote\"",
    "__quoted_text__",
    "id=\"zwchr\"",
    "isreplycontent",
    "includetail",
    "ntes_reply",
    "border-top:solid#b5c4df",
    "border-top:solid#e1e1e1",
];
const SIGNATURES: [&str; 7] = [
    "gmail_signature",
    "moz-signature",
    "protonmail_signature",
    "ms-outlook-mobile-signature",
    "applemailsignature",
    "id=\"signature\"",
    "zimbra-signature",
];

/// The mark of an element, by its opening tag.
pub(super) fn of(name: &str, tag: &str) -> Option<char> {
    if !matches!(
        name,
        "div" | "span" | "blockquote" | "table" | "p" | "hr" | "pre"
    ) {
        return None;
    }
    let tag = folded(tag);
    let has = |names: &[&str]| names.iter().any(|name| tag.contains(name));
    if has(&EARLIER_MAILS) {
        Some(EARLIER)
    } else if has(&QUOTATIONS) {
        Some(QUOTATION)
    } else {
        has(&SIGNATURES).then_some(SIGNATURE)
    }
}

/// Whether the reader does not see the element of this opening tag.
pub(super) fn is_hidden(tag: &str) -> bool {
    if tag.starts_with("</") || !tag.as_bytes().contains(&b'=') {
        return false;
    }
    let tag = folded(tag);
    tag.contains("display:none") || tag.contains("mso-hide:all")
}

/// A tag in lower case without spaces.
fn folded(tag: &str) -> String {
    let head = crate::text::prefix(tag, MAX_TAG_BYTES);
    head.chars()
        .filter(|c| !c.is_whitespace())
        .map(|c| {
            if c == '\'' {
                '"'
            } else {
                c.to_ascii_lowercase()
            }
        })
        .collect()
}

/// The name in a tag.
pub(super) fn name(tag: &str) -> Option<&str> {
    tag.trim_start_matches(['<', '/'])
        .split(|c: char| !c.is_ascii_alphanumeric())
        .next()
        .filter(|name| !name.is_empty())
}

/// Elements that have no end.
pub(super) fn is_void(name: &str) -> bool {
    [
        "img", "br", "hr", "input", "meta", "link", "col", "area", "base", "wbr",
    ]
    .iter()
    .any(|void| name.eq_ignore_ascii_case(void))
}

pub(super) fn is_mark(c: char) -> bool {
    matches!(c, QUOTATION | EARLIER | SIGNATURE)
}

/// Characters that show nothing: what senders fill previews with.
pub(super) fn is_filler(c: char) -> bool {
    matches!(
        c,
        '\u{a0}' | '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180e}' | '\u{200b}'
            ..='\u{200f}' | '\u{2007}' | '\u{2060}' | '\u{feff}'
    ) || is_mark(c)
}

/// A text without marks.
pub(in crate::normalize) fn unmarked(text: &str) -> String {
    text.chars().filter(|c| !is_mark(*c)).collect()
}

/// Whether a marked text says where its quotation begins.
pub(in crate::normalize) fn names_quotation(marked: &str) -> bool {
    marked.contains([QUOTATION, EARLIER])
}
