//! Who must not be written to, whatever order the words about it come in.

use std::time::Duration;

use schemas::{
    About, ChannelKind, ConversationId, DeliveryState, MessageId, SuppressionReason as Reason,
    SuppressionScope as Scope, Timestamp, TrackContext, TrackEvent, TrackKind,
};
use store::{
    StoreError,
    delivery::{self, Claim, Verdict},
    project,
    suppression::{self, Reach, SuppressionFilter, SuppressionNew},
};

use crate::rig::{Bed, at};

const LEASE: Duration = Duration::from_secs(60);

fn word(bed: &Bed, kind: TrackKind, address: &str, second: i64) -> TrackEvent {
    let message = MessageId::new();
    TrackEvent {
        id: TrackEvent::derive_id(message, kind, ""),
        tenant: bed.ours,
        channel: bed.channel.id,
        conversation: ConversationId::of(bed.channel.id, address),
        message,
        context: TrackContext::Inbound,
        kind,
        at: at(second),
        provider_id: None,
        detail: None,
        about: About::Address(address.into()),
    }
}

async fn begin(bed: &Bed, address: &str) -> (MessageId, Verdict) {
    let claim = Claim {
        message: MessageId::new(),
        tenant: bed.ours,
        channel: bed.channel.id,
        kind: ChannelKind::Sandbox,
        conversation: ConversationId::of(bed.channel.id, address),
        recipient: address,
    };
    let begun = delivery::begin(&bed.store, &[claim], "w", LEASE)
        .await
        .unwrap();
    (claim.message, begun[0].verdict)
}

async fn is_free(bed: &Bed, address: &str) -> bool {
    matches!(begin(bed, address).await.1, Verdict::Send { .. })
}

async fn reasons(bed: &Bed) -> Vec<(String, Reason)> {
    let all = suppression::list(
        &bed.store,
        bed.ours,
        &SuppressionFilter::default(),
        None,
        50,
    )
    .await
    .unwrap();
    all.items
        .into_iter()
        .map(|row| (row.address, row.reason))
        .collect()
}

#[tokio::test]
async fn what_goes_to_a_suppressed_address_fails_unsent() {
    let bed = Bed::new().await;
    let stop = word(&bed, TrackKind::Unsubscribed, "+1555", 1);
    for _ in 0..2 {
        project::track(&bed.store, std::slice::from_ref(&stop))
            .await
            .unwrap();
    }
    assert_eq!(reasons(&bed).await, [("+1555".into(), Reason::OptedOut)]);
    let (message, verdict) = begin(&bed, "+1555").await;
    assert_eq!(verdict, Verdict::Suppressed(Reason::OptedOut));
    let row = delivery::get(&bed.store, bed.ours, message).await.unwrap();
    assert_eq!(row.state, DeliveryState::Failed);
    assert_eq!(row.error_class.as_deref(), Some("suppressed"));
    assert!(row.detail.unwrap().contains("opted_out"));
    assert!(is_free(&bed, "+1556").await && is_free(&bed, "").await);
}

#[tokio::test]
async fn a_message_that_waits_for_its_retry_is_stopped_too() {
    let bed = Bed::new().await;
    let (message, verdict) = begin(&bed, "+1555").await;
    assert_eq!(verdict, Verdict::Send { attempt: 1 });
    bed.sql("update deliveries set state = 'queued', rank = 0, owner = null, lease_until = null, next_try_at = now()")
        .await;
    let stop = word(&bed, TrackKind::Unsubscribed, "+1555", 1);
    project::track(&bed.store, &[stop]).await.unwrap();
    let claim = Claim {
        message,
        tenant: bed.ours,
        channel: bed.channel.id,
        kind: ChannelKind::Sandbox,
        conversation: ConversationId::of(bed.channel.id, "+1555"),
        recipient: "+1555",
    };
    let begin = async || {
        delivery::begin(&bed.store, &[claim], "w", LEASE)
            .await
            .unwrap()[0]
            .verdict
    };
    assert_eq!(begin().await, Verdict::Suppressed(Reason::OptedOut));
    assert_eq!(begin().await, Verdict::AlreadyDone(DeliveryState::Failed));
}

/// STOP, START and STOP again, in every order, together and apart: the last said holds.
#[tokio::test]
async fn the_last_word_holds_in_whatever_order_they_come() {
    let bed = Bed::new().await;
    let mut number = 0;
    for order in [
        [0, 1, 2],
        [0, 2, 1],
        [1, 0, 2],
        [1, 2, 0],
        [2, 0, 1],
        [2, 1, 0],
    ] {
        for (last, free) in [
            (TrackKind::Unsubscribed, false),
            (TrackKind::Resubscribed, true),
        ] {
            for together in [1, 3] {
                number += 1;
                let address = format!("+1{number}");
                let words = [
                    word(&bed, TrackKind::Unsubscribed, &address, 1),
                    word(&bed, TrackKind::Resubscribed, &address, 2),
                    word(&bed, last, &address, 3),
                ];
                let words: Vec<TrackEvent> = order.iter().map(|at| words[*at].clone()).collect();
                for part in words.chunks(together) {
                    project::track(&bed.store, part).await.unwrap();
                }
                assert_eq!(is_free(&bed, &address).await, free, "{order:?} {last:?}");
            }
        }
    }
}

#[tokio::test]
async fn who_writes_does_not_block_us_any_more() {
    let bed = Bed::new().await;
    for (kind, heard_lifts) in [
        (TrackKind::Blocked, true),
        (TrackKind::Unsubscribed, false),
        (TrackKind::Complained, false),
        (TrackKind::Bounced, false),
    ] {
        let address = kind.name();
        project::track(&bed.store, &[word(&bed, kind, address, 5)])
            .await
            .unwrap();
        assert!(!is_free(&bed, address).await);
        // What they wrote before says nothing.
        project::conversations(&bed.store, &[bed.inbound(address, 4)])
            .await
            .unwrap();
        assert!(!is_free(&bed, address).await);
        project::conversations(&bed.store, &[bed.inbound(address, 6)])
            .await
            .unwrap();
        assert_eq!(is_free(&bed, address).await, heard_lifts, "{address}");
        // That they blocked us before they wrote is known too late to count.
        project::track(&bed.store, &[word(&bed, kind, address, 5)])
            .await
            .unwrap();
        assert_eq!(is_free(&bed, address).await, heard_lifts, "{address}");
    }
    let late = word(&bed, TrackKind::Blocked, "never seen blocked", 5);
    project::conversations(&bed.store, &[bed.inbound("never seen blocked", 6)])
        .await
        .unwrap();
    project::track(&bed.store, &[late]).await.unwrap();
    assert!(is_free(&bed, "never seen blocked").await);
}

#[tokio::test]
async fn opting_out_of_marketing_leaves_conversations_alone() {
    let bed = Bed::new().await;
    let mut less = word(&bed, TrackKind::Unsubscribed, "a", 1);
    less.detail = Some("marketing".into());
    project::track(&bed.store, &[less.clone()]).await.unwrap();
    assert!(is_free(&bed, "a").await);
    project::track(&bed.store, &[word(&bed, TrackKind::Unsubscribed, "a", 2)])
        .await
        .unwrap();
    assert!(!is_free(&bed, "a").await);
    // Less than all does not undo all.
    less.id = uuid();
    less.at = at(3);
    project::track(&bed.store, &[less]).await.unwrap();
    assert!(!is_free(&bed, "a").await);
}

fn uuid() -> uuid::Uuid {
    MessageId::new().0
}

fn manual(reach: Reach, address: &str) -> SuppressionNew {
    SuppressionNew {
        reach,
        address: address.into(),
        reason: Reason::Manual,
        scope: Scope::All,
        detail: Some("asked by telephone".into()),
        expires_at: None,
    }
}

#[tokio::test]
async fn people_make_and_lift_suppressions() {
    let bed = Bed::new().await;
    let (store, ours) = (&bed.store, bed.ours);
    let made = suppression::create(store, ours, manual(Reach::Channel(bed.channel.id), "a"))
        .await
        .unwrap();
    let again = suppression::create(store, ours, manual(Reach::Channel(bed.channel.id), "a"))
        .await
        .unwrap();
    assert_eq!(made.id, again.id);
    assert!(!is_free(&bed, "a").await);
    let foreign = suppression::lift(store, bed.theirs, made.id).await;
    assert!(matches!(foreign, Err(StoreError::NotFound)));
    suppression::lift(store, ours, made.id).await.unwrap();
    let twice = suppression::lift(store, ours, made.id).await;
    assert!(matches!(twice, Err(StoreError::NotFound)));
    assert!(is_free(&bed, "a").await);
    assert_eq!(reasons(&bed).await, []);

    // For all channels of a kind, and for a while.
    let mut wide = manual(Reach::Kind(ChannelKind::Sandbox), "b");
    wide.expires_at = Some(Timestamp::now().plus(Duration::from_secs(3600)));
    suppression::create(store, ours, wide.clone())
        .await
        .unwrap();
    assert!(!is_free(&bed, "b").await);
    bed.sql("update comm_suppressions set expires_at = now() where address = 'b'")
        .await;
    assert!(is_free(&bed, "b").await);
    let mail = manual(Reach::Kind(ChannelKind::Email), "Jane@Example.COM");
    let mail = suppression::create(store, ours, mail).await.unwrap();
    assert_eq!(mail.address, "jane@example.com");
    let other = manual(Reach::Channel(bed.their_channel.id), "a");
    let other = suppression::create(store, ours, other).await;
    assert!(matches!(other, Err(StoreError::NotFound)));
    let empty = suppression::create(store, ours, manual(Reach::Kind(ChannelKind::Email), "")).await;
    assert!(matches!(empty, Err(StoreError::Invalid(_))));
}

#[tokio::test]
async fn the_list_is_paged_and_filtered() {
    let bed = Bed::new().await;
    for number in 0..5 {
        let new = manual(Reach::Channel(bed.channel.id), &format!("a{number}"));
        suppression::create(&bed.store, bed.ours, new)
            .await
            .unwrap();
    }
    let wide = manual(Reach::Kind(ChannelKind::Sandbox), "wide");
    suppression::create(&bed.store, bed.ours, wide)
        .await
        .unwrap();
    let mail = manual(Reach::Kind(ChannelKind::Email), "m@example.com");
    suppression::create(&bed.store, bed.ours, mail)
        .await
        .unwrap();
    let list = async |filter: SuppressionFilter| {
        let (mut found, mut cursor) = (Vec::new(), None);
        loop {
            let page = suppression::list(&bed.store, bed.ours, &filter, cursor, 2)
                .await
                .unwrap();
            found.extend(page.items.into_iter().map(|row| row.address));
            cursor = page.next;
            if cursor.is_none() {
                return found;
            }
        }
    };
    let all = list(SuppressionFilter::default()).await;
    assert_eq!(all, ["m@example.com", "wide", "a4", "a3", "a2", "a1", "a0"]);
    let channel = SuppressionFilter {
        channel_id: Some(bed.channel.id),
        ..Default::default()
    };
    assert_eq!(list(channel).await.len(), 6);
    let address = SuppressionFilter {
        address: Some("M@example.com".into()),
        ..Default::default()
    };
    assert_eq!(list(address).await, ["m@example.com"]);
    let reason = SuppressionFilter {
        reason: Some(Reason::Blocked),
        ..Default::default()
    };
    assert!(list(reason).await.is_empty());
}
