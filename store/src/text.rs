//! What Postgres cannot keep: it refuses NUL in text and in jsonb.

use std::borrow::Cow;

use serde_json::Value;

/// The text without NUL.
pub(crate) fn clean(text: &str) -> Cow<'_, str> {
    if text.contains('\0') {
        Cow::Owned(text.replace('\0', ""))
    } else {
        Cow::Borrowed(text)
    }
}

/// The same for all strings and names of a value.
pub(crate) fn clean_json(value: &mut Value) {
    match value {
        Value::String(text) if text.contains('\0') => *text = text.replace('\0', ""),
        Value::Array(items) => items.iter_mut().for_each(clean_json),
        Value::Object(map) => {
            if map.keys().any(|key| key.contains('\0')) {
                *map = std::mem::take(map)
                    .into_iter()
                    .map(|(key, value)| (key.replace('\0', ""), value))
                    .collect();
            }
            map.values_mut().for_each(clean_json);
        }
        _ => {}
    }
}

/// At most `max` characters, on one line.
pub(crate) fn preview(text: &str, max: usize) -> String {
    let mut out = String::with_capacity(max.min(text.len()));
    for (count, char) in text.trim_start().chars().enumerate() {
        if count == max {
            break;
        }
        match char {
            '\0' => {}
            char if char.is_control() => out.push(' '),
            char => out.push(char),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn preview_counts_characters_and_not_bytes() {
        assert_eq!(preview("  ab\ncd", 4), "ab c");
        let long = "ä".repeat(500);
        assert_eq!(preview(&long, 120).chars().count(), 120);
        assert_eq!(preview("👩‍👩‍👧", 1), "👩");
    }

    /// Postgres writes the numbers of a jsonb with all their digits; without the feature
    /// `float_roundtrip` of `serde_json` the largest ones could be stored and never be read again.
    #[test]
    fn the_largest_numbers_can_be_read_as_postgres_writes_them() {
        let written = format!("17976931348623157{}", "0".repeat(292));
        let read: Value = serde_json::from_str(&written).unwrap();
        assert_eq!(read, json!(f64::MAX));
    }

    #[test]
    fn nul_goes_everywhere() {
        let mut value = json!({"a\0": ["x\0y", {"b": "\0"}], "n": 1});
        clean_json(&mut value);
        assert_eq!(value, json!({"a": ["xy", {"b": ""}], "n": 1}));
        assert_eq!(clean("a\0b"), "ab");
    }
}
