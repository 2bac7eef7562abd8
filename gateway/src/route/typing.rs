//! Showing people that somebody is writing. Best effort: nothing is queued, and nothing is tried again.

use std::{sync::Arc, time::Duration};

use axum::extract::State;
use schemas::{ConversationId, Direction};
use store::message::MessageFilter;
use tokio::time::timeout;

use super::SuccessOut;
use crate::{auth::Caller, extract::Path, hub::Hub, problem::ApiError};

/// How long the platform is given.
const LIMIT: Duration = Duration::from_secs(5);

/// Show in a conversation that an answer is being written.
///
/// `success` is false when the platform did not take it; nothing is tried again, and on platforms that have no such thing
/// nothing happens.
#[utoipa::path(
    post, path = "/conversations/{conversation_id}/typing", tag = "conversations", operation_id = "show_typing",
    params(("conversation_id" = uuid::Uuid, Path, description = "The conversation")),
    responses((status = 200, description = "Whether the platform took it", body = SuccessOut))
)]
pub(crate) async fn show(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    Path(id): Path<ConversationId>,
) -> Result<axum::Json<SuccessOut>, ApiError> {
    let known = super::send::conversation(&hub, &caller, id).await?;
    let row = store::channel::get(&hub.store, caller.tenant, known.channel)
        .await
        .map_err(|error| ApiError::or_not_found(error, "channel"))?;
    let credentials = store::channel::credentials(&hub.store, caller.tenant, known.channel).await?;
    // Some platforms want to know which message is being answered.
    let newest = MessageFilter {
        conversation_id: Some(id),
        direction: Some(Direction::Inbound),
        ..MessageFilter::default()
    };
    let last = store::message::list(&hub.store, caller.tenant, newest, None, 1, true)
        .await?
        .items
        .pop()
        .and_then(|message| message.platform_message_id);
    let conversation = known.platform_conversation_id.clone();
    let asked = hub.tester.typing(row, credentials, conversation, last);
    let success = matches!(timeout(LIMIT, asked).await, Ok(true));
    Ok(axum::Json(SuccessOut { success }))
}
