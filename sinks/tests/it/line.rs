//! Chats that are sent to faster than they may be: who is next, whoever sends.

use std::time::Duration;

use schemas::{
    ChannelId, ChannelKind, DeliveryState, Outbound, SuppressionReason, SuppressionScope, Timestamp,
};
use serde_json::json;
use store::{
    channel::ChannelPatch,
    delivery::{self, Waiting},
    suppression::{self, Reach, SuppressionNew},
};

use crate::{
    platform::Platform,
    rig::{Hub, until},
};

/// A channel whose chats get two messages at once and then four a second.
async fn slow(hub: &Hub, platform: &Platform) -> ChannelId {
    let settings = json!({ "chatRateLimit": { "per_second": 4, "burst": 2 } });
    let credentials = json!({ "url": platform.base, "signing_secret": "s" });
    hub.channel(ChannelKind::Generic, settings, credentials)
        .await
}

/// Sends so many messages to a chat; their texts go on counting from `from`.
async fn send(
    hub: &Hub,
    channel: ChannelId,
    chat: &str,
    from: usize,
    count: usize,
) -> Vec<Outbound> {
    let mut sent = Vec::with_capacity(count);
    for number in from..from + count {
        let text = format!("{chat} {number}");
        let outbound = hub.outbound(ChannelKind::Generic, channel, chat, &text);
        hub.send(&outbound).await;
        sent.push(outbound);
    }
    sent
}

async fn waiting(hub: &Hub, channel: ChannelId) -> Vec<Waiting> {
    delivery::waiting(&hub.store, hub.tenant, channel, 1000)
        .await
        .unwrap()
}

async fn until_some_wait(hub: &Hub, channel: ChannelId, platform: &Platform, called: usize) {
    until("some are sent and some wait", || async {
        platform.texts().len() >= called && !waiting(hub, channel).await.is_empty()
    })
    .await;
}

async fn until_calm(hub: &Hub, channel: ChannelId, platform: &Platform, called: usize) {
    until("all are sent and nobody waits", || async {
        platform.texts().len() >= called && waiting(hub, channel).await.is_empty()
    })
    .await;
}

fn numbered(chat: &str, count: usize) -> Vec<String> {
    (0..count)
        .map(|number| format!("{chat} {number}"))
        .collect()
}

fn of(chat: &str, platform: &Platform) -> Vec<String> {
    let mut texts = platform.texts();
    texts.retain(|text| text.starts_with(chat));
    texts
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_planned_restart_the_older_messages_of_a_chat_still_leave_first() {
    let (hub, platform) = (Hub::new().await, Platform::start().await);
    let channel = slow(&hub, &platform).await;
    let forward = hub.forward();
    send(&hub, channel, "a", 0, 12).await;
    let first = hub.deliver().await;
    until_some_wait(&hub, channel, &platform, 3).await;
    first.stop().await;
    send(&hub, channel, "a", 12, 6).await;
    // Nobody waits for the chats that were over their rate.
    send(&hub, channel, "b", 0, 2).await;
    let second = hub.deliver().await;
    until("the other chat is served", || async {
        of("b", &platform).len() == 2
    })
    .await;
    assert!(of("a", &platform).len() < 18);
    until_calm(&hub, channel, &platform, 20).await;
    second.stop().await;
    forward.stop().await;
    assert_eq!(of("a", &platform), numbered("a", 18));
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_crash_the_older_messages_of_a_chat_still_leave_first() {
    let (hub, platform) = (Hub::new().await, Platform::start().await);
    let channel = slow(&hub, &platform).await;
    let forward = hub.forward();
    send(&hub, channel, "a", 0, 16).await;
    let first = hub.deliver().await;
    until_some_wait(&hub, channel, &platform, 5).await;
    first.kill().await;
    let sent = send(&hub, channel, "a", 16, 6).await;
    let second = hub.deliver().await;
    for outbound in &sent {
        hub.until_state(outbound.message.id, DeliveryState::Sent)
            .await;
    }
    until_calm(&hub, channel, &platform, 22).await;
    second.stop().await;
    forward.stop().await;
    let mut texts = platform.texts();
    // What was on its way when the sender died may be sent twice on this channel.
    texts.dedup();
    assert_eq!(texts, numbered("a", 22));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_owned_the_lane_before_learns_what_happened_meanwhile() {
    let (hub, platform) = (Hub::new().await, Platform::start().await);
    let channel = slow(&hub, &platform).await;
    let forward = hub.forward();
    send(&hub, channel, "a", 0, 10).await;
    let mut first = hub.deliver().await;
    until_some_wait(&hub, channel, &platform, 3).await;
    first.pause().await;
    send(&hub, channel, "a", 10, 8).await;
    let between = hub.deliver().await;
    until_some_wait(&hub, channel, &platform, 6).await;
    between.stop().await;
    send(&hub, channel, "a", 18, 6).await;
    first.resume();
    until_calm(&hub, channel, &platform, 24).await;
    first.stop().await;
    forward.stop().await;
    assert_eq!(platform.texts(), numbered("a", 24));
}

#[tokio::test(flavor = "multi_thread")]
async fn when_all_come_back_at_once_they_go_in_order_and_at_their_rate() {
    let (hub, platform) = (Hub::new().await, Platform::start().await);
    let channel = slow(&hub, &platform).await;
    let forward = hub.forward();
    let all = send(&hub, channel, "a", 0, 14).await;
    let first = hub.deliver().await;
    until("the first are sent and the last waits", || async {
        let line = waiting(&hub, channel).await;
        platform.texts().len() >= 2 && line.iter().any(|one| one.message == all[13].message.id)
    })
    .await;
    first.stop().await;
    let line = waiting(&hub, channel).await;
    let last = line.iter().map(|one| one.due_at).max().unwrap();
    until("all are due", || async { last < Timestamp::now() }).await;
    let left = 14 - platform.texts().len();
    let began = std::time::Instant::now();
    let second = hub.deliver().await;
    until_calm(&hub, channel, &platform, 14).await;
    // Two at once, and the others at four a second.
    let took = began.elapsed();
    let least = 250 * left.saturating_sub(2) as u128;
    assert!(took.as_millis() >= least, "{left}: {took:?}");
    second.stop().await;
    forward.stop().await;
    assert_eq!(platform.texts(), numbered("a", 14));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_fails_or_may_not_be_sent_holds_nobody_up() {
    let (hub, platform) = (Hub::new().await, Platform::start().await);
    let channel = slow(&hub, &platform).await;
    let forward = hub.forward();
    // One is refused, and one is to somebody who opts out while it waits.
    let hold = json!({ "chatRateLimit": { "per_second": 4, "burst": 1 }, "on_unknown": "hold" });
    let patch = ChannelPatch {
        config: Some(json!({ "settings": hold })),
        ..ChannelPatch::default()
    };
    store::channel::update(&hub.store, hub.tenant, channel, patch)
        .await
        .unwrap();
    platform.answers(200, r#"{"id":"first"}"#);
    platform.answers(422, "");
    let mut all = send(&hub, channel, "a", 0, 3).await;
    let mut gone = hub.outbound(ChannelKind::Generic, channel, "a", "gone");
    gone.message.recipient.id = "gone".into();
    hub.send(&gone).await;
    all.extend(send(&hub, channel, "a", 3, 2).await);
    let deliver = hub.deliver().await;
    until("most wait", || async {
        waiting(&hub, channel).await.len() >= 4
    })
    .await;
    let new = SuppressionNew {
        reach: Reach::Channel(channel),
        address: "gone".into(),
        reason: SuppressionReason::OptedOut,
        scope: SuppressionScope::All,
        detail: None,
        expires_at: None,
    };
    suppression::create(&hub.store, hub.tenant, new)
        .await
        .unwrap();
    until_calm(&hub, channel, &platform, 5).await;
    for (number, outbound) in all.iter().enumerate() {
        let state = match number {
            1 => DeliveryState::Failed,
            _ => DeliveryState::Sent,
        };
        hub.until_state(outbound.message.id, state).await;
    }
    hub.until_state(gone.message.id, DeliveryState::Failed)
        .await;
    deliver.stop().await;
    forward.stop().await;
    assert_eq!(platform.texts(), numbered("a", 5));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_that_cannot_send_any_more_leaves_no_line_behind() {
    let (hub, platform) = (Hub::new().await, Platform::start().await);
    let channel = slow(&hub, &platform).await;
    let forward = hub.forward();
    send(&hub, channel, "a", 0, 6).await;
    let first = hub.deliver().await;
    until_some_wait(&hub, channel, &platform, 2).await;
    first.stop().await;
    let wrong = ChannelPatch {
        config: Some(json!({ "settings": { "rateLimit": "fast" } })),
        ..ChannelPatch::default()
    };
    store::channel::update(&hub.store, hub.tenant, channel, wrong)
        .await
        .unwrap();
    let second = hub.deliver().await;
    until("nobody waits", || async {
        waiting(&hub, channel).await.is_empty()
    })
    .await;
    second.stop().await;
    forward.stop().await;
    let letters = hub.letters("deliver").await;
    assert!(
        letters
            .iter()
            .all(|one| one.letter.reason == "misconfigured")
    );
    assert_eq!(letters.len() + platform.texts().len(), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_overtakes_a_message_that_another_sender_holds() {
    let (hub, platform) = (Hub::new().await, Platform::start().await);
    let channel = hub.generic(&platform.base).await;
    let held = send(&hub, channel, "a", 0, 1).await;
    send(&hub, channel, "a", 1, 4).await;
    send(&hub, channel, "b", 0, 2).await;
    let outbound = &held[0];
    let claim = delivery::Claim {
        message: outbound.message.id,
        tenant: outbound.tenant,
        channel,
        kind: outbound.kind,
        conversation: outbound.message.conversation_id,
        recipient: "a",
    };
    delivery::begin(&hub.store, &[claim], "dead", Duration::from_secs(4))
        .await
        .unwrap();
    let deliver = hub.deliver().await;
    until("the others are sent", || async {
        of("b", &platform).len() == 2
    })
    .await;
    assert!(of("a", &platform).is_empty());
    until("all are sent", || async { platform.texts().len() >= 7 }).await;
    deliver.stop().await;
    assert_eq!(of("a", &platform), numbered("a", 5));
}
