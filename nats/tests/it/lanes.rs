//! Lanes shared by workers that come, go and die.

use std::time::Duration;

use crate::{
    rig::{Broker, until},
    worker::{Journal, Load, Worker, recorder, round},
};

const WAIT: Duration = Duration::from_secs(60);
const CONVERSATIONS: usize = 60;

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_workers_lanes_are_taken_over_in_order_and_completely() {
    let broker = Broker::start();
    let bus = broker.provisioned().await;
    let journal = Journal::default();
    let start = |name: &str| {
        let handler = recorder(name, &journal, Duration::from_millis(10));
        Worker::start(broker.settings(), name, nats::lanes("normalize"), handler)
    };
    let (a, b) = (start("a"), start("b"));
    let load = Load::start(&bus, CONVERSATIONS);
    until("both work", || async {
        journal.of("a") > 100 && journal.of("b") > 100
    })
    .await;
    a.kill();
    let died = tokio::time::Instant::now();
    let alone = journal.of("b");
    until("b goes on with its own lanes", || async {
        journal.of("b") > alone + 100
    })
    .await;
    let rounds = load.finish().await;
    until("everything is handled", || async {
        journal.distinct() == CONVERSATIONS * rounds
    })
    .await;
    // The dead one's pins would have run out after ten seconds.
    let caught_up = died.elapsed();
    assert!(caught_up < Duration::from_secs(8), "{caught_up:?}");
    journal.assert_complete_and_in_order(CONVERSATIONS, rounds);
    assert_eq!(bus.dlq_list(None, None, 10).await.unwrap(), []);
    b.stop().await;
    let lag = bus.lag().await.unwrap();
    let left: u64 = lag
        .iter()
        .filter(|lag| lag.stream == "INGEST")
        .map(|lag| lag.pending + lag.ack_pending)
        .sum();
    assert_eq!(left, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn planned_moves_repeat_nothing_and_are_quick() {
    let broker = Broker::start();
    let bus = broker.provisioned().await;
    let journal = Journal::default();
    let start = |name: &str| {
        let handler = recorder(name, &journal, Duration::from_millis(5));
        Worker::start(broker.settings(), name, nats::lanes("normalize"), handler)
    };
    let a = start("a");
    let load = Load::start(&bus, 20);
    until("a works", || async { journal.of("a") > 200 }).await;
    let b = start("b");
    until("b works beside it", || async { journal.of("b") > 200 }).await;
    a.stop().await;
    let rounds = load.finish().await;
    let began = tokio::time::Instant::now();
    until("everything is handled", || async {
        journal.distinct() == 20 * rounds
    })
    .await;
    // A pin that was not given back would take ten seconds to run out.
    let caught_up = began.elapsed();
    assert!(caught_up < Duration::from_secs(7), "{caught_up:?}");
    journal.assert_complete_and_in_order(20, rounds);
    let handled = journal.items().len();
    assert_eq!(handled, 20 * rounds, "something was handed over twice");
    b.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lanes_go_on_after_the_broker_was_killed() {
    let mut broker = Broker::start();
    let bus = broker.provisioned().await;
    let journal = Journal::default();
    let handler = recorder("a", &journal, Duration::from_millis(1));
    let a = Worker::start(broker.settings(), "a", nats::lanes("normalize"), handler);
    for number in 0..40 {
        if number == 20 {
            until("some are handled", || async { journal.distinct() > 100 }).await;
            broker.kill();
            broker.restart();
        }
        bus.publisher()
            .publish_all(round(20, number), WAIT)
            .await
            .unwrap();
    }
    until("everything is handled", || async {
        journal.distinct() == 20 * 40
    })
    .await;
    journal.assert_complete_and_in_order(20, 40);
    a.stop().await;
}

/// A handler slower than the pin's timeout keeps its lane, and nothing is handed over twice.
#[tokio::test(flavor = "multi_thread")]
async fn a_slow_handler_keeps_its_lane() {
    let broker = Broker::start();
    let bus = broker.provisioned().await;
    let journal = Journal::default();
    let slow = |name: &str| {
        let handler = recorder(name, &journal, Duration::from_secs(12));
        Worker::start(
            broker.settings(),
            name,
            nats::lanes("project-track"),
            handler,
        )
    };
    let a = slow("a");
    let item = ("track.t.message.sent".to_owned(), "0:0".into());
    bus.publisher().publish_all(vec![item], WAIT).await.unwrap();
    until("it is handled", || async { journal.distinct() == 1 }).await;
    let b = slow("b");
    a.stop().await;
    b.stop().await;
    assert_eq!(journal.items(), ["0:0"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channels_lane_is_made_when_it_is_first_served() {
    let broker = Broker::start();
    let bus = broker.provisioned().await;
    let journal = Journal::default();
    let channel = schemas::ChannelId(uuid::Uuid::from_u128(7));
    let other = schemas::ChannelId(uuid::Uuid::from_u128(8));
    let lanes = vec![nats::channel_lane(channel)];
    let handler = recorder("a", &journal, Duration::ZERO);
    let worker = Worker::start(broker.settings(), "a", lanes, handler);
    for (channel, text) in [(other, "1:0"), (channel, "0:0"), (channel, "0:1")] {
        let subject = format!("out.email.{}.t", channel.simple());
        bus.publisher()
            .publish(&subject, text.into(), WAIT)
            .await
            .unwrap();
    }
    until("both are handled", || async { journal.distinct() == 2 }).await;
    assert_eq!(journal.items(), ["0:0", "0:1"]);
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_is_no_token_is_refused() {
    use nats::{Forwarder, WorkerError, WorkerSettings, run_lanes};

    let broker = Broker::start();
    let bus = broker.provisioned().await;
    let (_sender, lanes) = tokio::sync::watch::channel(nats::lanes("forward-due"));
    let handler = std::sync::Arc::new(Forwarder::new(bus.clone()));
    let settings = WorkerSettings::new("role.*", "a");
    let stop = tokio_util::sync::CancellationToken::new();
    let refused = run_lanes(bus, settings, lanes, handler, stop).await;
    assert!(matches!(refused, Err(WorkerError::Name(name)) if name == "role.*"));
}
