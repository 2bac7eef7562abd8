//! What a person decides about a message that may or may not have left.
//!
//! Invariant: the ledger changes first, so of several decisions one counts. `resend` may be repeated until
//! a sender has taken the message: it is then published again, and leaves once.

use std::sync::Arc;

use axum::extract::State;
use schemas::{
    About, Content, Message, MessageId, Outbound, Party, PartyType, Timestamp, TrackContext,
    TrackEvent, TrackKind, subject,
};
use serde::Deserialize;
use serde_json::{Map, json};
use store::{
    StoreError,
    delivery::{DeliveryRow, Resolution},
    message::MessageRow,
};
use utoipa::ToSchema;

use super::{
    SUCCESS, SuccessOut,
    message_in::restored,
    send::{Known, conversation},
};
use crate::{
    auth::Caller,
    directory::Lookup,
    extract::{Json, Path},
    hub::Hub,
    problem::ApiError,
};

/// A decision.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ActionIn {
    /// It did not leave: send it again.
    Resend,
    /// It left.
    MarkSent,
    /// It did not leave and shall not.
    MarkFailed,
}

/// What is decided.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ResolveIn {
    action: ActionIn,
}

/// Decide about a message whose status is `unknown`.
///
/// `resend` can be repeated until the message is on its way; it is sent once.
#[utoipa::path(
    post, path = "/messages/{message_id}/resolve", tag = "messages", operation_id = "resolve_message",
    params(("message_id" = uuid::Uuid, Path, description = "The message")),
    request_body(content = ResolveIn, example = json!({"action": "resend"})),
    responses((status = 200, description = "Done", body = SuccessOut))
)]
pub(crate) async fn resolve(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    Path(id): Path<MessageId>,
    Json(body): Json<ResolveIn>,
) -> Result<axum::Json<SuccessOut>, ApiError> {
    let (word, row) = match body.action {
        ActionIn::Resend => ("resend", resend(&hub, &caller, id).await?),
        ActionIn::MarkSent => {
            let row = decide(&hub, &caller, id, Resolution::MarkSent).await?;
            tell(&hub, &row, TrackKind::Sent).await;
            ("mark_sent", row)
        }
        ActionIn::MarkFailed => {
            let row = decide(&hub, &caller, id, Resolution::MarkFailed).await?;
            tell(&hub, &row, TrackKind::Failed).await;
            ("mark_failed", row)
        }
    };
    let detail = json!({"action": word});
    let object = format!("message:{}", row.message_id);
    hub.audit(&caller, "message.resolve", object, Some(detail))
        .await?;
    Ok(SUCCESS)
}

async fn decide(
    hub: &Hub,
    caller: &Caller,
    id: MessageId,
    resolution: Resolution,
) -> Result<DeliveryRow, ApiError> {
    store::delivery::resolve_unknown(&hub.store, caller.tenant, id, resolution)
        .await
        .map_err(|error| match error {
            StoreError::Conflict { .. } => ApiError::conflict(
                "The message is not unknown, or not any more. Look at its status.",
            ),
            other => ApiError::or_not_found(other, "outbound message"),
        })
}

/// Queues the message anew. All that can fail before the ledger changes comes first.
async fn resend(hub: &Hub, caller: &Caller, id: MessageId) -> Result<DeliveryRow, ApiError> {
    let row = store::message::get(&hub.store, caller.tenant, id)
        .await
        .map_err(|error| ApiError::or_not_found(error, "message"))?;
    let known = conversation(hub, caller, row.conversation_id).await?;
    let kind = match hub.directory.find(&hub.store, row.channel_id).await {
        Lookup::Found(entry) if entry.tenant == caller.tenant => entry.kind,
        Lookup::Found(_) | Lookup::Unknown => return Err(ApiError::not_found("channel")),
        Lookup::Unavailable => return Err(ApiError::unavailable(2)),
    };
    let (channel, cause) = (row.channel_id, row.cause_id);
    let message = message(row, &known);
    let from = super::window::own_address(hub, caller, kind, &message).await?;
    let outbound = Outbound {
        tenant: caller.tenant,
        channel,
        kind,
        cause,
        message: Box::new(message),
        attempt: 0,
        queued_at: Timestamp::now(),
        from,
        mail: None,
    };
    let decided = decide(hub, caller, id, Resolution::Resend).await?;
    hub.bus
        .publisher()
        .publish(
            &subject::outbound(kind, outbound.channel, outbound.tenant),
            outbound.encode(),
            hub.settings.publish_deadline,
        )
        .await?;
    Ok(decided)
}

/// The message as it was sent before.
fn message(row: MessageRow, known: &Known) -> Message {
    let metadata = super::map(row.metadata);
    Message {
        id: row.id,
        conversation_id: row.conversation_id,
        channel_id: row.channel_id,
        message_type: row.message_type,
        direction: row.direction,
        content: restored(
            Content {
                text: row.content,
                html: row.content_html,
                attachments: row.attachments,
                ..Content::default()
            },
            &metadata,
        ),
        sender: Party {
            id: row.sender_id,
            kind: row.sender_type,
            name: row.sender_name,
            metadata: Map::new(),
        },
        recipient: Party {
            id: row.recipient_id,
            kind: PartyType::User,
            name: row.recipient_name,
            metadata: Map::new(),
        },
        priority: row.priority,
        tags: row.tags,
        platform_message_id: None,
        platform_conversation_id: known.platform_conversation_id.clone(),
        in_reply_to: row.in_reply_to,
        subject: row.subject,
        language: row.language,
        sentiment: row.sentiment,
        intent: row.intent,
        topics: row.topics,
        category: row.category,
        routing: row.routing,
        created_at: row.created_at,
        edited_at: row.edited_at,
        deleted_at: None,
        metadata,
    }
}

/// Tells whoever follows the tracking; the ledger has the last word anyway.
async fn tell(hub: &Hub, row: &DeliveryRow, kind: TrackKind) {
    let event = TrackEvent {
        id: TrackEvent::derive_id(row.message_id, kind, ""),
        tenant: row.tenant_id,
        channel: row.channel_id,
        conversation: row.conversation_id,
        message: row.message_id,
        context: TrackContext::Message,
        kind,
        at: Timestamp::now(),
        provider_id: None,
        detail: Some("resolved".into()),
        about: About::Message,
    };
    let subject = subject::track(event.tenant, event.context, event.kind);
    let deadline = hub.settings.publish_deadline;
    if let Err(error) = hub
        .bus
        .publisher()
        .publish(&subject, event.encode(), deadline)
        .await
    {
        tracing::warn!(message = %row.message_id, %error, "a decision was not tracked");
    }
}
