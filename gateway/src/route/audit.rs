//! The audit log: who changed what.

use std::sync::Arc;

use axum::{
    extract::{OriginalUri, State},
    response::Response,
};
use schemas::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};

use crate::{auth::Caller, extract::Query, hub::Hub, page, problem::ApiError};

/// One administrative act.
#[derive(Serialize, ToSchema)]
pub(crate) struct AuditOut {
    id: i64,
    /// `key:<id>`, `jwt:<sub>` or `system`.
    #[schema(example = "key:018f3c1e-0000-7000-8000-000000000001")]
    actor: String,
    #[schema(example = "channel.create")]
    action: String,
    #[schema(example = "channel:018f3c1e-0000-7000-8000-000000000001")]
    object: String,
    #[schema(value_type = Object)]
    detail: Map<String, Value>,
    created_at: Timestamp,
}

/// Which part of the log.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct AuditQuery {
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// From `X-Next-Cursor` of the page before.
    #[param(pattern = "^[0-9a-f]{1,16}-[0-9a-f]{32}$")]
    cursor: Option<String>,
}

/// The audit log, newest first.
#[utoipa::path(
    get, path = "/audit", tag = "audit", operation_id = "list_audit", params(AuditQuery),
    responses((status = 200, description = "A page", body = [AuditOut],
        headers(("Link" = String, description = "The next page, with rel=\"next\"; absent on the last"),
                ("X-Next-Cursor" = String, description = "`cursor` of the next page"))))
)]
pub(crate) async fn list(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    OriginalUri(uri): OriginalUri,
    Query(query): Query<AuditQuery>,
) -> Result<Response, ApiError> {
    let limit = page::limit(query.limit)?;
    let cursor = page::cursor(query.cursor.as_deref())?;
    let found = store::audit::list(&hub.store, caller.tenant, cursor, limit).await?;
    Ok(page::of(&uri, found, |row| AuditOut {
        id: row.id,
        actor: row.actor,
        action: row.action,
        object: row.object,
        detail: super::map(row.detail),
        created_at: row.created_at,
    }))
}
