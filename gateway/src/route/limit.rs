//! How much campaigns of a tenant may send in a second.

use std::sync::Arc;

use axum::extract::State;
use schemas::campaign::Limits;
use serde_json::json;
use store::limit;

use crate::{auth::Caller, extract::Json, hub::Hub, problem::ApiError};

/// Get the limits for what campaigns send.
#[utoipa::path(
    get, path = "/settings/limits", tag = "settings", operation_id = "get_limits",
    responses((status = 200, description = "The limits; without one nothing is limited but by channels and campaigns", body = Limits))
)]
pub(crate) async fn get(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
) -> Result<axum::Json<Limits>, ApiError> {
    Ok(axum::Json(limit::get(&hub.store, caller.tenant).await?))
}

/// Replace the limits for what campaigns send. They hold within a second or two, also for campaigns that run.
#[utoipa::path(
    put, path = "/settings/limits", tag = "settings", operation_id = "put_limits",
    request_body(content = Limits, example = json!({
        "per_second": 200, "providers": {"smtp.example.org": 50, "twilio": 10}, "domains": {"*": 5, "gmail.com": 20}})),
    responses((status = 200, description = "The limits, each name in its one form", body = Limits))
)]
pub(crate) async fn put(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    Json(body): Json<Limits>,
) -> Result<axum::Json<Limits>, ApiError> {
    let limits = body.checked().or_else(|wrong| {
        let said = wrong.into_iter().map(|wrong| {
            let detail = format!("`{}` {}.", last(&wrong.pointer), wrong.problem);
            Err(ApiError::invalid(wrong.pointer, detail))
        });
        ApiError::all(said).map(|()| Limits::default())
    })?;
    limit::set(&hub.store, caller.tenant, &limits).await?;
    let object = format!("tenant:{}", caller.tenant);
    let detail = json!({
        "per_second": limits.per_second, "providers": limits.providers.len(), "domains": limits.domains.len()});
    hub.audit(&caller, "limits.update", object, Some(detail))
        .await?;
    Ok(axum::Json(limits))
}

/// The name that a JSON Pointer ends with.
fn last(pointer: &str) -> String {
    let name = pointer.rsplit('/').next().unwrap_or_default();
    name.replace("~1", "/").replace("~0", "~")
}
