//! What the stages know: every tenant's channels, rules, templates and how it wants its messages understood, read at one
//! instant.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use schemas::{
    ChannelId, ChannelKind, ChannelSnapshot, Snapshot, Template, TemplateId, TenantId,
    TenantSnapshot, rule::Rule,
};
use serde_json::Value;

use crate::{
    Store, StoreError,
    bot_command::{self, BotCommandRow},
    column::{Id, Name},
    rule::{self, RuleRow},
};

/// How often the configuration changed, also by SQL. Cheap: one row.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn version(store: &Store) -> Result<i64, StoreError> {
    Ok(sqlx::query_scalar!("select version from config_version")
        .fetch_one(&store.pool)
        .await?)
}

/// The snapshot and the version it shows. A rule in `config.routing.rules` that does not parse is logged
/// and left out, so that one bad rule stops neither its channel nor the others.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn load(store: &Store) -> Result<(Snapshot, i64), StoreError> {
    let mut transaction = store.begin().await?;
    sqlx::query!("set transaction isolation level repeatable read, read only")
        .execute(&mut *transaction)
        .await?;
    let version = sqlx::query_scalar!("select version from config_version")
        .fetch_one(&mut *transaction)
        .await?;
    let channels = sqlx::query!(
        r#"select id as "id: Id", tenant_id as "tenant_id: Id", type as "kind: Name<ChannelKind>", name,
               auto_response_enabled, config #> '{routing,rules}' as rules
           from comm_channels"#
    )
    .fetch_all(&mut *transaction)
    .await?;
    let rules = sqlx::query_as!(
        RuleRow,
        r#"select id as "id: Id", tenant_id as "tenant_id: Id", channel_id as "channel_id: Id", name, trigger_type,
               trigger_value, response_text, priority, is_active, created_at, updated_at
           from comm_auto_response_rules where is_active"#
    )
    .fetch_all(&mut *transaction)
    .await?;
    let commands = sqlx::query_as!(
        BotCommandRow,
        r#"select id as "id: Id", tenant_id as "tenant_id: Id", channel_id as "channel_id: Id", command, description,
               response_text, is_active, created_at, updated_at
           from comm_bot_commands where is_active"#
    )
    .fetch_all(&mut *transaction)
    .await?;
    let templates = sqlx::query!(
        r#"select id as "id: Id", tenant_id as "tenant_id: Id", name, content from comm_templates where is_active"#
    )
    .fetch_all(&mut *transaction)
    .await?;
    let settings = sqlx::query!(
        r#"select distinct on (tenant_id) tenant_id as "tenant_id: Id", settings from comm_understanding
           order by tenant_id, revision desc"#
    )
    .fetch_all(&mut *transaction)
    .await?;
    let tenants = sqlx::query_scalar!(r#"select id as "id: Id" from tenants"#)
        .fetch_all(&mut *transaction)
        .await?;
    transaction.commit().await?;

    let mut by_channel: HashMap<ChannelId, Vec<Rule>> = HashMap::new();
    for row in rules {
        let channel = row.channel_id;
        if let Some(rule) = rule::to_rule(row) {
            by_channel.entry(channel).or_default().push(rule);
        }
    }
    for row in commands {
        let channel = row.channel_id;
        by_channel
            .entry(channel)
            .or_default()
            .push(bot_command::to_rule(row));
    }
    let mut made: BTreeMap<TenantId, TenantSnapshot> = tenants
        .into_iter()
        .map(|id| (id.into(), TenantSnapshot::default()))
        .collect();
    for record in channels {
        let id = ChannelId::from(record.id);
        let mut rules = by_channel.remove(&id).unwrap_or_default();
        rules.extend(configured(id, record.rules));
        rules.sort_by(|a, b| {
            b.priority
                .cmp(&a.priority)
                .then_with(|| a.name.cmp(&b.name))
        });
        made.entry(record.tenant_id.into())
            .or_default()
            .channels
            .insert(
                id,
                ChannelSnapshot {
                    kind: record.kind.into(),
                    name: record.name,
                    auto_response_enabled: record.auto_response_enabled,
                    rules,
                },
            );
    }
    for record in templates {
        made.entry(record.tenant_id.into())
            .or_default()
            .templates
            .insert(
                TemplateId::from(record.id),
                Template {
                    name: record.name,
                    content: record.content,
                },
            );
    }
    for record in settings {
        let tenant = TenantId::from(record.tenant_id);
        match serde_json::from_value(record.settings) {
            Ok(settings) => made.entry(tenant).or_default().understanding = settings,
            Err(error) => {
                tracing::warn!(%tenant, %error, "how a tenant wants its messages understood cannot be read; the built-in way holds");
            }
        }
    }
    let tenants = made
        .into_iter()
        .map(|(id, tenant)| (id, Arc::new(tenant)))
        .collect();
    Ok((Snapshot { tenants }, version))
}

/// The rules of `config.routing.rules`.
fn configured(channel: ChannelId, rules: Option<Value>) -> Vec<Rule> {
    let Some(Value::Array(rules)) = rules else {
        return Vec::new();
    };
    rules
        .into_iter()
        .enumerate()
        .filter_map(|(index, rule)| {
            serde_json::from_value::<Rule>(rule)
                .inspect_err(|error| {
                    tracing::warn!(%channel, index, line = error.line(), "a rule in config.routing.rules does not parse and is left out");
                })
                .ok()
        })
        .filter(|rule| rule.is_active)
        .collect()
}
