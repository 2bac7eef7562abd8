//! Commands a bot answers by itself: `comm_bot_commands`. In the pipeline each is a rule that runs
//! after the channel's other rules; see [`crate::snapshot`].

use schemas::{
    ChannelId, TenantId, Timestamp,
    rule::{Action, Condition, Rule},
};
use uuid::Uuid;

use crate::{Store, StoreError, column::Id, error::found};

/// Names one command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BotCommandId(pub Uuid);

impl From<Id> for BotCommandId {
    fn from(id: Id) -> Self {
        Self(id.0)
    }
}

/// A row of `comm_bot_commands`.
#[derive(Clone, Debug, PartialEq)]
pub struct BotCommandRow {
    pub id: BotCommandId,
    pub tenant_id: TenantId,
    pub channel_id: ChannelId,
    /// With its slash, e.g. `/start`.
    pub command: String,
    pub description: Option<String>,
    pub response_text: String,
    pub is_active: bool,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// A command to be made.
#[derive(Clone, Debug)]
pub struct BotCommandNew {
    pub channel_id: ChannelId,
    pub command: String,
    pub description: Option<String>,
    pub response_text: String,
    pub is_active: bool,
}

/// What to change; `None` leaves a field.
#[derive(Clone, Debug, Default)]
pub struct BotCommandPatch {
    pub description: Option<Option<String>>,
    pub response_text: Option<String>,
    pub is_active: Option<bool>,
}

/// Makes a command.
///
/// # Errors
/// [`StoreError::Conflict`] when the channel has it or is not the tenant's, [`StoreError::Invalid`]
/// when it is not a slash and 1 to 64 letters, digits or `_`.
pub async fn create(
    store: &Store,
    tenant: TenantId,
    new: BotCommandNew,
) -> Result<BotCommandRow, StoreError> {
    Ok(sqlx::query_as!(
        BotCommandRow,
        r#"insert into comm_bot_commands (tenant_id, channel_id, command, description, response_text, is_active)
           values ($1, $2, $3, $4, $5, $6)
           returning id as "id: Id", tenant_id as "tenant_id: Id", channel_id as "channel_id: Id", command, description,
               response_text, is_active, created_at, updated_at"#,
        tenant.0,
        new.channel_id.0,
        new.command,
        new.description,
        new.response_text,
        new.is_active
    )
    .fetch_one(&store.pool)
    .await?)
}

/// Commands of a tenant, or of one channel, by name.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn list(
    store: &Store,
    tenant: TenantId,
    channel: Option<ChannelId>,
) -> Result<Vec<BotCommandRow>, StoreError> {
    Ok(sqlx::query_as!(
        BotCommandRow,
        r#"select id as "id: Id", tenant_id as "tenant_id: Id", channel_id as "channel_id: Id", command, description,
               response_text, is_active, created_at, updated_at
           from comm_bot_commands
           where tenant_id = $1 and ($2::uuid is null or channel_id = $2)
           order by channel_id, command"#,
        tenant.0,
        channel.map(|channel| channel.0)
    )
    .fetch_all(&store.pool)
    .await?)
}

/// One command.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn get(
    store: &Store,
    tenant: TenantId,
    id: BotCommandId,
) -> Result<BotCommandRow, StoreError> {
    Ok(sqlx::query_as!(
        BotCommandRow,
        r#"select id as "id: Id", tenant_id as "tenant_id: Id", channel_id as "channel_id: Id", command, description,
               response_text, is_active, created_at, updated_at
           from comm_bot_commands where tenant_id = $1 and id = $2"#,
        tenant.0,
        id.0
    )
    .fetch_one(&store.pool)
    .await?)
}

/// Changes what the patch gives.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn update(
    store: &Store,
    tenant: TenantId,
    id: BotCommandId,
    patch: BotCommandPatch,
) -> Result<BotCommandRow, StoreError> {
    Ok(sqlx::query_as!(
        BotCommandRow,
        r#"update comm_bot_commands set
               description = case when $3 then $4 else description end,
               response_text = coalesce($5, response_text),
               is_active = coalesce($6, is_active),
               updated_at = now()
           where tenant_id = $1 and id = $2
           returning id as "id: Id", tenant_id as "tenant_id: Id", channel_id as "channel_id: Id", command, description,
               response_text, is_active, created_at, updated_at"#,
        tenant.0,
        id.0,
        patch.description.is_some(),
        patch.description.flatten(),
        patch.response_text,
        patch.is_active
    )
    .fetch_one(&store.pool)
    .await?)
}

/// Deletes a command.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn delete(store: &Store, tenant: TenantId, id: BotCommandId) -> Result<(), StoreError> {
    let done = sqlx::query!(
        "delete from comm_bot_commands where tenant_id = $1 and id = $2",
        tenant.0,
        id.0
    )
    .execute(&store.pool)
    .await?;
    found(done.rows_affected())
}

/// The row as the pipeline's rule.
#[must_use]
pub fn to_rule(row: BotCommandRow) -> Rule {
    Rule {
        name: format!("command {}", row.command),
        priority: i32::MIN,
        is_active: row.is_active,
        when: Condition {
            command: vec![row.command],
            ..Condition::default()
        },
        then: vec![Action::Reply(row.response_text)],
        stop: false,
    }
}
