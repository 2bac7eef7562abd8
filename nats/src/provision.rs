//! Provisioning: makes the broker's streams, consumers and buckets what the files say.
//!
//! Invariants: applying twice changes nothing the second time; nothing that loses messages or a
//! consumer's place is done without `force`. Objects the files do not name are left alone.

use std::{collections::HashMap, fmt};

use futures::{StreamExt, TryStreamExt, stream};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    api::ApiError,
    bus::Bus,
    definition::{self, ConsumerDefinition},
    lag::consumers,
};

/// Requests under way at once.
const WIDTH: usize = 48;

/// One difference between the broker and the files.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// `stream INGEST`, `bucket members`, `consumer INGEST/normalize-7`.
    pub object: String,
    /// The field; empty when the whole object is missing.
    pub field: String,
    pub from: Value,
    pub to: Value,
    /// Messages or a consumer's place may be lost.
    pub destructive: bool,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = if self.destructive { "! " } else { "" };
        if self.field.is_empty() {
            write!(f, "{mark}{}: create", self.object)
        } else {
            write!(
                f,
                "{mark}{}: {} {} -> {}",
                self.object, self.field, self.from, self.to
            )
        }
    }
}

/// Why the broker is not as the files say.
#[derive(Debug, thiserror::Error)]
pub enum ProvisionError {
    /// Some of the changes lose something; nothing was changed.
    #[error("{} of the changes may lose messages; nothing was changed", .0.iter().filter(|change| change.destructive).count())]
    Destructive(Vec<Change>),
    #[error("{object} could not be provisioned")]
    Api {
        object: String,
        #[source]
        source: ApiError,
    },
}

/// What differs, without changing anything.
///
/// # Errors
/// [`ProvisionError::Api`].
pub async fn diff(bus: &Bus) -> Result<Vec<Change>, ProvisionError> {
    let mut changes = changes(&plan_streams(bus).await?);
    changes.extend(self::changes(&plan_consumers(bus).await?));
    Ok(changes)
}

/// Makes the broker what the files say and returns what was changed.
///
/// # Errors
/// [`ProvisionError::Destructive`] when something would be lost and `force` is not set.
pub async fn apply(bus: &Bus, force: bool) -> Result<Vec<Change>, ProvisionError> {
    let streams = plan_streams(bus).await?;
    let mut done = changes(&streams);
    if !force {
        let mut all = done.clone();
        all.extend(changes(&plan_consumers(bus).await?));
        if all.iter().any(|change| change.destructive) {
            return Err(ProvisionError::Destructive(all));
        }
    }
    run(bus, streams).await?;
    // A stream made anew has lost its consumers, so they are planned after it.
    let consumers = plan_consumers(bus).await?;
    done.extend(changes(&consumers));
    run(bus, consumers).await?;
    Ok(done)
}

/// An object to create or change.
struct Step {
    object: String,
    changes: Vec<Change>,
    /// Requests in order: API verb and payload.
    requests: Vec<(String, Value)>,
}

fn changes(steps: &[Step]) -> Vec<Change> {
    steps.iter().flat_map(|step| step.changes.clone()).collect()
}

async fn run(bus: &Bus, steps: Vec<Step>) -> Result<(), ProvisionError> {
    stream::iter(steps)
        .map(|step| async move {
            for (verb, payload) in &step.requests {
                bus.pulling()
                    .api::<Value>(verb, payload)
                    .await
                    .map_err(|source| failed(&step.object, source))?;
            }
            Ok(())
        })
        .buffer_unordered(WIDTH)
        .try_collect()
        .await
}

fn failed(object: &str, source: ApiError) -> ProvisionError {
    ProvisionError::Api {
        object: object.to_owned(),
        source,
    }
}

async fn plan_streams(bus: &Bus) -> Result<Vec<Step>, ProvisionError> {
    #[derive(Deserialize)]
    struct Page {
        total: usize,
        #[serde(default = "Vec::new")]
        streams: Vec<Described>,
    }
    let mut actual = HashMap::new();
    let mut offset = 0;
    loop {
        let page: Page = bus
            .pulling()
            .api("STREAM.LIST", &json!({ "offset": offset }))
            .await
            .map_err(|source| failed("the list of streams", source))?;
        let received = page.streams.len();
        offset += received;
        actual.extend(
            page.streams
                .into_iter()
                .map(|found| (found.name(), found.config)),
        );
        if received == 0 || offset >= page.total {
            break;
        }
    }
    Ok(definition::stream_configs()
        .into_iter()
        .filter_map(|wanted| stream_step(&wanted, &actual))
        .collect())
}

fn stream_step(wanted: &Value, actual: &HashMap<String, Value>) -> Option<Step> {
    let name = wanted["name"].as_str().unwrap_or_default();
    let object = match name.strip_prefix("KV_") {
        Some(bucket) => format!("bucket {bucket}"),
        None => format!("stream {name}"),
    };
    let create = (format!("STREAM.CREATE.{name}"), wanted.clone());
    let Some(actual) = actual.get(name) else {
        return Some(missing(object, vec![create]));
    };
    let changes = differences(&object, wanted, actual, stream_loses);
    let anew = changes
        .iter()
        .any(|change| ["storage", "retention", "max_consumers"].contains(&change.field.as_str()));
    let requests = if anew {
        vec![(format!("STREAM.DELETE.{name}"), json!({})), create]
    } else {
        vec![(format!("STREAM.UPDATE.{name}"), wanted.clone())]
    };
    (!changes.is_empty()).then_some(Step {
        object,
        changes,
        requests,
    })
}

async fn plan_consumers(bus: &Bus) -> Result<Vec<Step>, ProvisionError> {
    let lists = definition::streams().map(|stream| async move {
        let found = consumers::<Described>(bus, stream)
            .await
            .map_err(|source| failed(&format!("the consumers of {stream}"), source))?;
        let found = found
            .into_iter()
            .map(move |found| ((stream, found.name()), found.config));
        Ok::<_, ProvisionError>(found)
    });
    let actual: HashMap<(&str, String), Value> = futures::future::try_join_all(lists)
        .await?
        .into_iter()
        .flatten()
        .collect();
    Ok(definition::consumer_configs()
        .into_iter()
        .filter_map(|wanted| {
            let key = (wanted.stream, wanted.durable.clone());
            consumer_step(&wanted, actual.get(&key))
        })
        .collect())
}

fn consumer_step(wanted: &ConsumerDefinition, actual: Option<&Value>) -> Option<Step> {
    let ConsumerDefinition {
        stream,
        durable,
        config,
    } = wanted;
    let object = format!("consumer {stream}/{durable}");
    let verb = format!("CONSUMER.CREATE.{stream}.{durable}");
    let request = |action: &str| {
        let payload = json!({ "stream_name": stream, "config": config, "action": action });
        (verb.clone(), payload)
    };
    let Some(actual) = actual else {
        return Some(missing(object, vec![request("create")]));
    };
    let changes = differences(&object, config, actual, consumer_loses);
    let requests = if changes.iter().any(|change| change.destructive) {
        let delete = format!("CONSUMER.DELETE.{stream}.{durable}");
        vec![(delete, json!({})), request("create")]
    } else {
        vec![request("update")]
    };
    (!changes.is_empty()).then_some(Step {
        object,
        changes,
        requests,
    })
}

fn missing(object: String, requests: Vec<(String, Value)>) -> Step {
    let change = Change {
        object: object.clone(),
        field: String::new(),
        from: Value::Null,
        to: Value::Null,
        destructive: false,
    };
    Step {
        object,
        changes: vec![change],
        requests,
    }
}

#[derive(Deserialize)]
struct Described {
    config: Value,
}

impl Described {
    fn name(&self) -> String {
        let name = self.config["name"].as_str();
        name.or(self.config["durable_name"].as_str())
            .unwrap_or_default()
            .to_owned()
    }
}

/// Fields that mean something when only the broker has them.
const TELLING: [&str; 6] = [
    "subject_transform",
    "republish",
    "mirror",
    "sources",
    "filter_subject",
    "filter_subjects",
];

fn differences(
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

fn stream_loses(field: &str, from: &Value, to: &Value) -> bool {
    match field {
        "storage" | "retention" | "max_consumers" => true,
        "max_age" | "max_bytes" | "max_msgs" | "max_msgs_per_subject" => bound(to) < bound(from),
        "subjects" => {
            let kept = to.as_array();
            let gone = |subject| kept.is_none_or(|kept| !kept.contains(subject));
            from.as_array().is_some_and(|from| from.iter().any(gone))
        }
        _ => false,
    }
}

/// A limit as a number that can be compared: none is the largest.
fn bound(value: &Value) -> i64 {
    match value.as_i64() {
        Some(limit) if limit > 0 => limit,
        _ => i64::MAX,
    }
}

/// The broker changes these only by making the consumer anew, and its place is lost.
fn consumer_loses(field: &str, _from: &Value, _to: &Value) -> bool {
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
