//! How fast messages become rows: `scripts/with-postgres cargo bench -p store`.
//!
//! Prints rows per second, and the processor's microseconds per row (this process + Postgres), which
//! survive a busy machine better: of `project::conversations`, of a bare UNNEST insert of like rows, and
//! of the first without one index after the other. Needs Linux and Postgres on this machine. Writes into the database of `DATABASE_URL`; use an empty one.

use std::{io::Write as _, time::Instant};

use schemas::{
    Body, ChannelKind, ChannelStatus, Content, ConversationId, Direction, Envelope, Hop, Language,
    Message, MessageId, MessageType, Party, PartyType, Priority, Routing, TenantId, Timestamp,
};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use store::{
    Keyring, Store,
    channel::{self, ChannelNew, ChannelRow},
    project, tenant,
};
use uuid::Uuid;

const BATCHES: i64 = 60;
const BATCH: i64 = 1000;
const CONVERSATIONS: i64 = 2000;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::var("DATABASE_URL")?;
    let store = Store::connect(&url, 4, Keyring::ephemeral())?;
    store.migrate().await?;
    let tenant = tenant::ensure_first(&store, "bench").await?.id;
    let new = ChannelNew {
        kind: ChannelKind::Sandbox,
        name: "bench".into(),
        provider: None,
        config: serde_json::json!({}),
        credentials: None,
        status: ChannelStatus::Active,
        assigned_agent_id: None,
        auto_response_enabled: false,
        metadata: None,
    };
    let channel = channel::create(&store, tenant, new).await?;
    let mut out = std::io::stdout().lock();
    let mut base = 0;
    let mut next = || {
        base += BATCHES * BATCH;
        base
    };

    let mut sql = PgConnection::connect(&url).await?;
    let clock = Clock::new(&mut sql).await?;
    // The first run makes the conversations; the second is the steady state.
    project(&store, tenant, &channel, next()).await?;
    let started = clock.now()?;
    project(&store, tenant, &channel, next()).await?;
    let one = clock.since(&started, BATCHES * BATCH)?;
    writeln!(out, "project::conversations, one writer: {one}")?;
    let (from, to) = (next(), next());
    let started = clock.now()?;
    tokio::try_join!(
        project(&store, tenant, &channel, from),
        project(&store, tenant, &channel, to)
    )?;
    let two = clock.since(&started, 2 * BATCHES * BATCH)?;
    writeln!(out, "project::conversations, two writers: {two}")?;

    prepare_bare(&mut sql).await?;
    let started = clock.now()?;
    bare(&mut sql).await?;
    let bare = clock.since(&started, BATCHES * BATCH)?;
    writeln!(out, "bare UNNEST insert: {bare}")?;
    for index in [
        "comm_messages_channel_id_position_idx",
        "comm_messages_conversation_id_position_idx",
        "comm_conversations_tenant_id_last_step_idx",
    ] {
        let drop = format!("drop index {index}");
        sqlx::raw_sql(AssertSqlSafe(drop)).execute(&mut sql).await?;
        let started = clock.now()?;
        project(&store, tenant, &channel, next()).await?;
        let without = clock.since(&started, BATCHES * BATCH)?;
        writeln!(out, "also without {index}: {without}")?;
    }
    Ok(())
}

/// Processor time of this process and of the Postgres server, from `/proc`.
struct Clock {
    server: String,
}

struct Reading {
    wall: Instant,
    ours_us: u64,
    theirs_us: u64,
}

/// A tick of `/proc/*/stat` on Linux.
const TICK_US: u64 = 10_000;

impl Clock {
    async fn new(sql: &mut PgConnection) -> Result<Self, Box<dyn std::error::Error>> {
        let (backend,): (i32,) = sqlx::query_as("select pg_backend_pid()")
            .fetch_one(sql)
            .await?;
        let (server, _) = stat(&backend.to_string()).ok_or("Postgres is not on this machine")?;
        Ok(Self { server })
    }

    fn now(&self) -> std::io::Result<Reading> {
        let mut theirs_us = 0;
        for entry in std::fs::read_dir("/proc")? {
            let entry = entry?.file_name();
            let child = entry.to_str().and_then(stat);
            theirs_us += child.map_or(0, |(parent, us)| if parent == self.server { us } else { 0 });
        }
        Ok(Reading {
            wall: Instant::now(),
            ours_us: stat("self").map_or(0, |(_, us)| us),
            theirs_us,
        })
    }

    fn since(&self, start: &Reading, rows: i64) -> std::io::Result<String> {
        let end = self.now()?;
        let rows = u64::try_from(rows).unwrap_or(1);
        let micros = u64::try_from((end.wall - start.wall).as_micros()).unwrap_or(1);
        Ok(format!(
            "{} rows/s, {} + {} us/row",
            rows * 1_000_000 / micros,
            (end.ours_us - start.ours_us) / rows,
            (end.theirs_us - start.theirs_us) / rows,
        ))
    }
}

/// A process's parent, and its processor time in microseconds.
fn stat(process: &str) -> Option<(String, u64)> {
    let text = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let (_, after) = text.rsplit_once(')')?;
    let fields: Vec<&str> = after.split_whitespace().collect();
    let ticks: u64 = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
    Some(((*fields.get(1)?).to_owned(), ticks * TICK_US))
}

async fn project(
    store: &Store,
    tenant: TenantId,
    channel: &ChannelRow,
    base: i64,
) -> Result<(), store::StoreError> {
    let batches: Vec<Vec<Envelope>> = (0..BATCHES)
        .map(|batch| {
            (0..BATCH)
                .map(|n| envelope(tenant, channel, base + batch * BATCH + n))
                .collect()
        })
        .collect();
    for batch in &batches {
        project::conversations(store, batch).await?;
    }
    Ok(())
}

fn envelope(tenant: TenantId, channel: &ChannelRow, number: i64) -> Envelope {
    let key = format!("participant-{}", number * 7919 % CONVERSATIONS);
    let at = Timestamp(1_736_332_200_000_000 + number);
    let message = Message {
        id: MessageId::inbound(channel.id, &number.to_string()),
        conversation_id: ConversationId::of(channel.id, &key),
        channel_id: channel.id,
        message_type: MessageType::Text,
        direction: Direction::Inbound,
        content: Content {
            text: "I would like to know where my order is; it was to arrive last Tuesday. "
                .repeat(3),
            ..Content::default()
        },
        sender: Party {
            id: key.clone(),
            kind: PartyType::User,
            name: Some("Some Body".into()),
            ..Party::default()
        },
        recipient: Party {
            id: "hub".into(),
            kind: PartyType::Bot,
            ..Party::default()
        },
        priority: Priority::Normal,
        tags: Vec::new(),
        platform_message_id: Some(number.to_string()),
        platform_conversation_id: key.clone(),
        in_reply_to: None,
        subject: None,
        language: Some(Language {
            code: "en".into(),
            iso639_3: String::new(),
            confidence: 0.9,
            model: "whatlang".into(),
        }),
        sentiment: None,
        intent: None,
        topics: Vec::new(),
        category: None,
        routing: Routing::default(),
        created_at: at,
        edited_at: None,
        deleted_at: None,
        metadata: serde_json::Map::new(),
    };
    let hop = |stage: &str| Hop {
        stage: stage.into(),
        worker: "worker-1".into(),
        at,
        took_us: 5,
        decision: "language=en".into(),
    };
    Envelope {
        tenant,
        channel: channel.id,
        kind: channel.kind,
        message: message.id,
        conversation: message.conversation_id,
        conversation_key: key,
        received_at: at,
        position: number,
        body: Body::Message(Box::new(message)),
        context: schemas::Context::default(),
        replies: Vec::new(),
        events: Vec::new(),
        trace: ["normalize", "language", "classify", "route"]
            .map(hop)
            .to_vec(),
    }
}

/// A table with a primary key and two indexes.
async fn prepare_bare(sql: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(
        "create table bare (id uuid primary key, tenant_id uuid, channel_id uuid, conversation_id uuid, position bigint,
             direction text, sender_id text, content text, journey bytea, created_at timestamptz default now());
         create index on bare (conversation_id, position);
         create index on bare (channel_id, position);",
    )
    .execute(sql)
    .await?;
    Ok(())
}

/// Rows of about the same size by UNNEST, and nothing else.
async fn bare(sql: &mut PgConnection) -> Result<(), sqlx::Error> {
    let text = "I would like to know where my order is; it was to arrive last Tuesday. ".repeat(3);
    for _ in 0..BATCHES {
        let count = usize::try_from(BATCH).unwrap_or_default();
        let ids: Vec<Uuid> = (0..count).map(|_| Uuid::new_v4()).collect();
        let texts = vec![text.clone(); count];
        let journeys = vec![vec![7_u8; 250]; count];
        let positions: Vec<i64> = (0..BATCH).collect();
        sqlx::query(
            "insert into bare (id, tenant_id, channel_id, conversation_id, position, direction, sender_id, content, journey)
             select i, i, i, i, p, 'inbound', 'someone', t, j from unnest($1::uuid[], $2::bigint[], $3::text[], $4::bytea[])
             as x (i, p, t, j) on conflict (id) do nothing",
        )
        .bind(&ids)
        .bind(&positions)
        .bind(&texts)
        .bind(&journeys)
        .execute(&mut *sql)
        .await?;
    }
    Ok(())
}
