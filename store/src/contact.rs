//! People, and the addresses they are known by. Made by the projector from those who write.

use schemas::{ContactId, TenantId, Timestamp};
use serde_json::Value;

use crate::{Cursor, Page, Store, StoreError, column::Id, page};

/// A row of `contacts`.
#[derive(Clone, Debug, PartialEq)]
pub struct ContactRow {
    pub id: ContactId,
    pub tenant_id: TenantId,
    pub name: Option<String>,
    pub metadata: Option<Value>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// A row of `contact_addresses`.
#[derive(Clone, Debug, PartialEq)]
pub struct AddressRow {
    /// As `ChannelKind::address_kind` says.
    pub kind: String,
    pub address: String,
    pub contact_id: ContactId,
    pub created_at: Timestamp,
}

/// Contacts by id.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn list(
    store: &Store,
    tenant: TenantId,
    cursor: Option<Cursor>,
    limit: u32,
) -> Result<Page<ContactRow>, StoreError> {
    let (limit, rows) = page::bounded(limit);
    let items = sqlx::query_as!(
        ContactRow,
        r#"select id as "id: Id", tenant_id as "tenant_id: Id", name, metadata, created_at, updated_at
           from contacts where tenant_id = $1 and id > $2 order by id limit $3"#,
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

/// One contact.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn get(store: &Store, tenant: TenantId, id: ContactId) -> Result<ContactRow, StoreError> {
    Ok(sqlx::query_as!(
        ContactRow,
        r#"select id as "id: Id", tenant_id as "tenant_id: Id", name, metadata, created_at, updated_at
           from contacts where tenant_id = $1 and id = $2"#,
        tenant.0,
        id.0
    )
    .fetch_one(&store.pool)
    .await?)
}

/// The addresses of a contact.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn addresses(
    store: &Store,
    tenant: TenantId,
    id: ContactId,
) -> Result<Vec<AddressRow>, StoreError> {
    Ok(sqlx::query_as!(
        AddressRow,
        r#"select kind, address, contact_id as "contact_id: Id", created_at
           from contact_addresses where tenant_id = $1 and contact_id = $2 order by kind, address"#,
        tenant.0,
        id.0
    )
    .fetch_all(&store.pool)
    .await?)
}
