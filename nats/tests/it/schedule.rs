//! Schedules, notices and buckets.

use std::time::Duration;

use futures::StreamExt;
use nats::{Forwarder, Janitor};
use schemas::Timestamp;

use crate::{
    rig::{Broker, until},
    worker::Worker,
};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_due_reaches_its_target_and_what_was_taken_back_does_not() {
    let broker = Broker::start();
    let bus = broker.provisioned().await;
    let mut live = bus.listen("live.conv.>").await.unwrap();
    let lanes = nats::lanes("forward-due");
    let worker = Worker::start(broker.settings(), "a", lanes, Forwarder::new(bus.clone()));

    let soon = Timestamp::now().plus(Duration::from_millis(1500));
    bus.schedule(soon, "later", "conv.1.t", "later".into())
        .await
        .unwrap();
    bus.schedule(soon, "never", "conv.1.t", "never".into())
        .await
        .unwrap();
    bus.schedule(soon, "moved", "conv.1.t", "moved, first".into())
        .await
        .unwrap();
    let sooner = Timestamp::now().plus(Duration::from_millis(200));
    bus.schedule(sooner, "moved", "conv.1.t", "moved, second".into())
        .await
        .unwrap();
    assert!(bus.unschedule("never").await.unwrap());
    assert!(!bus.unschedule("unknown").await.unwrap());
    assert!(
        bus.schedule(soon, "a.b", "conv.1.t", "x".into())
            .await
            .is_err()
    );

    let mut arrived = Vec::new();
    while arrived.len() < 2 {
        let next = tokio::time::timeout(Duration::from_secs(10), live.next()).await;
        let notice = next.unwrap().unwrap();
        assert_eq!(notice.subject, "live.conv.1.t");
        let items = schemas::frame::decode(notice.payload).unwrap();
        arrived.extend(
            items
                .iter()
                .map(|item| String::from_utf8(item.to_vec()).unwrap()),
        );
    }
    assert_eq!(arrived, ["moved, second", "later"]);
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn notices_reach_who_listens_and_buckets_keep_values() {
    let broker = Broker::start();
    let bus = broker.provisioned().await;
    let other = broker.bus().await;
    let mut heard = other.listen("hub.>").await.unwrap();
    bus.notify("hub.config.changed", "now".into())
        .await
        .unwrap();
    let notice = tokio::time::timeout(Duration::from_secs(5), heard.next()).await;
    assert_eq!(notice.unwrap().unwrap().payload.as_ref(), b"now");

    assert_eq!(bus.kv_get("pause", "c.1").await.unwrap(), None);
    bus.kv_put("pause", "c.1", "yes".into()).await.unwrap();
    assert_eq!(
        other
            .kv_get("pause", "c.1")
            .await
            .unwrap()
            .unwrap()
            .as_ref(),
        b"yes"
    );
    assert_eq!(bus.kv_keys("pause", ">").await.unwrap(), ["c.1"]);
    bus.kv_delete("pause", "c.1").await.unwrap();
    assert_eq!(other.kv_get("pause", "c.1").await.unwrap(), None);
}

/// A consumer that gives up on a message leaves an advisory; the janitor makes a dead letter of it.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_consumer_gave_up_on_is_a_dead_letter() {
    use async_nats::jetstream::{self, AckKind, consumer::pull};

    let broker = Broker::start();
    let bus = broker.provisioned().await;
    let lanes = nats::lanes("janitor");
    let worker = Worker::start(broker.settings(), "a", lanes, Janitor::new(bus.clone()));
    let client = async_nats::connect(&broker.settings().url).await.unwrap();
    let config = pull::Config {
        durable_name: Some("sloppy".to_owned()),
        max_deliver: 2,
        ..pull::Config::default()
    };
    let js = jetstream::new(client);
    let consumer = js.create_consumer_on_stream(config, "TRACK").await.unwrap();
    let wait = Duration::from_secs(5);
    bus.publisher()
        .publish("track.t.message.sent", "x".into(), wait)
        .await
        .unwrap();
    let mut messages = consumer.messages().await.unwrap();
    for _ in 0..2 {
        let message = messages.next().await.unwrap().unwrap();
        message.ack_with(AckKind::Nak(None)).await.unwrap();
    }
    until("the letter is there", || async {
        bus.dlq_list(None, None, 1).await.unwrap().len() == 1
    })
    .await;
    let letter = bus.dlq_list(None, None, 1).await.unwrap().remove(0).letter;
    assert_eq!(
        (letter.stage.as_str(), letter.reason.as_str()),
        ("sloppy", "max-deliveries")
    );
    assert_eq!(letter.payload.as_ref(), b"x");
    worker.stop().await;
}
