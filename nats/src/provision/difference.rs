//! What differs between an object as it shall be and as the broker has it, and what that costs.

use serde_json::Value;

use super::Change;

/// Fields that mean something when only the broker has them.
const TELLING: [&str; 6] = [
    "subject_transform",
    "republish",
    "mirror",
    "sources",
    "filter_subject",
    "filter_subjects",
];

pub(super) fn differences(
    object: &str,
    wanted: &Value,
    actual: &Value,
    loses: fn(&str, &Value, &Value) -> bool,
) -> Vec<Change> {
    let fields = wanted
        .as_object()
        .into_iter()
        .flatten()
        .map(|(field, _)| field.as_str());
    fields
        .chain(
            TELLING
                .into_iter()
                .filter(|field| wanted.get(field).is_none()),
        )
        .filter(|field| !same(&wanted[*field], &actual[*field]))
        .map(|field| Change {
            object: object.to_owned(),
            field: field.to_owned(),
            from: actual[field].clone(),
            to: wanted[field].clone(),
            destructive: loses(field, &actual[field], &wanted[field]),
        })
        .collect()
}

/// Equal, an absent field being its type's nothing; what the broker adds inside an object is ignored.
fn same(wanted: &Value, actual: &Value) -> bool {
    match (wanted, actual) {
        (wanted, Value::Null) => is_nothing(wanted),
        (Value::Null, actual) => is_nothing(actual),
        (Value::Object(wanted), Value::Object(actual)) => wanted
            .iter()
            .all(|(key, value)| same(value, actual.get(key).unwrap_or(&Value::Null))),
        (wanted, actual) => wanted == actual,
    }
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Bool(true) => false,
        Value::Number(number) => number.as_i64() == Some(0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.values().all(is_nothing),
    }
}

/// Whether a stream loses messages by this change.
pub(super) fn stream_loses(field: &str, from: &Value, to: &Value) -> bool {
    match field {
        field if must_be_anew(field) => true,
        "max_age" | "max_bytes" | "max_msgs" | "max_msgs_per_subject" => bound(to) < bound(from),
        "subjects" => {
            let kept = to.as_array();
            let gone = |subject| kept.is_none_or(|kept| !kept.contains(subject));
            from.as_array().is_some_and(|from| from.iter().any(gone))
        }
        _ => false,
    }
}

/// The broker changes these fields of a stream only by making it anew.
pub(super) fn must_be_anew(field: &str) -> bool {
    ["storage", "retention", "max_consumers"].contains(&field)
}

/// A limit as a number that can be compared: none is the largest.
fn bound(value: &Value) -> i64 {
    match value.as_i64() {
        Some(limit) if limit > 0 => limit,
        _ => i64::MAX,
    }
}

/// The broker changes these only by making the consumer anew, and its place is lost.
pub(super) fn consumer_loses(field: &str, _from: &Value, _to: &Value) -> bool {
    [
        "deliver_policy",
        "ack_policy",
        "replay_policy",
        "max_waiting",
    ]
    .contains(&field)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_loses_messages_is_destructive() {
        let wanted =
            json!({ "max_age": 10, "max_bytes": -1, "subjects": ["a"], "description": "x" });
        let actual = json!({ "max_age": 0, "max_bytes": 5, "subjects": ["a", "b"] });
        let changes = differences("stream S", &wanted, &actual, stream_loses);
        let found: Vec<(&str, bool)> = changes
            .iter()
            .map(|change| (change.field.as_str(), change.destructive))
            .collect();
        assert_eq!(
            found,
            [
                ("description", false),
                ("max_age", true),
                ("max_bytes", false),
                ("subjects", true)
            ]
        );
        assert_eq!(changes[1].to_string(), "! stream S: max_age 0 -> 10");
    }

    #[test]
    fn what_the_broker_adds_or_leaves_out_is_no_change() {
        let wanted = json!({ "backoff": [], "no_ack": false, "metadata": { "tidings": "1" } });
        let actual = json!({ "metadata": { "tidings": "1", "_nats.ver": "2.15.1" } });
        assert_eq!(differences("x", &wanted, &actual, stream_loses), []);
        let republishing = json!({ "republish": { "src": "a", "dest": "b" } });
        assert_eq!(
            differences("x", &json!({}), &republishing, stream_loses).len(),
            1
        );
    }
}
