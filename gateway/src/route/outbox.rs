//! What a sandbox channel "sent": kept and readable, so that a newcomer sees mail without an account.

use std::sync::Arc;

use axum::extract::State;
use schemas::{Attachment, ChannelId, MessageId, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    auth::Caller,
    extract::{Path, Query},
    hub::Hub,
    page,
    problem::ApiError,
};

/// A captured message.
#[derive(Serialize, ToSchema)]
pub(crate) struct SentOut {
    message_id: MessageId,
    channel_id: ChannelId,
    platform_conversation_id: String,
    recipient_id: String,
    subject: Option<String>,
    content: String,
    html: Option<String>,
    attachments: Vec<Attachment>,
    sent_at: Timestamp,
}

/// How many.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct OutboxQuery {
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
}

/// What a sandbox channel sent, newest first.
#[utoipa::path(
    get, path = "/channels/{channel_id}/outbox", tag = "channels", operation_id = "list_outbox",
    params(("channel_id" = uuid::Uuid, Path, description = "A sandbox channel"), OutboxQuery),
    responses((status = 200, description = "The newest messages", body = [SentOut]))
)]
pub(crate) async fn list(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    Path(id): Path<ChannelId>,
    Query(query): Query<OutboxQuery>,
) -> Result<axum::Json<Vec<SentOut>>, ApiError> {
    let limit = page::limit(query.limit)?;
    store::channel::get(&hub.store, caller.tenant, id)
        .await
        .map_err(|error| ApiError::or_not_found(error, "channel"))?;
    let rows = store::sandbox::list(&hub.store, caller.tenant, id, limit).await?;
    let sent = rows.into_iter().map(|row| SentOut {
        message_id: row.message_id,
        channel_id: row.channel_id,
        platform_conversation_id: row.platform_conversation_id,
        recipient_id: row.recipient_id,
        subject: row.subject,
        content: row.content,
        html: row.content_html,
        attachments: row.attachments.map(|json| json.0).unwrap_or_default(),
        sent_at: row.sent_at,
    });
    Ok(axum::Json(sent.collect()))
}
