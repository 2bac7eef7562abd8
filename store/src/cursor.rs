//! How far a channel that is fetched has been read, and who reads it: a lease a row.
//!
//! Invariants: at most one owner's lease stands at a time, by the database's clock; only who holds it moves the cursor. A
//! lease that ran out is still good for its owner until somebody else takes it.

use std::{collections::HashMap, time::Duration};

use schemas::{ChannelId, TenantId};
use serde_json::Value;

use crate::{Store, StoreError, column::Id};

/// Whose reading of which channel is meant.
#[derive(Clone, Debug)]
pub struct Claim {
    pub tenant: TenantId,
    pub channel: ChannelId,
    /// What is read of the channel; 1 to 64 characters.
    pub name: &'static str,
    /// No two that live may share it.
    pub owner: String,
}

/// Takes or keeps the lease for so long: the cursor when it is ours now, none while somebody else has it.
///
/// # Errors
/// [`StoreError::Conflict`] when there is no such channel, [`StoreError::Unavailable`].
pub async fn claim(
    store: &Store,
    claim: &Claim,
    lease: Duration,
) -> Result<Option<Value>, StoreError> {
    Ok(sqlx::query_scalar!(
        "insert into comm_channel_cursors as held (tenant_id, channel_id, name, owner, lease_until)
         values ($1, $2, $3, $4, now() + make_interval(secs => $5))
         on conflict (channel_id, name) do update
             set owner = excluded.owner, lease_until = excluded.lease_until
             where held.tenant_id = excluded.tenant_id
                 and (held.owner is null or held.owner = excluded.owner or held.lease_until < now())
         returning cursor",
        claim.tenant.0,
        claim.channel.0,
        claim.name,
        claim.owner,
        lease.as_secs_f64()
    )
    .fetch_optional(&store.pool)
    .await?)
}

/// Moves the cursor; false when the lease is another's by now.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn save(store: &Store, claim: &Claim, cursor: &Value) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "update comm_channel_cursors set cursor = $5, updated_at = now()
         where tenant_id = $1 and channel_id = $2 and name = $3 and owner = $4",
        claim.tenant.0,
        claim.channel.0,
        claim.name,
        claim.owner,
        cursor
    )
    .execute(&store.pool)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Lets another worker go on at once.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn release(store: &Store, claim: &Claim) -> Result<(), StoreError> {
    sqlx::query!(
        "update comm_channel_cursors set owner = null, lease_until = null
         where tenant_id = $1 and channel_id = $2 and name = $3 and owner = $4",
        claim.tenant.0,
        claim.channel.0,
        claim.name,
        claim.owner
    )
    .execute(&store.pool)
    .await?;
    Ok(())
}

/// Notes why reading does not go on, or that it does.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn set_trouble(
    store: &Store,
    claim: &Claim,
    trouble: Option<&str>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "update comm_channel_cursors set trouble = $5
         where tenant_id = $1 and channel_id = $2 and name = $3 and owner = $4",
        claim.tenant.0,
        claim.channel.0,
        claim.name,
        claim.owner,
        trouble
    )
    .execute(&store.pool)
    .await?;
    Ok(())
}

/// Why channels of a tenant, or this one of them, are not read, in words; those that are, or are not to be, are not among
/// them.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn troubles(
    store: &Store,
    tenant: TenantId,
    channel: Option<ChannelId>,
) -> Result<HashMap<ChannelId, String>, StoreError> {
    Ok(sqlx::query!(
        r#"select channel_id as "channel: Id", trouble as "trouble!" from comm_channel_cursors
           where tenant_id = $1 and ($2::uuid is null or channel_id = $2) and trouble is not null"#,
        tenant.0,
        channel.map(|channel| channel.0)
    )
    .map(|row| (row.channel.into(), row.trouble))
    .fetch_all(&store.pool)
    .await?
    .into_iter()
    .collect())
}
