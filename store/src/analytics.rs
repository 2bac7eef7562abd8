//! Numbers per channel and day, kept by the projectors.

use schemas::{ChannelId, TenantId};
use sqlx::types::chrono::NaiveDate;

use crate::{Store, StoreError, column::Id};

/// A row of `comm_analytics`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnalyticsRow {
    pub channel_id: ChannelId,
    /// UTC.
    pub day: NaiveDate,
    pub messages_received: i64,
    pub messages_sent: i64,
    pub messages_delivered: i64,
    pub messages_read: i64,
    pub messages_failed: i64,
    pub messages_dropped: i64,
}

/// The days from `from` to `to`, both inclusive, of one channel or all; newest first, at most 5000 rows.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn list(
    store: &Store,
    tenant: TenantId,
    channel: Option<ChannelId>,
    from: NaiveDate,
    to: NaiveDate,
) -> Result<Vec<AnalyticsRow>, StoreError> {
    Ok(sqlx::query_as!(
        AnalyticsRow,
        r#"select channel_id as "channel_id: Id", day, messages_received, messages_sent, messages_delivered, messages_read,
               messages_failed, messages_dropped
           from comm_analytics
           where tenant_id = $1 and ($2::uuid is null or channel_id = $2) and day between $3 and $4
           order by day desc, channel_id limit 5000"#,
        tenant.0,
        channel.map(|channel| channel.0),
        from,
        to
    )
    .fetch_all(&store.pool)
    .await?)
}
