//! Chats with rates of their own, and recipients that are not written to.

use std::time::{Duration, Instant};

use schemas::{About, ChannelKind, DeliveryState, SuppressionReason, SuppressionScope, TrackKind};
use serde_json::json;
use sinks::project::Tracking;
use store::suppression::{self, Reach, SuppressionFilter, SuppressionNew};
use tokio_util::sync::CancellationToken;

use crate::{
    platform::Platform,
    project::LANES,
    rig::{Hub, Role, until},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_chat_that_waits_holds_no_other_up_and_keeps_its_order() {
    let (hub, platform) = (Hub::new().await, Platform::start().await);
    let credentials = json!({ "url": platform.base, "signing_secret": "s" });
    let settings = json!({ "chatRateLimit": 1 });
    let channel = hub
        .channel(ChannelKind::Generic, settings, credentials)
        .await;
    let mut all = Vec::new();
    for number in 0..4 {
        all.push(hub.outbound(
            ChannelKind::Generic,
            channel,
            "busy",
            &format!("busy {number}"),
        ));
    }
    for number in 0..40 {
        let (chat, text) = (format!("c{number}"), format!("other {number}"));
        all.push(hub.outbound(ChannelKind::Generic, channel, &chat, &text));
    }
    for outbound in &all {
        hub.send(outbound).await;
    }
    let begun = Instant::now();
    let (deliver, forward) = (hub.deliver().await, hub.forward());
    until("the others are sent", || async {
        let others = platform.texts();
        others
            .iter()
            .filter(|text| text.starts_with("other"))
            .count()
            == 40
    })
    .await;
    let busy = |texts: Vec<String>| -> Vec<String> {
        texts
            .into_iter()
            .filter(|text| text.starts_with("busy"))
            .collect()
    };
    assert!(
        busy(platform.texts()).len() < 4,
        "nobody waited for the busy chat"
    );
    for outbound in &all {
        hub.until_state(outbound.message.id, DeliveryState::Sent)
            .await;
    }
    assert!(
        begun.elapsed() >= Duration::from_secs(3),
        "{:?}",
        begun.elapsed()
    );
    let expected = ["busy 0", "busy 1", "busy 2", "busy 3"];
    assert_eq!(busy(platform.texts()), expected);
    assert_eq!(platform.texts().len(), all.len());
    deliver.stop().await;
    forward.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_platform_is_not_called_for_a_suppressed_recipient() {
    let (hub, platform) = (Hub::new().await, Platform::start().await);
    let channel = hub.generic(&platform.base).await;
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
    let mut tracked = hub.tracked().await;
    let to = |who: &str| hub.outbound(ChannelKind::Generic, channel, who, who);
    let (gone, here) = (to("gone"), to("here"));
    hub.send(&gone).await;
    hub.send(&here).await;
    let role = hub.deliver().await;
    hub.until_state(gone.message.id, DeliveryState::Failed)
        .await;
    hub.until_state(here.message.id, DeliveryState::Sent).await;
    let failed = tracked.expect(gone.message.id, TrackKind::Failed).await;
    assert_eq!(failed.detail.as_deref(), Some("suppressed: opted_out"));
    role.stop().await;
    assert_eq!(platform.texts(), ["here"]);
    assert!(hub.letters("deliver").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_blocked_us_is_not_written_to_again() {
    let (hub, platform) = (Hub::new().await, Platform::start().await);
    let settings = json!({ "api_base": platform.base });
    let credentials = json!({ "auth_token": "t" });
    let channel = hub.channel(ChannelKind::Viber, settings, credentials).await;
    platform.answers(200, r#"{"status":6,"status_message":"notSubscribed"}"#);
    let mut tracked = hub.tracked().await;
    let first = hub.outbound(ChannelKind::Viber, channel, "42", "first");
    hub.send(&first).await;
    let deliver = hub.deliver().await;
    let _alone = LANES.lock().await;
    let lanes = nats::lanes("project-track");
    let tracking = Tracking::new(hub.bus.clone(), hub.store.clone());
    let project = Role::start(&hub.bus, lanes, tracking, CancellationToken::new());
    let event = tracked.expect(first.message.id, TrackKind::Blocked).await;
    assert_eq!(event.about, About::Address("42".into()));
    until("the address is suppressed", || async {
        let filter = SuppressionFilter::default();
        let page = suppression::list(&hub.store, hub.tenant, &filter, None, 10).await;
        page.unwrap().items.iter().any(|row| row.address == "42")
    })
    .await;
    let second = hub.outbound(ChannelKind::Viber, channel, "42", "second");
    hub.send(&second).await;
    hub.until_state(second.message.id, DeliveryState::Failed)
        .await;
    deliver.stop().await;
    project.stop().await;
    assert_eq!(platform.texts(), ["first"]);
}
