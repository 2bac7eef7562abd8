//! How the tenant wants its messages understood, and what answered before.
//!
//! Invariant: settings that hold name no model that is not there: both change only while the tenant is held.
//! Deliberately absent: what the settings mean; whoever understands messages says what may stand in them
//! ([`crate::ModelKeeper::check`]).

use std::sync::Arc;

use axum::extract::State;
use schemas::{Backend, Task, Understanding};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::understanding::{Held, UnderstandingRow};
use utoipa::ToSchema;

use crate::{auth::Caller, extract::Json, hub::Hub, problem::ApiError};

/// How messages are understood.
///
/// A `bert:` or `external:` model is named as the workers' settings name it; where a worker knows no such name, the
/// built-in model answers there. An empty object is the built-in way.
#[utoipa::path(
    get, path = "/understanding", tag = "understanding", operation_id = "get_understanding",
    responses((status = 200, description = "The settings", body = Understanding))
)]
pub(crate) async fn get(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
) -> Result<axum::Json<Understanding>, ApiError> {
    let row = store::understanding::current(&hub.store, caller.tenant).await?;
    Ok(axum::Json(row.map(|row| row.settings).unwrap_or_default()))
}

/// Change how messages are understood: all of it, at once.
///
/// What is not given is the built-in way again. Workers follow within seconds, without a restart.
#[utoipa::path(
    put, path = "/understanding", tag = "understanding", operation_id = "put_understanding",
    request_body(content = Understanding, example = json!({
        "languages": ["de", "en"], "region": "DE", "lexicon": {"lieferverzug": -2.5},
        "patterns": [{"kind": "order", "regex": "\\bA-(\\d{6})\\b"}]})),
    responses((status = 200, description = "The settings as they are now", body = Understanding))
)]
pub(crate) async fn put(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    Json(settings): Json<Understanding>,
) -> Result<axum::Json<Understanding>, ApiError> {
    hub.models
        .check(&settings)
        .map_err(|refused| ApiError::invalid(refused.pointer, refused.detail))?;
    let (_turn, mut held) = hub.hold(caller.tenant).await?;
    for (task, backend) in &settings.models {
        if let Backend::Model(id) = backend
            && held.model_task(id).await? != Some(*task)
        {
            return Err(ApiError::invalid(
                format!("/models/{}", task.name()),
                "There is no such model for this task. GET /models lists those there are.",
            ));
        }
    }
    let row = write(&hub, &caller, held, &settings).await?;
    Ok(axum::Json(row.settings))
}

/// For which task.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RollbackIn {
    task: Task,
}

/// Who answers a task.
#[derive(Serialize, ToSchema)]
pub(crate) struct ChoiceOut {
    task: Task,
    #[schema(value_type = String, example = "model:intent-1f0c2ab9d341")]
    backend: Backend,
}

/// Go back to what answered a task before.
///
/// Twice is where it began. 409 when it was never another, or the model from before is gone.
#[utoipa::path(
    post, path = "/understanding/rollback", tag = "understanding", operation_id = "rollback_understanding",
    request_body(content = RollbackIn, example = json!({"task": "intent"})),
    responses((status = 200, description = "Who answers the task now", body = ChoiceOut))
)]
pub(crate) async fn rollback(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    Json(body): Json<RollbackIn>,
) -> Result<axum::Json<ChoiceOut>, ApiError> {
    let (_turn, mut held) = hub.hold(caller.tenant).await?;
    let Some(backend) = held.before(body.task).await? else {
        return Err(ApiError::conflict(
            "Nothing else has answered this task before.",
        ));
    };
    if let Backend::Model(id) = &backend
        && held.model_task(id).await? != Some(body.task)
    {
        return Err(ApiError::conflict(
            "The model that answered before is gone. Upload it again, or activate another.",
        ));
    }
    choose(&hub, &caller, held, body.task, backend).await
}

/// Lets `backend` answer the task from now on.
pub(super) async fn choose(
    hub: &Hub,
    caller: &Caller,
    mut held: Held,
    task: Task,
    backend: Backend,
) -> Result<axum::Json<ChoiceOut>, ApiError> {
    let mut settings = held.settings().await?;
    if backend == Backend::Builtin {
        settings.models.remove(&task);
    } else {
        settings.models.insert(task, backend.clone());
    }
    write(hub, caller, held, &settings).await?;
    Ok(axum::Json(ChoiceOut { task, backend }))
}

async fn write(
    hub: &Hub,
    caller: &Caller,
    mut held: Held,
    settings: &Understanding,
) -> Result<UnderstandingRow, ApiError> {
    let row = held.write(settings, &caller.actor).await?;
    held.commit().await?;
    hub.announce().await;
    let models: serde_json::Map<_, _> = settings
        .models
        .iter()
        .map(|(task, backend)| (task.name().to_owned(), json!(backend)))
        .collect();
    let detail = json!({"revision": row.revision, "models": models});
    hub.audit(
        caller,
        "understanding.update",
        "understanding".to_owned(),
        Some(detail),
    )
    .await?;
    Ok(row)
}
