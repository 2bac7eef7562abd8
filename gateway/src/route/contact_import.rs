//! Files of contacts: taken in, and how far they are.
//!
//! Invariants: a file is answered 202 once all of it is in the object storage and its import in the database, so that it will
//! be read in whatever dies; what its header or the request says wrongly is refused before that, and nothing is kept.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use axum::{
    body::Body,
    extract::{OriginalUri, State},
    http::{HeaderMap, StatusCode},
    response::Response,
};
use futures::stream;
use ingest::contact::{
    column::{self, ColumnError},
    record,
};
use schemas::{ImportId, ImportStatus, ListId, OnConflict, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{
    StoreError,
    contact::import::{self, ImportRow, Options},
};
use utoipa::{IntoParams, ToSchema};

use super::{contact_import_in::ImportQuery, optional_text};
use crate::{
    auth::Caller,
    extract::{Path, Query},
    hub::Hub,
    page,
    problem::ApiError,
    settings::{Interrupted, NotKept},
    upload::Upload,
};

/// How long an upload may be silent before it counts as given up.
const LEASE: Duration = Duration::from_secs(90);
/// How often it is noted how much has come.
const PULSE: Duration = Duration::from_secs(5);
/// An import.
#[derive(Serialize, ToSchema)]
pub(crate) struct ImportOut {
    id: ImportId,
    status: ImportStatus,
    /// The file's.
    name: Option<String>,
    /// Size of the file, in UTF-8.
    bytes: i64,
    /// How much of it is read in.
    bytes_done: i64,
    /// `created + updated + skipped + rejected`.
    rows: i64,
    created: i64,
    updated: i64,
    /// About contacts that were there, with `on_conflict=skip`.
    skipped: i64,
    rejected: i64,
    /// Why an import ended before its end.
    detail: Option<String>,
    dry_run: bool,
    on_conflict: OnConflict,
    list_ids: Vec<ListId>,
    created_by: String,
    created_at: Timestamp,
    finished_at: Option<Timestamp>,
}

/// An import, and what is wrong with its file.
#[derive(Serialize, ToSchema)]
pub(crate) struct ImportDetailOut {
    #[serde(flatten)]
    import: ImportOut,
    /// The first thousand, without what stands in the file.
    errors: Vec<ImportErrorOut>,
}

/// What is wrong with a row.
#[derive(Serialize, Deserialize, ToSchema)]
pub(crate) struct ImportErrorOut {
    /// From 1, the header's; where the row begins.
    line: u64,
    /// By its header, where it is one column's.
    #[serde(default)]
    column: Option<String>,
    #[schema(example = "not an e-mail address")]
    reason: String,
}

impl From<ImportRow> for ImportOut {
    fn from(row: ImportRow) -> Self {
        let options: Options = serde_json::from_value(row.options).unwrap_or_default();
        Self {
            id: row.id,
            status: row.status,
            name: row.name,
            bytes: row.bytes,
            bytes_done: row.bytes_done,
            rows: row.rows,
            created: row.created,
            updated: row.updated,
            skipped: row.skipped,
            rejected: row.rejected,
            detail: row.detail,
            dry_run: options.dry_run,
            on_conflict: options.on_conflict,
            list_ids: options.lists,
            created_by: row.created_by,
            created_at: row.created_at,
            finished_at: row.finished_at,
        }
    }
}

fn refused(error: &ColumnError) -> ApiError {
    ApiError::invalid("", format!("The file cannot be read in: {error}."))
}

fn missing(error: StoreError) -> ApiError {
    ApiError::or_not_found(error, "import")
}

/// Import contacts from a file.
///
/// CSV, as the body or as the part `file` of a form. 202 once all of it was taken: from then on it will be read in, also when
/// the hub is restarted. `GET /contacts/imports/{import_id}` says how far it is, and what is wrong with which line.
#[utoipa::path(
    post, path = "/contacts/import", tag = "contacts", operation_id = "import_contacts", params(ImportQuery),
    request_body(content((String = "text/csv"), (Vec<u8> = "multipart/form-data"))),
    responses((status = 202, description = "The import", body = ImportOut))
)]
pub(crate) async fn create(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    Query(query): Query<ImportQuery>,
    headers: HeaderMap,
    body: Body,
) -> Result<(StatusCode, axum::Json<ImportOut>), ApiError> {
    let options = query.options()?;
    for list in &options.lists {
        store::list::get(&hub.store, caller.tenant, *list)
            .await
            .map_err(|error| ApiError::or_not_found(error, "list"))?;
    }
    let _turn = hub
        .uploads
        .try_acquire()
        .map_err(|_| ApiError::unavailable(5))?;
    let mut upload = Upload::of(&headers, body, hub.imports.max_bytes()).await?;
    let begin = upload.begin(record::MAX_BYTES + 1024).await?;
    let read = column::read(
        &begin,
        options.delimiter,
        options.encoding,
        &options.mapping,
    );
    if let Err(error) = read {
        upload.discard().await;
        return Err(refused(&error));
    }
    let name = query.name.or_else(|| upload.name.take());
    let name = name.filter(|name| optional_text("/name", Some(name), 255).is_ok());
    let id = import::begin(
        &hub.store,
        caller.tenant,
        name.as_deref(),
        &options,
        &caller.actor,
        LEASE,
    )
    .await?;
    if let Err(error) = keep(&hub, &caller, id, upload).await {
        // A worker ends it, where this does not reach the database.
        import::forget(&hub.store, caller.tenant, id).await.ok();
        return Err(error);
    }
    let detail = json!({"name": name, "dry_run": options.dry_run, "on_conflict": options.on_conflict.name()});
    hub.audit(
        &caller,
        "contact.import",
        format!("import:{id}"),
        Some(detail),
    )
    .await?;
    let row = import::get(&hub.store, caller.tenant, id)
        .await
        .map_err(missing)?;
    Ok((StatusCode::ACCEPTED, axum::Json(row.into())))
}

/// Has the whole file stored, and says so in the database.
async fn keep(hub: &Hub, caller: &Caller, id: ImportId, upload: Upload) -> Result<(), ApiError> {
    let tenant = caller.tenant;
    let failure: Mutex<Option<ApiError>> = Mutex::new(None);
    let told = |error: ApiError| {
        *failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
        Interrupted
    };
    let begun = (upload, 0u64, Instant::now());
    let pieces = stream::try_unfold(begun, |(mut upload, mut size, mut noted)| async move {
        if noted.elapsed() > PULSE {
            import::receiving(&hub.store, tenant, id, size, LEASE)
                .await
                .map_err(|error| told(gone(error)))?;
            noted = Instant::now();
        }
        match upload.next().await.map_err(told)? {
            None => Ok(None),
            Some(piece) => {
                size += piece.len() as u64;
                Ok(Some((piece, (upload, size, noted))))
            }
        }
    });
    let kept = hub.imports.keep(tenant, id, Box::pin(pieces)).await;
    let size = match kept {
        Ok(size) => size,
        Err(NotKept::Interrupted) => {
            let failure = failure
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take();
            return Err(failure.unwrap_or_else(|| ApiError::unavailable(5)));
        }
        Err(NotKept::Storage(down)) => return Err(down.into()),
    };
    import::received(&hub.store, tenant, id, size)
        .await
        .map_err(gone)
}

/// Somebody cancelled what was still coming.
fn gone(error: StoreError) -> ApiError {
    match error {
        StoreError::NotFound => ApiError::conflict("The import was cancelled."),
        other => other.into(),
    }
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ImportsQuery {
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// From `X-Next-Cursor` of the page before.
    #[param(pattern = "^[0-9a-f]{1,16}-[0-9a-f]{32}$")]
    cursor: Option<String>,
}

/// List imports, the newest first.
#[utoipa::path(
    get, path = "/contacts/imports", tag = "contacts", operation_id = "list_imports", params(ImportsQuery),
    responses((status = 200, description = "A page", body = [ImportOut],
        headers(("Link" = String, description = "The next page, with rel=\"next\"; absent on the last"),
                ("X-Next-Cursor" = String, description = "`cursor` of the next page"))))
)]
pub(crate) async fn list(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    OriginalUri(uri): OriginalUri,
    Query(query): Query<ImportsQuery>,
) -> Result<Response, ApiError> {
    let limit = page::limit(query.limit)?;
    let cursor = page::cursor(query.cursor.as_deref())?;
    let found = import::list(&hub.store, caller.tenant, cursor, limit).await?;
    Ok(page::of(&uri, found, ImportOut::from))
}

/// How far an import is, and what is wrong with its file.
#[utoipa::path(
    get, path = "/contacts/imports/{import_id}", tag = "contacts", operation_id = "get_import",
    params(("import_id" = uuid::Uuid, Path, description = "The import")),
    responses((status = 200, description = "The import", body = ImportDetailOut))
)]
pub(crate) async fn get(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    Path(id): Path<ImportId>,
) -> Result<axum::Json<ImportDetailOut>, ApiError> {
    let mut row = import::get(&hub.store, caller.tenant, id)
        .await
        .map_err(missing)?;
    let errors = serde_json::from_value(row.errors.take()).unwrap_or_default();
    Ok(axum::Json(ImportDetailOut {
        import: row.into(),
        errors,
    }))
}

/// End an import. What was read in stays.
#[utoipa::path(
    post, path = "/contacts/imports/{import_id}/cancel", tag = "contacts", operation_id = "cancel_import",
    params(("import_id" = uuid::Uuid, Path, description = "The import")),
    responses((status = 200, description = "The import as it is now", body = ImportOut))
)]
pub(crate) async fn cancel(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    Path(id): Path<ImportId>,
) -> Result<axum::Json<ImportOut>, ApiError> {
    match import::cancel(&hub.store, caller.tenant, id).await {
        Err(StoreError::Conflict { .. }) => {
            return Err(ApiError::conflict("The import has ended already."));
        }
        done => done.map_err(missing)?,
    }
    hub.audit(
        &caller,
        "contact.import.cancel",
        format!("import:{id}"),
        None,
    )
    .await?;
    let row = import::get(&hub.store, caller.tenant, id)
        .await
        .map_err(missing)?;
    Ok(axum::Json(row.into()))
}
