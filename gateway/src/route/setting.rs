//! What a tenant has decided about itself.

use std::sync::Arc;

use axum::extract::State;
use schemas::campaign::Unsubscribe;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::tenant::{self, TenantSettings};
use utoipa::ToSchema;

use crate::{auth::Caller, extract::Json, hub::Hub, problem::ApiError};

/// A tenant's settings.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    /// Whether the addresses and programs of those who open and click are kept with the events. No, unless said otherwise.
    #[serde(alias = "keepsVisitorDetails")]
    #[schema(default = false)]
    keeps_visitor_details: bool,
    /// What somebody leaves who unsubscribes with one click from a campaign that does not say it itself: the lists it was
    /// for, or everything.
    #[serde(default)]
    #[schema(default = "everything")]
    unsubscribe: Unsubscribe,
}

/// Get the tenant's settings.
#[utoipa::path(
    get, path = "/settings", tag = "settings", operation_id = "get_settings",
    responses((status = 200, description = "The settings", body = Settings))
)]
pub(crate) async fn get(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
) -> Result<axum::Json<Settings>, ApiError> {
    let found = tenant::settings(&hub.store, caller.tenant).await?;
    Ok(axum::Json(Settings {
        keeps_visitor_details: found.keeps_visitor_details,
        unsubscribe: found.unsubscribe,
    }))
}

/// Replace the tenant's settings. They hold within seconds, for what comes then.
#[utoipa::path(
    put, path = "/settings", tag = "settings", operation_id = "put_settings",
    request_body(content = Settings, example = json!({"keeps_visitor_details": true})),
    responses((status = 200, description = "The settings", body = Settings))
)]
pub(crate) async fn put(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    Json(body): Json<Settings>,
) -> Result<axum::Json<Settings>, ApiError> {
    let settings = TenantSettings {
        keeps_visitor_details: body.keeps_visitor_details,
        unsubscribe: body.unsubscribe,
    };
    tenant::set_settings(&hub.store, caller.tenant, settings).await?;
    hub.track.decided(caller.tenant, body.keeps_visitor_details);
    let detail = json!({
        "keeps_visitor_details": body.keeps_visitor_details, "unsubscribe": body.unsubscribe});
    let object = format!("tenant:{}", caller.tenant);
    hub.audit(&caller, "settings.update", object, Some(detail))
        .await?;
    Ok(axum::Json(body))
}
