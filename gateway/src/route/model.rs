//! The tenant's own models: their files, their cards, and which one answers.
//!
//! Invariants: a file is read to its end before it is accepted; an id is of a content, so a file never changes; file and
//! row change together, while the tenant is held. What a crash between the two leaves (a file without a row, or a row
//! without a file) is mended by uploading or deleting again.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use schemas::{Backend, Task, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::{
    StoreError,
    model::{MAX_MODELS, ModelNew, ModelRow},
};
use utoipa::{IntoParams, ToSchema};

use super::{
    text,
    understanding::{ChoiceOut, choose},
};
use crate::{
    auth::Caller,
    extract::{Path, Query, body},
    hub::Hub,
    problem::ApiError,
    settings::StorageDown,
};

/// Largest file of a model.
const MAX_FILE_BYTES: usize = 16 * 1024 * 1024;

impl From<StorageDown> for ApiError {
    fn from(_: StorageDown) -> Self {
        Self::unavailable(5)
    }
}

/// A model.
#[derive(Serialize, ToSchema)]
pub(crate) struct ModelOut {
    /// The task, and the first digits of the file's SHA-256. What it answers carries this id.
    #[schema(example = "intent-1f0c2ab9d341")]
    id: String,
    task: Task,
    name: String,
    size_bytes: i64,
    /// Of the file, in hex.
    sha256: String,
    labels: Vec<String>,
    /// What the trainer measured.
    #[schema(value_type = Object)]
    metrics: Value,
    /// Whether it answers its task now.
    active: bool,
    created_at: Timestamp,
    created_by: String,
}

/// A model with its card.
#[derive(Serialize, ToSchema)]
pub(crate) struct ModelDetailOut {
    #[serde(flatten)]
    model: ModelOut,
    /// Where it comes from and what it can do, in Markdown.
    card: String,
}

fn out(row: ModelRow, active: Option<&Backend>) -> ModelOut {
    let active = matches!(active, Some(Backend::Model(id)) if *id == row.id);
    ModelOut {
        id: row.id,
        task: row.task,
        name: row.name,
        size_bytes: row.size_bytes,
        sha256: row.sha256,
        labels: row.labels,
        metrics: row.metrics,
        active,
        created_at: row.created_at,
        created_by: row.created_by,
    }
}

fn missing(error: StoreError) -> ApiError {
    ApiError::or_not_found(error, "model")
}

/// Whether a model could have this id: a path may hold anything.
fn check(id: &str) -> Result<(), ApiError> {
    let fits = id.len() <= 32
        && id
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    if fits {
        Ok(())
    } else {
        Err(ApiError::not_found("model"))
    }
}

fn named(id: &str) -> String {
    format!("model:{id}")
}

/// What the file is.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct UploadQuery {
    /// Which task it must be for; the file says it, too.
    task: Task,
    /// For people.
    #[param(min_length = 1, max_length = 255)]
    name: String,
}

/// Upload a model: the file that `tidings train` writes.
///
/// It is checked to its last byte; nothing answers with it before it is activated. The same file again is the same
/// model: 200, and its first name stays.
#[utoipa::path(
    post, path = "/models", tag = "understanding", operation_id = "create_model", params(UploadQuery),
    request_body(content = ModelFile, content_type = "application/octet-stream", description = "At most 16 MiB"),
    responses((status = 201, description = "The model", body = ModelDetailOut),
              (status = 200, description = "The model was there already", body = ModelDetailOut))
)]
pub(crate) async fn create(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    Query(query): Query<UploadQuery>,
    headers: HeaderMap,
    given: Body,
) -> Result<(StatusCode, axum::Json<ModelDetailOut>), ApiError> {
    text("/name", &query.name, 255)?;
    let announced = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    let kib = announced.unwrap_or(MAX_FILE_BYTES).min(MAX_FILE_BYTES) / 1024 + 1;
    let _permit = hub
        .intake
        .try_acquire_many(u32::try_from(kib).unwrap_or(u32::MAX))
        .map_err(|_| ApiError::unavailable(1))?;
    let file = body(given, MAX_FILE_BYTES).await?;
    let read = hub.models.inspect(file.clone()).await.map_err(|wrong| {
        ApiError::invalid("", format!("Not a model this hub can use: {wrong}."))
    })?;
    if read.task != query.task {
        return Err(ApiError::invalid(
            "",
            format!("The file is a model for {}.", read.task.name()),
        ));
    }
    let new = ModelNew {
        id: read.id,
        task: read.task,
        name: query.name,
        size_bytes: i64::try_from(file.len()).unwrap_or(i64::MAX),
        sha256: read.sha256,
        labels: read.labels,
        metrics: read.metrics,
        card: read.card,
    };
    let (_turn, mut held) = hub.hold(caller.tenant).await?;
    let fresh = match held.add_model(&new, &caller.actor).await {
        Err(StoreError::Conflict { constraint }) if constraint == "comm_models_count" => {
            return Err(ApiError::conflict(format!(
                "There are {MAX_MODELS} models already. Delete one first."
            )));
        }
        done => done?,
    };
    hub.models.put(caller.tenant, new.id.clone(), file).await?;
    held.commit().await?;
    if fresh {
        let detail = json!({"task": new.task.name(), "name": new.name});
        hub.audit(&caller, "model.create", named(&new.id), Some(detail))
            .await?;
    }
    let status = if fresh {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    Ok((status, axum::Json(detailed(&hub, &caller, &new.id).await?)))
}

async fn detailed(hub: &Hub, caller: &Caller, id: &str) -> Result<ModelDetailOut, ApiError> {
    let row = store::model::get(&hub.store, caller.tenant, id)
        .await
        .map_err(missing)?;
    let card = store::model::card(&hub.store, caller.tenant, id)
        .await
        .map_err(missing)?;
    let current = store::understanding::current(&hub.store, caller.tenant).await?;
    let active = current
        .as_ref()
        .and_then(|now| now.settings.models.get(&row.task));
    Ok(ModelDetailOut {
        model: out(row, active),
        card,
    })
}

/// The bytes that `tidings train` writes.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
#[expect(dead_code, reason = "a shape for the API's documents")]
pub(crate) struct ModelFile(Vec<u8>);

/// Which models.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ModelQuery {
    task: Option<Task>,
}

/// List models, the newest first.
#[utoipa::path(
    get, path = "/models", tag = "understanding", operation_id = "list_models", params(ModelQuery),
    responses((status = 200, description = "All models that fit", body = [ModelOut]))
)]
pub(crate) async fn list(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    Query(query): Query<ModelQuery>,
) -> Result<axum::Json<Vec<ModelOut>>, ApiError> {
    let rows = store::model::list(&hub.store, caller.tenant, query.task).await?;
    let current = store::understanding::current(&hub.store, caller.tenant).await?;
    let settings = current.map(|row| row.settings).unwrap_or_default();
    let all = rows.into_iter().map(|row| {
        let active = settings.models.get(&row.task);
        out(row, active)
    });
    Ok(axum::Json(all.collect()))
}

/// One model, with its card.
#[utoipa::path(
    get, path = "/models/{model_id}", tag = "understanding", operation_id = "get_model",
    params(("model_id" = String, Path, description = "The model")),
    responses((status = 200, description = "The model", body = ModelDetailOut))
)]
pub(crate) async fn get(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<axum::Json<ModelDetailOut>, ApiError> {
    check(&id)?;
    Ok(axum::Json(detailed(&hub, &caller, &id).await?))
}

/// A model's file.
#[utoipa::path(
    get, path = "/models/{model_id}/file", tag = "understanding", operation_id = "get_model_file",
    params(("model_id" = String, Path, description = "The model")),
    responses((status = 200, description = "The file", body = ModelFile, content_type = "application/octet-stream"))
)]
pub(crate) async fn file(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    check(&id)?;
    let row = store::model::get(&hub.store, caller.tenant, &id)
        .await
        .map_err(missing)?;
    let Some(bytes) = hub.models.get(caller.tenant, row.id.clone()).await? else {
        tracing::error!(tenant = %caller.tenant, model = row.id, "a model's file is not in the object storage");
        return Err(ApiError::not_found("file of this model; upload it again"));
    };
    let mut response = bytes.into_response();
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/octet-stream"),
    );
    if let Ok(name) = HeaderValue::try_from(format!("attachment; filename=\"{}.tdm\"", row.id)) {
        headers.insert(header::CONTENT_DISPOSITION, name);
    }
    Ok(response)
}

/// Let a model answer its task from now on.
///
/// Workers follow within seconds, without a restart; the message after carries the model's id.
/// `POST /understanding/rollback` goes back.
#[utoipa::path(
    put, path = "/models/{model_id}/activate", tag = "understanding", operation_id = "activate_model",
    params(("model_id" = String, Path, description = "The model")),
    responses((status = 200, description = "Who answers the task now", body = ChoiceOut))
)]
pub(crate) async fn activate(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<axum::Json<ChoiceOut>, ApiError> {
    check(&id)?;
    let (_turn, mut held) = hub.hold(caller.tenant).await?;
    let Some(task) = held.model_task(&id).await? else {
        return Err(ApiError::not_found("model"));
    };
    choose(&hub, &caller, held, task, Backend::Model(id)).await
}

/// Delete a model. 409 while it answers its task.
#[utoipa::path(
    delete, path = "/models/{model_id}", tag = "understanding", operation_id = "delete_model",
    params(("model_id" = String, Path, description = "The model")),
    responses((status = 204, description = "It is gone"))
)]
pub(crate) async fn delete(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    check(&id)?;
    let (_turn, mut held) = hub.hold(caller.tenant).await?;
    match held.remove_model(&id).await {
        Err(StoreError::Conflict { .. }) => {
            return Err(ApiError::conflict(
                "The model answers its task now. Let another one answer first.",
            ));
        }
        done => done.map_err(missing)?,
    }
    hub.models.delete(caller.tenant, id.clone()).await?;
    held.commit().await?;
    hub.audit(&caller, "model.delete", named(&id), None).await?;
    Ok(StatusCode::NO_CONTENT)
}
