//! The names a template reads, and what each of them is for a recipient.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

use minijinja::{
    Value,
    value::{Object, ObjectRepr},
};
use serde_json::Value as Json;

use crate::{
    page::is_plain,
    recipient::{Links, Recipient},
};

/// Names that are there without an attribute.
const BUILT_IN: [&str; 9] = [
    "address",
    "attributes",
    "campaign",
    "contact",
    "email",
    "language",
    "preferences_url",
    "time_zone",
    "unsubscribe_url",
];
/// Longest text of a value, in bytes; the rest is cut off.
const MAX_VALUE: usize = 32 * 1024;
/// How deep a value may be nested; what is deeper is not there.
const MAX_DEPTH: u8 = 16;

/// A name without what follows a dot.
pub(crate) fn root(name: &str) -> &str {
    name.split('.').next().unwrap_or(name)
}

/// Whether a name needs no attribute of its own.
pub(crate) fn is_built_in(name: &str) -> bool {
    BUILT_IN.contains(&name)
}

/// The values of a template's names; a binary search, because there are a dozen of them.
pub(crate) struct Words {
    names: Arc<[Box<str>]>,
    values: Vec<Option<Value>>,
}

impl fmt::Debug for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Words")
            .field("names", &self.names)
            .finish_non_exhaustive()
    }
}

impl Object for Words {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Map
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let at = self
            .names
            .binary_search_by(|name| (**name).cmp(key.as_str().unwrap_or_default()))
            .ok()?;
        self.values.get(at)?.clone()
    }
}

impl Words {
    /// What the sorted names are for a recipient.
    pub(crate) fn new(
        names: &Arc<[Box<str>]>,
        variables: &BTreeSet<String>,
        recipient: &Recipient<'_>,
        defaults: &BTreeMap<String, String>,
        links: &dyn Links,
    ) -> Self {
        let values = names
            .iter()
            .map(|name| match &**name {
                "unsubscribe_url" | "preferences_url" => Some(text(&links.preferences())),
                name => value_of(name, recipient, defaults).or_else(|| hollow(name, variables)),
            })
            .collect();
        Self {
            names: Arc::clone(names),
            values,
        }
    }
}

/// Whether a name has a value for the recipient.
pub(crate) fn has(
    name: &str,
    recipient: &Recipient<'_>,
    defaults: &BTreeMap<String, String>,
) -> bool {
    matches!(name, "unsubscribe_url" | "preferences_url")
        || value_of(name, recipient, defaults).is_some()
}

fn value_of(
    name: &str,
    recipient: &Recipient<'_>,
    defaults: &BTreeMap<String, String>,
) -> Option<Value> {
    let built_in = match name {
        "name" => recipient.name.filter(|name| !name.is_empty()).map(text),
        "address" => Some(text(recipient.address)),
        "email" => recipient
            .address
            .contains('@')
            .then(|| text(recipient.address)),
        "language" => recipient.language.map(text),
        "time_zone" => recipient.time_zone.map(text),
        "contact" => Some(facts(&[
            ("id", Some(Value::from(recipient.contact.to_string()))),
            ("name", recipient.name.map(text)),
            ("address", Some(text(recipient.address))),
            ("language", recipient.language.map(text)),
            ("time_zone", recipient.time_zone.map(text)),
        ])),
        "campaign" => Some(facts(&[
            ("id", Some(Value::from(recipient.campaign.id.to_string()))),
            ("name", Some(text(recipient.campaign.name))),
        ])),
        "attributes" => Some(object(recipient.attributes, 0)),
        _ => None,
    };
    built_in.or_else(|| attribute(name, recipient, defaults))
}

/// An attribute; its default where it is missing, null or empty.
fn attribute(
    name: &str,
    recipient: &Recipient<'_>,
    defaults: &BTreeMap<String, String>,
) -> Option<Value> {
    let found = recipient.attributes.get(name);
    let default = || defaults.get(name).map(|value| text(value));
    match found {
        None | Some(Json::Null) => default(),
        Some(Json::String(empty)) if empty.is_empty() => default().or_else(|| Some(text(""))),
        Some(value) => plain(value, 0),
    }
}

/// What is read of a name that has no value: objects without values, so that `order.total | default(0)` is 0.
fn hollow(name: &str, variables: &BTreeSet<String>) -> Option<Value> {
    let mut fields: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    let inside = variables
        .iter()
        .filter_map(|variable| variable.strip_prefix(name)?.strip_prefix('.'));
    let mut is_read = false;
    for path in inside {
        is_read = true;
        if let Some((field, _)) = path.split_once('.') {
            fields.entry(field).or_default().insert(path.to_owned());
        }
    }
    let fields = fields
        .into_iter()
        .filter_map(|(field, paths)| Some((Value::from(field), hollow(field, &paths)?)));
    is_read.then(|| Value::from_pairs(fields))
}

fn facts(fields: &[(&'static str, Option<Value>)]) -> Value {
    let present = fields
        .iter()
        .filter_map(|(name, value)| Some((*name, value.clone()?)));
    Value::from_pairs(present)
}

fn object(fields: &serde_json::Map<String, Json>, depth: u8) -> Value {
    let present = fields
        .iter()
        .filter_map(|(name, value)| Some((text(name), plain(value, depth + 1)?)));
    Value::from_pairs(present)
}

/// A value as templates see it; null is no value.
fn plain(value: &Json, depth: u8) -> Option<Value> {
    if depth > MAX_DEPTH {
        return None;
    }
    Some(match value {
        Json::Null => return None,
        Json::Bool(value) => Value::from(*value),
        Json::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(number), ..) => Value::from(number),
            (None, Some(number), _) => Value::from(number),
            (None, None, Some(number)) => Value::from(number),
            (None, None, None) => return None,
        },
        Json::String(value) => text(value),
        Json::Array(items) => items
            .iter()
            .filter_map(|item| plain(item, depth + 1))
            .collect(),
        Json::Object(fields) => object(fields, depth),
    })
}

/// A text without control characters, and not without end.
fn text(value: &str) -> Value {
    let value = value
        .get(..value.floor_char_boundary(MAX_VALUE))
        .unwrap_or(value);
    if value.bytes().all(is_plain) {
        return Value::from(value);
    }
    Value::from(
        value
            .chars()
            .filter(|c| !c.is_ascii() || u8::try_from(*c).is_ok_and(is_plain))
            .collect::<String>(),
    )
}
