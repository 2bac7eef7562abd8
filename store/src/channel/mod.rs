//! Channels and their credentials.
//!
//! Invariant: credentials leave this module decrypted only through [`credentials()`] and [`load_all`];
//! [`ChannelRow`] has none.

mod credentials;

use schemas::{ChannelId, ChannelKind, ChannelStatus, TenantId, Timestamp};
use serde_json::Value;

use crate::{
    Store, StoreError,
    column::{Id, MaybeTime, Name},
    error::found,
};

use credentials::seal;
pub use credentials::{credentials, load_all, reseal_all};

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
