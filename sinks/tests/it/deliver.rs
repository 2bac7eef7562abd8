//! What is sent, in which order, and how often.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use schemas::{ChannelKind, DeliveryState, TrackKind};
use serde_json::json;
use store::delivery::{self, Claim, Verdict};

use crate::{
    platform::Platform,
    rig::{Hub, until},
};

#[tokio::test(flavor = "multi_thread")]
async fn everything_arrives_once_and_in_order_within_a_conversation() {
    let (hub, platform) = (Hub::new().await, Platform::start().await);
    let channel = hub.generic(&platform.base).await;
    let mut all = Vec::new();
    for number in 0..120 {
        let conversation = format!("c{}", number % 7);
        let text = format!("{conversation} {number}");
        let outbound = hub.outbound(ChannelKind::Generic, channel, &conversation, &text);
        hub.send(&outbound).await;
        // Some are handed over twice, as after a lost acknowledgement.
        if number % 5 == 0 {
            hub.send(&outbound).await;
        }
        all.push(outbound);
    }
    let role = hub.deliver().await;
    until("all are sent", || async {
        platform.texts().len() >= all.len()
    })
    .await;
    for outbound in &all {
        hub.until_state(outbound.message.id, DeliveryState::Sent)
            .await;
    }
    role.stop().await;
    assert_eq!(platform.texts().len(), all.len());
    let mut last: HashMap<String, u32> = HashMap::new();
    for text in platform.texts() {
        let (conversation, number) = text.split_once(' ').unwrap();
        let number: u32 = number.parse().unwrap();
        let before = last.insert(conversation.to_owned(), number);
        assert!(
            before.is_none_or(|before| before < number),
            "{text} after {before:?}"
        );
    }
    let row = delivery::get(&hub.store, hub.tenant, all[0].message.id)
        .await
        .unwrap();
    assert!(row.provider_id.is_some_and(|id| id.starts_with('p')));
    assert!(hub.letters("deliver").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sandbox_keeps_what_it_is_sent_in_order() {
    let hub = Hub::new().await;
    let channel = hub
        .channel(ChannelKind::Sandbox, json!({}), json!({}))
        .await;
    let mut all = Vec::new();
    for number in 0..300 {
        let text = number.to_string();
        let outbound = hub.outbound(ChannelKind::Sandbox, channel, "alice", &text);
        hub.send(&outbound).await;
        all.push(outbound);
    }
    let role = hub.deliver().await;
    for outbound in &all {
        hub.until_state(outbound.message.id, DeliveryState::Sent)
            .await;
    }
    role.stop().await;
    let kept = store::sandbox::list(&hub.store, hub.tenant, channel, 500)
        .await
        .unwrap();
    let kept: Vec<String> = kept.into_iter().rev().map(|row| row.content).collect();
    let sent: Vec<String> = (0..300).map(|number| number.to_string()).collect();
    assert_eq!(kept, sent);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_for_now_is_tried_again_and_tracked() {
    let (hub, platform) = (Hub::new().await, Platform::start().await);
    let channel = hub.generic(&platform.base).await;
    platform.answers(500, "");
    let outbound = hub.outbound(ChannelKind::Generic, channel, "c", "again");
    let mut tracked = hub.tracked().await;
    hub.send(&outbound).await;
    let (deliver, forward) = (hub.deliver().await, hub.forward());
    let id = outbound.message.id;
    let retrying = tracked.expect(id, TrackKind::Retrying).await;
    assert_eq!(retrying.detail.as_deref(), Some("http-500"));
    let row = delivery::get(&hub.store, hub.tenant, id).await.unwrap();
    assert_eq!(row.state, DeliveryState::Queued);
    assert_eq!(row.error_class.as_deref(), Some("transient"));
    // The broker wakes it after the 8 to 10 seconds of the first wait.
    let sent = tracked.expect(id, TrackKind::Sent).await;
    assert!(sent.at.since(retrying.at) >= Duration::from_secs(7));
    assert_eq!(platform.texts(), ["again", "again"]);
    let calls = platform.calls();
    assert_eq!(calls[0]["id"], calls[1]["id"]);
    hub.until_state(id, DeliveryState::Sent).await;
    deliver.stop().await;
    forward.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_message_fails_alone() {
    let (hub, platform) = (Hub::new().await, Platform::start().await);
    let channel = hub.generic(&platform.base).await;
    platform.answers(422, "");
    let mut tracked = hub.tracked().await;
    let refused = hub.outbound(ChannelKind::Generic, channel, "c", "refused");
    let good = hub.outbound(ChannelKind::Generic, channel, "c", "good");
    hub.send(&refused).await;
    hub.send(&good).await;
    let role = hub.deliver().await;
    hub.until_state(refused.message.id, DeliveryState::Failed)
        .await;
    hub.until_state(good.message.id, DeliveryState::Sent).await;
    let failed = tracked.expect(refused.message.id, TrackKind::Failed).await;
    assert_eq!(failed.detail.as_deref(), Some("http-422"));
    role.stop().await;
    assert_eq!(platform.texts(), ["refused", "good"]);
    assert!(hub.letters("deliver").await.is_empty());
}

fn claim(outbound: &schemas::Outbound) -> Claim<'_> {
    Claim {
        message: outbound.message.id,
        tenant: outbound.tenant,
        channel: outbound.channel,
        kind: outbound.kind,
        conversation: outbound.message.conversation_id,
        recipient: &outbound.message.recipient.id,
    }
}

/// Claims in the ledger as a sender that then dies while it sends.
async fn dies_while_sending(hub: &Hub, outbound: &schemas::Outbound) {
    let lease = Duration::from_millis(400);
    delivery::claim(&hub.store, &[claim(outbound)], "dead", lease)
        .await
        .unwrap();
    let marked = delivery::mark_sending(&hub.store, &[outbound.message.id], "dead", lease)
        .await
        .unwrap();
    assert_eq!(marked.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_have_left_is_never_sent_again_in_silence() {
    let (hub, platform) = (Hub::new().await, Platform::start().await);
    let channel = hub.telegram(&platform.base).await;
    let mut tracked = hub.tracked().await;
    let doubtful = hub.outbound(ChannelKind::Telegram, channel, "7", "doubtful");
    let next = hub.outbound(ChannelKind::Telegram, channel, "7", "next");
    dies_while_sending(&hub, &doubtful).await;
    hub.send(&doubtful).await;
    hub.send(&next).await;
    let role = hub.deliver().await;
    hub.until_state(doubtful.message.id, DeliveryState::Unknown)
        .await;
    hub.until_state(next.message.id, DeliveryState::Sent).await;
    tracked
        .expect(doubtful.message.id, TrackKind::Unknown)
        .await;
    role.stop().await;
    assert_eq!(platform.texts(), ["next"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_takes_long_is_nobody_elses_while_its_sender_lives() {
    let (hub, platform) = (Hub::new().await, Platform::start().await);
    let channel = hub.telegram(&platform.base).await;
    let slow = hub.outbound(ChannelKind::Telegram, channel, "7", "slow");
    let stalled = platform.stall().await;
    hub.send(&slow).await;
    let lease = Duration::from_secs(1);
    let role = hub.deliver_leasing(channel, lease).await;
    until("it is being sent", || async { platform.texts().len() == 1 }).await;
    let began = Instant::now();
    let mut look = tokio::time::interval(Duration::from_millis(50));
    while began.elapsed() < lease * 3 {
        look.tick().await;
        let verdicts = delivery::begin(&hub.store, &[claim(&slow)], "another", lease).await;
        let verdict = verdicts.unwrap().remove(0).verdict;
        assert!(
            matches!(verdict, Verdict::HeldByOther { .. }),
            "{verdict:?} after {:?}",
            began.elapsed()
        );
    }
    drop(stalled);
    hub.until_state(slow.message.id, DeliveryState::Sent).await;
    role.stop().await;
    assert_eq!(platform.texts(), ["slow"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_other_side_knows_the_key_it_is_sent_again() {
    let (hub, platform) = (Hub::new().await, Platform::start().await);
    let channel = hub.generic(&platform.base).await;
    let doubtful = hub.outbound(ChannelKind::Generic, channel, "c", "doubtful");
    dies_while_sending(&hub, &doubtful).await;
    hub.send(&doubtful).await;
    let role = hub.deliver().await;
    hub.until_state(doubtful.message.id, DeliveryState::Sent)
        .await;
    role.stop().await;
    assert_eq!(platform.texts(), ["doubtful"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_says_nothing_is_held() {
    let (hub, platform) = (Hub::new().await, Platform::start().await);
    let channel = hub.telegram(&platform.base).await;
    platform.answers(502, "<html>");
    let outbound = hub.outbound(ChannelKind::Telegram, channel, "7", "once");
    hub.send(&outbound).await;
    let role = hub.deliver().await;
    hub.until_state(outbound.message.id, DeliveryState::Unknown)
        .await;
    // Handed over again it stays where it is.
    hub.send(&outbound).await;
    let marker = hub.outbound(ChannelKind::Telegram, channel, "7", "marker");
    hub.send(&marker).await;
    hub.until_state(marker.message.id, DeliveryState::Sent)
        .await;
    role.stop().await;
    assert_eq!(platform.texts(), ["once", "marker"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_was_given_up_is_sent_when_its_letter_goes_its_way_again() {
    let (hub, platform) = (Hub::new().await, Platform::start().await);
    let channel = hub.generic(&platform.base).await;
    platform.answers(503, "");
    let mut outbound = hub.outbound(ChannelKind::Generic, channel, "c", "at last");
    outbound.attempt = sinks::deliver::retry::MAX_ATTEMPTS - 1;
    hub.send(&outbound).await;
    let role = hub.deliver().await;
    let id = outbound.message.id;
    hub.until_state(id, DeliveryState::Failed).await;
    let letters = hub.letters("deliver").await;
    assert_eq!(letters.len(), 1);
    let seq = letters[0].seq;
    assert_eq!(letters[0].letter.exhausted(), Some((hub.tenant, id)));
    // It has all its tries again.
    let kept = schemas::Outbound::decode(&letters[0].letter.payload).unwrap();
    assert_eq!((kept.attempt, kept.message.id), (0, id));

    assert!(delivery::reopen(&hub.store, hub.tenant, id).await.unwrap());
    assert!(hub.bus.dlq_redrive(seq).await.unwrap());
    hub.until_state(id, DeliveryState::Sent).await;
    role.stop().await;
    assert_eq!(platform.texts(), ["at last", "at last"]);
    assert!(hub.letters("deliver").await.is_empty());
}
