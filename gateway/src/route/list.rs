//! Lists of contacts.

use std::sync::Arc;

use axum::{
    extract::{OriginalUri, State},
    http::StatusCode,
    response::Response,
};
use schemas::{ListId, OptIn, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::list::{ListCounts, ListNew, ListPatch as StorePatch, ListRow};
use utoipa::{IntoParams, ToSchema};

use super::{optional_text, text};
use crate::{
    auth::Caller,
    extract::{Json, Path, Query, given, name, present, present_name},
    hub::Hub,
    page,
    problem::ApiError,
};

/// A list to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListIn {
    /// People see it: when they are asked to confirm, and where they unsubscribe.
    #[schema(min_length = 1, max_length = 255)]
    #[serde(deserialize_with = "name")]
    name: String,
    #[serde(default)]
    #[schema(min_length = 1, max_length = 2000)]
    description: Option<String>,
    /// `double`: who is put on the list is asked by mail, and on it once that is confirmed. `single` when absent.
    #[serde(default, alias = "optIn")]
    opt_in: OptIn,
}

/// What to change; what is not given stays, null empties.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListPatch {
    #[serde(default, deserialize_with = "present_name")]
    #[schema(min_length = 1, max_length = 255, nullable = false)]
    name: Option<String>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 2000)]
    description: Option<Option<String>>,
    #[serde(default, alias = "optIn", deserialize_with = "present")]
    #[schema(nullable = false)]
    opt_in: Option<OptIn>,
}

/// A list of contacts.
#[derive(Serialize, ToSchema)]
pub(crate) struct ListOut {
    id: ListId,
    name: String,
    description: Option<String>,
    opt_in: OptIn,
    /// Null where counting took too long.
    counts: Option<CountsOut>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// How many contacts stand to a list in which way.
#[derive(Serialize, ToSchema)]
pub(crate) struct CountsOut {
    /// On it.
    confirmed: i64,
    /// Asked, and not answered.
    unconfirmed: i64,
    unsubscribed: i64,
}

impl ListOut {
    fn of(row: ListRow, counts: Option<&[ListCounts]>) -> Self {
        let counts = counts.map(|all| {
            let mine = all.iter().find(|one| one.list == row.id.0);
            let mine = mine.copied().unwrap_or_default();
            CountsOut {
                confirmed: mine.confirmed,
                unconfirmed: mine.unconfirmed,
                unsubscribed: mine.unsubscribed,
            }
        });
        Self {
            id: row.id,
            name: row.name,
            description: row.description,
            opt_in: row.opt_in,
            counts,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

pub(super) fn missing(error: store::StoreError) -> ApiError {
    ApiError::or_not_found(error, "list")
}

pub(super) fn named(id: ListId) -> String {
    format!("list:{id}")
}

async fn counted(hub: &Hub, caller: &Caller, row: ListRow) -> Result<ListOut, ApiError> {
    let counts = store::list::counts(&hub.store, caller.tenant, &[row.id]).await?;
    Ok(ListOut::of(row, counts.as_deref()))
}

/// Add a list.
#[utoipa::path(
    post, path = "/lists", tag = "lists", operation_id = "create_list",
    request_body(content = ListIn, example = json!({"name": "News", "opt_in": "double"})),
    responses((status = 201, description = "The list", body = ListOut))
)]
pub(crate) async fn create(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    Json(body): Json<ListIn>,
) -> Result<(StatusCode, axum::Json<ListOut>), ApiError> {
    text("/name", &body.name, 255)?;
    optional_text("/description", body.description.as_ref(), 2000)?;
    let new = ListNew {
        name: body.name,
        description: body.description,
        opt_in: body.opt_in,
    };
    let row = store::list::create(&hub.store, caller.tenant, &new).await?;
    let detail = json!({"name": row.name, "opt_in": row.opt_in});
    hub.audit(&caller, "list.create", named(row.id), Some(detail))
        .await?;
    Ok((StatusCode::CREATED, axum::Json(ListOut::of(row, Some(&[])))))
}

/// Which lists.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListQuery {
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// From `X-Next-Cursor` of the page before.
    #[param(pattern = "^[0-9a-f]{1,16}-[0-9a-f]{32}$")]
    cursor: Option<String>,
}

/// List the lists.
#[utoipa::path(
    get, path = "/lists", tag = "lists", operation_id = "list_lists", params(ListQuery),
    responses((status = 200, description = "A page", body = [ListOut],
        headers(("Link" = String, description = "The next page, with rel=\"next\"; absent on the last"),
                ("X-Next-Cursor" = String, description = "`cursor` of the next page"))))
)]
pub(crate) async fn list(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    OriginalUri(uri): OriginalUri,
    Query(query): Query<ListQuery>,
) -> Result<Response, ApiError> {
    let limit = page::limit(query.limit)?;
    let cursor = page::cursor(query.cursor.as_deref())?;
    let found = store::list::list(&hub.store, caller.tenant, cursor, limit).await?;
    let ids: Vec<ListId> = found.items.iter().map(|row| row.id).collect();
    let counts = store::list::counts(&hub.store, caller.tenant, &ids).await?;
    Ok(page::of(&uri, found, |row| {
        ListOut::of(row, counts.as_deref())
    }))
}

/// One list.
#[utoipa::path(
    get, path = "/lists/{list_id}", tag = "lists", operation_id = "get_list",
    params(("list_id" = uuid::Uuid, Path, description = "The list")),
    responses((status = 200, description = "The list", body = ListOut))
)]
pub(crate) async fn get(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    Path(id): Path<ListId>,
) -> Result<axum::Json<ListOut>, ApiError> {
    let row = store::list::get(&hub.store, caller.tenant, id)
        .await
        .map_err(missing)?;
    counted(&hub, &caller, row).await.map(axum::Json)
}

/// Change a list. Who is on it stays there, whatever becomes of `opt_in`.
#[utoipa::path(
    patch, path = "/lists/{list_id}", tag = "lists", operation_id = "update_list",
    params(("list_id" = uuid::Uuid, Path, description = "The list")),
    request_body(content = ListPatch, example = json!({"description": "Once a month"})),
    responses((status = 200, description = "The list as it is now", body = ListOut))
)]
pub(crate) async fn update(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    Path(id): Path<ListId>,
    Json(body): Json<ListPatch>,
) -> Result<axum::Json<ListOut>, ApiError> {
    optional_text("/name", body.name.as_ref(), 255)?;
    let description = body.description.clone().flatten();
    optional_text("/description", description.as_ref(), 2000)?;
    let patch = StorePatch {
        name: body.name,
        description: body.description,
        opt_in: body.opt_in,
    };
    let row = store::list::update(&hub.store, caller.tenant, id, &patch)
        .await
        .map_err(missing)?;
    hub.audit(&caller, "list.update", named(id), None).await?;
    counted(&hub, &caller, row).await.map(axum::Json)
}

/// Change a list (the same as `PATCH`: what is not given stays).
#[utoipa::path(
    put, path = "/lists/{list_id}", tag = "lists", operation_id = "put_list",
    params(("list_id" = uuid::Uuid, Path, description = "The list")),
    request_body(content = ListPatch, example = json!({"name": "News"})),
    responses((status = 200, description = "The list as it is now", body = ListOut))
)]
pub(crate) async fn put(
    state: State<Arc<Hub>>,
    caller: Caller,
    path: Path<ListId>,
    body: Json<ListPatch>,
) -> Result<axum::Json<ListOut>, ApiError> {
    update(state, caller, path, body).await
}

/// Delete a list; its contacts stay.
#[utoipa::path(
    delete, path = "/lists/{list_id}", tag = "lists", operation_id = "delete_list",
    params(("list_id" = uuid::Uuid, Path, description = "The list")),
    responses((status = 204, description = "It is gone"))
)]
pub(crate) async fn delete(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    Path(id): Path<ListId>,
) -> Result<StatusCode, ApiError> {
    store::list::delete(&hub.store, caller.tenant, id)
        .await
        .map_err(missing)?;
    hub.audit(&caller, "list.delete", named(id), None).await?;
    Ok(StatusCode::NO_CONTENT)
}
