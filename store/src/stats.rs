//! The numbers of a hub's front page. All come from counters and small tables, none from counting messages.

use schemas::TenantId;

use crate::{Store, StoreError};

/// One tenant's numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StatsRow {
    pub total_channels: i64,
    pub active_channels: i64,
    pub total_conversations: i64,
    pub active_conversations: i64,
    /// Received and sent.
    pub total_messages: i64,
    /// Received and sent on this day (UTC).
    pub messages_today: i64,
    pub unread_messages: i64,
}

/// The numbers of a tenant.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn hub(store: &Store, tenant: TenantId) -> Result<StatsRow, StoreError> {
    Ok(sqlx::query_as!(
        StatsRow,
        r#"select
               c.total as "total_channels!", c.active as "active_channels!", c.messages as "total_messages!",
               v.total as "total_conversations!", v.active as "active_conversations!", v.unread as "unread_messages!",
               a.messages as "messages_today!"
           from (select count(*) as total, count(*) filter (where status = 'active') as active,
                     coalesce(sum(total_messages_received + total_messages_sent), 0)::bigint as messages
                 from comm_channels where tenant_id = $1) c
           cross join (select count(*) as total, count(*) filter (where status = 'active') as active,
                     coalesce(sum(unread_count), 0)::bigint as unread
                 from comm_conversations where tenant_id = $1) v
           cross join (select coalesce(sum(messages_received + messages_sent), 0)::bigint as messages
                 from comm_analytics where tenant_id = $1 and day = (now() at time zone 'utc')::date) a"#,
        tenant.0
    )
    .fetch_one(&store.pool)
    .await?)
}
