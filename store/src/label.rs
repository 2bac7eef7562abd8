//! What people say a message is: `comm_message_labels`. What a model learns from.
//!
//! Invariants: one row for a message, a task and an author, whose last word counts; of several authors the newest
//! counts. Labels outlive the projection of their message.

use std::collections::HashMap;

use schemas::{ChannelKind, MessageId, Task, TenantId, Timestamp};
use uuid::Uuid;

use crate::{
    Store, StoreError,
    column::{Id, MaybeName, Name},
    error::found,
};

/// A row of `comm_message_labels`.
#[derive(Clone, Debug, PartialEq)]
pub struct LabelRow {
    pub message_id: MessageId,
    pub task: Task,
    /// 1 to 20.
    pub labels: Vec<String>,
    pub note: Option<String>,
    /// E.g. `key:<id>`.
    pub author: String,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// What somebody says.
#[derive(Clone, Debug)]
pub struct LabelNew<'a> {
    pub task: Task,
    pub labels: &'a [String],
    pub note: Option<&'a str>,
    pub author: &'a str,
}

/// A labelled text.
#[derive(Clone, Debug, PartialEq)]
pub struct LabelledRow {
    pub message_id: MessageId,
    pub text: String,
    pub labels: Vec<String>,
    /// As [`schemas::Language::code`]; none when unsure.
    pub language: Option<String>,
    /// None when the channel is gone.
    pub channel: Option<ChannelKind>,
}

/// Writes down what somebody says of a message; the same author's earlier word is replaced.
///
/// # Errors
/// [`StoreError::NotFound`] for a message that is not the tenant's, [`StoreError::Invalid`] for a wrong number of
/// labels.
pub async fn put(
    store: &Store,
    tenant: TenantId,
    message: MessageId,
    new: LabelNew<'_>,
) -> Result<LabelRow, StoreError> {
    Ok(sqlx::query_as!(
        LabelRow,
        r#"insert into comm_message_labels as l (tenant_id, message_id, task, author, labels, note)
           select m.tenant_id, m.id, $3, $4, $5, $6 from comm_messages m where m.tenant_id = $1 and m.id = $2
           on conflict on constraint comm_message_labels_pkey
               do update set labels = excluded.labels, note = excluded.note, updated_at = now()
           returning l.message_id as "message_id: Id", l.task as "task: Name<Task>", l.labels, l.note, l.author,
               l.created_at, l.updated_at"#,
        tenant.0,
        message.0,
        new.task.name(),
        new.author,
        new.labels,
        new.note
    )
    .fetch_one(&store.pool)
    .await?)
}

/// What was said of a message, by task, then the newest first.
///
/// # Errors
/// [`StoreError::NotFound`] for a message that is not the tenant's.
pub async fn of_message(
    store: &Store,
    tenant: TenantId,
    message: MessageId,
) -> Result<Vec<LabelRow>, StoreError> {
    let rows = sqlx::query_as!(
        LabelRow,
        r#"select message_id as "message_id: Id", task as "task: Name<Task>", labels, note, author, created_at, updated_at
           from comm_message_labels where tenant_id = $1 and message_id = $2
           order by task, updated_at desc, author"#,
        tenant.0,
        message.0
    )
    .fetch_all(&store.pool)
    .await?;
    if rows.is_empty() {
        let there = sqlx::query_scalar!(
            r#"select count(*) as "count!" from comm_messages where tenant_id = $1 and id = $2"#,
            tenant.0,
            message.0
        )
        .fetch_one(&store.pool)
        .await?;
        found(u64::try_from(there).unwrap_or_default())?;
    }
    Ok(rows)
}

/// The newest word on each of these messages that has one.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn newest(
    store: &Store,
    tenant: TenantId,
    task: Task,
    messages: &[MessageId],
) -> Result<HashMap<MessageId, Vec<String>>, StoreError> {
    let ids: Vec<Uuid> = messages.iter().map(|id| id.0).collect();
    let rows = sqlx::query!(
        r#"select distinct on (message_id) message_id as "message_id: Id", labels from comm_message_labels
           where tenant_id = $1 and task = $2 and message_id = any($3)
           order by message_id, updated_at desc, author"#,
        tenant.0,
        task.name(),
        &ids
    )
    .fetch_all(&store.pool)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.message_id.into(), row.labels))
        .collect())
}

/// A part of all that was labelled for a task: messages after `after`, in the order of their ids, each with the newest
/// word on it. Messages without text are left out. Empty at the end.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn export(
    store: &Store,
    tenant: TenantId,
    task: Task,
    since: Option<Timestamp>,
    after: Option<MessageId>,
    limit: u32,
) -> Result<Vec<LabelledRow>, StoreError> {
    Ok(sqlx::query_as!(
        LabelledRow,
        r#"select m.id as "message_id: Id", m.content as text, l.labels, nullif(m.language, 'und') as language,
               c.type as "channel!: MaybeName<ChannelKind>"
           from (
               select distinct on (message_id) message_id, labels, updated_at from comm_message_labels
               where tenant_id = $1 and task = $2 and message_id > $3
               order by message_id, updated_at desc, author
           ) l
           join comm_messages m on m.id = l.message_id and m.tenant_id = $1
           left join comm_channels c on c.id = m.channel_id and c.tenant_id = $1
           where m.content <> '' and ($4::timestamptz is null or l.updated_at >= $4)
           order by l.message_id limit $5"#,
        tenant.0,
        task.name(),
        after.map_or(Uuid::nil(), |id| id.0),
        since.map(Timestamp::to_datetime),
        i64::from(limit)
    )
    .fetch_all(&store.pool)
    .await?)
}
