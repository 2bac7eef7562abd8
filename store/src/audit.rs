//! Who changed what. Rows are only ever added.

use schemas::{TenantId, Timestamp};
use serde_json::Value;
use uuid::Uuid;

use crate::{Cursor, Page, Store, StoreError, column::Id, page};

/// A row of `audit_log`.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditRow {
    pub id: i64,
    pub tenant_id: TenantId,
    /// E.g. `key:<id>` or `system`.
    pub actor: String,
    /// E.g. `channel.create`.
    pub action: String,
    /// E.g. `channel:<id>`.
    pub object: String,
    pub detail: Option<Value>,
    pub created_at: Timestamp,
}

/// Adds a row. `detail` has no secrets and no content.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn record(
    store: &Store,
    tenant: TenantId,
    actor: &str,
    action: &str,
    object: &str,
    detail: Option<&Value>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into audit_log (tenant_id, actor, action, object, detail) values ($1, $2, $3, $4, $5)",
        tenant.0,
        actor,
        action,
        object,
        detail
    )
    .execute(&store.pool)
    .await?;
    Ok(())
}

/// The log, newest first.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn list(
    store: &Store,
    tenant: TenantId,
    cursor: Option<Cursor>,
    limit: u32,
) -> Result<Page<AuditRow>, StoreError> {
    let (limit, rows) = page::bounded(limit);
    let items = sqlx::query_as!(
        AuditRow,
        r#"select id, tenant_id as "tenant_id: Id", actor, action, object, detail, created_at
           from audit_log where tenant_id = $1 and id < $2 order by id desc limit $3"#,
        tenant.0,
        cursor.unwrap_or(page::END).position,
        rows
    )
    .fetch_all(&store.pool)
    .await?;
    Ok(Page::of(items, limit, |row| Cursor {
        position: row.id,
        id: Uuid::nil(),
    }))
}
