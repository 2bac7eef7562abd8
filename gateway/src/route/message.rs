//! Messages: reading. A young one that is not projected yet is waited for, so a client reads its own writes.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    extract::{OriginalUri, State},
    http::Uri,
    response::Response,
};
use schemas::{ChannelId, ConversationId, Direction, MessageId, Timestamp};
use serde::Deserialize;
use store::{
    StoreError,
    message::{MessageFilter, MessageRow},
};
use tokio::time::sleep;
use utoipa::{IntoParams, ToSchema};

use super::message_out::{MessageOut, PartyOut, StatusOut};
use crate::{
    auth::Caller,
    extract::{Path, Query},
    hub::Hub,
    page,
    problem::ApiError,
};

/// How long a young message is waited for.
const WAIT: Duration = Duration::from_secs(1);
/// What was made longer ago than this is not waited for.
const YOUNG: Duration = Duration::from_secs(10);

impl From<MessageRow> for MessageOut {
    fn from(row: MessageRow) -> Self {
        let delivery = row.delivery;
        let status = match (row.direction, &delivery) {
            (Direction::Inbound, _) => StatusOut::Received,
            (Direction::Outbound, None) => StatusOut::Queued,
            (Direction::Outbound, Some(delivery)) => delivery.state.into(),
        };
        let sms = delivery.as_ref().and_then(|delivery| delivery.sms);
        let (sent_at, delivered_at, read_at, status_detail) = delivery
            .map(|delivery| {
                (
                    delivery.sent_at,
                    delivery.delivered_at,
                    delivery.read_at,
                    delivery.detail,
                )
            })
            .unwrap_or_default();
        let updated_at = [
            sent_at,
            delivered_at,
            read_at,
            row.edited_at,
            row.deleted_at,
        ]
        .into_iter()
        .flatten()
        .fold(row.created_at, Timestamp::max);
        Self {
            id: row.id,
            conversation_id: row.conversation_id,
            channel_id: row.channel_id,
            direction: row.direction,
            kind: row.message_type,
            message_type: row.message_type,
            sender: PartyOut {
                id: row.sender_id.clone(),
                kind: row.sender_type,
                name: row.sender_name.clone(),
            },
            recipient: PartyOut {
                id: row.recipient_id,
                kind: match row.direction {
                    Direction::Inbound => schemas::PartyType::Channel,
                    Direction::Outbound => schemas::PartyType::User,
                },
                name: row.recipient_name,
            },
            sender_id: row.sender_id,
            sender_name: row.sender_name,
            subject: row.subject,
            content: row.content,
            html: row.content_html,
            attachments: row.attachments.into_iter().map(Into::into).collect(),
            metadata: super::map(row.metadata),
            status,
            status_detail,
            priority: row.priority,
            tags: row.tags,
            language: row.language,
            sentiment: row.sentiment,
            intent: row.intent,
            topics: row.topics,
            category: row.category,
            routing: (!row.routing.is_empty()).then_some(row.routing),
            platform_message_id: row.platform_message_id,
            in_reply_to: row.in_reply_to,
            cause_id: row.cause_id,
            sent_at,
            delivered_at,
            read_at,
            edited_at: row.edited_at,
            deleted_at: row.deleted_at,
            sms,
            created_at: row.created_at,
            updated_at,
        }
    }
}

/// In which order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Order {
    /// Newest first.
    #[default]
    Desc,
    /// Oldest first.
    Asc,
}

/// Which messages.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct MessageQuery {
    #[serde(alias = "conversationId")]
    conversation_id: Option<ConversationId>,
    #[serde(alias = "channelId")]
    channel_id: Option<ChannelId>,
    direction: Option<Direction>,
    /// `desc` when absent.
    #[param(inline)]
    order: Option<Order>,
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// From `X-Next-Cursor` of the page before.
    #[param(pattern = "^[0-9a-f]{1,16}-[0-9a-f]{32}$")]
    cursor: Option<String>,
}

/// Which messages of a conversation.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ConversationMessageQuery {
    direction: Option<Direction>,
    /// `desc` when absent.
    #[param(inline)]
    order: Option<Order>,
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// From `X-Next-Cursor` of the page before.
    #[param(pattern = "^[0-9a-f]{1,16}-[0-9a-f]{32}$")]
    cursor: Option<String>,
}

/// List messages.
#[utoipa::path(
    get, path = "/messages", tag = "messages", operation_id = "list_messages", params(MessageQuery),
    responses((status = 200, description = "A page", body = [MessageOut],
        headers(("Link" = String, description = "The next page, with rel=\"next\"; absent on the last"),
                ("X-Next-Cursor" = String, description = "`cursor` of the next page"))))
)]
pub(crate) async fn list(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    OriginalUri(uri): OriginalUri,
    Query(query): Query<MessageQuery>,
) -> Result<Response, ApiError> {
    let filter = MessageFilter {
        conversation_id: query.conversation_id,
        channel_id: query.channel_id,
        direction: query.direction,
    };
    listed(
        &hub,
        &caller,
        &uri,
        filter,
        query.order,
        query.limit,
        query.cursor,
    )
    .await
}

/// The messages of a conversation, the newest first unless `order=asc`.
#[utoipa::path(
    get, path = "/conversations/{conversation_id}/messages", tag = "conversations",
    operation_id = "list_conversation_messages",
    params(("conversation_id" = uuid::Uuid, Path, description = "The conversation"), ConversationMessageQuery),
    responses((status = 200, description = "A page", body = [MessageOut],
        headers(("Link" = String, description = "The next page, with rel=\"next\"; absent on the last"),
                ("X-Next-Cursor" = String, description = "`cursor` of the next page"))))
)]
pub(crate) async fn of_conversation(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    OriginalUri(uri): OriginalUri,
    Path(id): Path<ConversationId>,
    Query(query): Query<ConversationMessageQuery>,
) -> Result<Response, ApiError> {
    let filter = MessageFilter {
        conversation_id: Some(id),
        channel_id: None,
        direction: query.direction,
    };
    if query.cursor.is_none() {
        store::conversation::get(&hub.store, caller.tenant, id)
            .await
            .map_err(|error| ApiError::or_not_found(error, "conversation"))?;
    }
    listed(
        &hub,
        &caller,
        &uri,
        filter,
        query.order,
        query.limit,
        query.cursor,
    )
    .await
}

async fn listed(
    hub: &Hub,
    caller: &Caller,
    uri: &Uri,
    filter: MessageFilter,
    order: Option<Order>,
    limit: Option<u32>,
    cursor: Option<String>,
) -> Result<Response, ApiError> {
    let limit = page::limit(limit)?;
    let cursor = page::cursor(cursor.as_deref())?;
    let newest_first = order.unwrap_or_default() == Order::Desc;
    let found = store::message::list(
        &hub.store,
        caller.tenant,
        filter,
        cursor,
        limit,
        newest_first,
    )
    .await?;
    Ok(page::of(uri, found, |row| {
        MessageOut::from(row).located(hub, caller.tenant)
    }))
}

/// One message.
#[utoipa::path(
    get, path = "/messages/{message_id}", tag = "messages", operation_id = "get_message",
    params(("message_id" = uuid::Uuid, Path, description = "The message")),
    responses((status = 200, description = "The message", body = MessageOut))
)]
pub(crate) async fn get(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    Path(id): Path<MessageId>,
) -> Result<axum::Json<MessageOut>, ApiError> {
    let row = patiently(&hub, id, || {
        store::message::get(&hub.store, caller.tenant, id)
    })
    .await?;
    Ok(axum::Json(
        MessageOut::from(row).located(&hub, caller.tenant),
    ))
}

/// Asks again for a while where the message may merely not be projected yet.
pub(super) async fn patiently<T, F>(
    hub: &Hub,
    id: MessageId,
    ask: impl Fn() -> F,
) -> Result<T, ApiError>
where
    F: Future<Output = Result<T, StoreError>>,
{
    let wait = is_young(id, Timestamp::now()) || hub.sent.get(&id).is_some();
    let until = Instant::now() + WAIT;
    let mut pause = Duration::from_millis(10);
    loop {
        match ask().await {
            Err(StoreError::NotFound) if wait && Instant::now() + pause < until => {
                sleep(pause).await;
                pause = (pause * 2).min(Duration::from_millis(100));
            }
            answer => return answer.map_err(|error| ApiError::or_not_found(error, "message")),
        }
    }
}

/// Whether a time-ordered id was made just now.
fn is_young(id: MessageId, now: Timestamp) -> bool {
    if id.0.get_version_num() != 7 {
        return false;
    }
    let Some((seconds, nanos)) = id.0.get_timestamp().map(|at| at.to_unix()) else {
        return false;
    };
    let made = Timestamp::from_seconds(i64::try_from(seconds).unwrap_or(0))
        .plus(Duration::from_nanos(u64::from(nanos)));
    let off = now.since(made).max(made.since(now));
    off < YOUNG
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn only_young_time_ordered_ids_are_waited_for() {
        let now = Timestamp::now();
        assert!(is_young(MessageId::new(), now));
        assert!(!is_young(
            MessageId::new(),
            now.plus(Duration::from_secs(60))
        ));
        assert!(!is_young(MessageId(Uuid::new_v4()), now));
        assert!(!is_young(MessageId(Uuid::from_u128(u128::MAX)), now));
    }
}
