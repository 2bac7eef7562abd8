//! Looking into JSON of which only parts are known.
//!
//! Invariant: what is not there, or of another type, is absent; nothing here fails.

use serde_json::{Map, Value};

/// The text at a JSON pointer; an empty one is none.
pub(super) fn text<'v>(value: &'v Value, path: &str) -> Option<&'v str> {
    value
        .pointer(path)
        .and_then(Value::as_str)
        .filter(|text| !text.is_empty())
}

/// The first of several places that holds a text.
pub(super) fn first<'v>(value: &'v Value, paths: &[&str]) -> Option<&'v str> {
    paths.iter().find_map(|path| text(value, path))
}

/// The list at a JSON pointer; empty when there is none.
pub(super) fn list<'v>(value: &'v Value, path: &str) -> &'v [Value] {
    value
        .pointer(path)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// Whether `true` stands at a JSON pointer.
pub(super) fn flag(value: &Value, path: &str) -> bool {
    value.pointer(path).and_then(Value::as_bool) == Some(true)
}

/// What stands under the names that are there and not null.
pub(super) fn named(value: &Value, names: &[&str]) -> Map<String, Value> {
    let one = |name: &&str| Some(((*name).to_owned(), kept(value.get(*name)?)?));
    names.iter().filter_map(one).collect()
}

fn kept(value: &Value) -> Option<Value> {
    let empty = match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    };
    (!empty).then(|| value.clone())
}
