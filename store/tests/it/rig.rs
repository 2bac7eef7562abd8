//! A private Postgres, and makers of test data.
//!
//! The server runs below `scripts/with-postgres`, which ends it and removes its folder when its input
//! ends: that is when this process ends, however it does.

use std::{
    io::{BufRead, BufReader},
    process::{Child, ChildStdin, Command, Stdio},
    sync::{
        LazyLock,
        atomic::{AtomicU32, Ordering},
    },
};

use schemas::{
    Body, ChannelId, ChannelKind, ChannelStatus, Content, ConversationId, Direction, Envelope, Hop,
    Message, MessageId, MessageType, Outbound, Party, PartyType, Priority, Routing, TenantId,
    Timestamp,
};
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use store::{
    Keyring, Store,
    channel::{self, ChannelNew, ChannelRow},
    tenant,
};
use tokio::sync::OnceCell;

/// A running server.
pub(crate) struct Server {
    child: Child,
    input: Option<ChildStdin>,
    /// Of an empty database.
    pub(crate) url: String,
}

impl Server {
    pub(crate) fn start() -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/with-postgres");
        let mut child = Command::new(script)
            .args(["sh", "-c", "echo \"$DATABASE_URL\"; cat"])
            .env_remove("DATABASE_URL")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut url = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut url)
            .unwrap();
        assert!(url.starts_with("postgresql://"), "Postgres did not start");
        Self {
            input: child.stdin.take(),
            child,
            url: url.trim().to_owned(),
        }
    }

    pub(crate) fn stop(&mut self) {
        drop(self.input.take());
        self.child.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

static SERVER: LazyLock<Server> = LazyLock::new(Server::start);
static MIGRATED: OnceCell<()> = OnceCell::const_new();
static DATABASES: AtomicU32 = AtomicU32::new(0);

/// A store on a fresh database, with two tenants and a sandbox channel each.
pub(crate) struct Bed {
    pub(crate) store: Store,
    pub(crate) ours: TenantId,
    pub(crate) theirs: TenantId,
    pub(crate) channel: ChannelRow,
    pub(crate) their_channel: ChannelRow,
    pub(crate) url: String,
}

impl Bed {
    pub(crate) async fn new() -> Self {
        let server = &*SERVER;
        MIGRATED
            .get_or_init(|| async {
                let store = Store::connect(&server.url, 1, Keyring::ephemeral()).unwrap();
                store.migrate().await.unwrap();
                store.migrate().await.unwrap();
                store.close().await;
            })
            .await;
        let name = format!("bed_{}", DATABASES.fetch_add(1, Ordering::Relaxed));
        let mut admin = PgConnection::connect(&server.url.replace("/tidings?", "/postgres?"))
            .await
            .unwrap();
        let create = format!("create database {name} template tidings");
        sqlx::raw_sql(AssertSqlSafe(create))
            .execute(&mut admin)
            .await
            .unwrap();
        let url = server.url.replace("/tidings?", &format!("/{name}?"));
        let store = Store::connect(&url, 8, Keyring::ephemeral()).unwrap();
        let ours = tenant::ensure_first(&store, "ours").await.unwrap().id;
        let theirs = tenant::create(&store, "theirs").await.unwrap().id;
        let channel = channel::create(&store, ours, sandbox("one")).await.unwrap();
        let their_channel = channel::create(&store, theirs, sandbox("two"))
            .await
            .unwrap();
        Self {
            store,
            ours,
            theirs,
            channel,
            their_channel,
            url,
        }
    }

    /// A statement past the API.
    pub(crate) async fn sql(&self, sql: &str) -> u64 {
        let mut connection = PgConnection::connect(&self.url).await.unwrap();
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
            .execute(&mut connection)
            .await
            .unwrap()
            .rows_affected()
    }

    /// Message `number` of a conversation, from its only participant.
    pub(crate) fn inbound(&self, conversation: &str, number: i64) -> Envelope {
        inbound(self.ours, self.channel.id, conversation, number)
    }

    pub(crate) fn outbound(&self, conversation: &str, number: i64) -> (Outbound, i64) {
        let mut message = message(self.channel.id, conversation, number);
        message.id = MessageId::new();
        message.direction = Direction::Outbound;
        std::mem::swap(&mut message.sender, &mut message.recipient);
        let outbound = Outbound {
            tenant: self.ours,
            channel: self.channel.id,
            kind: ChannelKind::Sandbox,
            message: Box::new(message),
            cause: None,
            attempt: 0,
            queued_at: at(number),
            from: None,
            mail: None,
        };
        (outbound, number)
    }
}

pub(crate) fn sandbox(name: &str) -> ChannelNew {
    ChannelNew {
        kind: ChannelKind::Sandbox,
        name: name.into(),
        provider: None,
        config: json!({}),
        credentials: None,
        status: ChannelStatus::Active,
        assigned_agent_id: None,
        auto_response_enabled: true,
        metadata: None,
    }
}

/// Second `number` of some day.
pub(crate) fn at(number: i64) -> Timestamp {
    Timestamp::from_seconds(1_736_332_200 + number)
}

pub(crate) fn inbound(
    tenant: TenantId,
    channel: ChannelId,
    conversation: &str,
    number: i64,
) -> Envelope {
    let message = message(channel, conversation, number);
    Envelope {
        tenant,
        channel,
        kind: ChannelKind::Sandbox,
        message: message.id,
        conversation: message.conversation_id,
        conversation_key: conversation.into(),
        received_at: at(number),
        position: number,
        body: Body::Message(Box::new(message)),
        context: schemas::Context::default(),
        replies: Vec::new(),
        events: Vec::new(),
        trace: vec![Hop {
            stage: "language".into(),
            worker: "w1".into(),
            at: at(number),
            took_us: 7,
            decision: "language=en".into(),
        }],
    }
}

fn message(channel: ChannelId, conversation: &str, number: i64) -> Message {
    let platform_id = format!("{conversation}-{number}");
    Message {
        id: MessageId::inbound(channel, &platform_id),
        conversation_id: ConversationId::of(channel, conversation),
        channel_id: channel,
        message_type: MessageType::Text,
        direction: Direction::Inbound,
        content: Content {
            text: format!("text {number}"),
            ..Content::default()
        },
        sender: Party {
            id: conversation.into(),
            kind: PartyType::User,
            name: Some(format!("Name of {conversation}")),
            ..Party::default()
        },
        recipient: Party {
            id: "hub".into(),
            kind: PartyType::Bot,
            ..Party::default()
        },
        priority: Priority::Normal,
        tags: Vec::new(),
        platform_message_id: Some(platform_id),
        platform_conversation_id: conversation.into(),
        in_reply_to: None,
        subject: None,
        language: None,
        sentiment: None,
        intent: None,
        topics: Vec::new(),
        category: None,
        routing: Routing::default(),
        created_at: at(number),
        edited_at: None,
        deleted_at: None,
        metadata: serde_json::Map::new(),
    }
}
