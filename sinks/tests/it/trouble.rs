//! What holds a lane up, and what does not.

use std::sync::Arc;

use bytes::Bytes;
use schemas::{ChannelKind, ChannelStatus, DeliveryState, subject::CONFIG_CHANGED};
use serde_json::json;
use sinks::{channel::Settings, deliver::Senders};
use store::{Keyring, Store, channel::ChannelPatch};
use tokio_util::sync::CancellationToken;

use crate::{
    platform::Platform,
    rig::{Hub, until},
};

#[tokio::test(flavor = "multi_thread")]
async fn without_the_ledger_nothing_is_sent() {
    let (hub, platform) = (Hub::new().await, Platform::start().await);
    let channel = hub.generic(&platform.base).await;
    let outbound = hub.outbound(ChannelKind::Generic, channel, "c", "patience");
    hub.send(&outbound).await;
    let away = "postgresql://nobody@127.0.0.1:1/nothing";
    let away = Store::connect(away, 2, Keyring::ephemeral()).unwrap();
    let role = hub.deliver_with(away).await;
    until("the batch was tried twice", || async {
        role.batches() >= 2
    })
    .await;
    assert!(platform.texts().is_empty());
    role.stop().await;
    let role = hub.deliver().await;
    hub.until_state(outbound.message.id, DeliveryState::Sent)
        .await;
    role.stop().await;
    assert_eq!(platform.texts(), ["patience"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_that_is_switched_off_keeps_its_messages() {
    let (hub, platform) = (Hub::new().await, Platform::start().await);
    let channel = hub.generic(&platform.base).await;
    let switch = |status| ChannelPatch {
        status: Some(status),
        ..ChannelPatch::default()
    };
    let off = switch(ChannelStatus::Inactive);
    store::channel::update(&hub.store, hub.tenant, channel, off)
        .await
        .unwrap();
    let outbound = hub.outbound(ChannelKind::Generic, channel, "c", "later");
    hub.send(&outbound).await;
    let role = hub.deliver().await;
    until("the batch was looked at", || async { role.batches() >= 1 }).await;
    assert!(platform.texts().is_empty());
    assert_eq!(hub.state(outbound.message.id).await, None);
    let on = switch(ChannelStatus::Active);
    store::channel::update(&hub.store, hub.tenant, channel, on)
        .await
        .unwrap();
    hub.bus.notify(CONFIG_CHANGED, Bytes::new()).await.unwrap();
    hub.until_state(outbound.message.id, DeliveryState::Sent)
        .await;
    role.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_never_be_sent_becomes_a_dead_letter_and_holds_nothing_up() {
    let (hub, platform) = (Hub::new().await, Platform::start().await);
    let channel = hub.generic(&platform.base).await;
    let mute = hub
        .channel(ChannelKind::Generic, json!({}), json!({}))
        .await;
    let gone = hub.generic(&platform.base).await;

    let good = hub.outbound(ChannelKind::Generic, channel, "c", "good");
    hub.publish(&good, Bytes::from_static(b"not a message"))
        .await;
    let mut forged = hub.outbound(ChannelKind::Generic, channel, "c", "forged");
    forged.tenant = schemas::TenantId::new();
    hub.publish(&good, forged.encode()).await;
    hub.send(&good).await;
    hub.send(&hub.outbound(ChannelKind::Generic, mute, "c", "mute"))
        .await;
    hub.send(&hub.outbound(ChannelKind::Generic, gone, "c", "gone"))
        .await;

    let role = hub.deliver().await;
    store::channel::delete(&hub.store, hub.tenant, gone)
        .await
        .unwrap();
    hub.until_state(good.message.id, DeliveryState::Sent).await;
    // The channel may still be known when its message is looked at.
    until("all letters are there", || async {
        hub.letters("deliver").await.len() >= 3
    })
    .await;
    let letters = hub.letters("deliver").await;
    let count = |reason: &str| letters.iter().filter(|l| l.letter.reason == reason).count();
    assert_eq!(count("undecodable"), 1);
    assert_eq!(count("forged"), 1);
    assert_eq!(count("misconfigured"), 1);
    assert!(!platform.texts().contains(&"forged".to_owned()));
    role.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_of_a_deleted_channel_become_dead_letters() {
    let (hub, platform) = (Hub::new().await, Platform::start().await);
    let gone = hub.generic(&platform.base).await;
    hub.send(&hub.outbound(ChannelKind::Generic, gone, "c", "gone"))
        .await;
    store::channel::delete(&hub.store, hub.tenant, gone)
        .await
        .unwrap();
    let role = hub.deliver_lanes(vec![gone]).await;
    until("the letter is there", || async {
        !hub.letters("deliver").await.is_empty()
    })
    .await;
    assert_eq!(
        hub.letters("deliver").await[0].letter.reason,
        "channel-gone"
    );
    assert!(platform.texts().is_empty());
    role.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_credentials_show_in_the_channels_health() {
    let (hub, platform) = (Hub::new().await, Platform::start().await);
    let channel = hub.telegram(&platform.base).await;
    platform.answers(401, r#"{"ok":false,"description":"Unauthorized"}"#);
    let health = || async {
        let row = store::channel::get(&hub.store, hub.tenant, channel).await;
        row.unwrap().health
    };
    let refused = hub.outbound(ChannelKind::Telegram, channel, "7", "refused");
    hub.send(&refused).await;
    let role = hub.deliver().await;
    hub.until_state(refused.message.id, DeliveryState::Failed)
        .await;
    until("the channel is unhealthy", || async {
        health().await == "unhealthy"
    })
    .await;
    hub.send(&hub.outbound(ChannelKind::Telegram, channel, "7", "fixed"))
        .await;
    until("the channel is healthy", || async {
        health().await == "healthy"
    })
    .await;
    role.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lane_outlives_its_channel_while_messages_wait_in_it() {
    let (hub, platform) = (Hub::new().await, Platform::start().await);
    let channel = hub.generic(&platform.base).await;
    let first = hub.outbound(ChannelKind::Generic, channel, "c", "first");
    hub.send(&first).await;
    let role = hub.deliver().await;
    hub.until_state(first.message.id, DeliveryState::Sent).await;
    role.stop().await;
    // What a retry would do after the channel is gone and the sender was started anew.
    store::channel::delete(&hub.store, hub.tenant, channel)
        .await
        .unwrap();
    hub.send(&hub.outbound(ChannelKind::Generic, channel, "c", "late"))
        .await;
    let senders = Senders::new(hub.store.clone(), Settings::default());
    let stop = CancellationToken::new();
    tokio::spawn(Arc::clone(&senders).watch(hub.bus.clone(), stop.clone()));
    let lane = sinks::deliver::lane(channel);
    until("the lane is served", || async {
        senders.lanes().borrow().contains(&lane)
    })
    .await;
    stop.cancel();
}
