//! The lease on a campaign, and its audience made into rows.

use std::time::Duration;

use schemas::{
    CampaignId, ChannelId, ChannelKind, ContactId, MessageId, TenantId, Timestamp,
    campaign::{CampaignStatus, Pace, Plan},
};
use serde::Serialize;
use sqlx::types::chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::{Store, StoreError, column::Name};

/// A campaign somebody works on.
#[derive(Clone, Debug, PartialEq)]
pub struct Running {
    pub id: CampaignId,
    pub tenant: TenantId,
    pub plan: Plan,
    pub pace: Pace,
    /// The last `contacts.seq` that belongs to the audience.
    pub audience_to: i64,
    pub started_at: Timestamp,
}

/// Where a campaign stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pulse {
    pub status: CampaignStatus,
    /// The last `contacts.seq` that was looked at.
    pub expanded_to: i64,
    pub is_expanded: bool,
    /// Chunks made so far: the number of the next one.
    pub chunks: i32,
    /// Chunks to be published now.
    pub ready: i64,
    /// Chunks in the broker that nobody has finished.
    pub outstanding: i64,
    /// Chunks that are not done, those above among them.
    pub open: i64,
}

/// Scheduled campaigns whose time has come.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn due(store: &Store) -> Result<Vec<(TenantId, CampaignId)>, StoreError> {
    Ok(sqlx::query!(
        "select tenant_id, id from campaigns where status = 'SCHEDULED' and scheduled_at <= now() order by scheduled_at limit 32"
    )
    .fetch_all(&store.pool)
    .await?
    .into_iter()
    .map(|record| (TenantId(record.tenant_id), CampaignId(record.id)))
    .collect())
}

/// Takes running campaigns that nobody works on; those taken. A campaign whose plan cannot be read is paused.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn take(
    store: &Store,
    owner: &str,
    lease: Duration,
    most: i64,
) -> Result<Vec<Running>, StoreError> {
    let records = sqlx::query!(
        r#"update campaigns set owner = $1, lease_until = now() + make_interval(secs => $2)
           where id in (
               select id from campaigns where status = 'RUNNING' and (owner is null or lease_until <= now())
               order by started_at limit $3 for update skip locked)
           returning id, tenant_id, plan, pace, audience_to, coalesce(started_at, now()) as "started_at!""#,
        owner,
        lease.as_secs_f64(),
        most
    )
    .fetch_all(&store.pool)
    .await?;
    let mut taken = Vec::with_capacity(records.len());
    for record in records {
        let id = CampaignId(record.id);
        let plan = record.plan.map(serde_json::from_value::<Plan>);
        let pace = serde_json::from_value::<Pace>(record.pace);
        match (plan, pace, record.audience_to) {
            (Some(Ok(plan)), Ok(pace), Some(audience_to)) => taken.push(Running {
                id,
                tenant: TenantId(record.tenant_id),
                plan,
                pace,
                audience_to,
                started_at: record.started_at.into(),
            }),
            _ => {
                let why = "what it says cannot be read; start it anew from a copy";
                pause(store, id, why).await?;
            }
        }
    }
    Ok(taken)
}

/// Keeps the lease, and tells where the campaign stands; none when it is another's by now.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn pulse(
    store: &Store,
    campaign: CampaignId,
    owner: &str,
    lease: Duration,
) -> Result<Option<Pulse>, StoreError> {
    Ok(sqlx::query!(
        r#"with kept as (
               update campaigns set lease_until = now() + make_interval(secs => $3)
               where id = $1 and owner = $2
               returning status, expanded_to, is_expanded, chunks
           )
           select k.status as "status: Name<CampaignStatus>", k.expanded_to, k.is_expanded, k.chunks,
               count(*) filter (where c.state = 'new' and coalesce(c.due_at <= now(), true)
                   or c.state = 'published' and c.due_at <= now()) as "ready!",
               count(*) filter (where c.state = 'published' and c.due_at is null) as "outstanding!",
               count(c.number) as "open!"
           from kept k left join lateral (
               select number, state, due_at from campaign_chunks where campaign_id = $1 and state <> 'done'
           ) c on true
           group by 1, 2, 3, 4"#,
        campaign.0,
        owner,
        lease.as_secs_f64()
    )
    .fetch_optional(&store.pool)
    .await?
    .map(|record| Pulse {
        status: record.status.into(),
        expanded_to: record.expanded_to,
        is_expanded: record.is_expanded,
        chunks: record.chunks,
        ready: record.ready,
        outstanding: record.outstanding,
        open: record.open,
    }))
}

/// Gives the lease back.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn release(store: &Store, campaign: CampaignId, owner: &str) -> Result<(), StoreError> {
    sqlx::query!(
        "update campaigns set owner = null, lease_until = null where id = $1 and owner = $2",
        campaign.0,
        owner
    )
    .execute(&store.pool)
    .await?;
    Ok(())
}

/// Pauses a running campaign; false when it did not run.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn pause(store: &Store, campaign: CampaignId, why: &str) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "update campaigns set status = 'PAUSED', status_reason = $2, updated_at = now() where id = $1 and status = 'RUNNING'",
        campaign.0,
        why
    )
    .execute(&store.pool)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Ends a campaign of which nothing is open any more; false when something is.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn complete(
    store: &Store,
    campaign: CampaignId,
    owner: &str,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "update campaigns c set status = 'COMPLETED', status_reason = null, completed_at = now(), updated_at = now(),
             owner = null, lease_until = null
         where id = $1 and owner = $2 and status = 'RUNNING' and is_expanded
             and not exists (select from campaign_chunks k where k.campaign_id = c.id and k.state <> 'done')",
        campaign.0,
        owner
    )
    .execute(&store.pool)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// A way to a contact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Way {
    pub channel: ChannelId,
    pub kind: ChannelKind,
    pub address: String,
}

/// One contact of the audience, and what is to be done about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipient {
    pub contact: ContactId,
    /// The chunk it is in, and the way it is sent; or why it is skipped: a code and words.
    pub place: Result<(i32, Way), (&'static str, &'static str)>,
    /// Tried in this order when the way fails.
    pub fallbacks: Vec<Way>,
}

/// A chunk to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewChunk {
    pub number: i32,
    pub channel: ChannelId,
    pub size: usize,
    /// Not to be sent before.
    pub due_at: Option<Timestamp>,
}

/// A stretch of the audience.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// `expanded_to` before and after.
    pub from: i64,
    pub to: i64,
    /// Whether it is the last.
    pub is_last: bool,
    pub recipients: Vec<Recipient>,
    pub chunks: Vec<NewChunk>,
}

/// Writes a stretch: rows, chunks, cursor, all or nothing. False when somebody else moved the cursor.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn write(
    store: &Store,
    campaign: &Running,
    owner: &str,
    stretch: &Stretch,
) -> Result<bool, StoreError> {
    let rows = &stretch.recipients;
    let contacts: Vec<Uuid> = rows.iter().map(|r| r.contact.0).collect();
    let ids: Vec<Uuid> = rows
        .iter()
        .map(|r| MessageId::campaign(campaign.id, r.contact).0)
        .collect();
    let way = |r: &Recipient| r.place.as_ref().ok().map(|(_, way)| way.clone());
    let chunks: Vec<Option<i32>> = rows
        .iter()
        .map(|r| r.place.as_ref().ok().map(|(chunk, _)| *chunk))
        .collect();
    let channels: Vec<Option<Uuid>> = rows.iter().map(|r| way(r).map(|w| w.channel.0)).collect();
    let kinds: Vec<Option<&'static str>> =
        rows.iter().map(|r| way(r).map(|w| w.kind.name())).collect();
    let addresses: Vec<Option<String>> = rows.iter().map(|r| way(r).map(|w| w.address)).collect();
    let classes: Vec<Option<&'static str>> = rows
        .iter()
        .map(|r| r.place.as_ref().err().map(|e| e.0))
        .collect();
    let reasons: Vec<Option<&'static str>> = rows
        .iter()
        .map(|r| r.place.as_ref().err().map(|e| e.1))
        .collect();
    let fallbacks: Vec<Option<serde_json::Value>> = rows
        .iter()
        .map(|r| (!r.fallbacks.is_empty()).then(|| serde_json::json!(r.fallbacks)))
        .collect();
    let numbers: Vec<i32> = stretch.chunks.iter().map(|c| c.number).collect();
    let chunk_channels: Vec<Uuid> = stretch.chunks.iter().map(|c| c.channel.0).collect();
    let sizes: Vec<i16> = stretch
        .chunks
        .iter()
        .map(|c| i16::try_from(c.size).unwrap_or(i16::MAX))
        .collect();
    let times: Vec<Option<DateTime<Utc>>> = stretch
        .chunks
        .iter()
        .map(|c| c.due_at.map(Timestamp::to_datetime))
        .collect();
    let added = i32::try_from(stretch.chunks.len()).unwrap_or(i32::MAX);

    let mut transaction = store.begin().await?;
    // A contact that was met before, under another place in the order, has its row already.
    let inserted = sqlx::query!(
        "insert into campaign_messages (id, campaign_id, tenant_id, contact_id, chunk, channel_id, channel_type, address,
             status, failure_class, failure_reason, fallbacks)
         select i.id, $1, $2, i.contact_id, i.chunk, i.channel_id, i.channel_type, i.address,
             case when i.chunk is null then 'SKIPPED' else 'PENDING' end, i.failure_class, i.failure_reason, i.fallbacks
         from unnest($3::uuid[], $4::uuid[], $5::integer[], $6::uuid[], $7::text[], $8::text[], $9::text[], $10::text[],
                     $11::jsonb[])
              as i (id, contact_id, chunk, channel_id, channel_type, address, failure_class, failure_reason, fallbacks)
         on conflict (id) do nothing",
        campaign.id.0,
        campaign.tenant.0,
        &ids,
        &contacts,
        &chunks as &[Option<i32>],
        &channels as &[Option<Uuid>],
        &kinds as &[Option<&str>],
        &addresses as &[Option<String>],
        &classes as &[Option<&str>],
        &reasons as &[Option<&str>],
        &fallbacks as &[Option<serde_json::Value>]
    )
    .execute(&mut *transaction)
    .await?
    .rows_affected();
    sqlx::query!(
        "insert into campaign_chunks (campaign_id, number, channel_id, size, due_at)
         select $1, i.number, i.channel_id, i.size, i.due_at
         from unnest($2::integer[], $3::uuid[], $4::smallint[], $5::timestamptz[]) as i (number, channel_id, size, due_at)",
        campaign.id.0,
        &numbers,
        &chunk_channels,
        &sizes,
        &times as &[Option<DateTime<Utc>>]
    )
    .execute(&mut *transaction)
    .await?;
    let moved = sqlx::query!(
        "update campaigns set expanded_to = $4, is_expanded = $5, audience = audience + $6, chunks = chunks + $7,
             updated_at = now()
         where id = $1 and owner = $2 and expanded_to = $3 and status = 'RUNNING'",
        campaign.id.0,
        owner,
        stretch.from,
        stretch.to,
        stretch.is_last,
        i64::try_from(inserted).unwrap_or(i64::MAX),
        added
    )
    .execute(&mut *transaction)
    .await?;
    if moved.rows_affected() == 0 {
        transaction.rollback().await?;
        return Ok(false);
    }
    transaction.commit().await?;
    Ok(true)
}
