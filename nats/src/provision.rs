//! Provisioning: makes the broker's streams, consumers and buckets what the files say.
//!
//! Invariants: applying twice changes nothing the second time; nothing that loses messages or a
//! consumer's place is done without `force`. Objects the files do not name are left alone.

mod difference;

use std::{collections::HashMap, fmt};

use futures::{StreamExt, TryStreamExt, stream};
use serde::Deserialize;
use serde_json::{Value, json};

use self::difference::{consumer_loses, differences, must_be_anew, stream_loses};
use crate::{
    api::ApiError,
    bus::Bus,
    definition::{self, ConsumerDefinition},
    lag::consumers,
};

/// Requests under way at once.
const WIDTH: usize = 48;
/// JetStream's code for: all that was promised together would be more than there is.
const NO_ROOM: u32 = 10_047;

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
    /// All streams together may take more than the broker was given.
    #[error(
        "{object} could not be provisioned: the broker has not the room that all streams together may take; give it more \
         (`max_file_store` in its configuration, which is three quarters of what the disk has free where it is not set)"
    )]
    NoRoom {
        object: String,
        #[source]
        source: ApiError,
    },
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
    let object = object.to_owned();
    if source.is_code(NO_ROOM) {
        ProvisionError::NoRoom { object, source }
    } else {
        ProvisionError::Api { object, source }
    }
}

async fn plan_streams(bus: &Bus) -> Result<Vec<Step>, ProvisionError> {
    #[derive(Deserialize)]
    struct Page {
        total: usize,
        #[serde(default = "Vec::new")]
        streams: Vec<Described>,
    }
    let mut actual: HashMap<String, Described> = HashMap::new();
    let mut offset = 0;
    loop {
        let page: Page = bus
            .pulling()
            .api("STREAM.LIST", &json!({ "offset": offset }))
            .await
            .map_err(|source| failed("the list of streams", source))?;
        let received = page.streams.len();
        offset += received;
        actual.extend(page.streams.into_iter().map(|found| (found.name(), found)));
        if received == 0 || offset >= page.total {
            break;
        }
    }
    Ok(definition::stream_configs()
        .into_iter()
        .filter_map(|wanted| stream_step(&wanted, &actual))
        .collect())
}

fn stream_step(wanted: &Value, actual: &HashMap<String, Described>) -> Option<Step> {
    let name = wanted["name"].as_str().unwrap_or_default();
    let object = match name.strip_prefix("KV_") {
        Some(bucket) => format!("bucket {bucket}"),
        None => format!("stream {name}"),
    };
    let create = (format!("STREAM.CREATE.{name}"), wanted.clone());
    let Some(actual) = actual.get(name) else {
        return Some(missing(object, vec![create]));
    };
    let mut changes = differences(&object, wanted, &actual.config, stream_loses);
    if actual.state.messages == 0 {
        // Nothing is lost when it is made anew.
        for change in &mut changes {
            change.destructive &= !must_be_anew(&change.field);
        }
    }
    let anew = changes.iter().any(|change| must_be_anew(&change.field));
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

#[derive(Default, Deserialize)]
struct State {
    messages: u64,
}

#[derive(Deserialize)]
struct Described {
    config: Value,
    /// A stream's; consumers have none.
    #[serde(default)]
    state: State,
}

impl Described {
    fn name(&self) -> String {
        let name = self.config["name"].as_str();
        name.or(self.config["durable_name"].as_str())
            .unwrap_or_default()
            .to_owned()
    }
}
