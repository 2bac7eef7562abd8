//! The streams, consumers and buckets the hub needs, embedded from `streams/`, `consumers/` and `kv/`.
//!
//! The files are JetStream's own API JSON: `nats stream add --config` reads the same. A consumer file
//! whose `metadata` names `tidings.partitions` stands for one consumer per partition, `{p}` being its
//! number; one with `tidings.template` is created when a channel is first served.

use schemas::ChannelId;
use serde_json::Value;

use crate::lane::Lane;

macro_rules! embedded {
    ($folder:literal: $($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../", $folder, "/", $name, ".json")))),*]
    };
}

const STREAMS: &[(&str, &str)] = embedded!("streams":
    "INGEST", "PIPE", "CONV", "OUT", "TRACK", "BULK", "SCHED", "DLQ", "ADVISORY");

const BUCKETS: &[(&str, &str)] = embedded!("kv": "members", "attempts", "presence", "pause");

const CONSUMERS: &[(&str, &[(&str, &str)])] = &[
    ("INGEST", embedded!("consumers/INGEST": "normalize")),
    (
        "PIPE",
        embedded!("consumers/PIPE": "language", "classify", "route", "media"),
    ),
    (
        "CONV",
        embedded!("consumers/CONV": "project-conv-0", "project-conv-1"),
    ),
    ("OUT", embedded!("consumers/OUT": "project-out", "deliver")),
    ("TRACK", embedded!("consumers/TRACK": "project-track")),
    ("BULK", embedded!("consumers/BULK": "bulk")),
    ("SCHED", embedded!("consumers/SCHED": "forward-due")),
    ("ADVISORY", embedded!("consumers/ADVISORY": "janitor")),
];

const PARTITIONS_KEY: &str = "tidings.partitions";
const TEMPLATE_KEY: &str = "tidings.template";

/// A consumer as it shall be.
pub(crate) struct ConsumerDefinition {
    pub(crate) stream: &'static str,
    pub(crate) durable: String,
    pub(crate) config: Value,
}

/// The names of the hub's streams (buckets not among them).
pub fn streams() -> impl Iterator<Item = &'static str> {
    STREAMS.iter().map(|(name, _)| *name)
}

/// The configuration of every stream, buckets among them.
pub(crate) fn stream_configs() -> Vec<Value> {
    STREAMS
        .iter()
        .chain(BUCKETS)
        .map(|(_, text)| parse(text))
        .collect()
}

/// Every consumer that exists from the start.
pub(crate) fn consumer_configs() -> Vec<ConsumerDefinition> {
    CONSUMERS
        .iter()
        .flat_map(|(stream, files)| files.iter().map(move |(_, text)| (*stream, *text)))
        .flat_map(|(stream, text)| expand(stream, text))
        .collect()
}

/// The lanes of one consumer file by its stem: `lanes("normalize")` are one per partition, `lanes("project-out")`
/// is one; `lanes("project-conv")` are all files `project-conv-<number>`. None for an unknown stem.
#[must_use]
pub fn lanes(stem: &str) -> Vec<Lane> {
    CONSUMERS
        .iter()
        .flat_map(|(stream, files)| {
            files
                .iter()
                .map(move |(name, text)| (*stream, *name, *text))
        })
        .filter(|(_, name, _)| {
            *name == stem
                || name
                    .strip_prefix(stem)
                    .and_then(|rest| rest.strip_prefix('-'))
                    .is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()))
        })
        .flat_map(|(stream, _, text)| expand(stream, text))
        .map(|definition| Lane {
            stream: definition.stream,
            filter: filter(&definition.config),
            durable: definition.durable,
        })
        .collect()
}

/// The lane that sends for one channel.
#[must_use]
pub fn channel_lane(channel: ChannelId) -> Lane {
    Lane {
        stream: "OUT",
        durable: format!("deliver-{}", channel.simple()),
        filter: format!("out.*.{}.*", channel.simple()),
    }
}

/// The lane that carries a channel's campaigns.
#[must_use]
pub fn bulk_lane(channel: ChannelId) -> Lane {
    Lane {
        stream: "BULK",
        durable: format!("bulk-{}", channel.simple()),
        filter: format!("bulk.*.{}.>", channel.simple()),
    }
}

/// The consumer a lane shall have: its own definition, or the template its name fits.
pub(crate) fn consumer_config(lane: &Lane) -> Option<Value> {
    let (_, files) = CONSUMERS
        .iter()
        .find(|(stream, _)| *stream == lane.stream)?;
    for (_, text) in *files {
        if let Some(found) = expand(lane.stream, text)
            .into_iter()
            .find(|definition| definition.durable == lane.durable)
        {
            return Some(found.config);
        }
        let mut template = parse(text);
        let pattern = template["durable_name"].as_str().unwrap_or_default();
        let stem = pattern.split('{').next().unwrap_or_default().to_owned();
        let is_template = template["metadata"].get(TEMPLATE_KEY).is_some();
        if is_template && lane.durable.starts_with(&stem) {
            template["durable_name"] = lane.durable.clone().into();
            template["filter_subject"] = lane.filter.clone().into();
            return Some(template);
        }
    }
    None
}

fn filter(config: &Value) -> String {
    let one = config["filter_subject"].as_str();
    let first = config["filter_subjects"][0].as_str();
    one.or(first).unwrap_or_default().to_owned()
}

/// The consumers a file stands for; none when it is a template for channels.
fn expand(stream: &'static str, text: &'static str) -> Vec<ConsumerDefinition> {
    let config = parse(text);
    let metadata = &config["metadata"];
    if metadata.get(TEMPLATE_KEY).is_some() {
        return Vec::new();
    }
    let texts: Vec<String> = match metadata[PARTITIONS_KEY].as_str() {
        Some(range) => partitions(range)
            .map(|p| text.replace("{p}", &p.to_string()))
            .collect(),
        None => vec![text.to_owned()],
    };
    texts
        .iter()
        .map(|text| {
            let config = parse(text);
            ConsumerDefinition {
                stream,
                durable: config["durable_name"]
                    .as_str()
                    .unwrap_or_default()
                    .to_owned(),
                config,
            }
        })
        .collect()
}

fn partitions(range: &str) -> std::ops::RangeInclusive<u32> {
    let (first, last) = range.split_once("..").unwrap_or((range, range));
    first.parse().unwrap_or(0)..=last.parse().unwrap_or(0)
}

fn parse(text: &str) -> Value {
    serde_json::from_str(text).expect("an embedded definition is JSON: a test reads every one")
}

#[cfg(test)]
mod tests {
    use schemas::{partition::PARTITIONS, subject};
    use uuid::Uuid;

    use super::*;

    #[test]
    fn names_agree_with_the_files_and_with_schemas() {
        for (name, text) in STREAMS {
            assert_eq!(parse(text)["name"], *name);
        }
        for (name, text) in BUCKETS {
            assert_eq!(parse(text)["name"], format!("KV_{name}"));
        }
        let known = [
            subject::stream::INGEST,
            subject::stream::PIPE,
            subject::stream::CONV,
            subject::stream::OUT,
            subject::stream::TRACK,
            subject::stream::BULK,
            subject::stream::SCHED,
            subject::stream::DLQ,
            subject::stream::ADVISORY,
        ];
        assert_eq!(streams().collect::<Vec<_>>(), known);
    }

    #[test]
    fn every_consumer_is_an_owned_lane() {
        let all = consumer_configs();
        assert_eq!(all.len(), 4 * PARTITIONS as usize + 2 + 1 + 1 + 1 + 1 + 1);
        for definition in all {
            assert_eq!(definition.config["ack_policy"], "all");
            assert_eq!(definition.config["priority_policy"], "pinned_client");
            assert!(
                !definition.config.to_string().contains('{') || !definition.durable.contains('{')
            );
        }
    }

    #[test]
    fn lanes_cover_every_partition_once() {
        let normalize = lanes("normalize");
        assert_eq!(normalize.len(), PARTITIONS as usize);
        assert_eq!(normalize[7].durable, "normalize-7");
        assert_eq!(normalize[7].filter, "in.7.>");
        let mut covered: Vec<String> = lanes("project-conv")
            .iter()
            .filter_map(consumer_config)
            .flat_map(|config| config["filter_subjects"].as_array().cloned().unwrap())
            .map(|subject| subject.as_str().unwrap().to_owned())
            .collect();
        covered.sort_unstable();
        let mut wanted: Vec<String> = (0..PARTITIONS).map(|p| format!("conv.{p}.>")).collect();
        wanted.sort_unstable();
        assert_eq!(covered, wanted);
        assert!(lanes("nobody").is_empty());
    }

    #[test]
    fn a_channel_gets_its_own_consumer() {
        let channel = ChannelId(Uuid::from_u128(5));
        for lane in [channel_lane(channel), bulk_lane(channel)] {
            let config = consumer_config(&lane).unwrap();
            assert_eq!(config["durable_name"], lane.durable);
            assert_eq!(config["filter_subject"], lane.filter);
            assert_eq!(lane.share(), channel.simple().to_string());
        }
    }
}
