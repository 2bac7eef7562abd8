//! The state machine: who may go where is told by [`CampaignStatus::can_become`], and checked again by each statement.

use schemas::{
    CampaignId, TenantId, Timestamp,
    campaign::{CampaignStatus, Plan},
};
use sqlx::types::Json;

use crate::{Store, StoreError, column::Name};

/// Starts a draft or a scheduled campaign with what it says from now on; the status it has when it could not be started.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn start(
    store: &Store,
    tenant: TenantId,
    id: CampaignId,
    plan: &Plan,
) -> Result<Result<(), CampaignStatus>, StoreError> {
    let done = sqlx::query!(
        "update campaigns set status = 'RUNNING', status_reason = null, plan = $3, started_at = now(), updated_at = now(),
             audience_to = (select coalesce(max(seq), 0) from contacts where tenant_id = $1)
         where tenant_id = $1 and id = $2 and status in ('DRAFT', 'SCHEDULED')",
        tenant.0,
        id.0,
        Json(plan) as _
    )
    .execute(&store.pool)
    .await?;
    settled(store, tenant, id, done.rows_affected()).await
}

/// Goes from one status to another without anything else; the status it has when it could not.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn go(
    store: &Store,
    tenant: TenantId,
    id: CampaignId,
    to: CampaignStatus,
    reason: Option<&str>,
) -> Result<Result<(), CampaignStatus>, StoreError> {
    let from: Vec<&str> = CampaignStatus::ALL
        .iter()
        .filter(|from| from.can_become(to))
        // Only one that was started has somebody to send to.
        .filter(|from| to != CampaignStatus::Running || **from == CampaignStatus::Paused)
        .map(|from| from.name())
        .collect();
    let done = sqlx::query!(
        "update campaigns set status = $3, status_reason = $4, updated_at = now(),
             judged_from = case when $3 = 'RUNNING' then now() else judged_from end,
             completed_at = case when $3 in ('COMPLETED', 'CANCELLED') then now() else completed_at end
         where tenant_id = $1 and id = $2 and status = any($5)",
        tenant.0,
        id.0,
        to.name(),
        reason,
        &from as &[&str]
    )
    .execute(&store.pool)
    .await?;
    if to == CampaignStatus::Running && done.rows_affected() > 0 {
        forgive(&mut *store.pool.acquire().await?, id).await?;
    }
    settled(store, tenant, id, done.rows_affected()).await
}

/// Forgets the failures of before, so that they do not pause the campaign again.
async fn forgive(connection: &mut sqlx::PgConnection, id: CampaignId) -> Result<(), StoreError> {
    sqlx::query!(
        "update campaign_chunks set tried = 0, failed = 0 where campaign_id = $1 and tried > 0",
        id.0
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Has a draft start by itself; the status it has when it could not.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn schedule(
    store: &Store,
    tenant: TenantId,
    id: CampaignId,
    at: Timestamp,
) -> Result<Result<(), CampaignStatus>, StoreError> {
    let done = sqlx::query!(
        "update campaigns set status = 'SCHEDULED', status_reason = null, scheduled_at = $3, updated_at = now()
         where tenant_id = $1 and id = $2 and status in ('DRAFT', 'SCHEDULED')",
        tenant.0,
        id.0,
        at.to_datetime()
    )
    .execute(&store.pool)
    .await?;
    settled(store, tenant, id, done.rows_affected()).await
}

/// Makes new chunks of those that failed, and runs again; how many, or the status it has when it could not. Bounced and
/// suppressed addresses are not tried again, nor is what may have left.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn retry_failed(
    store: &Store,
    tenant: TenantId,
    id: CampaignId,
) -> Result<Result<u64, CampaignStatus>, StoreError> {
    let mut transaction = store.begin().await?;
    let chunks = sqlx::query_scalar!(
        "select chunks from campaigns where tenant_id = $1 and id = $2 and status in ('RUNNING', 'PAUSED', 'COMPLETED')
             and plan is not null for update",
        tenant.0,
        id.0
    )
    .fetch_optional(&mut *transaction)
    .await?;
    let Some(chunks) = chunks else {
        drop(transaction);
        return Ok(settled(store, tenant, id, 0).await?.map(|()| 0));
    };
    // A hundred of one channel to a chunk, in the order of the channels.
    let moved = sqlx::query!(
        "with failed as (
             select id, channel_id, row_number() over (partition by channel_id order by id) - 1 as place
             from campaign_messages where campaign_id = $1 and status = 'FAILED' and channel_id is not null
         ), numbered as (
             select id, channel_id, $2 + (dense_rank() over (order by channel_id, place / $3) - 1)::integer as number
             from failed
         ), made as (
             insert into campaign_chunks (campaign_id, number, channel_id, size)
             select $1, number, channel_id, count(*)::smallint from numbered group by number, channel_id
         )
         update campaign_messages m set status = 'PENDING', chunk = n.number, attempt = 0, next_try_at = null,
             failed_at = null, updated_at = now()
         from numbered n where m.id = n.id",
        id.0,
        chunks,
        i64::try_from(schemas::campaign::CHUNK).unwrap_or(1)
    )
    .execute(&mut *transaction)
    .await?
    .rows_affected();
    sqlx::query!(
        "update campaigns set
             chunks = (select coalesce(max(number) + 1, 0) from campaign_chunks where campaign_id = $1),
             status = case when status = 'COMPLETED' and $2 then 'RUNNING' else status end,
             completed_at = case when $2 then null else completed_at end, judged_from = now(), updated_at = now()
         where id = $1",
        id.0,
        moved > 0
    )
    .execute(&mut *transaction)
    .await?;
    forgive(&mut transaction, id).await?;
    transaction.commit().await?;
    Ok(Ok(moved))
}

async fn settled(
    store: &Store,
    tenant: TenantId,
    id: CampaignId,
    changed: u64,
) -> Result<Result<(), CampaignStatus>, StoreError> {
    if changed > 0 {
        return Ok(Ok(()));
    }
    let status = sqlx::query_scalar!(
        r#"select status as "status: Name<CampaignStatus>" from campaigns where tenant_id = $1 and id = $2"#,
        tenant.0,
        id.0
    )
    .fetch_optional(&store.pool)
    .await?;
    Ok(Err(status.ok_or(StoreError::NotFound)?.into()))
}
