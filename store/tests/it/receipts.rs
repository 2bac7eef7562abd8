//! What platforms say of messages that were sent, by the ids they gave them.

use std::time::Duration;

use schemas::{
    About, ConversationId, DeliveryState, MessageId, Outbound, Timestamp, TrackContext, TrackEvent,
    TrackKind,
    sms::{SmsEncoding, SmsSize},
};
use store::{
    delivery::{self, Claim, DeliveryResult, Echo},
    project::{self, look_again},
    tracking,
};

use crate::rig::{Bed, at};

const LEASE: Duration = Duration::from_secs(60);

/// Puts a message into the ledger as being sent, and among the messages.
async fn sending(bed: &Bed, number: i64) -> Outbound {
    let (outbound, position) = bed.outbound("c", number);
    project::outbound(&bed.store, &[(outbound.clone(), position)])
        .await
        .unwrap();
    let claim = Claim {
        message: outbound.message.id,
        tenant: bed.ours,
        channel: bed.channel.id,
        kind: outbound.kind,
        conversation: outbound.message.conversation_id,
        recipient: "c",
    };
    delivery::begin(&bed.store, &[claim], "w", LEASE)
        .await
        .unwrap();
    outbound
}

fn sent(message: MessageId, ids: &[&str]) -> DeliveryResult {
    let mut ids = ids.iter().map(|id| (*id).to_owned());
    DeliveryResult {
        message,
        state: DeliveryState::Sent,
        attempt: 1,
        provider_id: ids.next(),
        more_ids: ids.collect(),
        error_class: None,
        detail: None,
        next_try_at: None,
        sms: None,
    }
}

async fn record(bed: &Bed, message: MessageId, ids: &[&str], echo: Echo) {
    let result = sent(message, ids);
    let done = delivery::record(&bed.store, &[result], echo).await.unwrap();
    assert_eq!(done, [message]);
}

fn receipt(bed: &Bed, kind: TrackKind, provider_id: &str, second: i64) -> TrackEvent {
    let message = MessageId::sent(bed.channel.id, provider_id);
    TrackEvent {
        id: TrackEvent::derive_id(message, kind, &second.to_string()),
        tenant: bed.ours,
        channel: bed.channel.id,
        conversation: ConversationId::of(bed.channel.id, "not known"),
        message,
        context: TrackContext::Message,
        kind,
        at: at(second),
        provider_id: Some(provider_id.into()),
        detail: Some("131026: not deliverable".into()),
        about: About::Sent,
    }
}

fn watermark(bed: &Bed, kind: TrackKind, when: Timestamp) -> TrackEvent {
    let message = MessageId::new();
    TrackEvent {
        id: TrackEvent::derive_id(message, kind, ""),
        conversation: ConversationId::of(bed.channel.id, "c"),
        message,
        at: when,
        provider_id: None,
        about: About::Conversation,
        ..receipt(bed, kind, "", 0)
    }
}

async fn state(bed: &Bed, message: MessageId) -> DeliveryState {
    delivery::get(&bed.store, bed.ours, message)
        .await
        .unwrap()
        .state
}

#[tokio::test]
async fn a_receipt_finds_its_message_by_any_of_its_ids() {
    let bed = Bed::new().await;
    let id = sending(&bed, 1).await.message.id;
    record(&bed, id, &["wamid.1", "wamid.2"], Echo::Expected).await;
    let batch = [
        receipt(&bed, TrackKind::Delivered, "wamid.2", 5),
        receipt(&bed, TrackKind::Read, "wamid.1", 7),
        receipt(&bed, TrackKind::Sent, "wamid.1", 4),
    ];
    let first = project::track(&bed.store, &batch).await.unwrap();
    assert_eq!(first.inserted, 3);
    assert_eq!(
        project::track(&bed.store, &batch).await.unwrap().inserted,
        0
    );
    let row = delivery::get(&bed.store, bed.ours, id).await.unwrap();
    assert_eq!(row.state, DeliveryState::Read);
    assert_eq!((row.delivered_at, row.read_at), (Some(at(5)), Some(at(7))));
    let events = tracking::list(&bed.store, bed.ours, id).await.unwrap();
    let kinds: Vec<&str> = events
        .iter()
        .map(|event| event.event_type.as_str())
        .collect();
    assert_eq!(kinds, ["sent", "delivered", "read"]);
    assert_eq!(look_again(&bed.store).await.unwrap().looked_at, 0);
}

#[tokio::test]
async fn what_left_as_sms_keeps_its_size() {
    let bed = Bed::new().await;
    let id = sending(&bed, 1).await.message.id;
    let size = || async {
        let row = store::message::get(&bed.store, bed.ours, id).await.unwrap();
        row.delivery.unwrap().sms
    };
    assert_eq!(size().await, None);
    let sms = SmsSize {
        encoding: SmsEncoding::Ucs2,
        segments: 3,
    };
    let result = DeliveryResult {
        sms: Some(sms),
        ..sent(id, &["SM1"])
    };
    delivery::record(&bed.store, &[result], Echo::Expected)
        .await
        .unwrap();
    assert_eq!(size().await, Some(sms));
    let batch = [receipt(&bed, TrackKind::Delivered, "SM1", 5)];
    project::track(&bed.store, &batch).await.unwrap();
    assert_eq!(size().await, Some(sms), "a receipt does not take it away");
}

#[tokio::test]
async fn a_late_failure_shows_with_its_reason_and_yields_to_delivery() {
    let bed = Bed::new().await;
    let id = sending(&bed, 1).await.message.id;
    record(&bed, id, &["m1"], Echo::Expected).await;
    let tell = async |kind, second| {
        let batch = [receipt(&bed, kind, "m1", second)];
        project::track(&bed.store, &batch).await.unwrap();
        delivery::get(&bed.store, bed.ours, id).await.unwrap()
    };
    let row = tell(TrackKind::Failed, 3).await;
    assert_eq!(row.state, DeliveryState::Failed);
    assert_eq!(row.detail.as_deref(), Some("131026: not deliverable"));
    assert_eq!(tell(TrackKind::Sent, 2).await.state, DeliveryState::Failed);
    let row = tell(TrackKind::Delivered, 9).await;
    assert_eq!((row.state, row.detail), (DeliveryState::Delivered, None));
    assert_eq!(
        tell(TrackKind::Failed, 10).await.state,
        DeliveryState::Delivered
    );
}

#[tokio::test]
async fn a_receipt_that_comes_first_is_looked_up_again() {
    let bed = Bed::new().await;
    let id = sending(&bed, 1).await.message.id;
    let early = receipt(&bed, TrackKind::Delivered, "m1", 5);
    let foreign = receipt(&bed, TrackKind::Delivered, "not ours", 5);
    let batch = [early.clone(), foreign.clone()];
    assert_eq!(
        project::track(&bed.store, &batch).await.unwrap().inserted,
        2
    );
    assert_eq!(state(&bed, id).await, DeliveryState::Sending);
    // Kept under a name of its own.
    let kept = tracking::list(&bed.store, bed.ours, early.message)
        .await
        .unwrap();
    assert_eq!(kept.len(), 1);
    // Not due yet.
    assert_eq!(look_again(&bed.store).await.unwrap().looked_at, 0);

    record(&bed, id, &["m1"], Echo::Expected).await;
    bed.sql("update tracking_events set look_at = now()").await;
    let looked = look_again(&bed.store).await.unwrap();
    assert_eq!((looked.looked_at, looked.found, looked.raised), (2, 1, 1));
    assert_eq!(state(&bed, id).await, DeliveryState::Delivered);
    let found = tracking::list(&bed.store, bed.ours, id).await.unwrap();
    assert_eq!(found.len(), 1);
    // Told once more by a redelivery, it is where it was.
    assert_eq!(
        project::track(&bed.store, &batch).await.unwrap().inserted,
        0
    );

    // Of what is nobody's, one tires.
    let mut looks = 1;
    loop {
        let due = "update tracking_events set look_at = now() where look_at is not null";
        if bed.sql(due).await == 0 {
            break;
        }
        assert_eq!(look_again(&bed.store).await.unwrap().looked_at, 1);
        looks += 1;
    }
    assert_eq!(looks, 15);
}

#[tokio::test]
async fn another_tenants_or_channels_receipt_finds_nothing() {
    let bed = Bed::new().await;
    let id = sending(&bed, 1).await.message.id;
    record(&bed, id, &["m1"], Echo::Expected).await;
    let mut theirs = receipt(&bed, TrackKind::Read, "m1", 5);
    theirs.tenant = bed.theirs;
    theirs.channel = bed.their_channel.id;
    let mut forged = receipt(&bed, TrackKind::Delivered, "m1", 5);
    forged.tenant = bed.theirs;
    project::track(&bed.store, &[theirs, forged]).await.unwrap();
    assert_eq!(state(&bed, id).await, DeliveryState::Sent);
}

#[tokio::test]
async fn without_an_echo_nothing_is_kept() {
    let bed = Bed::new().await;
    let id = sending(&bed, 1).await.message.id;
    record(&bed, id, &["m1"], Echo::Never).await;
    assert_eq!(bed.sql("delete from delivery_references").await, 0);
    let row = delivery::get(&bed.store, bed.ours, id).await.unwrap();
    assert_eq!(row.provider_id.as_deref(), Some("m1"));
}

#[tokio::test]
async fn all_up_to_here_reaches_what_was_sent_before() {
    let bed = Bed::new().await;
    let mut ids = Vec::new();
    for number in 1..=4 {
        ids.push(sending(&bed, number).await.message.id);
    }
    for (number, id) in ids.iter().enumerate().take(3) {
        record(&bed, *id, &[&format!("m{number}")], Echo::Expected).await;
    }
    let failed = receipt(&bed, TrackKind::Failed, "m1", 1);
    project::track(&bed.store, &[failed]).await.unwrap();
    bed.sql(&format!(
        "update deliveries set created_at = now() + interval '1 hour' where message_id = '{}'",
        ids[2]
    ))
    .await;
    let soon = Timestamp::now().plus(Duration::from_secs(60));
    let read = watermark(&bed, TrackKind::Read, soon);
    project::track(&bed.store, std::slice::from_ref(&read))
        .await
        .unwrap();
    let states = async || {
        let mut states = Vec::new();
        for id in &ids {
            states.push(state(&bed, *id).await);
        }
        states
    };
    use DeliveryState::{Failed, Read, Sending, Sent};
    assert_eq!(states().await, [Read, Failed, Sent, Sending]);
    // The fourth was under way, and its record comes late.
    record(&bed, ids[3], &["m3"], Echo::Expected).await;
    bed.sql("update tracking_events set look_at = now() where look_at is not null")
        .await;
    assert_eq!(look_again(&bed.store).await.unwrap().raised, 1);
    assert_eq!(states().await, [Read, Failed, Sent, Read]);
    assert_eq!(
        project::track(&bed.store, &[read]).await.unwrap().inserted,
        0
    );
}

/// Receipts in every order, each twice, with the record at every place between: one end.
#[tokio::test]
async fn any_order_ends_the_same() {
    let bed = Bed::new().await;
    let kinds = [TrackKind::Sent, TrackKind::Delivered, TrackKind::Failed];
    let mut number = 0;
    for order in [
        [0, 1, 2],
        [0, 2, 1],
        [1, 0, 2],
        [1, 2, 0],
        [2, 0, 1],
        [2, 1, 0],
    ] {
        for recorded_before in 0..=3 {
            number += 1;
            let id = sending(&bed, number).await.message.id;
            let name = format!("n{number}");
            let mut highest = 0;
            for (step, kind) in order.iter().enumerate() {
                if step == recorded_before {
                    record(&bed, id, &[&name], Echo::Expected).await;
                }
                let event = receipt(&bed, kinds[*kind], &name, 1);
                for _ in 0..2 {
                    project::track(&bed.store, std::slice::from_ref(&event))
                        .await
                        .unwrap();
                }
                let stands = state(&bed, id).await;
                let rank = stands.receipt_rank().unwrap_or(stands.rank());
                assert!(rank >= highest, "the state went back");
                highest = rank;
            }
            if recorded_before == 3 {
                record(&bed, id, &[&name], Echo::Expected).await;
            }
            bed.sql("update tracking_events set look_at = now() where look_at is not null")
                .await;
            look_again(&bed.store).await.unwrap();
            assert_eq!(state(&bed, id).await, DeliveryState::Delivered, "{order:?}");
        }
    }
}
