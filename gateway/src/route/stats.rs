//! The numbers of a tenant.

use std::sync::Arc;

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{auth::Caller, hub::Hub, problem::ApiError};

/// How much there is.
#[derive(Serialize, ToSchema)]
pub(crate) struct StatsOut {
    #[schema(example = 5)]
    total_channels: i64,
    #[schema(example = 3)]
    active_channels: i64,
    #[schema(example = 150)]
    total_conversations: i64,
    #[schema(example = 45)]
    active_conversations: i64,
    #[schema(example = 1250)]
    total_messages: i64,
    /// Since midnight UTC.
    #[schema(example = 85)]
    messages_today: i64,
    #[schema(example = 12)]
    unread_messages: i64,
}

/// How much there is.
#[utoipa::path(
    get, path = "/stats", tag = "stats", operation_id = "get_stats",
    responses((status = 200, description = "The numbers", body = StatsOut))
)]
pub(crate) async fn get(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
) -> Result<axum::Json<StatsOut>, ApiError> {
    let row = store::stats::hub(&hub.store, caller.tenant).await?;
    Ok(axum::Json(StatsOut {
        total_channels: row.total_channels,
        active_channels: row.active_channels,
        total_conversations: row.total_conversations,
        active_conversations: row.active_conversations,
        total_messages: row.total_messages,
        messages_today: row.messages_today,
        unread_messages: row.unread_messages,
    }))
}
