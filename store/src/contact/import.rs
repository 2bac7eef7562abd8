//! Imports of contacts: the rows that say which file was taken and how far it is, and the batches that read it in.
//!
//! Invariants: a batch of contacts and how far its file is are written in one transaction, so that a crash neither repeats
//! nor leaves out a row; an import is one worker's at a time, by a lease; a file outlives its import until [`unneeded`] was
//! told that it is gone.

mod batch;
mod fresh;
mod guess;
mod plan;
mod put;
mod writer;

use std::{collections::BTreeMap, time::Duration};

use schemas::{Consent, Encoding, ImportId, ImportStatus, ListId, OnConflict, TenantId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    Cursor, Page, Store, StoreError,
    column::{Id, MaybeTime, Name},
    error::found,
    page,
};

pub use batch::{Address, Batch, Entry, Refused, Wrote};
use guess::Guess;
pub use writer::{Turn, Writer};

/// Errors of an import that are kept.
pub const MAX_ERRORS: usize = 1000;

/// A row of `contact_imports`.
#[derive(Clone, Debug, PartialEq)]
pub struct ImportRow {
    pub id: ImportId,
    pub tenant_id: TenantId,
    pub status: ImportStatus,
    /// The file's.
    pub name: Option<String>,
    /// As [`Options`].
    pub options: Value,
    /// Size of the file as it is kept.
    pub bytes: i64,
    pub bytes_done: i64,
    /// `rows = created + updated + skipped + rejected`.
    pub rows: i64,
    pub created: i64,
    pub updated: i64,
    pub skipped: i64,
    pub rejected: i64,
    /// The first [`MAX_ERRORS`]; a list of [`ImportError`].
    pub errors: Value,
    pub detail: Option<String>,
    pub created_by: String,
    pub created_at: Timestamp,
    pub finished_at: Option<Timestamp>,
}

/// What is wrong with a row of a file; without what stands there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportError {
    /// From 1, the header's; where the row begins.
    pub line: u64,
    /// By its header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    pub reason: String,
}

/// How a file is to be read in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Options {
    /// None: found out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delimiter: Option<char>,
    #[serde(default)]
    pub encoding: Encoding,
    /// What columns mean, by their header.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub mapping: BTreeMap<String, String>,
    #[serde(default)]
    pub on_conflict: OnConflict,
    /// Lists to put everybody on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lists: Vec<ListId>,
    /// Of addresses whose row says nothing.
    #[serde(default)]
    pub consent: Consent,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consent_source: Option<String>,
    /// Everything but keeping it.
    #[serde(default)]
    pub dry_run: bool,
}

/// An import that a worker has.
#[derive(Clone, Debug, PartialEq)]
pub struct Claimed {
    pub id: ImportId,
    pub tenant: TenantId,
    pub options: Options,
    pub bytes: u64,
    /// Where to go on: an offset in the file, and the number of the line that begins there (0: at the header).
    pub bytes_done: u64,
    pub line: u64,
    /// That may still be kept.
    pub room: usize,
}

/// Where the file of an import lies in the object storage.
#[must_use]
pub fn object_key(tenant: TenantId, id: ImportId) -> String {
    format!("imports/{}/{}.csv", tenant.simple(), id.simple())
}

/// Begins an import: its file is about to come.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn begin(
    store: &Store,
    tenant: TenantId,
    name: Option<&str>,
    options: &Options,
    created_by: &str,
    lease: Duration,
) -> Result<ImportId, StoreError> {
    let options = serde_json::to_value(options).map_err(StoreError::other)?;
    let id = ImportId::new();
    sqlx::query!(
        "insert into contact_imports (id, tenant_id, status, name, options, created_by, lease_until)
         values ($2, $1, 'receiving', $3, $4, $5, now() + make_interval(secs => $6))",
        tenant.0,
        id.0,
        name,
        options,
        created_by,
        lease.as_secs_f64()
    )
    .execute(&store.pool)
    .await?;
    Ok(id)
}

/// The file is still coming, so much of it so far.
///
/// # Errors
/// [`StoreError::NotFound`] when nobody waits for it any more.
pub async fn receiving(
    store: &Store,
    tenant: TenantId,
    id: ImportId,
    bytes: u64,
    lease: Duration,
) -> Result<(), StoreError> {
    let done = sqlx::query!(
        "update contact_imports set bytes = $3, lease_until = now() + make_interval(secs => $4)
         where tenant_id = $1 and id = $2 and status = 'receiving'",
        tenant.0,
        id.0,
        i64::try_from(bytes).unwrap_or(i64::MAX),
        lease.as_secs_f64()
    )
    .execute(&store.pool)
    .await?;
    found(done.rows_affected())
}

/// The whole file is kept: from now on the import will be done.
///
/// # Errors
/// As [`receiving`].
pub async fn received(
    store: &Store,
    tenant: TenantId,
    id: ImportId,
    bytes: u64,
) -> Result<(), StoreError> {
    let done = sqlx::query!(
        "update contact_imports set status = 'running', bytes = $3, lease_until = null
         where tenant_id = $1 and id = $2 and status = 'receiving'",
        tenant.0,
        id.0,
        i64::try_from(bytes).unwrap_or(i64::MAX)
    )
    .execute(&store.pool)
    .await?;
    found(done.rows_affected())
}

/// The file will not come: as if the import had never been.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn forget(store: &Store, tenant: TenantId, id: ImportId) -> Result<(), StoreError> {
    sqlx::query!(
        "delete from contact_imports where tenant_id = $1 and id = $2 and status = 'receiving'",
        tenant.0,
        id.0
    )
    .execute(&store.pool)
    .await?;
    Ok(())
}

/// One import.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn get(store: &Store, tenant: TenantId, id: ImportId) -> Result<ImportRow, StoreError> {
    Ok(sqlx::query_as!(
        ImportRow,
        r#"select id as "id: Id", tenant_id as "tenant_id: Id", status as "status: Name<ImportStatus>", name, options, bytes,
               bytes_done, rows, created, updated, skipped, rejected, errors, detail, created_by, created_at,
               finished_at as "finished_at!: MaybeTime"
           from contact_imports where tenant_id = $1 and id = $2"#,
        tenant.0,
        id.0
    )
    .fetch_one(&store.pool)
    .await?)
}

/// Imports, the newest first, without their errors.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn list(
    store: &Store,
    tenant: TenantId,
    cursor: Option<Cursor>,
    limit: u32,
) -> Result<Page<ImportRow>, StoreError> {
    let (limit, rows) = page::bounded(limit);
    let before = cursor.unwrap_or(page::END);
    let items = sqlx::query_as!(
        ImportRow,
        r#"select id as "id: Id", tenant_id as "tenant_id: Id", status as "status: Name<ImportStatus>", name, options, bytes,
               bytes_done, rows, created, updated, skipped, rejected, '[]'::jsonb as "errors!", detail, created_by,
               created_at, finished_at as "finished_at!: MaybeTime"
           from contact_imports
           where tenant_id = $1 and ((extract(epoch from created_at) * 1000000)::bigint, id) < ($2::bigint, $3::uuid)
           order by created_at desc, id desc limit $4"#,
        tenant.0,
        before.position,
        before.id,
        rows
    )
    .fetch_all(&store.pool)
    .await?;
    Ok(Page::of(items, limit, |row| Cursor {
        position: row.created_at.0,
        id: row.id.0,
    }))
}

/// Ends an import that is not done; what it did stays.
///
/// # Errors
/// [`StoreError::NotFound`]; [`StoreError::Conflict`] when it had ended.
pub async fn cancel(store: &Store, tenant: TenantId, id: ImportId) -> Result<(), StoreError> {
    let done = sqlx::query!(
        "update contact_imports set status = 'cancelled', finished_at = now(), owner = null, lease_until = null
         where tenant_id = $1 and id = $2 and status in ('receiving', 'running')",
        tenant.0,
        id.0
    )
    .execute(&store.pool)
    .await?;
    if done.rows_affected() == 0 {
        get(store, tenant, id).await?;
        return Err(StoreError::Conflict {
            constraint: "contact_imports_status_check".into(),
        });
    }
    Ok(())
}

/// Takes the oldest import that is nobody's. Those whose sender went away are ended on the way.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn claim(
    store: &Store,
    owner: &str,
    lease: Duration,
) -> Result<Option<Claimed>, StoreError> {
    sqlx::query!(
        "update contact_imports set status = 'failed', finished_at = now(), lease_until = null,
             detail = 'The file did not come to its end. Nothing was read in; send it again.'
         where status = 'receiving' and lease_until < now()"
    )
    .execute(&store.pool)
    .await?;
    let found = sqlx::query!(
        r#"update contact_imports set owner = $1, lease_until = now() + make_interval(secs => $2)
           where id = (
               select id from contact_imports where status = 'running' and (lease_until is null or lease_until < now())
               order by created_at limit 1 for update skip locked)
           returning id, tenant_id, options, bytes, bytes_done, line, jsonb_array_length(errors) as "errors!""#,
        owner,
        lease.as_secs_f64()
    )
    .fetch_optional(&store.pool)
    .await?;
    let Some(record) = found else {
        return Ok(None);
    };
    let positive = |number: i64| u64::try_from(number).unwrap_or(0);
    Ok(Some(Claimed {
        id: ImportId(record.id),
        tenant: TenantId(record.tenant_id),
        options: serde_json::from_value(record.options).map_err(StoreError::other)?,
        bytes: positive(record.bytes),
        bytes_done: positive(record.bytes_done),
        line: positive(record.line),
        room: MAX_ERRORS.saturating_sub(usize::try_from(record.errors).unwrap_or(0)),
    }))
}

/// Gives an import back that this owner cannot go on with now.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn release(
    store: &Store,
    tenant: TenantId,
    id: ImportId,
    owner: &str,
) -> Result<(), StoreError> {
    sqlx::query!(
        "update contact_imports set owner = null, lease_until = null
         where tenant_id = $1 and id = $2 and owner = $3 and status = 'running'",
        tenant.0,
        id.0,
        owner
    )
    .execute(&store.pool)
    .await?;
    Ok(())
}

/// Ends an import that cannot go on.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn fail(
    store: &Store,
    tenant: TenantId,
    id: ImportId,
    owner: &str,
    detail: &str,
) -> Result<(), StoreError> {
    sqlx::query!(
        "update contact_imports set status = 'failed', detail = $4, finished_at = now(), owner = null, lease_until = null
         where tenant_id = $1 and id = $2 and owner = $3 and status = 'running'",
        tenant.0,
        id.0,
        owner,
        detail
    )
    .execute(&store.pool)
    .await?;
    Ok(())
}

/// Imports that are over and whose files are still there.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn unneeded(store: &Store) -> Result<Vec<(TenantId, ImportId)>, StoreError> {
    let rows = sqlx::query!(
        "select tenant_id, id from contact_imports where has_file and status not in ('receiving', 'running')
         order by created_at limit 16"
    )
    .fetch_all(&store.pool)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (TenantId(row.tenant_id), ImportId(row.id)))
        .collect())
}

/// The file of an import is gone.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn removed(store: &Store, tenant: TenantId, id: ImportId) -> Result<(), StoreError> {
    sqlx::query!(
        "update contact_imports set has_file = false where tenant_id = $1 and id = $2",
        tenant.0,
        id.0
    )
    .execute(&store.pool)
    .await?;
    Ok(())
}
