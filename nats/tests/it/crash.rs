//! Items that kill their worker, never work, or do not work yet.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use nats::{Bus, HandleError};

use crate::{
    rig::{Broker, until},
    worker::{Journal, Recorder, Worker},
};

const WAIT: Duration = Duration::from_secs(60);
const TENANT: &str = "00000000000000000000000000000009";

fn start(
    broker: &Broker,
    journal: &Journal,
    act: impl Fn(&[String]) -> Result<Duration, HandleError> + Send + Sync + 'static,
) -> Worker {
    let handler = Recorder {
        name: "a".to_owned(),
        journal: journal.clone(),
        act: Box::new(act),
    };
    Worker::start(broker.settings(), "a", nats::lanes("project-conv"), handler)
}

/// Items `0:0` to `0:<count - 1>`, in frames.
async fn publish(bus: &Bus, count: usize) {
    let items = (0..count)
        .map(|number| (format!("conv.4.{TENANT}"), format!("0:{number}").into()))
        .collect();
    bus.publisher().publish_all(items, WAIT).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn five_crashes_make_a_dead_letter_of_one_item() {
    let broker = Broker::start();
    let bus = broker.provisioned().await;
    let journal = Journal::default();
    publish(&bus, 300).await;
    let crashes = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&crashes);
    let worker = start(&broker, &journal, move |items| {
        if items.iter().any(|item| item == "0:150") {
            counted.fetch_add(1, Ordering::Relaxed);
            panic!("poison");
        }
        Ok(Duration::ZERO)
    });
    until("all others are handled", || async {
        journal.distinct() == 299
    })
    .await;
    let letters = bus.dlq_list(None, None, 10).await.unwrap();
    assert_eq!(letters.len(), 1, "{letters:?}");
    let letter = &letters[0].letter;
    assert_eq!(
        (letter.reason.as_str(), letter.stage.as_str()),
        ("crash-loop", "test")
    );
    assert_eq!(letter.payload.as_ref(), b"0:150");
    assert_eq!(letter.tenant.unwrap().simple().to_string(), TENANT);
    // With a batch, with its message, and three times alone.
    assert_eq!(crashes.load(Ordering::Relaxed), 5);
    let mut seen = HashSet::new();
    let first: Vec<usize> = journal
        .items()
        .into_iter()
        .filter(|item| seen.insert(item.clone()))
        .map(|item| item.strip_prefix("0:").unwrap().parse().unwrap())
        .collect();
    assert!(first.is_sorted(), "order was lost");
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_never_works_is_a_dead_letter_that_can_be_sent_again() {
    let broker = Broker::start();
    let bus = broker.provisioned().await;
    let journal = Journal::default();
    publish(&bus, 200).await;
    let mended = Arc::new(AtomicBool::new(false));
    let works = Arc::clone(&mended);
    let worker = start(&broker, &journal, move |items| {
        if !works.load(Ordering::Relaxed) && items.iter().any(|item| item == "0:77") {
            return Err(HandleError::Permanent {
                reason: "unreadable",
                detail: "a test's reason\nwith two lines".to_owned(),
            });
        }
        Ok(Duration::ZERO)
    });
    until("all others are handled", || async {
        journal.distinct() == 199
    })
    .await;
    let letters = bus.dlq_list(None, None, 10).await.unwrap();
    assert_eq!(letters.len(), 1, "{letters:?}");
    assert_eq!(letters[0].letter.reason, "unreadable");
    assert_eq!(letters[0].letter.detail, "a test's reason\nwith two lines");
    let tenant = letters[0].letter.tenant;
    assert_eq!(bus.dlq_list(tenant, None, 10).await.unwrap(), letters);
    let other = Some(schemas::TenantId(uuid::Uuid::from_u128(1)));
    assert_eq!(bus.dlq_list(other, None, 10).await.unwrap(), []);

    mended.store(true, Ordering::Relaxed);
    assert!(bus.dlq_redrive(letters[0].seq).await.unwrap());
    until("it is handled now", || async { journal.distinct() == 200 }).await;
    assert_eq!(bus.dlq_list(None, None, 10).await.unwrap(), []);
    assert!(!bus.dlq_redrive(letters[0].seq).await.unwrap());
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_work_yet_is_repeated_in_order() {
    let broker = Broker::start();
    let bus = broker.provisioned().await;
    let journal = Journal::default();
    publish(&bus, 200).await;
    let calls = Arc::new(AtomicU32::new(0));
    let worker = start(&broker, &journal, move |_| {
        if calls.fetch_add(1, Ordering::Relaxed) < 4 {
            return Err(HandleError::transient("the database is away"));
        }
        Ok(Duration::ZERO)
    });
    until("everything is handled", || async {
        journal.distinct() == 200
    })
    .await;
    journal.assert_complete_and_in_order(1, 200);
    assert_eq!(journal.items().len(), 200);
    assert_eq!(bus.dlq_list(None, None, 10).await.unwrap(), []);
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_malformed_frame_is_a_dead_letter() {
    let broker = Broker::start();
    let bus = broker.provisioned().await;
    let journal = Journal::default();
    publish(&bus, 1).await;
    let broken = bytes::Bytes::from_static(b"\xC1T\x01\xFF\xFF");
    bus.publisher()
        .publish("conv.4.t", broken.clone(), WAIT)
        .await
        .unwrap();
    bus.publisher()
        .publish("conv.4.t", "0:1".into(), WAIT)
        .await
        .unwrap();
    let worker = start(&broker, &journal, |_| Ok(Duration::ZERO));
    until("the others are handled", || async {
        journal.distinct() == 2
    })
    .await;
    let letters = bus.dlq_list(None, None, 10).await.unwrap();
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].letter.reason, "malformed-frame");
    assert_eq!(letters[0].letter.payload, broken);
    worker.stop().await;
}
