//! Files of messages: `comm_media`, which is also the queue of those still to be fetched. The files lie in object
//! storage, under [`object_key`].
//!
//! Invariants: a file is stored before its row says so; a row that is `stored` or `failed` stays so; who takes a row has
//! it for a while, after which another may, so a crash delays a file and loses none.

mod address;

use std::time::Duration;

use schemas::{Attachment, ChannelId, MediaId, MessageId, TenantId, Timestamp};
use sqlx::types::Json;
use uuid::Uuid;

use crate::{
    Store, StoreError,
    column::{Id, MaybeId},
    text::{clean, clean_json, preview},
};

pub use address::Address;

/// Longest reason kept, in characters.
const MAX_DETAIL: usize = 300;

/// Whether the hub has a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MediaStatus {
    /// To be fetched, or being fetched.
    Waiting,
    Stored,
    /// It will not be there; the row says why.
    Failed,
}

/// A row of `comm_media`.
#[derive(Clone, Debug)]
pub struct MediaRow {
    pub id: MediaId,
    pub tenant_id: TenantId,
    pub message_id: Option<MessageId>,
    pub place: i32,
    pub status: MediaStatus,
    pub name: Option<String>,
    pub content_type: Option<String>,
    pub size_bytes: Option<i64>,
    pub detail: Option<String>,
    pub created_at: Timestamp,
}

/// An attachment to be fetched.
#[derive(Clone, Debug)]
pub struct MediaWanted {
    pub id: MediaId,
    pub tenant: TenantId,
    pub channel: ChannelId,
    pub message: MessageId,
    /// Among the message's attachments, from 0.
    pub place: i32,
    pub source: Attachment,
}

/// A file that is in object storage.
#[derive(Clone, Debug)]
pub struct MediaStored {
    pub content_type: Option<String>,
    pub size_bytes: i64,
    /// In hex.
    pub sha256: String,
}

/// An attachment whose turn it is.
#[derive(Clone, Debug)]
pub struct MediaTaken {
    pub id: MediaId,
    pub tenant: TenantId,
    pub channel: ChannelId,
    pub source: Attachment,
    /// Counts this one.
    pub attempt: i32,
}

/// Where a file lies in object storage.
#[must_use]
pub fn object_key(tenant: TenantId, id: MediaId) -> String {
    format!("media/{tenant}/{id}")
}

fn status(name: &str) -> MediaStatus {
    match name {
        "stored" => MediaStatus::Stored,
        "failed" => MediaStatus::Failed,
        _ => MediaStatus::Waiting,
    }
}

/// Queues attachments. Those that are there already, and those of channels that are not the tenant's, change nothing.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn want(store: &Store, wanted: &[MediaWanted]) -> Result<(), StoreError> {
    if wanted.is_empty() {
        return Ok(());
    }
    let uuids = |of: fn(&MediaWanted) -> Uuid| -> Vec<Uuid> { wanted.iter().map(of).collect() };
    let ids = uuids(|one| one.id.0);
    let tenants = uuids(|one| one.tenant.0);
    let channels = uuids(|one| one.channel.0);
    let messages = uuids(|one| one.message.0);
    let places: Vec<i32> = wanted.iter().map(|one| one.place).collect();
    let names: Vec<Option<String>> = wanted
        .iter()
        .map(|one| {
            let name = one.source.name.as_deref()?;
            Some(clean(name).into_owned())
        })
        .collect();
    let types: Vec<Option<String>> = wanted
        .iter()
        .map(|one| {
            let kind = one.source.content_type.as_deref()?;
            Some(clean(kind).into_owned())
        })
        .collect();
    let sources: Vec<serde_json::Value> = wanted
        .iter()
        .map(|one| {
            let mut source = serde_json::to_value(&one.source)?;
            clean_json(&mut source);
            Ok(source)
        })
        .collect::<Result<_, _>>()
        .map_err(|error: serde_json::Error| StoreError::other(error))?;
    sqlx::query!(
        "insert into comm_media (id, tenant_id, channel_id, message_id, place, status, name, content_type, source,
             next_try_at)
         select i.id, i.tenant_id, i.channel_id, i.message_id, i.place, 'waiting', i.name, i.content_type, i.source, now()
         from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::integer[], $6::text[], $7::text[], $8::jsonb[])
              as i (id, tenant_id, channel_id, message_id, place, name, content_type, source)
         join comm_channels c on c.tenant_id = i.tenant_id and c.id = i.channel_id
         order by i.id
         on conflict (id) do nothing",
        &ids,
        &tenants,
        &channels,
        &messages,
        &places,
        &names as &[Option<String>],
        &types as &[Option<String>],
        &sources
    )
    .execute(&store.pool)
    .await?;
    Ok(())
}

/// Takes up to `limit` attachments that are due, for as long as `lease`: whoever does not say in that time what became
/// of one will find that another has it.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn take(
    store: &Store,
    limit: i64,
    lease: Duration,
) -> Result<Vec<MediaTaken>, StoreError> {
    let rows = sqlx::query!(
        r#"update comm_media m set attempt = m.attempt + 1, next_try_at = now() + make_interval(secs => $2),
               updated_at = now()
           from (select id from comm_media where status = 'waiting' and next_try_at <= now()
                 order by next_try_at limit $1 for update skip locked) due
           where m.id = due.id
           returning m.id as "id: Id", m.tenant_id as "tenant_id: Id", m.channel_id as "channel_id!: Id",
               m.source as "source!: Json<Attachment>", m.attempt"#,
        limit,
        lease.as_secs_f64()
    )
    .fetch_all(&store.pool)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| MediaTaken {
            id: row.id.into(),
            tenant: row.tenant_id.into(),
            channel: row.channel_id.into(),
            source: row.source.0,
            attempt: row.attempt,
        })
        .collect())
}

/// Says that an attachment's file is in object storage.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn stored(
    store: &Store,
    tenant: TenantId,
    id: MediaId,
    file: &MediaStored,
) -> Result<(), StoreError> {
    sqlx::query!(
        "update comm_media set status = 'stored', content_type = coalesce($3, content_type), size_bytes = $4, sha256 = $5,
             detail = null, next_try_at = null, updated_at = now()
         where tenant_id = $1 and id = $2 and status = 'waiting'",
        tenant.0,
        id.0,
        file.content_type,
        file.size_bytes,
        file.sha256
    )
    .execute(&store.pool)
    .await?;
    Ok(())
}

/// Says that an attachment was not fetched: `again` after a while, or never.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn missed(
    store: &Store,
    tenant: TenantId,
    id: MediaId,
    detail: &str,
    again: Option<Duration>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "update comm_media set status = case when $4::float8 is null then 'failed' else 'waiting' end, detail = $3,
             next_try_at = now() + make_interval(secs => $4), updated_at = now()
         where tenant_id = $1 and id = $2 and status = 'waiting'",
        tenant.0,
        id.0,
        preview(detail, MAX_DETAIL),
        again.map(|again| again.as_secs_f64())
    )
    .execute(&store.pool)
    .await?;
    Ok(())
}

/// Keeps the row of a file somebody uploaded, which is in object storage.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn upload(
    store: &Store,
    tenant: TenantId,
    id: MediaId,
    name: Option<&str>,
    file: &MediaStored,
) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into comm_media (id, tenant_id, status, name, content_type, size_bytes, sha256)
         values ($1, $2, 'stored', $3, $4, $5, $6) on conflict (id) do nothing",
        id.0,
        tenant.0,
        name.map(|name| clean(name).into_owned()),
        file.content_type,
        file.size_bytes,
        file.sha256
    )
    .execute(&store.pool)
    .await?;
    Ok(())
}

/// One file's row.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn get(store: &Store, tenant: TenantId, id: MediaId) -> Result<MediaRow, StoreError> {
    let row = sqlx::query!(
        r#"select id as "id: Id", tenant_id as "tenant_id: Id", message_id as "message_id!: MaybeId", place, status, name,
               content_type, size_bytes, detail, created_at
           from comm_media where tenant_id = $1 and id = $2"#,
        tenant.0,
        id.0
    )
    .fetch_one(&store.pool)
    .await?;
    Ok(MediaRow {
        id: row.id.into(),
        tenant_id: row.tenant_id.into(),
        message_id: row.message_id.into(),
        place: row.place,
        status: status(&row.status),
        name: row.name,
        content_type: row.content_type,
        size_bytes: row.size_bytes,
        detail: row.detail,
        created_at: row.created_at.into(),
    })
}

/// The files of a message, in the order of its attachments.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn of_message(
    store: &Store,
    tenant: TenantId,
    message: MessageId,
) -> Result<Vec<MediaRow>, StoreError> {
    let rows = sqlx::query!(
        r#"select id as "id: Id", tenant_id as "tenant_id: Id", message_id as "message_id!: MaybeId", place, status, name,
               content_type, size_bytes, detail, created_at
           from comm_media where tenant_id = $1 and message_id = $2 order by place"#,
        tenant.0,
        message.0
    )
    .fetch_all(&store.pool)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| MediaRow {
            id: row.id.into(),
            tenant_id: row.tenant_id.into(),
            message_id: row.message_id.into(),
            place: row.place,
            status: status(&row.status),
            name: row.name,
            content_type: row.content_type,
            size_bytes: row.size_bytes,
            detail: row.detail,
            created_at: row.created_at.into(),
        })
        .collect())
}
