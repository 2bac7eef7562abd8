//! API keys. Invariant: a token is in the answer to its making and nowhere else.

use std::sync::Arc;

use axum::{extract::State, http::StatusCode};
use schemas::{ApiKeyId, ChannelId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::api_key::ApiKeyRow;
use utoipa::ToSchema;

use super::text;
use crate::{
    auth::{Caller, Role},
    extract::{Json, Path, name},
    hub::Hub,
    problem::ApiError,
};

/// A key to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ApiKeyIn {
    /// What it is for.
    #[schema(min_length = 1, max_length = 255)]
    #[serde(deserialize_with = "name")]
    name: String,
    role: Role,
    /// The one channel of an adapter; needed for that role and only for it.
    #[serde(default, alias = "channelId")]
    channel_id: Option<ChannelId>,
}

/// A key, without its token.
#[derive(Serialize, ToSchema)]
pub(crate) struct ApiKeyOut {
    id: ApiKeyId,
    name: String,
    role: Role,
    channel_id: Option<ChannelId>,
    created_at: Timestamp,
    revoked_at: Option<Timestamp>,
}

/// A new key.
#[derive(Serialize, ToSchema)]
pub(crate) struct NewApiKeyOut {
    #[serde(flatten)]
    key: ApiKeyOut,
    /// Shown this once: keep it.
    #[schema(example = "tdk_…")]
    token: String,
}

impl From<ApiKeyRow> for ApiKeyOut {
    fn from(row: ApiKeyRow) -> Self {
        Self {
            id: row.id,
            name: row.name,
            // The database allows no other names; the least it could be is a viewer.
            role: row.role.parse().unwrap_or(Role::Viewer),
            channel_id: row.channel_id,
            created_at: row.created_at,
            revoked_at: row.revoked_at,
        }
    }
}

/// Make an API key. Its token is shown this once.
#[utoipa::path(
    post, path = "/api-keys", tag = "api keys", operation_id = "create_api_key",
    request_body(content = ApiKeyIn, example = json!({"name": "inbox", "role": "agent"})),
    responses((status = 201, description = "The key with its token", body = NewApiKeyOut))
)]
pub(crate) async fn create(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    Json(body): Json<ApiKeyIn>,
) -> Result<(StatusCode, axum::Json<NewApiKeyOut>), ApiError> {
    text("/name", &body.name, 255)?;
    if (body.role == Role::Adapter) != body.channel_id.is_some() {
        return Err(ApiError::invalid(
            "/channel_id",
            "An adapter's key names its channel; no other key does.",
        ));
    }
    let (row, token) = store::api_key::create(
        &hub.store,
        caller.tenant,
        &body.name,
        body.role.name(),
        body.channel_id,
    )
    .await?;
    hub.announce().await;
    let detail = json!({"name": row.name, "role": row.role, "channel_id": row.channel_id});
    let object = format!("api-key:{}", row.id);
    hub.audit(&caller, "api-key.create", object, Some(detail))
        .await?;
    let answer = NewApiKeyOut {
        key: row.into(),
        token: token.expose().to_owned(),
    };
    Ok((StatusCode::CREATED, axum::Json(answer)))
}

/// List API keys, revoked ones too.
#[utoipa::path(
    get, path = "/api-keys", tag = "api keys", operation_id = "list_api_keys",
    responses((status = 200, description = "All keys, without their tokens", body = [ApiKeyOut]))
)]
pub(crate) async fn list(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
) -> Result<axum::Json<Vec<ApiKeyOut>>, ApiError> {
    let rows = store::api_key::list(&hub.store, caller.tenant).await?;
    Ok(axum::Json(rows.into_iter().map(Into::into).collect()))
}

/// Revoke an API key. It stops working at once here, and within seconds everywhere.
#[utoipa::path(
    delete, path = "/api-keys/{api_key_id}", tag = "api keys", operation_id = "revoke_api_key",
    params(("api_key_id" = uuid::Uuid, Path, description = "The key")),
    responses((status = 204, description = "It is revoked"))
)]
pub(crate) async fn revoke(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    Path(id): Path<ApiKeyId>,
) -> Result<StatusCode, ApiError> {
    store::api_key::revoke(&hub.store, caller.tenant, id)
        .await
        .map_err(|error| ApiError::or_not_found(error, "API key"))?;
    hub.announce().await;
    hub.audit(&caller, "api-key.revoke", format!("api-key:{id}"), None)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
