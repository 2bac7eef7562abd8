//! How many contacts a segment has, and which are the first.

use std::time::Duration;

use schemas::{TenantId, Timestamp};
use sqlx::QueryBuilder;

use super::Filter;
use crate::{
    Cursor, Page, Store, StoreError,
    contact::{self, ContactFilter, ContactRow},
    timed,
};

/// How long counting may take.
pub const COUNT_TIMEOUT: Duration = Duration::from_secs(10);

/// How many contacts the filter chooses now; none when that took longer than [`COUNT_TIMEOUT`].
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn count(
    store: &Store,
    tenant: TenantId,
    filter: &Filter,
    now: Timestamp,
) -> Result<Option<i64>, StoreError> {
    let mut query = QueryBuilder::new("select count(*) from contacts c where c.tenant_id = ");
    query.push_bind(tenant.0);
    query.push(" and ");
    filter.push(&mut query, tenant, now);
    let mut transaction = timed::begin(store, COUNT_TIMEOUT).await?;
    let counted = query
        .build_query_scalar()
        .persistent(false)
        .fetch_one(&mut *transaction)
        .await;
    timed::within(counted)
}

/// Contacts that the filter chooses, the newest first.
///
/// # Errors
/// As [`contact::list`].
pub async fn matching(
    store: &Store,
    tenant: TenantId,
    filter: Filter,
    now: Timestamp,
    cursor: Option<Cursor>,
    limit: u32,
) -> Result<Option<Page<ContactRow>>, StoreError> {
    let filter = ContactFilter {
        segment: Some((filter, now)),
        ..ContactFilter::default()
    };
    contact::list(store, tenant, &filter, cursor, limit).await
}
