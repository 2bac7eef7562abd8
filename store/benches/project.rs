//! How fast messages become rows: `scripts/with-postgres cargo bench -p store`.
//!
//! Prints the rate of `project::conversations`, that of a bare UNNEST insert of the same rows, and what
//! each index of `comm_messages` costs. Writes into the database of `DATABASE_URL`; use an empty one.

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

    // The first run makes the conversations; the second is the steady state.
    measured(&store, tenant, &channel, next()).await?;
    let rate = measured(&store, tenant, &channel, next()).await?;
    writeln!(out, "project::conversations, one writer: {rate:.0} rows/s")?;
    let (from, to) = (next(), next());
    let started = Instant::now();
    let (one, two) = tokio::join!(
        measured(&store, tenant, &channel, from),
        measured(&store, tenant, &channel, to)
    );
    one?;
    two?;
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    let both = (2 * BATCHES * BATCH) as f64 / started.elapsed().as_secs_f64();
    writeln!(out, "project::conversations, two writers: {both:.0} rows/s")?;

    let mut sql = PgConnection::connect(&url).await?;
    let bare = bare(&mut sql).await?;
    writeln!(
        out,
        "bare UNNEST insert: {bare:.0} rows/s; ratio {:.2}",
        rate / bare
    )?;
    for index in [
        "comm_messages_channel_id_position_idx",
        "comm_messages_conversation_id_position_idx",
        "comm_conversations_tenant_id_last_position_idx",
    ] {
        let drop = format!("drop index {index}");
        sqlx::raw_sql(AssertSqlSafe(drop)).execute(&mut sql).await?;
        let without = measured(&store, tenant, &channel, next()).await?;
        writeln!(out, "also without {index}: {without:.0} rows/s")?;
    }
    Ok(())
}

async fn measured(
    store: &Store,
    tenant: TenantId,
    channel: &ChannelRow,
    base: i64,
) -> Result<f64, store::StoreError> {
    let batches: Vec<Vec<Envelope>> = (0..BATCHES)
        .map(|batch| {
            (0..BATCH)
                .map(|n| envelope(tenant, channel, base + batch * BATCH + n))
                .collect()
        })
        .collect();
    let started = Instant::now();
    for batch in &batches {
        project::conversations(store, batch).await?;
    }
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    let rate = (BATCHES * BATCH) as f64 / started.elapsed().as_secs_f64();
    Ok(rate)
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
            confidence: 0.9,
            model: "whatlang".into(),
        }),
        sentiment: None,
        intent: None,
        routing: Routing::default(),
        created_at: at,
        edited_at: None,
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
        replies: Vec::new(),
        trace: ["normalize", "language", "classify", "route"]
            .map(hop)
            .to_vec(),
    }
}

/// Rows of about the same size by UNNEST, with a primary key and two indexes, and nothing else.
async fn bare(sql: &mut PgConnection) -> Result<f64, sqlx::Error> {
    sqlx::raw_sql(
        "create table bare (id uuid primary key, tenant_id uuid, channel_id uuid, conversation_id uuid, position bigint,
             direction text, sender_id text, content text, journey bytea, created_at timestamptz default now());
         create index on bare (conversation_id, position);
         create index on bare (channel_id, position);",
    )
    .execute(&mut *sql)
    .await?;
    let text = "I would like to know where my order is; it was to arrive last Tuesday. ".repeat(3);
    let started = Instant::now();
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
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    let rate = (BATCHES * BATCH) as f64 / started.elapsed().as_secs_f64();
    Ok(rate)
}
