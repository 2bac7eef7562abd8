//! What the projectors write, and what they leave to the dead letters.

use std::time::Duration;

use bytes::Bytes;
use schemas::{
    Body, ChannelKind, ConversationId, DeliveryState, Direction, Envelope, MessageId, Raw,
    Timestamp, TrackContext, TrackEvent, TrackKind, partition, subject,
};
use serde_json::json;
use sinks::project::{Conversations, OutboundMessages, Tracking};

use tokio_util::sync::CancellationToken;

use crate::rig::{Hub, Role, message, until};

const DEADLINE: Duration = Duration::from_secs(20);

fn envelope(hub: &Hub, channel: schemas::ChannelId, text: &str) -> Envelope {
    let mut inner = message(channel, "alice", text);
    inner.direction = Direction::Inbound;
    inner.sender.id = "alice".into();
    Envelope {
        tenant: hub.tenant,
        channel,
        kind: ChannelKind::Sandbox,
        message: inner.id,
        conversation: ConversationId::of(channel, "alice"),
        conversation_key: "alice".into(),
        received_at: Timestamp::now(),
        position: partition::position(Timestamp::now(), 0),
        body: Body::Message(Box::new(inner)),
        context: schemas::Context::default(),
        replies: Vec::new(),
        events: Vec::new(),
        trace: Vec::new(),
    }
}

/// One role at a time on the shared lanes of the projectors.
pub(crate) static LANES: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

#[tokio::test(flavor = "multi_thread")]
async fn conversations_are_written_and_bad_items_put_aside() {
    let hub = Hub::new().await;
    let channel = hub
        .channel(ChannelKind::Sandbox, json!({}), json!({}))
        .await;
    let good = envelope(&hub, channel, "good");
    let mut raw = envelope(&hub, channel, "raw");
    raw.body = Body::Raw(Raw {
        content_type: "application/json".into(),
        bytes: Bytes::from_static(b"{}"),
    });
    let subject = subject::conversation(0, hub.tenant);
    for item in [
        Bytes::from_static(b"junk"),
        good.encode(),
        raw.encode(),
        good.encode(),
    ] {
        hub.bus
            .publisher()
            .publish(&subject, item, DEADLINE)
            .await
            .unwrap();
    }
    let _alone = LANES.lock().await;
    let handler = Conversations::new(hub.bus.clone(), hub.store.clone(), "w1");
    let lanes = nats::lanes("project-conv");
    let role = Role::start(&hub.bus, lanes, handler, CancellationToken::new());
    until("the letters are there", || async {
        hub.letters("project").await.len() == 2
    })
    .await;
    until("the message is there", || async {
        store::message::get(&hub.store, hub.tenant, good.message)
            .await
            .is_ok()
    })
    .await;
    let mut reasons: Vec<String> = hub
        .letters("project")
        .await
        .into_iter()
        .map(|l| l.letter.reason)
        .collect();
    reasons.sort();
    assert_eq!(reasons, ["not-normalized", "undecodable"]);
    let conversation = store::conversation::get(&hub.store, hub.tenant, good.conversation).await;
    assert_eq!(conversation.unwrap().message_count, 1);
    let journey = store::message::journey(&hub.store, hub.tenant, good.message)
        .await
        .unwrap();
    assert_eq!(journey.last().unwrap().stage, "project");
    role.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sends_and_what_becomes_of_them_are_written() {
    let hub = Hub::new().await;
    let channel = hub
        .channel(ChannelKind::Sandbox, json!({}), json!({}))
        .await;
    let outbound = hub.outbound(ChannelKind::Sandbox, channel, "alice", "hello");
    let id = outbound.message.id;
    hub.send(&outbound).await;
    hub.send(&outbound).await;
    let _alone = LANES.lock().await;
    let deliver = hub.deliver().await;
    let (bus, store) = (hub.bus.clone(), hub.store.clone());
    let handler = OutboundMessages::new(bus.clone(), store.clone());
    let lanes = nats::lanes("project-out");
    let project_out = Role::start(&bus, lanes, handler, CancellationToken::new());
    let handler = Tracking::new(bus.clone(), store.clone());
    let lanes = nats::lanes("project-track");
    let project_track = Role::start(&bus, lanes, handler, CancellationToken::new());
    hub.until_state(id, DeliveryState::Sent).await;
    until("the message is there", || async {
        store::message::get(&hub.store, hub.tenant, id)
            .await
            .is_ok()
    })
    .await;

    let read = event(&hub, &outbound, TrackKind::Read);
    let delivered = event(&hub, &outbound, TrackKind::Delivered);
    // Out of order, and twice.
    for event in [&read, &delivered, &read] {
        let subject = subject::track(event.tenant, event.context, event.kind);
        bus.publisher()
            .publish(&subject, event.encode(), DEADLINE)
            .await
            .unwrap();
    }
    hub.until_state(id, DeliveryState::Read).await;
    for role in [deliver, project_out, project_track] {
        role.stop().await;
    }
    assert_eq!(hub.state(id).await, Some(DeliveryState::Read));
    assert!(hub.letters("project").await.is_empty());
}

fn event(hub: &Hub, outbound: &schemas::Outbound, kind: TrackKind) -> TrackEvent {
    let message: MessageId = outbound.message.id;
    TrackEvent {
        id: TrackEvent::derive_id(message, kind, ""),
        tenant: hub.tenant,
        channel: outbound.channel,
        conversation: outbound.message.conversation_id,
        message,
        context: TrackContext::Message,
        kind,
        at: Timestamp::now(),
        provider_id: None,
        detail: None,
        about: schemas::About::Message,
    }
}
