//! A platform that is played, as a hub would know it.

use std::sync::Arc;

use platform::{Desk, Fake, Person, Webhook};
use schemas::{
    ChannelId, ChannelKind, Content, ConversationId, Direction, Envelope, Message, MessageId,
    MessageType, Outbound, Outcome, Party, Priority, Routing, TenantId, Timestamp,
};
use serde_json::{Map, Value, json};
use sinks::channel::{Account, Misconfigured, SendOutcome, Sender, Settings};
use stages::{Cx, Stage};
use store::{Keyring, Store};
use tokio::net::TcpListener;
use uuid::Uuid;

pub(crate) const WEBHOOK: &str = "https://hub.example/api/v1/webhooks/1";
pub(crate) const TENANT: TenantId = TenantId(Uuid::from_u128(1));
pub(crate) const CHANNEL: ChannelId = ChannelId(Uuid::from_u128(2));

/// A fake that listens, and what a hub knows of it.
pub(crate) struct Play {
    pub(crate) kind: ChannelKind,
    pub(crate) fake: Box<dyn Fake>,
    pub(crate) desk: Desk,
    pub(crate) credentials: Value,
    pub(crate) config: Value,
    pub(crate) person: Person,
    /// What the person's first message was, as the hub has it.
    pub(crate) heard: Message,
}

impl Play {
    pub(crate) async fn start(fake: Box<dyn Fake>) -> Result<Self, String> {
        let (kind, desk) = (fake.kind(), Desk::default());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let app = fake.routes(desk.clone());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        let (credentials, settings) = fake.channel(&url);
        let person = Person::of(kind);
        let config = json!({ "settings": settings });
        let said = fake
            .say(WEBHOOK, &person, "hello <you> & 数学", 1)
            .ok_or("says nothing")?;
        let heard = match received(kind, &credentials, &config["settings"], &said)?.remove(0) {
            Outcome::Next(envelope) => envelope.message().cloned().ok_or("no message")?,
            other => return Err(format!("what was said became {other:?}")),
        };
        Ok(Self {
            kind,
            fake,
            desk,
            credentials,
            config,
            person,
            heard,
        })
    }

    pub(crate) fn sender(&self, credentials: &Value) -> Result<Arc<dyn Sender>, Misconfigured> {
        // Connects when it is asked something, which no sender of a played platform does.
        let nowhere = "postgresql://nobody@127.0.0.1:1/nothing";
        let store = Store::connect(nowhere, 1, Keyring::ephemeral()).unwrap();
        let account = Account {
            tenant: TENANT,
            channel: CHANNEL,
            kind: self.kind,
            config: &self.config,
            credentials: Some(credentials),
        };
        let settings = Settings {
            allow_private_urls: true,
            ..Settings::default()
        };
        sinks::channel::build(&account, &settings, &store)
    }

    pub(crate) fn answer(&self, content: Content) -> Outbound {
        let mut message = Message {
            id: MessageId::new(),
            conversation_id: ConversationId::of(CHANNEL, &self.heard.platform_conversation_id),
            channel_id: CHANNEL,
            message_type: MessageType::Text,
            direction: Direction::Outbound,
            content,
            sender: Party::default(),
            recipient: self.heard.sender.clone(),
            priority: Priority::Normal,
            tags: Vec::new(),
            platform_message_id: None,
            platform_conversation_id: self.heard.platform_conversation_id.clone(),
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
        };
        message.recipient.metadata = Map::new();
        Outbound {
            tenant: TENANT,
            channel: CHANNEL,
            kind: self.kind,
            message: Box::new(message),
            cause: None,
            attempt: 0,
            queued_at: Timestamp::now(),
            from: None,
            mail: None,
        }
    }

    /// Sends, and answers the ids it got and everything the platform was told since.
    pub(crate) async fn send(&self, outbound: &Outbound) -> Result<(Vec<String>, String), String> {
        let before = self.desk.calls().len();
        let outcome = self.outcome(outbound).await?;
        let calls: Vec<_> = self.desk.calls().split_off(before);
        if let Some(refused) = calls.iter().find(|call| call.refusal.is_some()) {
            return Err(format!("the platform refused {refused:?}"));
        }
        match outcome {
            SendOutcome::Accepted { provider_ids } if !calls.is_empty() => {
                let told = calls
                    .iter()
                    .map(|call| strings(&call.body))
                    .collect::<Vec<_>>()
                    .join("\n");
                Ok((provider_ids, told))
            }
            other => Err(format!("{other:?} after {} calls", calls.len())),
        }
    }

    pub(crate) async fn outcome(&self, outbound: &Outbound) -> Result<SendOutcome, String> {
        let sender = self
            .sender(&self.credentials)
            .map_err(|wrong| wrong.to_string())?;
        Ok(sender.send(&[outbound]).await.remove(0))
    }
}

/// All texts in a JSON, and in the JSON that some of them are.
fn strings(json: &Value) -> String {
    match json {
        Value::String(text) => match serde_json::from_str::<Value>(text) {
            Ok(inner @ (Value::Object(_) | Value::Array(_))) => strings(&inner),
            _ => text.clone(),
        },
        Value::Array(items) => items.iter().map(strings).collect::<Vec<_>>().join("\n"),
        Value::Object(fields) => fields.values().map(strings).collect::<Vec<_>>().join("\n"),
        Value::Null | Value::Bool(_) | Value::Number(_) => String::new(),
    }
}

/// What the hub makes of a request of the platform.
pub(crate) fn received(
    kind: ChannelKind,
    credentials: &Value,
    settings: &Value,
    said: &Webhook,
) -> Result<Vec<Outcome>, String> {
    let find = |name: &str| {
        let header = said.headers.iter().find(|(key, _)| key == name);
        header.map(|(_, value)| value.as_str())
    };
    let account = ingest::channel::Account {
        kind,
        credentials,
        settings,
        public_keys: &Value::Null,
    };
    let request = ingest::channel::Request {
        url: WEBHOOK,
        headers: &find,
        body: &said.body,
        now: Timestamp::now(),
    };
    ingest::channel::verify(&account, &request)
        .map_err(|refused| format!("not verified: {refused}"))?;
    let updates = ingest::channel::split(kind, find("content-type"), said.body.clone());
    let updates = updates.map_err(|wrong| format!("not split: {wrong}"))?;
    if updates.is_empty() {
        return Err("no updates".into());
    }
    let stages = stages::build(&["normalize"]).unwrap();
    let now = Timestamp::now();
    let outcomes = updates.into_iter().map(|update| {
        let envelope = ingest::channel::envelope(TENANT, CHANNEL, kind, update, now);
        stages.apply(
            &Cx::default(),
            Envelope::decode(&envelope.encode()).unwrap(),
        )
    });
    Ok(outcomes.collect())
}
