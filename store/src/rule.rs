//! Automatic answers: `comm_auto_response_rules`, one trigger and one text each. Richer rules stand in
//! the channel's `config.routing.rules`; [`crate::snapshot`] brings both together.

use schemas::{
    ChannelId, RuleId, TenantId, Timestamp,
    rule::{Action, Condition, Rule},
};

use crate::{Store, StoreError, column::Id, error::found};

/// A row of `comm_auto_response_rules`.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleRow {
    pub id: RuleId,
    pub tenant_id: TenantId,
    pub channel_id: ChannelId,
    pub name: String,
    /// `keyword`, `regex`, `language`, `intent`, `command` or `any`.
    pub trigger_type: String,
    /// Words, codes, intents or commands separated by commas, or one regular expression.
    pub trigger_value: Option<String>,
    pub response_text: String,
    pub priority: i32,
    pub is_active: bool,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// A rule to be made.
#[derive(Clone, Debug)]
pub struct RuleNew {
    pub channel_id: ChannelId,
    pub name: String,
    pub trigger_type: String,
    pub trigger_value: Option<String>,
    pub response_text: String,
    pub priority: i32,
    pub is_active: bool,
}

/// What to change; `None` leaves a field.
#[derive(Clone, Debug, Default)]
pub struct RulePatch {
    pub name: Option<String>,
    pub trigger_type: Option<String>,
    pub trigger_value: Option<Option<String>>,
    pub response_text: Option<String>,
    pub priority: Option<i32>,
    pub is_active: Option<bool>,
}

/// Makes a rule.
///
/// # Errors
/// [`StoreError::Conflict`] when the channel has a rule of this name or is not the tenant's,
/// [`StoreError::Invalid`] for an unknown trigger or one without its value.
pub async fn create(store: &Store, tenant: TenantId, new: RuleNew) -> Result<RuleRow, StoreError> {
    Ok(sqlx::query_as!(
        RuleRow,
        r#"insert into comm_auto_response_rules (tenant_id, channel_id, name, trigger_type, trigger_value, response_text,
               priority, is_active)
           values ($1, $2, $3, $4, $5, $6, $7, $8)
           returning id as "id: Id", tenant_id as "tenant_id: Id", channel_id as "channel_id: Id", name, trigger_type,
               trigger_value, response_text, priority, is_active, created_at, updated_at"#,
        tenant.0,
        new.channel_id.0,
        new.name,
        new.trigger_type,
        new.trigger_value,
        new.response_text,
        new.priority,
        new.is_active
    )
    .fetch_one(&store.pool)
    .await?)
}

/// Rules of a tenant, or of one channel, in the order in which they run.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn list(
    store: &Store,
    tenant: TenantId,
    channel: Option<ChannelId>,
) -> Result<Vec<RuleRow>, StoreError> {
    Ok(sqlx::query_as!(
        RuleRow,
        r#"select id as "id: Id", tenant_id as "tenant_id: Id", channel_id as "channel_id: Id", name, trigger_type,
               trigger_value, response_text, priority, is_active, created_at, updated_at
           from comm_auto_response_rules
           where tenant_id = $1 and ($2::uuid is null or channel_id = $2)
           order by channel_id, priority desc, name"#,
        tenant.0,
        channel.map(|channel| channel.0)
    )
    .fetch_all(&store.pool)
    .await?)
}

/// One rule.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn get(store: &Store, tenant: TenantId, id: RuleId) -> Result<RuleRow, StoreError> {
    Ok(sqlx::query_as!(
        RuleRow,
        r#"select id as "id: Id", tenant_id as "tenant_id: Id", channel_id as "channel_id: Id", name, trigger_type,
               trigger_value, response_text, priority, is_active, created_at, updated_at
           from comm_auto_response_rules where tenant_id = $1 and id = $2"#,
        tenant.0,
        id.0
    )
    .fetch_one(&store.pool)
    .await?)
}

/// Changes what the patch gives.
///
/// # Errors
/// [`StoreError::NotFound`], [`StoreError::Conflict`], [`StoreError::Invalid`].
pub async fn update(
    store: &Store,
    tenant: TenantId,
    id: RuleId,
    patch: RulePatch,
) -> Result<RuleRow, StoreError> {
    Ok(sqlx::query_as!(
        RuleRow,
        r#"update comm_auto_response_rules set
               name = coalesce($3, name),
               trigger_type = coalesce($4, trigger_type),
               trigger_value = case when $5 then $6 else trigger_value end,
               response_text = coalesce($7, response_text),
               priority = coalesce($8, priority),
               is_active = coalesce($9, is_active),
               updated_at = now()
           where tenant_id = $1 and id = $2
           returning id as "id: Id", tenant_id as "tenant_id: Id", channel_id as "channel_id: Id", name, trigger_type,
               trigger_value, response_text, priority, is_active, created_at, updated_at"#,
        tenant.0,
        id.0,
        patch.name,
        patch.trigger_type,
        patch.trigger_value.is_some(),
        patch.trigger_value.flatten(),
        patch.response_text,
        patch.priority,
        patch.is_active
    )
    .fetch_one(&store.pool)
    .await?)
}

/// Deletes a rule.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn delete(store: &Store, tenant: TenantId, id: RuleId) -> Result<(), StoreError> {
    let done = sqlx::query!(
        "delete from comm_auto_response_rules where tenant_id = $1 and id = $2",
        tenant.0,
        id.0
    )
    .execute(&store.pool)
    .await?;
    found(done.rows_affected())
}

/// The row as the pipeline's rule; `None` for a trigger this version does not know, which then never
/// applies (the table's constraint admits none).
#[must_use]
pub fn to_rule(row: RuleRow) -> Option<Rule> {
    let value = row.trigger_value.unwrap_or_default();
    let several = || -> Vec<String> {
        value
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .map(str::to_owned)
            .collect()
    };
    let mut when = Condition::default();
    match row.trigger_type.as_str() {
        "any" => {}
        "keyword" => when.keywords = several(),
        "language" => when.language = several(),
        "intent" => when.intent = several(),
        "command" => when.command = several(),
        "regex" => when.regex = Some(value.clone()),
        _ => return None,
    }
    // Nothing but commas would otherwise hold for every message.
    if row.trigger_type != "any" && when == Condition::default() {
        return None;
    }
    Some(Rule {
        name: row.name,
        priority: row.priority,
        is_active: row.is_active,
        when,
        then: vec![Action::Reply(row.response_text)],
        stop: false,
    })
}
