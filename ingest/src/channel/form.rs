//! Requests written as forms (`application/x-www-form-urlencoded`), turned into JSON objects of texts, so that every update is JSON.
//!
//! Of a name that comes twice the first counts. Deliberately absent: multipart.

use std::borrow::Cow;

use bytes::Bytes;
use serde_json::{Map, Value};
use url::form_urlencoded;

/// The fields in their order.
pub(super) fn pairs(body: &[u8]) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    form_urlencoded::parse(body)
}

/// What stands under a name.
pub(super) fn field<'b>(body: &'b [u8], name: &str) -> Option<Cow<'b, str>> {
    pairs(body).find_map(|(given, value)| (given == name).then_some(value))
}

/// The fields as an object.
pub(super) fn object(body: &[u8]) -> Map<String, Value> {
    let mut object = Map::new();
    for (name, value) in pairs(body) {
        object
            .entry(name)
            .or_insert_with(|| Value::String(value.into_owned()));
    }
    object
}

/// The fields as the bytes of a JSON object.
pub(super) fn json(body: &[u8]) -> Bytes {
    Value::Object(object(body)).to_string().into()
}

/// The query of an address, without `?` and fragment; empty when there is none.
pub(super) fn query(url: &str) -> &str {
    let url = url.split_once('#').map_or(url, |(url, _)| url);
    url.split_once('?').map_or("", |(_, query)| query)
}

/// Whether the bytes are JSON rather than a form: they begin as an object or a list does.
pub(super) fn is_json(body: &[u8]) -> bool {
    let first = body.iter().find(|byte| !byte.is_ascii_whitespace());
    matches!(first, Some(b'{' | b'['))
}

/// Whether every escape is written in capitals (RFC 3986, 2.1). Two writings of one escape decode to the same, so that
/// what is signed after decoding would let a changed byte pass.
pub(super) fn is_canonical(body: &[u8]) -> bool {
    body.split(|byte| *byte == b'%')
        .skip(1)
        .all(|rest| !rest.iter().take(2).any(|byte| matches!(byte, b'a'..=b'f')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_become_texts() {
        let body = b"From=%2B4930&Body=a+%26+b&Body=again&Empty=&Bare";
        assert_eq!(
            serde_json::from_slice::<Value>(&json(body)).unwrap(),
            serde_json::json!({"From": "+4930", "Body": "a & b", "Empty": "", "Bare": ""})
        );
        assert_eq!(field(body, "Body").as_deref(), Some("a & b"));
        assert_eq!(field(body, "body"), None);
    }

    #[test]
    fn queries_end_where_the_fragment_begins() {
        assert_eq!(query("https://h/p?a=1&b=2#c"), "a=1&b=2");
        assert_eq!(query("https://h/p"), "");
        assert_eq!(query("https://h/p#c?a=1"), "");
    }

    #[test]
    fn an_escape_has_one_writing() {
        assert!(is_canonical(b"a=%2B%20%C3%A4&b=50"));
        assert!(!is_canonical(b"a=%2b"));
        assert!(!is_canonical(b"a=%B2&b=%e4"));
        assert!(is_canonical(b"abcdef=abc"));
    }
}
