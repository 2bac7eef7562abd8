//! What stopping a campaign leaves behind: those who still wait are told that they wait for nothing.
//!
//! Done in steps, each bounded by its own chunks and not by the campaign, whatever the database has counted of it so far.

use schemas::CampaignId;

use crate::{Store, StoreError, column::Id};

/// Ends what still waits of campaigns that were stopped, so many rows at most; how many. What is being sent is left to its
/// sender, whose lease ends it at last: it may have left. A chunk of which nothing else is left is passed over, so that a
/// platform that does not answer holds up neither the rest of its campaign nor another one that was stopped.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn rest(store: &Store, most: i64) -> Result<u64, StoreError> {
    let stopped = sqlx::query_scalar!(
        r#"select c.id as "id: Id" from campaigns c where c.status = 'CANCELLED' and c.plan is not null and exists (
               select from campaign_chunks k where k.campaign_id = c.id and k.state <> 'done' and not (exists (
                       select from campaign_messages m where m.campaign_id = c.id and m.chunk = k.number
                           and m.status = 'SENDING' and m.lease_until > now())
                   and not exists (
                       select from campaign_messages m where m.campaign_id = c.id and m.chunk = k.number
                           and (m.status = 'PENDING' or m.status = 'SENDING' and m.lease_until <= now()))))
           limit 1"#
    )
    .fetch_optional(&store.pool)
    .await?;
    let Some(id) = stopped.map(CampaignId::from) else {
        return Ok(0);
    };
    let mut transaction = store.begin().await?;
    let numbers = sqlx::query_scalar!(
        "select number from campaign_chunks k where campaign_id = $1 and state <> 'done' and not (exists (
                 select from campaign_messages m where m.campaign_id = $1 and m.chunk = k.number
                     and m.status = 'SENDING' and m.lease_until > now())
             and not exists (
                 select from campaign_messages m where m.campaign_id = $1 and m.chunk = k.number
                     and (m.status = 'PENDING' or m.status = 'SENDING' and m.lease_until <= now())))
         order by number limit $2",
        id.0,
        most / i64::try_from(schemas::campaign::CHUNK).unwrap_or(1) + 1
    )
    .fetch_all(&mut *transaction)
    .await?;
    let done = sqlx::query!(
        "update campaign_messages set
             status = case when status = 'PENDING' then 'CANCELLED' else 'UNKNOWN' end,
             failure_class = case when status = 'PENDING' then 'stopped' else 'ambiguous' end,
             failure_reason = case when status = 'PENDING' then 'the campaign was stopped'
                 else 'the sender stopped while sending' end,
             owner = null, lease_until = null, next_try_at = null, updated_at = now()
         where campaign_id = $1 and chunk = any($2)
             and (status = 'PENDING' or status = 'SENDING' and lease_until <= now())",
        id.0,
        &numbers
    )
    .execute(&mut *transaction)
    .await?;
    sqlx::query!(
        "update campaign_chunks k set state = 'done', due_at = null
         where campaign_id = $1 and number = any($2) and not exists (
             select from campaign_messages m where m.campaign_id = $1 and m.chunk = k.number and m.chunk = any($2)
                 and m.status in ('PENDING', 'SENDING'))",
        id.0,
        &numbers
    )
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(done.rows_affected())
}
