//! Segments: contacts chosen by an expression.

use std::{sync::Arc, time::Instant};

use axum::{
    extract::{OriginalUri, State},
    http::StatusCode,
    response::Response,
};
use schemas::{SegmentId, Timestamp};
use serde::{Deserialize, Serialize};
use store::segment::{
    Filter, MAX_CHARS, SegmentError, SegmentNew, SegmentPatch as StorePatch, SegmentRow, compile,
};
use utoipa::{IntoParams, ToSchema};

use super::{
    contact::too_costly,
    contact_out::{ContactOut, with_addresses},
    optional_text, text,
};
use crate::{
    auth::Caller,
    extract::{Json, Path, Query, given, name, present, present_name},
    hub::Hub,
    page,
    problem::ApiError,
};

/// A segment to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SegmentIn {
    #[schema(min_length = 1, max_length = 255)]
    #[serde(deserialize_with = "name")]
    name: String,
    #[serde(default)]
    #[schema(min_length = 1, max_length = 2000)]
    description: Option<String>,
    /// See docs/segments.md.
    #[schema(min_length = 1, max_length = 10_000)]
    expression: String,
}

/// What to change; what is not given stays, null empties.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SegmentPatch {
    #[serde(default, deserialize_with = "present_name")]
    #[schema(min_length = 1, max_length = 255, nullable = false)]
    name: Option<String>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 2000)]
    description: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(min_length = 1, max_length = 10_000, nullable = false)]
    expression: Option<String>,
}

/// Contacts chosen by an expression.
#[derive(Serialize, ToSchema)]
pub(crate) struct SegmentOut {
    id: SegmentId,
    name: String,
    description: Option<String>,
    expression: String,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl From<SegmentRow> for SegmentOut {
    fn from(row: SegmentRow) -> Self {
        Self {
            id: row.id,
            name: row.name,
            description: row.description,
            expression: row.expression,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// An expression.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExpressionIn {
    #[schema(max_length = 10_000)]
    expression: String,
    /// Contacts of a preview.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
}

/// Whether an expression can be read, and names what there is.
#[derive(Serialize, ToSchema)]
pub(crate) struct CheckOut {
    ok: bool,
    /// As it was understood; also when it names a list or a campaign that there is not.
    expression: Option<String>,
    error: Option<ExpressionErrorOut>,
}

/// Where an expression cannot be read.
#[derive(Serialize, ToSchema)]
pub(crate) struct ExpressionErrorOut {
    /// From 1.
    line: usize,
    /// In characters, from 1.
    column: usize,
    found: String,
    expected: String,
    hint: Option<String>,
    /// All of it in one sentence.
    message: String,
    /// The line, and below it a caret.
    #[schema(example = "name = Ann\n       ^")]
    excerpt: String,
}

impl From<SegmentError> for ExpressionErrorOut {
    fn from(error: SegmentError) -> Self {
        Self {
            message: error.to_string(),
            line: error.line,
            column: error.column,
            found: error.found,
            expected: error.expected,
            hint: error.hint,
            excerpt: error.excerpt,
        }
    }
}

/// How many contacts a segment has.
#[derive(Serialize, ToSchema)]
pub(crate) struct SegmentCountOut {
    count: i64,
    took_ms: u64,
}

/// The first contacts of a segment.
#[derive(Serialize, ToSchema)]
pub(crate) struct PreviewOut {
    contacts: Vec<ContactOut>,
    has_more: bool,
}

fn read(expression: &str) -> Result<Filter, ApiError> {
    compile(expression)
        .map_err(|error| ApiError::invalid("/expression", format!("{error}\n{}", error.excerpt)))
}

/// What a stored segment chooses by.
pub(super) async fn filter(hub: &Hub, caller: &Caller, id: SegmentId) -> Result<Filter, ApiError> {
    let row = store::segment::get(&hub.store, caller.tenant, id)
        .await
        .map_err(missing)?;
    compile(&row.expression).map_err(|error| {
        ApiError::conflict(format!(
            "The segment cannot be read any more; write it anew: {error}"
        ))
    })
}

fn missing(error: store::StoreError) -> ApiError {
    ApiError::or_not_found(error, "segment")
}

fn named(id: SegmentId) -> String {
    format!("segment:{id}")
}

/// Add a segment.
#[utoipa::path(
    post, path = "/segments", tag = "segments", operation_id = "create_segment",
    request_body(content = SegmentIn, example = json!({
        "name": "Readers on Pro", "expression": "attributes.plan = \"pro\" and opened any in last 30 days"})),
    responses((status = 201, description = "The segment", body = SegmentOut))
)]
pub(crate) async fn create(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    Json(body): Json<SegmentIn>,
) -> Result<(StatusCode, axum::Json<SegmentOut>), ApiError> {
    text("/name", &body.name, 255)?;
    optional_text("/description", body.description.as_ref(), 2000)?;
    text("/expression", &body.expression, MAX_CHARS)?;
    read(&body.expression)?;
    let new = SegmentNew {
        name: body.name,
        description: body.description,
        expression: body.expression,
    };
    let row = store::segment::create(&hub.store, caller.tenant, &new).await?;
    hub.audit(&caller, "segment.create", named(row.id), None)
        .await?;
    Ok((StatusCode::CREATED, axum::Json(row.into())))
}

/// Which segments.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct SegmentQuery {
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// From `X-Next-Cursor` of the page before.
    #[param(pattern = "^[0-9a-f]{1,16}-[0-9a-f]{32}$")]
    cursor: Option<String>,
}

/// List segments.
#[utoipa::path(
    get, path = "/segments", tag = "segments", operation_id = "list_segments", params(SegmentQuery),
    responses((status = 200, description = "A page", body = [SegmentOut],
        headers(("Link" = String, description = "The next page, with rel=\"next\"; absent on the last"),
                ("X-Next-Cursor" = String, description = "`cursor` of the next page"))))
)]
pub(crate) async fn list(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    OriginalUri(uri): OriginalUri,
    Query(query): Query<SegmentQuery>,
) -> Result<Response, ApiError> {
    let limit = page::limit(query.limit)?;
    let cursor = page::cursor(query.cursor.as_deref())?;
    let found = store::segment::list(&hub.store, caller.tenant, cursor, limit).await?;
    Ok(page::of(&uri, found, SegmentOut::from))
}

/// One segment.
#[utoipa::path(
    get, path = "/segments/{segment_id}", tag = "segments", operation_id = "get_segment",
    params(("segment_id" = uuid::Uuid, Path, description = "The segment")),
    responses((status = 200, description = "The segment", body = SegmentOut))
)]
pub(crate) async fn get(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    Path(id): Path<SegmentId>,
) -> Result<axum::Json<SegmentOut>, ApiError> {
    let row = store::segment::get(&hub.store, caller.tenant, id)
        .await
        .map_err(missing)?;
    Ok(axum::Json(row.into()))
}

/// Change a segment. Campaigns that have started keep the expression they started with.
#[utoipa::path(
    patch, path = "/segments/{segment_id}", tag = "segments", operation_id = "update_segment",
    params(("segment_id" = uuid::Uuid, Path, description = "The segment")),
    request_body(content = SegmentPatch, example = json!({"expression": "language = \"de\""})),
    responses((status = 200, description = "The segment as it is now", body = SegmentOut))
)]
pub(crate) async fn update(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    Path(id): Path<SegmentId>,
    Json(body): Json<SegmentPatch>,
) -> Result<axum::Json<SegmentOut>, ApiError> {
    optional_text("/name", body.name.as_ref(), 255)?;
    let description = body.description.clone().flatten();
    optional_text("/description", description.as_ref(), 2000)?;
    if let Some(expression) = &body.expression {
        text("/expression", expression, MAX_CHARS)?;
        read(expression)?;
    }
    let patch = StorePatch {
        name: body.name,
        description: body.description,
        expression: body.expression,
    };
    let row = store::segment::update(&hub.store, caller.tenant, id, &patch)
        .await
        .map_err(missing)?;
    hub.audit(&caller, "segment.update", named(id), None)
        .await?;
    Ok(axum::Json(row.into()))
}

/// Change a segment (the same as `PATCH`: what is not given stays).
#[utoipa::path(
    put, path = "/segments/{segment_id}", tag = "segments", operation_id = "put_segment",
    params(("segment_id" = uuid::Uuid, Path, description = "The segment")),
    request_body(content = SegmentPatch, example = json!({"name": "Germans"})),
    responses((status = 200, description = "The segment as it is now", body = SegmentOut))
)]
pub(crate) async fn put(
    state: State<Arc<Hub>>,
    caller: Caller,
    path: Path<SegmentId>,
    body: Json<SegmentPatch>,
) -> Result<axum::Json<SegmentOut>, ApiError> {
    update(state, caller, path, body).await
}

/// Delete a segment.
#[utoipa::path(
    delete, path = "/segments/{segment_id}", tag = "segments", operation_id = "delete_segment",
    params(("segment_id" = uuid::Uuid, Path, description = "The segment")),
    responses((status = 204, description = "It is gone"))
)]
pub(crate) async fn delete(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    Path(id): Path<SegmentId>,
) -> Result<StatusCode, ApiError> {
    store::segment::delete(&hub.store, caller.tenant, id)
        .await
        .map_err(missing)?;
    hub.audit(&caller, "segment.delete", named(id), None)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Whether an expression can be read and names lists and campaigns that there are, and where not.
#[utoipa::path(
    post, path = "/segments/check", tag = "segments", operation_id = "check_segment",
    request_body(content = ExpressionIn, example = json!({"expression": "name = Ann"})),
    responses((status = 200, description = "What is wrong, or how it was understood", body = CheckOut))
)]
pub(crate) async fn check(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    Json(body): Json<ExpressionIn>,
) -> Result<axum::Json<CheckOut>, ApiError> {
    let (expression, error) = match compile(&body.expression) {
        Ok(filter) => {
            let misnamed =
                store::segment::misnamed(&hub.store, caller.tenant, &body.expression).await?;
            (Some(filter.expression().to_string()), misnamed)
        }
        Err(error) => (None, Some(error)),
    };
    Ok(axum::Json(CheckOut {
        ok: error.is_none(),
        expression,
        error: error.map(Into::into),
    }))
}

/// How many contacts a segment has now.
#[utoipa::path(
    get, path = "/segments/{segment_id}/count", tag = "segments", operation_id = "count_segment",
    params(("segment_id" = uuid::Uuid, Path, description = "The segment")),
    responses((status = 200, description = "How many", body = SegmentCountOut))
)]
pub(crate) async fn count(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    Path(id): Path<SegmentId>,
) -> Result<axum::Json<SegmentCountOut>, ApiError> {
    let filter = filter(&hub, &caller, id).await?;
    let begun = Instant::now();
    let count = store::segment::count(&hub.store, caller.tenant, &filter, Timestamp::now())
        .await?
        .ok_or_else(too_costly)?;
    Ok(axum::Json(SegmentCountOut {
        count,
        took_ms: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
    }))
}

/// The newest contacts that an expression chooses.
#[utoipa::path(
    post, path = "/segments/preview", tag = "segments", operation_id = "preview_segment",
    request_body(content = ExpressionIn, example = json!({"expression": "language = \"de\"", "limit": 10})),
    responses((status = 200, description = "The first of them", body = PreviewOut))
)]
pub(crate) async fn preview(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    Json(body): Json<ExpressionIn>,
) -> Result<axum::Json<PreviewOut>, ApiError> {
    let limit = page::limit(body.limit)?;
    let filter = read(&body.expression)?;
    let now = Timestamp::now();
    let found = store::segment::matching(&hub.store, caller.tenant, filter, now, None, limit)
        .await?
        .ok_or_else(too_costly)?;
    Ok(axum::Json(PreviewOut {
        has_more: found.next.is_some(),
        contacts: with_addresses(&hub, &caller, found.items).await?,
    }))
}
