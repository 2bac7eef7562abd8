//! Channels and their credentials.
//!
//! Invariant: credentials leave this module decrypted only through [`credentials`] and [`load_all`];
//! [`ChannelRow`] has none.

use schemas::{ChannelId, ChannelKind, ChannelStatus, TenantId, Timestamp};
use serde_json::Value;

use crate::{
    Keyring, Sealed, Store, StoreError,
    column::{Id, MaybeTime, Name},
    error::found,
};

/// Rows deleted at a time when a channel goes.
const PURGE_ROWS: i64 = 5_000;

/// A row of `comm_channels`, without its credentials.
#[derive(Clone, Debug, PartialEq)]
pub struct ChannelRow {
    pub id: ChannelId,
    pub tenant_id: TenantId,
    pub kind: ChannelKind,
    pub name: String,
    pub provider: Option<String>,
    pub config: Value,
    pub status: ChannelStatus,
    pub assigned_agent_id: Option<String>,
    pub total_messages_received: i64,
    pub total_messages_sent: i64,
    pub auto_response_enabled: bool,
    /// `unknown`, `healthy`, `degraded`, `unhealthy`.
    pub health: String,
    pub last_check_at: Option<Timestamp>,
    pub has_credentials: bool,
    pub metadata: Option<Value>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// A channel to be made.
#[derive(Clone)]
pub struct ChannelNew {
    pub kind: ChannelKind,
    pub name: String,
    pub provider: Option<String>,
    /// An object: `{settings, routing}`.
    pub config: Value,
    pub credentials: Option<Value>,
    pub status: ChannelStatus,
    pub assigned_agent_id: Option<String>,
    pub auto_response_enabled: bool,
    pub metadata: Option<Value>,
}

/// What to change; `None` leaves a field, `Some(None)` empties it.
#[derive(Clone, Default)]
pub struct ChannelPatch {
    pub name: Option<String>,
    pub provider: Option<Option<String>>,
    pub config: Option<Value>,
    pub credentials: Option<Option<Value>>,
    pub status: Option<ChannelStatus>,
    pub assigned_agent_id: Option<Option<String>>,
    pub auto_response_enabled: Option<bool>,
    pub metadata: Option<Option<Value>>,
}

/// Which channels; all that is given must hold.
#[derive(Clone, Copy, Debug, Default)]
pub struct ChannelFilter {
    pub kind: Option<ChannelKind>,
    pub status: Option<ChannelStatus>,
}

/// Makes a channel.
///
/// # Errors
/// [`StoreError::Invalid`] for a bad name or config, [`StoreError::Conflict`] for an unknown tenant.
pub async fn create(
    store: &Store,
    tenant: TenantId,
    new: ChannelNew,
) -> Result<ChannelRow, StoreError> {
    let id = ChannelId::new();
    let sealed = seal(&store.keyring, tenant, id, new.credentials.as_ref());
    let (text, key_id) = sealed.map(|s| (s.text, s.key_id)).unzip();
    Ok(sqlx::query_as!(
        ChannelRow,
        r#"insert into comm_channels (id, tenant_id, type, name, provider, config, credentials_encrypted,
               credentials_key_id, status, assigned_agent_id, auto_response_enabled, metadata)
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
           returning id as "id: Id", tenant_id as "tenant_id: Id", type as "kind: Name<ChannelKind>", name, provider, config,
               status as "status: Name<ChannelStatus>", assigned_agent_id, total_messages_received, total_messages_sent,
               auto_response_enabled, health, last_check_at as "last_check_at!: MaybeTime",
               credentials_encrypted is not null as "has_credentials!", metadata, created_at, updated_at"#,
        id.0,
        tenant.0,
        new.kind.name(),
        new.name,
        new.provider,
        new.config,
        text,
        key_id,
        new.status.name(),
        new.assigned_agent_id,
        new.auto_response_enabled,
        new.metadata
    )
    .fetch_one(&store.pool)
    .await?)
}

/// All channels of a tenant, by name.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn list(
    store: &Store,
    tenant: TenantId,
    filter: ChannelFilter,
) -> Result<Vec<ChannelRow>, StoreError> {
    Ok(sqlx::query_as!(
        ChannelRow,
        r#"select id as "id: Id", tenant_id as "tenant_id: Id", type as "kind: Name<ChannelKind>", name, provider, config,
               status as "status: Name<ChannelStatus>", assigned_agent_id, total_messages_received, total_messages_sent,
               auto_response_enabled, health, last_check_at as "last_check_at!: MaybeTime",
               credentials_encrypted is not null as "has_credentials!", metadata, created_at, updated_at
           from comm_channels
           where tenant_id = $1 and ($2::text is null or type = $2) and ($3::text is null or status = $3)
           order by name, id"#,
        tenant.0,
        filter.kind.map(ChannelKind::name),
        filter.status.map(ChannelStatus::name)
    )
    .fetch_all(&store.pool)
    .await?)
}

/// One channel.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn get(store: &Store, tenant: TenantId, id: ChannelId) -> Result<ChannelRow, StoreError> {
    Ok(sqlx::query_as!(
        ChannelRow,
        r#"select id as "id: Id", tenant_id as "tenant_id: Id", type as "kind: Name<ChannelKind>", name, provider, config,
               status as "status: Name<ChannelStatus>", assigned_agent_id, total_messages_received, total_messages_sent,
               auto_response_enabled, health, last_check_at as "last_check_at!: MaybeTime",
               credentials_encrypted is not null as "has_credentials!", metadata, created_at, updated_at
           from comm_channels where tenant_id = $1 and id = $2"#,
        tenant.0,
        id.0
    )
    .fetch_one(&store.pool)
    .await?)
}

/// Changes what the patch gives.
///
/// # Errors
/// [`StoreError::NotFound`], [`StoreError::Invalid`].
pub async fn update(
    store: &Store,
    tenant: TenantId,
    id: ChannelId,
    patch: ChannelPatch,
) -> Result<ChannelRow, StoreError> {
    let sets_credentials = patch.credentials.is_some();
    let sealed = seal(
        &store.keyring,
        tenant,
        id,
        patch.credentials.flatten().as_ref(),
    );
    let (text, key_id) = sealed.map(|s| (s.text, s.key_id)).unzip();
    Ok(sqlx::query_as!(
        ChannelRow,
        r#"update comm_channels set
               name = coalesce($3, name),
               provider = case when $4 then $5 else provider end,
               config = coalesce($6, config),
               credentials_encrypted = case when $7 then $8 else credentials_encrypted end,
               credentials_key_id = case when $7 then $9 else credentials_key_id end,
               status = coalesce($10, status),
               assigned_agent_id = case when $11 then $12 else assigned_agent_id end,
               auto_response_enabled = coalesce($13, auto_response_enabled),
               metadata = case when $14 then $15 else metadata end,
               updated_at = now()
           where tenant_id = $1 and id = $2
           returning id as "id: Id", tenant_id as "tenant_id: Id", type as "kind: Name<ChannelKind>", name, provider, config,
               status as "status: Name<ChannelStatus>", assigned_agent_id, total_messages_received, total_messages_sent,
               auto_response_enabled, health, last_check_at as "last_check_at!: MaybeTime",
               credentials_encrypted is not null as "has_credentials!", metadata, created_at, updated_at"#,
        tenant.0,
        id.0,
        patch.name,
        patch.provider.is_some(),
        patch.provider.flatten(),
        patch.config,
        sets_credentials,
        text,
        key_id,
        patch.status.map(ChannelStatus::name),
        patch.assigned_agent_id.is_some(),
        patch.assigned_agent_id.flatten(),
        patch.auto_response_enabled,
        patch.metadata.is_some(),
        patch.metadata.flatten()
    )
    .fetch_one(&store.pool)
    .await?)
}

/// Deletes a channel with all that hangs on it. The channel goes first, in one step; messages follow in
/// parts, so a large channel blocks nobody. Called again for a channel already gone it answers
/// `NotFound`, yet removes what an earlier call that was cut short left behind.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn delete(store: &Store, tenant: TenantId, id: ChannelId) -> Result<(), StoreError> {
    let done = sqlx::query!(
        "delete from comm_channels where tenant_id = $1 and id = $2",
        tenant.0,
        id.0
    )
    .execute(&store.pool)
    .await?;
    purge(store, tenant, id).await?;
    found(done.rows_affected())
}

async fn purge(store: &Store, tenant: TenantId, id: ChannelId) -> Result<(), StoreError> {
    loop {
        let done = sqlx::query!(
            "with gone as (
                 delete from comm_messages where id in (
                     select m.id from comm_messages m where m.channel_id = $2 and m.tenant_id = $1 limit $3)
                 returning id)
             , untracked as (delete from tracking_events where message_id in (select id from gone))
             , unledgered as (delete from deliveries where message_id in (select id from gone))
             select count(*) as \"count!\" from gone",
            tenant.0,
            id.0,
            PURGE_ROWS
        )
        .fetch_one(&store.pool)
        .await?;
        if done.count == 0 {
            break;
        }
    }
    sqlx::query!(
        "with conversations as (delete from comm_conversations where tenant_id = $1 and channel_id = $2)
         , analytics as (delete from comm_analytics where tenant_id = $1 and channel_id = $2)
         delete from sandbox_outbox where tenant_id = $1 and channel_id = $2",
        tenant.0,
        id.0
    )
    .execute(&store.pool)
    .await?;
    Ok(())
}

/// The credentials, decrypted.
///
/// # Errors
/// [`StoreError::NotFound`] without such a channel, [`StoreError::Other`] when they do not open.
pub async fn credentials(
    store: &Store,
    tenant: TenantId,
    id: ChannelId,
) -> Result<Option<Value>, StoreError> {
    let sealed = sqlx::query_scalar!(
        "select credentials_encrypted from comm_channels where tenant_id = $1 and id = $2",
        tenant.0,
        id.0
    )
    .fetch_one(&store.pool)
    .await?;
    sealed
        .map(|text| open(&store.keyring, tenant, id, &text))
        .transpose()
}

/// Notes what a check of the channel found: `unknown`, `healthy`, `degraded` or `unhealthy`.
///
/// # Errors
/// [`StoreError::NotFound`], [`StoreError::Invalid`].
pub async fn set_health(
    store: &Store,
    tenant: TenantId,
    id: ChannelId,
    health: &str,
) -> Result<(), StoreError> {
    let done = sqlx::query!(
        "update comm_channels set health = $3, last_check_at = now() where tenant_id = $1 and id = $2",
        tenant.0,
        id.0,
        health
    )
    .execute(&store.pool)
    .await?;
    found(done.rows_affected())
}

/// Every tenant's channels with their credentials, for the caches of gateway and deliver. Credentials
/// that do not open are logged and given as none, so that one channel does not stop the others.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn load_all(store: &Store) -> Result<Vec<(ChannelRow, Option<Value>)>, StoreError> {
    let mut transaction = store.pool.begin().await?;
    sqlx::query!("set transaction isolation level repeatable read, read only")
        .execute(&mut *transaction)
        .await?;
    let rows = sqlx::query_as!(
        ChannelRow,
        r#"select id as "id: Id", tenant_id as "tenant_id: Id", type as "kind: Name<ChannelKind>", name, provider, config,
               status as "status: Name<ChannelStatus>", assigned_agent_id, total_messages_received, total_messages_sent,
               auto_response_enabled, health, last_check_at as "last_check_at!: MaybeTime",
               credentials_encrypted is not null as "has_credentials!", metadata, created_at, updated_at
           from comm_channels order by id"#
    )
    .fetch_all(&mut *transaction)
    .await?;
    let mut sealed = sqlx::query!(
        r#"select id as "id: Id", credentials_encrypted as "text!" from comm_channels where credentials_encrypted is not null"#
    )
    .map(|record| (ChannelId::from(record.id), record.text))
    .fetch_all(&mut *transaction)
    .await?
    .into_iter()
    .collect::<std::collections::HashMap<_, _>>();
    transaction.commit().await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let credentials = sealed.remove(&row.id).and_then(|text| {
                open(&store.keyring, row.tenant_id, row.id, &text)
                    .inspect_err(|_| {
                        tracing::error!(channel = %row.id, "the channel's credentials do not open with the key file");
                    })
                    .ok()
            });
            (row, credentials)
        })
        .collect())
}

/// Seals every channel's credentials with the current key; how many were not yet. One that changes
/// meanwhile keeps its new value.
///
/// # Errors
/// [`StoreError::Other`] when credentials do not open with any key of the ring.
pub async fn reseal_all(store: &Store) -> Result<u64, StoreError> {
    let current = store.keyring.current();
    let rows = sqlx::query!(
        r#"select id as "id: Id", tenant_id as "tenant_id: Id", credentials_encrypted as "text!" from comm_channels
           where credentials_encrypted is not null and credentials_key_id <> $1 order by id"#,
        current
    )
    .map(|record| (ChannelId::from(record.id), TenantId::from(record.tenant_id), record.text))
    .fetch_all(&store.pool)
    .await?;
    let mut resealed = 0;
    for (id, tenant, old) in rows {
        let aad = aad(tenant, id);
        let plain = store.keyring.open(&aad, &old).map_err(StoreError::other)?;
        let new = store.keyring.seal(&aad, &plain);
        let done = sqlx::query!(
            "update comm_channels set credentials_encrypted = $3, credentials_key_id = $4
             where tenant_id = $1 and id = $2 and credentials_encrypted = $5",
            tenant.0,
            id.0,
            new.text,
            new.key_id,
            old
        )
        .execute(&store.pool)
        .await?;
        resealed += done.rows_affected();
    }
    Ok(resealed)
}

fn aad(tenant: TenantId, channel: ChannelId) -> [u8; 32] {
    let mut aad = [0; 32];
    let (left, right) = aad.split_at_mut(16);
    left.copy_from_slice(tenant.0.as_bytes());
    right.copy_from_slice(channel.0.as_bytes());
    aad
}

fn seal(
    keyring: &Keyring,
    tenant: TenantId,
    channel: ChannelId,
    credentials: Option<&Value>,
) -> Option<Sealed> {
    credentials.map(|value| keyring.seal(&aad(tenant, channel), value.to_string().as_bytes()))
}

fn open(
    keyring: &Keyring,
    tenant: TenantId,
    channel: ChannelId,
    text: &str,
) -> Result<Value, StoreError> {
    let plain = keyring
        .open(&aad(tenant, channel), text)
        .map_err(StoreError::other)?;
    serde_json::from_slice(&plain).map_err(StoreError::other)
}
