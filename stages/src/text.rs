//! Text as the hub keeps it: Unicode NFC, no control characters but line feed and tab, bounded.
//!
//! Invariants: cleaning twice is cleaning once; a cut falls between characters; NUL, which Postgres
//! cannot hold, never passes. Deliberately absent: bidirectional marks and joiners stay, they carry
//! meaning in many scripts and in emoji.

use serde_json::{Map, Value};
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

/// Cleans a text of several lines. True when it was cut to `max_bytes`.
pub(crate) fn clean(text: String, max_bytes: usize) -> (String, bool) {
    let plain = |byte: u8| matches!(byte, b'\n' | b'\t' | 0x20..=0x7e);
    if text.len() <= max_bytes && text.bytes().all(plain) {
        return (text, false);
    }
    // Characters beyond any that could stay are not looked at; what is dropped may be a few times
    // what is kept before it counts as cut.
    let head = prefix(&text, max_bytes.saturating_mul(4));
    let mut cut = head.len() < text.len();
    let mut kept = String::with_capacity(head.len());
    let mut characters = head.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '\r' if characters.peek() == Some(&'\n') => {}
            '\r' => kept.push('\n'),
            '\n' | '\t' => kept.push(c),
            c if c.is_control() => {}
            c => kept.push(c),
        }
    }
    if is_nfc_quick(kept.chars()) != IsNormalized::Yes {
        kept = kept.nfc().collect();
    }
    if kept.len() > max_bytes {
        let end = prefix(&kept, max_bytes).len();
        kept.truncate(end);
        cut = true;
    }
    (kept, cut)
}

/// Cleans a text of one line: white space runs become one space, the ends are trimmed.
pub(crate) fn clean_line(text: String, max_bytes: usize) -> String {
    let (text, _) = clean(text, max_bytes);
    let tidy = !text.starts_with(' ')
        && !text.ends_with(' ')
        && !text.contains(['\n', '\t'])
        && !text.contains("  ");
    if tidy {
        return text;
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The longest start of `text` that fits and ends between characters.
pub(crate) fn prefix(text: &str, max_bytes: usize) -> &str {
    text.get(..text.floor_char_boundary(max_bytes))
        .unwrap_or_default()
}

/// Cleans every string and key, at any depth.
pub(crate) fn clean_map(map: Map<String, Value>, max_bytes: usize) -> Map<String, Value> {
    map.into_iter()
        .map(|(key, value)| (clean_line(key, 128), clean_value(value, max_bytes)))
        .collect()
}

fn clean_value(value: Value, max_bytes: usize) -> Value {
    match value {
        Value::String(text) => Value::String(clean(text, max_bytes).0),
        Value::Array(items) => items
            .into_iter()
            .map(|item| clean_value(item, max_bytes))
            .collect(),
        Value::Object(map) => Value::Object(clean_map(map, max_bytes)),
        plain => plain,
    }
}

/// About how many bytes a value takes as JSON.
pub(crate) fn size_bytes(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) => 5,
        Value::Number(_) => 12,
        Value::String(text) => text.len() + 2,
        Value::Array(items) => items.iter().map(|item| size_bytes(item) + 1).sum::<usize>() + 2,
        Value::Object(map) => {
            map.iter()
                .map(|(key, value)| key.len() + 4 + size_bytes(value))
                .sum::<usize>()
                + 2
        }
    }
}

/// A bot command at the beginning of a text: the command without the bot's name, and the rest.
pub(crate) fn command(text: &str) -> Option<(String, &str)> {
    let name = text.strip_prefix('/')?;
    let end = name
        .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
        .unwrap_or(name.len());
    let (name, rest) = name.split_at_checked(end)?;
    let rest = match rest.strip_prefix('@') {
        Some(bot) => bot.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '_'),
        None => rest,
    };
    let fits =
        (1..=32).contains(&name.len()) && rest.chars().next().is_none_or(char::is_whitespace);
    fits.then(|| (format!("/{}", name.to_ascii_lowercase()), rest.trim()))
}

/// The canonical form of an e-mail address: NFC, trimmed, the domain in lower case and in Unicode (UTS 46), so that
/// `xn--` labels and what they stand for are one address. A domain that no label of DNS can hold stays as written. The
/// local part belongs to its host and is not touched.
pub(crate) fn address(address: &str) -> String {
    let address = clean_line(address.to_owned(), 320);
    match address.rsplit_once('@') {
        Some((local, domain)) => format!("{local}@{}", schemas::address::email::domain(domain)),
        None => address,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn cleaning() {
        let cleaned = |text: &str| clean(text.to_owned(), 64).0;
        assert_eq!(cleaned("a\r\nb\rc\0\u{1b}\td"), "a\nb\nc\td");
        assert_eq!(cleaned("e\u{301}"), "é");
        assert_eq!(clean("äöü".into(), 3), ("ä".to_owned(), true));
        assert_eq!(clean_line(" a \n b\t".into(), 64), "a b");
    }

    #[test]
    fn commands() {
        assert_eq!(command("/start abc"), Some(("/start".into(), "abc")));
        assert_eq!(command("/Help@tidings_bot"), Some(("/help".into(), "")));
        assert_eq!(command("/etc/passwd"), None);
        assert_eq!(command("/"), None);
        assert_eq!(command("no /start"), None);
    }

    #[test]
    fn addresses() {
        assert_eq!(address(" Ann.B@EXAMPLE.Org "), "Ann.B@example.org");
        assert_eq!(address("ann@BÜCHER.example"), "ann@bücher.example");
        assert_eq!(address("nobody"), "nobody");
        assert_eq!(address("ann@xn--bcher-kva.example"), "ann@bücher.example");
        assert_eq!(address("ann@XN--BCHER-KVA.example"), "ann@bücher.example");
        assert_eq!(address("ann@BU\u{308}CHER。example"), "ann@bücher.example");
        assert_eq!(address("用户@例子.测试"), "用户@例子.测试");
        assert_eq!(address("a@xn--99999999.example"), "a@xn--99999999.example");
        assert_eq!(address("a@[192.0.2.1]"), "a@[192.0.2.1]");
    }

    proptest! {
        #[test]
        fn an_address_read_again_is_the_same(local in "[a-zA-Zä.]{1,6}", text in any::<String>(), known in 0usize..5) {
            let domain = ["xn--bcher-kva.de", "faß.de", "XN--", "ÉCOLE.fr", ""][known];
            for address in [format!("{local}@{domain}{text}"), format!("{local}@{text}.{domain}")] {
                let once = super::address(&address);
                prop_assert_eq!(super::address(&once), once);
            }
        }

        #[test]
        fn cleaning_twice_is_cleaning_once(text in any::<String>(), max in 1usize..80) {
            let (once, _) = clean(text, max);
            prop_assert!(once.len() <= max);
            prop_assert!(!once.chars().any(|c| c.is_control() && c != '\n' && c != '\t'));
            prop_assert_eq!(clean(once.clone(), max), (once.clone(), false));
            let line = clean_line(once, max);
            prop_assert_eq!(clean_line(line.clone(), max), line);
        }
    }
}
