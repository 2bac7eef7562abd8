//! What became of a message, in the ledger and in the figures.

use schemas::{TrackContext, TrackEvent, TrackKind};
use store::{analytics, delivery, message, project};

use crate::rig::{Bed, at};
#[tokio::test]
async fn tracking_raises_the_ledger_and_counts_once() {
    let bed = Bed::new().await;
    let (outbound, position) = bed.outbound("bob", 1);
    project::outbound(&bed.store, &[(outbound.clone(), position)])
        .await
        .unwrap();
    let id = outbound.message.id;
    assert_eq!(
        message::get(&bed.store, bed.ours, id)
            .await
            .unwrap()
            .delivery,
        None
    );
    let claim = delivery::Claim {
        kind: schemas::ChannelKind::Sandbox,
        recipient: "",
        message: id,
        tenant: bed.ours,
        channel: bed.channel.id,
        conversation: outbound.message.conversation_id,
    };
    let lease = std::time::Duration::from_secs(60);
    delivery::claim(&bed.store, &[claim], "w", lease)
        .await
        .unwrap();

    let event = |kind: TrackKind, seconds: i64| TrackEvent {
        id: TrackEvent::derive_id(id, kind, ""),
        tenant: bed.ours,
        channel: bed.channel.id,
        conversation: outbound.message.conversation_id,
        message: id,
        context: TrackContext::Message,
        kind,
        at: at(seconds),
        provider_id: None,
        detail: None,
        about: schemas::About::Message,
    };
    let mut foreign = event(TrackKind::Read, 9);
    foreign.tenant = bed.theirs;
    foreign.id = TrackEvent::derive_id(id, TrackKind::Read, "forged");
    project::track(&bed.store, &[foreign]).await.unwrap();
    let events = [
        event(TrackKind::Delivered, 3),
        event(TrackKind::Sent, 2),
        event(TrackKind::Failed, 5),
    ];
    let done = project::track(&bed.store, &events).await.unwrap();
    assert_eq!(done.inserted, 3);
    let again = project::track(&bed.store, &events).await.unwrap();
    assert_eq!(again.inserted, 0);
    let row = message::get(&bed.store, bed.ours, id)
        .await
        .unwrap()
        .delivery
        .unwrap();
    assert_eq!(row.state, schemas::DeliveryState::Delivered);
    assert_eq!(
        (row.sent_at, row.delivered_at, row.read_at),
        (Some(at(2)), Some(at(3)), None)
    );
    let day = at(0).to_datetime().date_naive();
    let days = analytics::list(&bed.store, bed.ours, None, day, day)
        .await
        .unwrap();
    assert_eq!(days.len(), 1);
    assert_eq!(
        (
            days[0].messages_sent,
            days[0].messages_delivered,
            days[0].messages_read
        ),
        (1, 1, 0)
    );
}
