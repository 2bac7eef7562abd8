//! The ledger as people and metrics see it: rows, counts, and what a person decides.

use schemas::{ChannelId, ConversationId, DeliveryState, MessageId, TenantId, Timestamp};

use crate::{
    Store, StoreError,
    column::{Id, MaybeTime, Name},
};

/// What a person decides about an `unknown` message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// It did not leave: queue it again. The caller publishes it anew, and may repeat both until a
    /// sender has claimed it.
    Resend,
    MarkSent,
    MarkFailed,
}

/// A row of `deliveries`.
#[derive(Clone, Debug, PartialEq)]
pub struct DeliveryRow {
    pub message_id: MessageId,
    pub tenant_id: TenantId,
    pub channel_id: ChannelId,
    pub conversation_id: ConversationId,
    pub state: DeliveryState,
    pub attempt: i32,
    pub owner: Option<String>,
    pub lease_until: Option<Timestamp>,
    pub provider_id: Option<String>,
    pub error_class: Option<String>,
    pub detail: Option<String>,
    pub next_try_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub sent_at: Option<Timestamp>,
    pub delivered_at: Option<Timestamp>,
    pub read_at: Option<Timestamp>,
}

/// One row.
///
/// # Errors
/// [`StoreError::NotFound`], also for a message no sender has seen yet.
pub async fn get(
    store: &Store,
    tenant: TenantId,
    id: MessageId,
) -> Result<DeliveryRow, StoreError> {
    Ok(sqlx::query_as!(
        DeliveryRow,
        r#"select message_id as "message_id: Id", tenant_id as "tenant_id: Id", channel_id as "channel_id: Id",
               conversation_id as "conversation_id: Id", state as "state: Name<DeliveryState>", attempt, owner,
               lease_until as "lease_until!: MaybeTime", provider_id, error_class, detail,
               next_try_at as "next_try_at!: MaybeTime", created_at, updated_at, sent_at as "sent_at!: MaybeTime",
               delivered_at as "delivered_at!: MaybeTime", read_at as "read_at!: MaybeTime"
           from deliveries where tenant_id = $1 and message_id = $2"#,
        tenant.0,
        id.0
    )
    .fetch_one(&store.pool)
    .await?)
}

/// The newest rows of a tenant in one state, at most 500: what waits for a person is `Unknown`.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn list(
    store: &Store,
    tenant: TenantId,
    state: DeliveryState,
    limit: u32,
) -> Result<Vec<DeliveryRow>, StoreError> {
    let (limit, _) = crate::page::bounded(limit);
    Ok(sqlx::query_as!(
        DeliveryRow,
        r#"select message_id as "message_id: Id", tenant_id as "tenant_id: Id", channel_id as "channel_id: Id",
               conversation_id as "conversation_id: Id", state as "state: Name<DeliveryState>", attempt, owner,
               lease_until as "lease_until!: MaybeTime", provider_id, error_class, detail,
               next_try_at as "next_try_at!: MaybeTime", created_at, updated_at, sent_at as "sent_at!: MaybeTime",
               delivered_at as "delivered_at!: MaybeTime", read_at as "read_at!: MaybeTime"
           from deliveries where tenant_id = $1 and state = $2 order by created_at desc, message_id limit $3"#,
        tenant.0,
        state.name(),
        i64::from(limit)
    )
    .fetch_all(&store.pool)
    .await?)
}

/// Decides about an `unknown` message.
///
/// # Errors
/// [`StoreError::NotFound`]; [`StoreError::Conflict`] when it is not (or no longer) unknown.
pub async fn resolve_unknown(
    store: &Store,
    tenant: TenantId,
    id: MessageId,
    resolution: Resolution,
) -> Result<DeliveryRow, StoreError> {
    let state = match resolution {
        Resolution::Resend => DeliveryState::Queued,
        Resolution::MarkSent => DeliveryState::Sent,
        Resolution::MarkFailed => DeliveryState::Failed,
    };
    let done = sqlx::query!(
        "update deliveries set state = $3, rank = $4, updated_at = now(),
             attempt = attempt + (state = 'unknown' and $3 = 'queued')::int,
             next_try_at = case when $3 = 'queued' then now() end,
             sent_at = case when $3 = 'sent' then now() else sent_at end,
             error_class = case $3 when 'queued' then 'resend' when 'failed' then error_class end,
             detail = case $3 when 'failed' then detail end
         where tenant_id = $1 and message_id = $2
             and (state = 'unknown' or (state = 'queued' and $3 = 'queued' and error_class = 'resend'))",
        tenant.0,
        id.0,
        state.name(),
        state.rank()
    )
    .execute(&store.pool)
    .await?;
    let row = get(store, tenant, id).await?;
    if done.rows_affected() == 0 {
        return Err(StoreError::Conflict {
            constraint: "delivery_is_unknown".into(),
        });
    }
    Ok(row)
}

/// Lets a message that failed be sent once more, for whoever then publishes it anew; true when it had
/// failed. Of what is in any other state nothing changes,
/// and a late result of before changes nothing any more.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn reopen(store: &Store, tenant: TenantId, id: MessageId) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "update deliveries set state = $3, rank = $4, attempt = attempt + 1, next_try_at = now(), error_class = null,
             detail = null, updated_at = now()
         where tenant_id = $1 and message_id = $2 and state = 'failed'",
        tenant.0,
        id.0,
        DeliveryState::Queued.name(),
        DeliveryState::Queued.rank()
    )
    .execute(&store.pool)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// How many messages of the last day stand in each state, over all tenants; for metrics.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn counts(store: &Store) -> Result<Vec<(DeliveryState, i64)>, StoreError> {
    Ok(sqlx::query!(
        r#"select d.state as "state: Name<DeliveryState>", count(*) as "count!"
           from tenants t join deliveries d on d.tenant_id = t.id and d.created_at > now() - interval '1 day'
           group by d.state"#
    )
    .fetch_all(&store.pool)
    .await?
    .into_iter()
    .map(|record| (record.state.into(), record.count))
    .collect())
}
