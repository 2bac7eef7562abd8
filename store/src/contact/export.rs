//! Contacts in numbers, page by page in the order they came, to be written out.
//!
//! Deliberately absent: a snapshot. Who comes after the beginning is not in it; who is changed meanwhile is as it was when its
//! page was read.

use std::time::Duration;

use schemas::TenantId;
use sqlx::{QueryBuilder, Row};

use super::{ContactFilter, ContactRow, search};
use crate::{Store, StoreError, timed};

/// Contacts read at a time.
pub const PAGE: usize = 1000;
/// Attributes that an export makes columns of by itself.
pub const MAX_ATTRIBUTES: usize = 500;
/// How long a page may take: whom a segment chooses may be far between.
const PAGE_TIMEOUT: Duration = Duration::from_secs(60);
/// How long the columns may be looked for: somebody waits for an answer to begin.
const COLUMNS_TIMEOUT: Duration = Duration::from_secs(6);

/// What a table of contacts needs to have columns for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Kinds of addresses.
    pub kinds: Vec<String>,
    /// Names of attributes; at most one more than [`MAX_ATTRIBUTES`].
    pub attributes: Vec<String>,
}

/// The end of a list as it is now: the newest contact's place.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn end(store: &Store, tenant: TenantId) -> Result<i64, StoreError> {
    Ok(sqlx::query_scalar!(
        r#"select coalesce(max(seq), 0) as "seq!" from contacts where tenant_id = $1"#,
        tenant.0
    )
    .fetch_one(&store.pool)
    .await?)
}

/// The kinds of addresses and the attributes that the contacts have; none when looking took longer than six seconds.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn columns(
    store: &Store,
    tenant: TenantId,
    filter: &ContactFilter,
) -> Result<Option<Found>, StoreError> {
    let mut transaction = timed::begin(store, COLUMNS_TIMEOUT).await?;
    let mut query = QueryBuilder::new(
        "with c as materialized (select c.id, c.attributes from contacts c where c.tenant_id = ",
    );
    query.push_bind(tenant.0);
    filter.push(&mut query, tenant);
    query.push(
        ") (select distinct 'kind' as what, a.kind as name from c join contact_addresses a on a.contact_id = c.id
            where a.tenant_id = ",
    );
    query.push_bind(tenant.0);
    query.push(
        ") union all
         (select distinct 'attribute', key from c, jsonb_object_keys(c.attributes) as key limit ",
    );
    query.push_bind(i64::try_from(MAX_ATTRIBUTES).unwrap_or(i64::MAX) + 1);
    query.push(")");
    let rows = query
        .build()
        .persistent(false)
        .fetch_all(&mut *transaction)
        .await;
    let Some(rows) = timed::within(rows)? else {
        return Ok(None);
    };
    let mut found = Found::default();
    for row in rows {
        let name: String = row.try_get("name")?;
        match row.try_get("what")? {
            "kind" => found.kinds.push(name),
            _ => found.attributes.push(name),
        }
    }
    found.kinds.sort_unstable();
    found.attributes.sort_unstable();
    Ok(Some(found))
}

/// The next contacts after a place, up to the end; none are left when there are none.
///
/// # Errors
/// [`StoreError::Unavailable`], also when the page takes longer than a minute.
pub async fn page(
    store: &Store,
    tenant: TenantId,
    filter: &ContactFilter,
    after: i64,
    end: i64,
) -> Result<Vec<ContactRow>, StoreError> {
    let mut transaction = timed::begin(store, PAGE_TIMEOUT).await?;
    let mut query = QueryBuilder::new(search::COLUMNS);
    query.push(" from contacts c where c.tenant_id = ");
    query.push_bind(tenant.0).push(" and c.seq > ");
    query.push_bind(after).push(" and c.seq <= ").push_bind(end);
    filter.push(&mut query, tenant);
    query.push(" order by c.seq limit ");
    query.push_bind(i64::try_from(PAGE).unwrap_or(i64::MAX));
    let rows = query
        .build()
        .persistent(false)
        .fetch_all(&mut *transaction)
        .await?;
    Ok(rows.iter().map(search::read).collect::<Result<_, _>>()?)
}
