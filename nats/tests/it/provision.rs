//! Provisioning against a real broker.

use std::time::Duration;

use crate::rig::Broker;
use nats::provision::{self, ProvisionError};
use serde_json::{Value, json};
use tokio::time::Instant;

async fn api(broker: &Broker, verb: &str, question: Value) -> Value {
    let client = async_nats::connect(&broker.settings().url).await.unwrap();
    let subject = format!("$JS.API.{verb}");
    let answer = client
        .request(subject, question.to_string().into())
        .await
        .unwrap();
    serde_json::from_slice(&answer.payload).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn applying_twice_changes_nothing_and_the_broker_holds_what_the_files_say() {
    let broker = Broker::start();
    let bus = broker.bus().await;
    let before = provision::diff(&bus).await.unwrap();
    assert!(before.iter().any(|change| change.object == "stream INGEST"));
    assert!(
        before
            .iter()
            .any(|change| change.object == "consumer PIPE/classify-7")
    );
    assert!(
        before
            .iter()
            .any(|change| change.object == "bucket members")
    );

    let began = Instant::now();
    assert_eq!(
        provision::apply(&bus, false).await.unwrap().len(),
        before.len()
    );
    let took = began.elapsed();
    // About half a second here; generous, so that it fails only when requests are made one by one.
    assert!(took < Duration::from_secs(10), "{took:?}");
    assert_eq!(provision::diff(&bus).await.unwrap(), []);
    let again = Instant::now();
    assert_eq!(provision::apply(&bus, false).await.unwrap(), []);
    eprintln_timing(took, again.elapsed());

    for (name, file) in [
        ("INGEST", include_str!("../../streams/INGEST.json")),
        ("SCHED", include_str!("../../streams/SCHED.json")),
        ("KV_members", include_str!("../../kv/members.json")),
    ] {
        let wanted: Value = serde_json::from_str(file).unwrap();
        let actual = api(&broker, &format!("STREAM.INFO.{name}"), json!({})).await;
        for field in [
            "subjects",
            "max_age",
            "max_bytes",
            "storage",
            "discard",
            "subject_transform",
        ] {
            assert_eq!(actual["config"][field], wanted[field], "{name} {field}");
        }
    }
    let consumer = api(&broker, "CONSUMER.INFO.CONV.project-conv-1", json!({})).await;
    assert_eq!(
        consumer["config"]["filter_subjects"]
            .as_array()
            .unwrap()
            .len(),
        4
    );
    assert_eq!(consumer["config"]["priority_policy"], "pinned_client");
}

#[expect(clippy::print_stderr, reason = "read by the person who runs the test")]
fn eprintln_timing(first: Duration, second: Duration) {
    eprintln!("provisioned in {first:?}, checked again in {second:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_destructive_edit_needs_force() {
    let broker = Broker::start();
    let bus = broker.provisioned().await;
    // Somebody widened a limit and changed a description.
    let mut config: Value = serde_json::from_str(include_str!("../../streams/DLQ.json")).unwrap();
    config["description"] = "changed".into();
    config["max_age"] = 0.into();
    api(&broker, "STREAM.UPDATE.DLQ", config).await;

    let changes = provision::diff(&bus).await.unwrap();
    let lines: Vec<String> = changes.iter().map(ToString::to_string).collect();
    assert_eq!(changes.len(), 2, "{lines:?}");
    assert!(
        lines.contains(&"! stream DLQ: max_age 0 -> 7776000000000000".to_owned()),
        "{lines:?}"
    );
    let refused = provision::apply(&bus, false).await.unwrap_err();
    assert!(matches!(refused, ProvisionError::Destructive(all) if all.len() == 2));
    assert_eq!(
        provision::diff(&bus).await.unwrap().len(),
        2,
        "nothing was changed"
    );

    assert_eq!(provision::apply(&bus, true).await.unwrap().len(), 2);
    assert_eq!(provision::diff(&bus).await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_that_must_be_made_anew_is_only_with_force() {
    let broker = Broker::start();
    let bus = broker.provisioned().await;
    api(&broker, "CONSUMER.DELETE.TRACK.project-track", json!({})).await;
    let config = json!({ "durable_name": "project-track", "ack_policy": "explicit", "filter_subject": "track.>" });
    let question = json!({ "stream_name": "TRACK", "config": config, "action": "create" });
    api(&broker, "CONSUMER.CREATE.TRACK.project-track", question).await;

    assert!(provision::apply(&bus, false).await.is_err());
    provision::apply(&bus, true).await.unwrap();
    assert_eq!(provision::diff(&bus).await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_broker_computes_the_same_partition() {
    let broker = Broker::start();
    let bus = broker.provisioned().await;
    for number in 0..40 {
        let token = format!("chat-{number}");
        let subject = format!("ingest.t.telegram.c.{token}");
        let wait = Duration::from_secs(5);
        bus.publisher()
            .publish(&subject, "x".into(), wait)
            .await
            .unwrap();
        let question = json!({ "seq": number + 1 });
        let stored = api(&broker, "STREAM.MSG.GET.INGEST", question).await;
        let partition = schemas::partition::of(&token);
        assert_eq!(
            stored["message"]["subject"],
            format!("in.{partition}.t.telegram.c")
        );
    }
}
