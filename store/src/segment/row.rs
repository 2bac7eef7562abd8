//! Rows of `contact_segments`.

use schemas::{SegmentId, TenantId, Timestamp};

use crate::{Cursor, Page, Store, StoreError, column::Id, error::found, page};

/// A row of `contact_segments`.
#[derive(Clone, Debug, PartialEq)]
pub struct SegmentRow {
    pub id: SegmentId,
    pub tenant_id: TenantId,
    pub name: String,
    pub description: Option<String>,
    pub expression: String,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// A segment to be made; its expression compiles.
#[derive(Clone, Debug)]
pub struct SegmentNew {
    pub name: String,
    pub description: Option<String>,
    pub expression: String,
}

/// What to change; `None` leaves a field, `Some(None)` empties it.
#[derive(Clone, Debug, Default)]
pub struct SegmentPatch {
    pub name: Option<String>,
    pub description: Option<Option<String>>,
    pub expression: Option<String>,
}

/// Makes a segment.
///
/// # Errors
/// [`StoreError::Conflict`] when the name is taken.
pub async fn create(
    store: &Store,
    tenant: TenantId,
    new: &SegmentNew,
) -> Result<SegmentRow, StoreError> {
    Ok(sqlx::query_as!(
        SegmentRow,
        r#"insert into contact_segments (tenant_id, name, description, expression) values ($1, $2, $3, $4)
           returning id as "id: Id", tenant_id as "tenant_id: Id", name, description, expression, created_at, updated_at"#,
        tenant.0,
        new.name,
        new.description,
        new.expression
    )
    .fetch_one(&store.pool)
    .await?)
}

/// Segments by id.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn list(
    store: &Store,
    tenant: TenantId,
    cursor: Option<Cursor>,
    limit: u32,
) -> Result<Page<SegmentRow>, StoreError> {
    let (limit, rows) = page::bounded(limit);
    let items = sqlx::query_as!(
        SegmentRow,
        r#"select id as "id: Id", tenant_id as "tenant_id: Id", name, description, expression, created_at, updated_at
           from contact_segments where tenant_id = $1 and id > $2 order by id limit $3"#,
        tenant.0,
        cursor.unwrap_or(page::START).id,
        rows
    )
    .fetch_all(&store.pool)
    .await?;
    Ok(Page::of(items, limit, |row| Cursor {
        position: 0,
        id: row.id.0,
    }))
}

/// One segment.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn get(store: &Store, tenant: TenantId, id: SegmentId) -> Result<SegmentRow, StoreError> {
    Ok(sqlx::query_as!(
        SegmentRow,
        r#"select id as "id: Id", tenant_id as "tenant_id: Id", name, description, expression, created_at, updated_at
           from contact_segments where tenant_id = $1 and id = $2"#,
        tenant.0,
        id.0
    )
    .fetch_one(&store.pool)
    .await?)
}

/// Changes what the patch gives. Campaigns that run keep the expression they started with.
///
/// # Errors
/// [`StoreError::NotFound`], [`StoreError::Conflict`].
pub async fn update(
    store: &Store,
    tenant: TenantId,
    id: SegmentId,
    patch: &SegmentPatch,
) -> Result<SegmentRow, StoreError> {
    Ok(sqlx::query_as!(
        SegmentRow,
        r#"update contact_segments set
               name = coalesce($3, name),
               description = case when $4 then $5 else description end,
               expression = coalesce($6, expression),
               updated_at = now()
           where tenant_id = $1 and id = $2
           returning id as "id: Id", tenant_id as "tenant_id: Id", name, description, expression, created_at, updated_at"#,
        tenant.0,
        id.0,
        patch.name,
        patch.description.is_some(),
        patch.description.clone().flatten(),
        patch.expression
    )
    .fetch_one(&store.pool)
    .await?)
}

/// Deletes a segment.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn delete(store: &Store, tenant: TenantId, id: SegmentId) -> Result<(), StoreError> {
    let done = sqlx::query!(
        "delete from contact_segments where tenant_id = $1 and id = $2",
        tenant.0,
        id.0
    )
    .execute(&store.pool)
    .await?;
    found(done.rows_affected())
}
