//! Who waits for the rate of its chat, and in which order.
//!
//! One sender at a time writes here, for its channel: it reads the channel's rows once, when it becomes the owner, and
//! keeps them in memory from then on. Chats under their rate have no rows. Invariant: a row's position never changes.
//!
//! Deliberately absent: the messages themselves, which the broker brings back at their time.

use schemas::{ChannelId, MessageId, TenantId, Timestamp};
use sqlx::types::chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::{Store, StoreError, column::Id};

/// A message that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    pub message: MessageId,
    /// What the messages of one limit have in common.
    pub chat: String,
    /// [`schemas::partition::position`] of when it was accepted.
    pub position: i64,
    /// When the broker brings it back.
    pub due_at: Timestamp,
}

/// Notes that messages wait; of those that are noted already, only when they come back.
///
/// # Errors
/// [`StoreError::Unavailable`]; [`StoreError::Conflict`] when the channel is gone.
pub async fn wait(
    store: &Store,
    tenant: TenantId,
    channel: ChannelId,
    waiting: &[Waiting],
) -> Result<(), StoreError> {
    let messages: Vec<Uuid> = waiting.iter().map(|one| one.message.0).collect();
    let chats: Vec<String> = waiting.iter().map(|one| one.chat.clone()).collect();
    let positions: Vec<i64> = waiting.iter().map(|one| one.position).collect();
    let due: Vec<DateTime<Utc>> = waiting.iter().map(|one| one.due_at.to_datetime()).collect();
    retry!({
        sqlx::query!(
            "insert into deliveries_waiting (message_id, tenant_id, channel_id, chat, position, due_at)
             select i.message_id, $1, $2, i.chat, i.position, i.due_at
             from unnest($3::uuid[], $4::text[], $5::bigint[], $6::timestamptz[]) as i (message_id, chat, position, due_at)
             order by i.message_id
             on conflict (channel_id, message_id) do update set due_at = excluded.due_at",
            tenant.0,
            channel.0,
            &messages,
            &chats,
            &positions,
            &due
        )
        .execute(&store.pool)
        .await?;
        Ok(())
    })
}

/// Who waits on a channel, the oldest first, at most `limit`.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn waiting(
    store: &Store,
    tenant: TenantId,
    channel: ChannelId,
    limit: u32,
) -> Result<Vec<Waiting>, StoreError> {
    retry!({
        Ok(sqlx::query!(
            r#"select message_id as "message: Id", chat, position, due_at
               from deliveries_waiting where tenant_id = $1 and channel_id = $2
               order by position, message_id limit $3"#,
            tenant.0,
            channel.0,
            i64::from(limit)
        )
        .fetch_all(&store.pool)
        .await?
        .into_iter()
        .map(|record| Waiting {
            message: record.message.into(),
            chat: record.chat,
            position: record.position,
            due_at: record.due_at.into(),
        })
        .collect())
    })
}

/// Forgets messages that wait no more: a sender is done with them, or they do not come back.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn leave(
    store: &Store,
    tenant: TenantId,
    channel: ChannelId,
    messages: &[MessageId],
) -> Result<(), StoreError> {
    let ids = super::uuids(messages);
    retry!({
        sqlx::query!(
            "delete from deliveries_waiting where tenant_id = $1 and channel_id = $2 and message_id = any($3)",
            tenant.0,
            channel.0,
            &ids
        )
        .execute(&store.pool)
        .await?;
        Ok(())
    })
}
