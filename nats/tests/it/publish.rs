//! Publishing to a real broker.

use std::{collections::HashMap, time::Duration};

use crate::rig::Broker;
use bytes::Bytes;
use nats::PublishError;
use serde_json::{Value, json};

const WAIT: Duration = Duration::from_secs(60);

/// All messages of a stream: subject and the items of each.
async fn stored(broker: &Broker, stream: &str) -> Vec<(String, Vec<String>)> {
    use base64::Engine;
    let client = async_nats::connect(&broker.settings().url).await.unwrap();
    let ask = |verb: String, question: Value| {
        let client = client.clone();
        async move {
            let answer = client
                .request(verb, question.to_string().into())
                .await
                .unwrap();
            serde_json::from_slice::<Value>(&answer.payload).unwrap()
        }
    };
    let info = ask(format!("$JS.API.STREAM.INFO.{stream}"), json!({})).await;
    let mut all = Vec::new();
    for seq in 1..=info["state"]["last_seq"].as_u64().unwrap() {
        let found = ask(
            format!("$JS.API.STREAM.MSG.GET.{stream}"),
            json!({ "seq": seq }),
        )
        .await;
        let data = found["message"]["data"].as_str().unwrap_or_default();
        let data = base64::engine::general_purpose::STANDARD
            .decode(data)
            .unwrap();
        let items = schemas::frame::decode(data.into()).unwrap();
        let items = items
            .iter()
            .map(|item| String::from_utf8(item.to_vec()).unwrap())
            .collect();
        all.push((
            found["message"]["subject"].as_str().unwrap().to_owned(),
            items,
        ));
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn items_leave_in_order_and_in_frames() {
    let broker = Broker::start();
    let bus = broker.provisioned().await;
    let items: Vec<(String, Bytes)> = (0..1000)
        .map(|number| {
            (
                format!("conv.{}.t", number % 3),
                format!("{number:04}").into(),
            )
        })
        .collect();
    bus.publisher().publish_all(items, WAIT).await.unwrap();
    let stored = stored(&broker, "CONV").await;
    assert!(
        stored.len() < 30,
        "{} messages for 1000 items",
        stored.len()
    );
    let mut per_subject: HashMap<&str, Vec<&String>> = HashMap::new();
    for (subject, items) in &stored {
        assert!(items.len() <= 128);
        per_subject.entry(subject).or_default().extend(items);
    }
    assert_eq!(per_subject.values().map(Vec::len).sum::<usize>(), 1000);
    for items in per_subject.values() {
        assert!(items.is_sorted(), "out of order");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lone_item_travels_bare() {
    let broker = Broker::start();
    let bus = broker.provisioned().await;
    bus.publisher()
        .publish("conv.1.t", "alone".into(), WAIT)
        .await
        .unwrap();
    assert_eq!(
        stored(&broker, "CONV").await,
        [("conv.1.t".to_owned(), vec!["alone".to_owned()])]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_stored_is_refused_or_times_out() {
    let broker = Broker::start();
    let bus = broker.provisioned().await;
    let publish = |subject: &'static str, item: Bytes| {
        let bus = bus.clone();
        async move {
            bus.publisher()
                .publish(subject, item, Duration::from_millis(300))
                .await
                .unwrap_err()
        }
    };
    let not_a_subject = publish("conv..x", "x".into()).await;
    assert!(!not_a_subject.is_transient(), "{not_a_subject}");
    let too_large = publish("conv.1.t", vec![0; 9 * 1024 * 1024].into()).await;
    assert!(matches!(too_large, PublishError::Refused { code: 413, .. }));
    // Nobody stores this subject.
    assert_eq!(
        publish("nowhere.1", "x".into()).await,
        PublishError::TimedOut
    );
    let too_much: Vec<(String, Bytes)> = (0..10)
        .map(|_| {
            (
                "nowhere.2".to_owned(),
                Bytes::from(vec![0; 7 * 1024 * 1024]),
            )
        })
        .collect();
    let (first, second) = tokio::join!(
        bus.publisher()
            .publish_all(too_much.clone(), Duration::from_secs(2)),
        bus.publisher()
            .publish_all(too_much, Duration::from_secs(2)),
    );
    assert_eq!(first, Err(PublishError::TimedOut));
    assert_eq!(second, Err(PublishError::Busy));
}

/// Every acknowledged item survives `kill -9` of the broker, in order and once.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_when_the_broker_is_killed() {
    let mut broker = Broker::start();
    let bus = broker.provisioned().await;
    let publishing = bus.clone();
    let (progress, mut seen) = tokio::sync::watch::channel(0);
    let task = tokio::spawn(async move {
        for round in 0..300 {
            let items = (0..10)
                .map(|place| {
                    (
                        "conv.5.t".to_owned(),
                        format!("{:05}", round * 10 + place).into(),
                    )
                })
                .collect();
            publishing
                .publisher()
                .publish_all(items, WAIT)
                .await
                .unwrap();
            progress.send_replace(round);
        }
    });
    for stop in [50, 120, 200] {
        seen.wait_for(|round| *round >= stop).await.unwrap();
        broker.kill();
        broker.restart();
    }
    task.await.unwrap();
    let items: Vec<String> = stored(&broker, "CONV")
        .await
        .into_iter()
        .flat_map(|(_, items)| items)
        .collect();
    let wanted: Vec<String> = (0..3000).map(|number| format!("{number:05}")).collect();
    assert_eq!(items, wanted);
}
