//! Tenants. Deliberately absent: renaming and deleting, which are an operator's work in SQL.

use schemas::{TenantId, Timestamp};

use crate::{Store, StoreError, column::Id};

/// A row of `tenants`.
#[derive(Clone, Debug, PartialEq)]
pub struct TenantRow {
    pub id: TenantId,
    pub name: String,
    pub created_at: Timestamp,
}

/// The oldest tenant, made with this name when there is none.
///
/// # Errors
/// [`StoreError::Unavailable`]; [`StoreError::Invalid`] for an empty or long name.
pub async fn ensure_first(store: &Store, name: &str) -> Result<TenantRow, StoreError> {
    let mut transaction = store.pool.begin().await?;
    // Two processes that start together must not make two.
    sqlx::query!("lock table tenants in share row exclusive mode")
        .execute(&mut *transaction)
        .await?;
    sqlx::query!(
        "insert into tenants (name) select $1::text where not exists (select from tenants)",
        name
    )
    .execute(&mut *transaction)
    .await?;
    let row = sqlx::query_as!(
        TenantRow,
        r#"select id as "id: Id", name, created_at from tenants order by created_at, id limit 1"#
    )
    .fetch_one(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(row)
}

/// Makes a tenant.
///
/// # Errors
/// [`StoreError::Conflict`] when the name is taken.
pub async fn create(store: &Store, name: &str) -> Result<TenantRow, StoreError> {
    Ok(sqlx::query_as!(
        TenantRow,
        r#"insert into tenants (name) values ($1) returning id as "id: Id", name, created_at"#,
        name
    )
    .fetch_one(&store.pool)
    .await?)
}

/// All tenants, oldest first.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn list(store: &Store) -> Result<Vec<TenantRow>, StoreError> {
    Ok(sqlx::query_as!(
        TenantRow,
        r#"select id as "id: Id", name, created_at from tenants order by created_at, id"#
    )
    .fetch_all(&store.pool)
    .await?)
}
