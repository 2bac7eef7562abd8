//! What platforms tell of a campaign's messages.

use schemas::{About, ConversationId, TrackContext, TrackEvent, TrackKind};
use store::project;

use super::{OF_LIST, bed, count, message, suppressed};
use crate::rig::{Bed, at};
fn told(bed: &Bed, about: About, kind: TrackKind, second: i64) -> TrackEvent {
    let message = message(OF_LIST);
    TrackEvent {
        id: TrackEvent::derive_id(message, kind, &second.to_string()),
        tenant: bed.ours,
        channel: bed.channel.id,
        conversation: ConversationId(message.0),
        message,
        context: TrackContext::Message,
        kind,
        at: at(second),
        provider_id: (about == About::Sent).then(|| "sg-1".to_owned()),
        detail: Some("5.1.1".into()),
        about,
    }
}

async fn status(bed: &Bed, status: &str) -> bool {
    let of = format!("id = '{}' and status = '{status}'", message(OF_LIST));
    count(bed, "campaign_messages", &of).await == 1
}

#[tokio::test]
async fn a_bounce_raises_the_ledger_and_is_an_event() {
    let bed = bed().await;
    let bounce = told(&bed, About::Message, TrackKind::Bounced, 5);
    let done = project::track(&bed.store, std::slice::from_ref(&bounce))
        .await
        .unwrap();
    assert_eq!((done.inserted, done.raised.len()), (1, 1));
    assert_eq!(done.raised[0].campaign, OF_LIST);
    assert!(status(&bed, "BOUNCED").await);
    assert_eq!(
        count(
            &bed,
            "campaign_messages",
            "failed_at is not null and failure_reason = '5.1.1'"
        )
        .await,
        1
    );
    assert_eq!(
        count(
            &bed,
            "campaign_events",
            "event_type = 'BOUNCE' and detail = '5.1.1'"
        )
        .await,
        1
    );
    let failed = bed
        .sql("update campaign_chunks set failed = failed where failed = 1")
        .await;
    assert_eq!(failed, 1);
    // Told again: as it was.
    let again = project::track(&bed.store, &[bounce]).await.unwrap();
    assert_eq!((again.inserted, again.raised.len()), (0, 0));
    assert_eq!(count(&bed, "campaign_events", "true").await, 1);
    // What reached somebody did not fail; and it stays read.
    for (kind, wanted) in [
        (TrackKind::Delivered, "DELIVERED"),
        (TrackKind::Bounced, "DELIVERED"),
        (TrackKind::Read, "READ"),
        (TrackKind::Delivered, "READ"),
    ] {
        let news = told(&bed, About::Message, kind, 9);
        project::track(&bed.store, &[news]).await.unwrap();
        assert!(status(&bed, wanted).await, "{kind:?}");
    }
    assert_eq!(
        count(
            &bed,
            "campaign_messages",
            "failure_reason is null and delivered_at is not null"
        )
        .await,
        1
    );
}

#[tokio::test]
async fn receipts_prove_what_was_doubtful_and_leave_alone_what_was_not_sent() {
    let bed = bed().await;
    for (before, after) in [
        ("SENDING", "DELIVERED"),
        ("UNKNOWN", "DELIVERED"),
        ("FAILED", "DELIVERED"),
        ("PENDING", "PENDING"),
        ("CANCELLED", "CANCELLED"),
        ("SUPPRESSED", "SUPPRESSED"),
        ("SKIPPED", "SKIPPED"),
    ] {
        bed.sql(&format!("update campaign_messages set status = '{before}'"))
            .await;
        let news = told(&bed, About::Message, TrackKind::Delivered, 5);
        project::track(&bed.store, &[news]).await.unwrap();
        assert!(status(&bed, after).await, "{before}");
    }
}

#[tokio::test]
async fn a_platforms_name_finds_a_campaigns_message_also_later() {
    let bed = bed().await;
    let early = told(&bed, About::Sent, TrackKind::Delivered, 5);
    assert!(
        project::track(&bed.store, &[early])
            .await
            .unwrap()
            .raised
            .is_empty()
    );
    let name = |name: &str| {
        format!(
            "insert into delivery_references (channel_id, provider_id, tenant_id, message_id)
             values ('{}', '{name}', '{}', '{}')",
            bed.channel.id,
            bed.ours,
            message(OF_LIST)
        )
    };
    bed.sql(&name("sg-1")).await;
    bed.sql("update tracking_events set look_at = now()").await;
    let looked = project::look_again(&bed.store).await.unwrap();
    assert_eq!((looked.found, looked.of_campaigns.len()), (1, 1));
    assert!(status(&bed, "DELIVERED").await);
    // And at once, now that it is known.
    let complaint = told(&bed, About::Sent, TrackKind::Complained, 6);
    project::track(&bed.store, &[complaint]).await.unwrap();
    assert_eq!(
        count(&bed, "campaign_events", "event_type = 'COMPLAINT'").await,
        1
    );
    assert_eq!(
        suppressed(&bed).await,
        ["email ada@example.org complained all"]
    );
}
