//! The outbox of chunks.

use schemas::{CampaignId, ChannelId};

use crate::{Store, StoreError, column::Id};

/// The next chunks to be published, in their order.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn ready(
    store: &Store,
    campaign: CampaignId,
    most: i64,
) -> Result<Vec<(i32, ChannelId)>, StoreError> {
    Ok(sqlx::query!(
        r#"select number, channel_id as "channel: Id" from campaign_chunks
           where campaign_id = $1 and state <> 'done'
             and (state = 'new' and coalesce(due_at <= now(), true) or state = 'published' and due_at <= now())
           order by number limit $2"#,
        campaign.0,
        most
    )
    .fetch_all(&store.pool)
    .await?
    .into_iter()
    .map(|record| (record.number, record.channel.into()))
    .collect())
}

/// Notes that the broker has chunks.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn published(
    store: &Store,
    campaign: CampaignId,
    numbers: &[i32],
) -> Result<(), StoreError> {
    sqlx::query!(
        "update campaign_chunks set state = 'published', published_at = now(), due_at = null
         where campaign_id = $1 and number = any($2) and state <> 'done'",
        campaign.0,
        numbers
    )
    .execute(&store.pool)
    .await?;
    Ok(())
}

/// Has chunks published again that the broker does not have any more: all that were published so long ago.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn lost(
    store: &Store,
    campaign: CampaignId,
    older_than: std::time::Duration,
) -> Result<u64, StoreError> {
    let done = sqlx::query!(
        "update campaign_chunks set due_at = now()
         where campaign_id = $1 and state = 'published' and due_at is null
             and published_at <= now() - make_interval(secs => $2)",
        campaign.0,
        older_than.as_secs_f64()
    )
    .execute(&store.pool)
    .await?;
    Ok(done.rows_affected())
}

/// Tries and failures of the chunks that were last worked on.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn lately(
    store: &Store,
    campaign: CampaignId,
    most: i64,
) -> Result<(i64, i64), StoreError> {
    let record = sqlx::query!(
        r#"select coalesce(sum(tried), 0) as "tried!", coalesce(sum(failed), 0) as "failed!" from (
               select tried, failed from campaign_chunks where campaign_id = $1 and tried > 0 order by number desc limit $2
           ) k"#,
        campaign.0,
        most
    )
    .fetch_one(&store.pool)
    .await?;
    Ok((record.tried, record.failed))
}
