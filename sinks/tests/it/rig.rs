//! One broker and one database for all tests; each test has its own tenant and channels.

mod role;
mod server;

use std::{future::Future, sync::Arc, time::Duration};

use bytes::Bytes;
use futures::StreamExt;
use nats::{Bus, ConnectSettings, Letter};
use schemas::{
    ChannelId, ChannelKind, ChannelStatus, Content, ConversationId, DeliveryState, Direction,
    Message, MessageId, MessageType, Outbound, Party, Priority, Routing, TenantId, Timestamp,
    TrackEvent, TrackKind, subject,
};
use serde_json::{Map, Value, json};
use sinks::{
    channel::Settings,
    deliver::{Deliver, Senders},
};
use store::{Keyring, Store, channel::ChannelNew, delivery};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

pub(crate) use self::role::Role;
use self::server::servers;

/// How long anything may take before it counts as never.
const PATIENCE: Duration = Duration::from_secs(40);

/// Longer than any test.
const LEASE: Duration = Duration::from_secs(60);

/// A tenant's part of a hub: no role runs until a test starts one.
pub(crate) struct Hub {
    pub(crate) bus: Bus,
    pub(crate) store: Store,
    pub(crate) tenant: TenantId,
}

impl Hub {
    pub(crate) async fn new() -> Self {
        static PREPARED: Mutex<bool> = Mutex::const_new(false);
        let servers = servers();
        let settings = ConnectSettings {
            url: servers.nats_url.clone(),
            name: "test".into(),
            timeout: PATIENCE,
            ..ConnectSettings::default()
        };
        let bus = Bus::connect(&settings).await.unwrap();
        let store = Store::connect(&servers.postgres_url, 8, Keyring::ephemeral()).unwrap();
        let mut prepared = PREPARED.lock().await;
        if !*prepared {
            until("JetStream answers", || async { bus.lag().await.is_ok() }).await;
            nats::provision::apply(&bus, false).await.unwrap();
            store.migrate().await.unwrap();
            *prepared = true;
        }
        let name = format!("tenant {}", MessageId::new());
        let tenant = store::tenant::create(&store, &name).await.unwrap().id;
        Self { bus, store, tenant }
    }

    pub(crate) async fn channel(
        &self,
        kind: ChannelKind,
        settings: Value,
        credentials: Value,
    ) -> ChannelId {
        let new = ChannelNew {
            kind,
            name: "test".into(),
            provider: None,
            config: json!({ "settings": settings }),
            credentials: Some(credentials),
            status: ChannelStatus::Active,
            assigned_agent_id: None,
            auto_response_enabled: false,
            metadata: None,
        };
        let channel = store::channel::create(&self.store, self.tenant, new).await;
        channel.unwrap().id
    }

    /// A generic channel whose webhook is at `base`.
    pub(crate) async fn generic(&self, base: &str) -> ChannelId {
        let credentials = json!({ "url": base, "signing_secret": "s" });
        self.channel(ChannelKind::Generic, json!({}), credentials)
            .await
    }

    /// A telegram channel whose Bot API is at `base`.
    pub(crate) async fn telegram(&self, base: &str) -> ChannelId {
        let settings = json!({ "api_base": base, "rateLimit": null, "chatRateLimit": null });
        let credentials = json!({ "bot_token": "1:T" });
        self.channel(ChannelKind::Telegram, settings, credentials)
            .await
    }

    pub(crate) fn outbound(
        &self,
        kind: ChannelKind,
        channel: ChannelId,
        conversation: &str,
        text: &str,
    ) -> Outbound {
        Outbound {
            tenant: self.tenant,
            channel,
            kind,
            message: Box::new(message(channel, conversation, text)),
            cause: None,
            attempt: 0,
            queued_at: Timestamp::now(),
            from: None,
            mail: None,
        }
    }

    pub(crate) async fn send(&self, outbound: &Outbound) {
        self.publish(outbound, outbound.encode()).await;
    }

    /// Publishes bytes where `outbound` would go.
    pub(crate) async fn publish(&self, outbound: &Outbound, bytes: Bytes) {
        let subject = subject::outbound(outbound.kind, outbound.channel, outbound.tenant);
        let publisher = self.bus.publisher();
        publisher.publish(&subject, bytes, PATIENCE).await.unwrap();
    }

    /// Runs a deliverer on this tenant's channels; other tests serve their own.
    pub(crate) async fn deliver(&self) -> Role {
        self.deliver_with(self.store.clone()).await
    }

    /// The same with a ledger of its own.
    pub(crate) async fn deliver_with(&self, ledger: Store) -> Role {
        let all = store::channel::ChannelFilter::default();
        let mine = store::channel::list(&self.store, self.tenant, all).await;
        let mine = mine.unwrap().iter().map(|row| row.id).collect();
        self.serve(ledger, mine, LEASE).await
    }

    /// The same as [`Self::deliver`], whose leases are short.
    pub(crate) async fn deliver_leasing(&self, channel: ChannelId, lease: Duration) -> Role {
        self.serve(self.store.clone(), vec![channel], lease).await
    }

    /// Runs a deliverer on these channels, whether they exist or not.
    pub(crate) async fn deliver_lanes(&self, channels: Vec<ChannelId>) -> Role {
        self.serve(self.store.clone(), channels, LEASE).await
    }

    async fn serve(&self, ledger: Store, channels: Vec<ChannelId>, lease: Duration) -> Role {
        let settings = Settings {
            allow_private_urls: true,
            ..Settings::default()
        };
        let senders = Senders::new(self.store.clone(), settings);
        senders.refresh(true).await.unwrap();
        let owner = format!("owner-{}", MessageId::new().simple());
        let (bus, known) = (self.bus.clone(), Arc::clone(&senders));
        let handler = Deliver::with_lease(bus, ledger, known, owner, lease);
        let stop = CancellationToken::new();
        tokio::spawn(senders.watch(self.bus.clone(), stop.clone()));
        Role::start(&self.bus, sinks::deliver::lanes(channels), handler, stop)
    }

    /// Moves due messages, as the janitor does.
    pub(crate) fn forward(&self) -> Role {
        let forwarder = nats::Forwarder::new(self.bus.clone());
        let lanes = nats::lanes("forward-due");
        Role::start(&self.bus, lanes, forwarder, CancellationToken::new())
    }

    pub(crate) async fn state(&self, message: MessageId) -> Option<DeliveryState> {
        let row = delivery::get(&self.store, self.tenant, message).await;
        row.ok().map(|row| row.state)
    }

    pub(crate) async fn until_state(&self, message: MessageId, state: DeliveryState) {
        until(&format!("{message} is {}", state.name()), || async {
            self.state(message).await == Some(state)
        })
        .await;
    }

    /// This tenant's dead letters of one stage; projectors of other tests see our messages too.
    pub(crate) async fn letters(&self, stage: &str) -> Vec<Letter> {
        let all = self.bus.dlq_list(Some(self.tenant), None, 100).await;
        let mut letters = all.unwrap();
        letters.retain(|letter| letter.letter.stage == stage);
        letters
    }

    /// What is tracked from now on.
    pub(crate) async fn tracked(&self) -> Tracked {
        let subject = format!("live.track.{}.>", self.tenant.simple());
        let events = self.bus.listen(&subject).await.unwrap();
        let events = events.flat_map(|notice| {
            let items = schemas::frame::decode(notice.payload).unwrap();
            futures::stream::iter(
                items
                    .into_iter()
                    .map(|item| TrackEvent::decode(&item).unwrap()),
            )
        });
        Tracked {
            events: events.boxed(),
        }
    }
}

pub(crate) struct Tracked {
    events: futures::stream::BoxStream<'static, TrackEvent>,
}

impl Tracked {
    /// The next event of this kind about this message. Others may come before it: events of
    /// different kinds have no order, and one may be told again.
    pub(crate) async fn expect(&mut self, message: MessageId, kind: TrackKind) -> TrackEvent {
        let found = tokio::time::timeout(PATIENCE, async {
            loop {
                let event = self.events.next().await.unwrap();
                if (event.message, event.kind) == (message, kind) {
                    return event;
                }
            }
        });
        found.await.expect("the event is tracked")
    }
}

pub(crate) fn message(channel: ChannelId, conversation: &str, text: &str) -> Message {
    Message {
        id: MessageId::new(),
        conversation_id: ConversationId::of(channel, conversation),
        channel_id: channel,
        message_type: MessageType::Text,
        direction: Direction::Outbound,
        content: Content {
            text: text.into(),
            ..Content::default()
        },
        sender: Party::default(),
        recipient: Party {
            id: conversation.into(),
            ..Party::default()
        },
        priority: Priority::Normal,
        tags: Vec::new(),
        platform_message_id: None,
        platform_conversation_id: conversation.into(),
        in_reply_to: None,
        subject: None,
        language: None,
        sentiment: None,
        intent: None,
        topics: Vec::new(),
        category: None,
        routing: Routing::default(),
        created_at: Timestamp::now(),
        edited_at: None,
        deleted_at: None,
        metadata: Map::new(),
    }
}

/// Waits for a condition, looking often.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, condition: impl Fn() -> F) {
    let mut look = tokio::time::interval(Duration::from_millis(20));
    let done = tokio::time::timeout(PATIENCE, async {
        while !condition().await {
            look.tick().await;
        }
    });
    assert!(done.await.is_ok(), "never: {what}");
}
