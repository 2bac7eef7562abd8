//! Tenants. Deliberately absent: renaming and deleting, which are an operator's work in SQL.

use schemas::{TenantId, Timestamp, campaign::Unsubscribe};

use crate::{
    Store, StoreError,
    column::{Id, Name},
};

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
    let mut transaction = store.begin().await?;
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

/// What a tenant has decided about itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TenantSettings {
    /// Whether addresses and programs of those who open and click are kept.
    pub keeps_visitor_details: bool,
    /// What somebody leaves who unsubscribes from a campaign that does not say it itself.
    pub unsubscribe: Unsubscribe,
}

/// A tenant's settings.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn settings(store: &Store, tenant: TenantId) -> Result<TenantSettings, StoreError> {
    Ok(sqlx::query_as!(
        TenantSettings,
        r#"select keeps_visitor_details, unsubscribe as "unsubscribe: Name<Unsubscribe>" from tenants where id = $1"#,
        tenant.0
    )
    .fetch_one(&store.pool)
    .await?)
}

/// Decides them anew.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn set_settings(
    store: &Store,
    tenant: TenantId,
    settings: TenantSettings,
) -> Result<(), StoreError> {
    let done = sqlx::query!(
        "update tenants set keeps_visitor_details = $2, unsubscribe = $3 where id = $1",
        tenant.0,
        settings.keeps_visitor_details,
        settings.unsubscribe.name()
    )
    .execute(&store.pool)
    .await?;
    crate::error::found(done.rows_affected())
}

/// Those who keep addresses and programs of those who open and click.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn keepers_of_visitor_details(store: &Store) -> Result<Vec<TenantId>, StoreError> {
    Ok(
        sqlx::query_scalar!(r#"select id as "id: Id" from tenants where keeps_visitor_details"#)
            .fetch_all(&store.pool)
            .await?
            .into_iter()
            .map(TenantId::from)
            .collect(),
    )
}
