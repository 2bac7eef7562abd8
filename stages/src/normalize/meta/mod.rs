//! What WhatsApp, Messenger and Instagram share: a part of a body, read leniently.
//!
//! Meta writes ids and times as texts in one place and as numbers in another, and adds fields without notice; so fields are
//! read one by one, and one of an unexpected form is absent instead of spoiling its message.

mod attachment;
mod comment;
mod messaging;

use schemas::{Message, MessageType, Timestamp, keys::meta::Part};
use serde_json::{Map, Value};

use super::{Filled, unsupported};

/// An update of Messenger or Instagram.
pub(super) fn fill(message: &mut Message, bytes: &[u8]) -> Filled {
    let Some(update) = Update::parse(bytes) else {
        unsupported(message, bytes);
        return Filled::MESSAGE;
    };
    match &*update.part {
        "messaging" | "standby" => messaging::fill(message, &update, bytes),
        "value" => {
            comment::fill(message, &update, bytes);
            Filled::MESSAGE
        }
        _ => {
            unsupported(message, bytes);
            Filled::MESSAGE
        }
    }
}

/// A part whose pieces can be looked into.
pub(super) struct Update {
    pub(super) account: Option<String>,
    pub(super) field: Option<String>,
    pub(super) metadata: Value,
    pub(super) contact: Value,
    pub(super) part: String,
    pub(super) item: Value,
    /// The entry's time.
    pub(super) time: Option<Timestamp>,
}

impl Update {
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let part = Part::parse(bytes).ok()?;
        let value = |raw: Option<&serde_json::value::RawValue>| {
            raw.and_then(|raw| serde_json::from_str::<Value>(raw.get()).ok())
                .unwrap_or_default()
        };
        let (account, field, time) = (value(part.account), value(part.field), value(part.time));
        Some(Self {
            account: word(&account),
            field: word(&field),
            time: moment(&time),
            metadata: value(part.metadata),
            contact: value(part.contact),
            item: serde_json::from_str(part.item.get()).ok()?,
            part: part.part.into_owned(),
        })
    }
}

/// A text, or a whole number as one; an empty text is none.
pub(super) fn word(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) if !number.is_f64() => Some(number.to_string()),
        _ => None,
    }
}

/// [`word`] of a field.
pub(super) fn field(value: &Value, name: &str) -> Option<String> {
    word(value.get(name)?)
}

/// The text of a field.
pub(super) fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// Whether a field says yes.
pub(super) fn flag(value: &Value, name: &str) -> bool {
    value.get(name).and_then(Value::as_bool) == Some(true)
}

/// The items of a list.
pub(super) fn list<'v>(value: &'v Value, name: &str) -> &'v [Value] {
    value
        .get(name)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// A time in seconds or milliseconds since 1970, from then to the year 9999.
pub(super) fn moment(value: &Value) -> Option<Timestamp> {
    const LAST_S: i64 = 253_402_300_799;
    /// Seconds of the year 5138, milliseconds of 1973.
    const MILLISECONDS: i64 = 100_000_000_000;
    let number: i64 = word(value)?.parse().ok()?;
    match number {
        0..MILLISECONDS => Some(Timestamp::from_seconds(number)),
        MILLISECONDS.. if number / 1000 <= LAST_S => Some(Timestamp(number.saturating_mul(1000))),
        _ => None,
    }
}

/// [`moment`] of a field.
pub(super) fn at(value: &Value, name: &str) -> Option<Timestamp> {
    moment(value.get(name)?)
}

/// Keeps what there is.
pub(super) fn keep(map: &mut Map<String, Value>, key: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value.map(Into::into)
        && !value.is_null()
    {
        map.insert(key.to_owned(), value);
    }
}

/// The entries that have a value.
pub(super) fn given<const N: usize>(entries: [(&str, Option<Value>); N]) -> Map<String, Value> {
    let mut map = Map::new();
    for (key, value) in entries {
        keep(&mut map, key, value);
    }
    map
}

/// An event of the platform that is understood; its raw form is kept.
pub(super) fn event(message: &mut Message, bytes: &[u8], name: &str) {
    unsupported(message, bytes);
    message.message_type = MessageType::Event;
    message.metadata.insert("event".into(), name.into());
}

/// The first of a list of errors, as `<code>: <title>`.
pub(super) fn reason(errors: &[Value]) -> Option<String> {
    let error = errors.first()?;
    let code = field(error, "code")?;
    let details = error.pointer("/error_data/details").and_then(Value::as_str);
    let words = [
        Some(text(error, "title")),
        Some(text(error, "message")),
        details,
    ]
    .into_iter()
    .flatten()
    .find(|words| !words.is_empty());
    Some(words.map_or_else(|| code.clone(), |words| format!("{code}: {words}")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn times_are_seconds_or_milliseconds() {
        let seconds = Timestamp::from_seconds(1_749_416_383);
        for (value, expected) in [
            (json!("1749416383"), Some(seconds)),
            (json!(1_749_416_383), Some(seconds)),
            (json!(1_749_416_383_000_i64), Some(seconds)),
            (json!("1749416383000"), Some(seconds)),
            (json!(0), Some(Timestamp(0))),
            (json!(-1), None),
            (json!(i64::MAX), None),
            (json!("soon"), None),
            (json!(1.5), None),
            (json!(null), None),
        ] {
            assert_eq!(moment(&value), expected, "{value}");
        }
    }

    #[test]
    fn a_reason_is_the_first_error() {
        let errors = json!([{"code": 131_026, "title": "Message undeliverable"}, {"code": 1}]);
        let errors = errors.as_array().unwrap();
        assert_eq!(
            reason(errors).as_deref(),
            Some("131026: Message undeliverable")
        );
        assert_eq!(reason(&[json!({"code": 1})]).as_deref(), Some("1"));
        assert_eq!(reason(&[json!({"title": "x"})]), None);
        assert_eq!(reason(&[]), None);
    }
}
