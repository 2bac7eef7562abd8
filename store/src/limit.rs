//! Limits of tenants for what campaigns send, and who sends now and so shares them.
//!
//! Invariant: a sender is there from its first [`present`] until it was not seen for some seconds, by the database's
//! clock. Deliberately absent: how rates are kept.

use schemas::{TenantId, campaign::Limits};
use sqlx::types::Json;

use crate::{Store, StoreError, column::Id};

/// A sender that was not seen for so long has no share.
const AWAY_S: f64 = 5.0;

/// A tenant's limits; none of any kind when it never gave some.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn get(store: &Store, tenant: TenantId) -> Result<Limits, StoreError> {
    let found = sqlx::query_scalar!(
        r#"select limits as "limits: Json<Limits>" from tenant_limits where tenant_id = $1"#,
        tenant.0
    )
    .fetch_optional(&store.pool)
    .await?;
    Ok(found.map(|Json(limits)| limits).unwrap_or_default())
}

/// Gives a tenant these limits in place of those it has.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn set(store: &Store, tenant: TenantId, limits: &Limits) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into tenant_limits (tenant_id, limits) values ($1, $2)
         on conflict (tenant_id) do update set limits = excluded.limits",
        tenant.0,
        Json(limits) as _
    )
    .execute(&store.pool)
    .await?;
    Ok(())
}

/// Those of the tenants that have limits.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn of(
    store: &Store,
    tenants: &[TenantId],
) -> Result<Vec<(TenantId, Limits)>, StoreError> {
    let ids: Vec<uuid::Uuid> = tenants.iter().map(|tenant| tenant.0).collect();
    let found = sqlx::query!(
        r#"select tenant_id as "tenant: Id", limits as "limits: Json<Limits>"
           from tenant_limits where tenant_id = any($1)"#,
        &ids
    )
    .fetch_all(&store.pool)
    .await?;
    let pairs = found.into_iter();
    Ok(pairs
        .map(|record| (record.tenant.into(), record.limits.0))
        .filter(|(_, limits): &(TenantId, Limits)| !limits.is_empty())
        .collect())
}

/// Says that `owner` sends a tenant's campaigns by these providers, and hears by which every other sender does: an item
/// each, `owner` not among them.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn present(
    store: &Store,
    tenant: TenantId,
    owner: &str,
    providers: &[String],
) -> Result<Vec<Vec<String>>, StoreError> {
    // What this statement writes it does not see: the others are those that were there before.
    Ok(sqlx::query_scalar!(
        r#"with own as (
               insert into bulk_senders (tenant_id, owner, providers) values ($1, $2, $3)
               on conflict (tenant_id, owner) do update set providers = excluded.providers, seen_at = now()
           ), gone as (
               delete from bulk_senders
               where tenant_id = $1 and owner <> $2 and seen_at < now() - make_interval(secs => 60 * $4::float8)
           )
           select providers as "providers!" from bulk_senders
           where tenant_id = $1 and owner <> $2 and seen_at >= now() - make_interval(secs => $4::float8)"#,
        tenant.0,
        owner,
        providers,
        AWAY_S
    )
    .fetch_all(&store.pool)
    .await?)
}

/// Says that `owner` sends a tenant's campaigns no more.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn absent(store: &Store, tenant: TenantId, owner: &str) -> Result<(), StoreError> {
    sqlx::query!(
        "delete from bulk_senders where tenant_id = $1 and owner = $2",
        tenant.0,
        owner
    )
    .execute(&store.pool)
    .await?;
    Ok(())
}
