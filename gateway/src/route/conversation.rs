//! Conversations: the inbox.

use std::sync::Arc;

use axum::{
    extract::{OriginalUri, State},
    http::StatusCode,
    response::Response,
};
use schemas::{CampaignId, ChannelId, ConversationId, ConversationStatus, Priority};
use serde::Deserialize;
use serde_json::{Map, Value};
use store::conversation::{ConversationFilter, ConversationNew, ConversationPatch as StorePatch};
use utoipa::{IntoParams, ToSchema};

use super::{SUCCESS, SuccessOut, conversation_out::ConversationOut, object, optional_text, text};
use crate::{
    auth::Caller,
    extract::{Json, Path, Query, given, present},
    hub::Hub,
    page,
    problem::{ApiError, Problem},
};

/// Longest platform conversation or participant, in bytes.
const MAX_KEY: usize = schemas::generic::MAX_KEY_BYTES;
const MAX_TAGS: usize = 64;

/// A conversation to be made, before anybody wrote.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConversationIn {
    #[serde(alias = "channelId")]
    channel_id: ChannelId,
    /// The address of the other side, e.g. an e-mail address or a Telegram chat. A person on Slack (`U…`) or Discord
    /// (`user:<id>`) is written to in a direct message, which is opened here.
    #[serde(default, alias = "participantId")]
    #[schema(min_length = 1, max_length = 512)]
    participant_id: Option<String>,
    /// The platform's conversation; the participant when absent.
    #[serde(default, alias = "platformConversationId")]
    #[schema(min_length = 1, max_length = 512)]
    platform_conversation_id: Option<String>,
    #[serde(default, alias = "participantName")]
    #[schema(min_length = 1, max_length = 255)]
    participant_name: Option<String>,
    #[serde(default)]
    #[schema(min_length = 1, max_length = 998)]
    subject: Option<String>,
    #[serde(default)]
    /// `normal` when absent.
    priority: Priority,
    #[serde(default)]
    #[schema(max_items = 64)]
    tags: Vec<String>,
    #[serde(default, alias = "assignedAgentId")]
    #[schema(min_length = 1, max_length = 255)]
    assigned_agent_id: Option<String>,
    #[serde(default)]
    #[schema(value_type = Object)]
    metadata: Map<String, Value>,
}

/// What to change; what is not given stays, null empties.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConversationPatch {
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    status: Option<ConversationStatus>,
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    priority: Option<Priority>,
    #[serde(default, deserialize_with = "present")]
    #[schema(max_items = 64, nullable = false)]
    tags: Option<Vec<String>>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 998)]
    subject: Option<Option<String>>,
    #[serde(default, alias = "participantName", deserialize_with = "given")]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 255)]
    participant_name: Option<Option<String>>,
    #[serde(default, alias = "assignedAgentId", deserialize_with = "given")]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 255)]
    assigned_agent_id: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Object>)]
    metadata: Option<Option<Map<String, Value>>>,
}

fn key(pointer: &'static str, value: &str) -> Result<(), ApiError> {
    if value.is_empty() || value.len() > MAX_KEY || value.chars().any(char::is_control) {
        return Err(ApiError::invalid(
            pointer,
            format!("This must have 1 to {MAX_KEY} bytes and no control characters."),
        ));
    }
    Ok(())
}

pub(crate) fn tags(tags: &[String]) -> Result<(), ApiError> {
    if tags.len() > MAX_TAGS {
        return Err(ApiError::invalid(
            "/tags",
            format!("There may be {MAX_TAGS} tags."),
        ));
    }
    tags.iter().try_for_each(|tag| text("/tags", tag, 64))
}

/// Begin a conversation, or find the one there is.
#[utoipa::path(
    post, path = "/conversations", tag = "conversations", operation_id = "create_conversation",
    request_body(content = ConversationIn, example = json!({
        "channel_id": "018f3c1e-0000-7000-8000-000000000001", "participant_id": "jane@example.com",
        "participant_name": "Jane Smith", "subject": "Your order"
    })),
    responses(
        (status = 201, description = "The new conversation", body = ConversationOut),
        (status = 200, description = "The conversation that was already there", body = ConversationOut),
        (status = 502, description = "The platform opened no direct message", body = Problem,
            content_type = "application/problem+json")
    )
)]
pub(crate) async fn create(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    Json(body): Json<ConversationIn>,
) -> Result<(StatusCode, axum::Json<ConversationOut>), ApiError> {
    let (platform, participant) = match (body.platform_conversation_id, body.participant_id) {
        (None, None) => {
            return Err(ApiError::invalid(
                "/participant_id",
                "Give participant_id, platform_conversation_id or both.",
            ));
        }
        (Some(platform), participant) => (platform, participant.unwrap_or_default()),
        (None, Some(participant)) => (participant.clone(), participant),
    };
    key("/platform_conversation_id", &platform)?;
    if !participant.is_empty() {
        key("/participant_id", &participant)?;
    }
    optional_text("/participant_name", body.participant_name.as_ref(), 255)?;
    optional_text("/subject", body.subject.as_ref(), 998)?;
    optional_text("/assigned_agent_id", body.assigned_agent_id.as_ref(), 255)?;
    tags(&body.tags)?;
    let (platform, participant) =
        match super::opened::with(&hub, &caller, body.channel_id, &platform).await? {
            Some(opened) => (opened.conversation, opened.person),
            None => (platform, participant),
        };
    let new = ConversationNew {
        platform_conversation_id: platform,
        participant_id: participant,
        participant_name: body.participant_name,
        subject: body.subject,
        priority: body.priority,
        tags: body.tags,
        assigned_agent_id: body.assigned_agent_id,
        metadata: object(body.metadata),
    };
    let (row, made) = store::conversation::create(&hub.store, caller.tenant, body.channel_id, new)
        .await
        .map_err(|error| ApiError::or_not_found(error, "channel"))?;
    let status = if made {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    Ok((status, axum::Json(row.into())))
}

/// Which conversations.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ConversationQuery {
    #[serde(alias = "channelId")]
    channel_id: Option<ChannelId>,
    /// Only answers to the mails of this campaign.
    campaign_id: Option<CampaignId>,
    status: Option<ConversationStatus>,
    assigned_agent_id: Option<String>,
    /// Occurs, ignoring case, in the participant, the subject or the preview.
    #[param(max_length = 200)]
    search: Option<String>,
    /// Only those with (true) or without (false) unread messages.
    unread: Option<bool>,
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// From `X-Next-Cursor` of the page before.
    #[param(pattern = "^[0-9a-f]{1,16}-[0-9a-f]{32}$")]
    cursor: Option<String>,
}

/// List conversations, the one with the newest message first.
#[utoipa::path(
    get, path = "/conversations", tag = "conversations", operation_id = "list_conversations",
    params(ConversationQuery),
    responses((status = 200, description = "A page", body = [ConversationOut],
        headers(("Link" = String, description = "The next page, with rel=\"next\"; absent on the last"),
                ("X-Next-Cursor" = String, description = "`cursor` of the next page"))))
)]
pub(crate) async fn list(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    OriginalUri(uri): OriginalUri,
    Query(query): Query<ConversationQuery>,
) -> Result<Response, ApiError> {
    let limit = page::limit(query.limit)?;
    let cursor = page::cursor(query.cursor.as_deref())?;
    for (name, value) in [
        ("search", &query.search),
        ("assigned_agent_id", &query.assigned_agent_id),
    ] {
        if value
            .as_ref()
            .is_some_and(|text| text.contains('\0') || text.chars().nth(200).is_some())
        {
            return Err(ApiError::bad_request(format!(
                "`{name}` may have 200 characters, none of them NUL."
            )));
        }
    }
    let filter = ConversationFilter {
        channel_id: query.channel_id,
        campaign_id: query.campaign_id,
        status: query.status,
        assigned_agent_id: query.assigned_agent_id,
        search: query.search.filter(|text| !text.is_empty()),
        unread: query.unread,
    };
    let mut found =
        store::conversation::list(&hub.store, caller.tenant, &filter, cursor, limit).await?;
    store::campaign::answered::name(&hub.store, caller.tenant, &mut found.items).await?;
    Ok(page::of(&uri, found, ConversationOut::from))
}

fn missing(error: store::StoreError) -> ApiError {
    ApiError::or_not_found(error, "conversation")
}

/// One conversation.
#[utoipa::path(
    get, path = "/conversations/{conversation_id}", tag = "conversations", operation_id = "get_conversation",
    params(("conversation_id" = uuid::Uuid, Path, description = "The conversation")),
    responses((status = 200, description = "The conversation", body = ConversationOut))
)]
pub(crate) async fn get(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    Path(id): Path<ConversationId>,
) -> Result<axum::Json<ConversationOut>, ApiError> {
    let mut row = store::conversation::get(&hub.store, caller.tenant, id)
        .await
        .map_err(missing)?;
    let rows = std::slice::from_mut(&mut row);
    store::campaign::answered::name(&hub.store, caller.tenant, rows).await?;
    Ok(axum::Json(row.into()))
}

/// Change a conversation's tags, priority, subject, status or agent.
#[utoipa::path(
    patch, path = "/conversations/{conversation_id}", tag = "conversations", operation_id = "update_conversation",
    params(("conversation_id" = uuid::Uuid, Path, description = "The conversation")),
    request_body(content = ConversationPatch, example = json!({"tags": ["vip"], "priority": "high"})),
    responses((status = 200, description = "The conversation as it is now", body = ConversationOut))
)]
pub(crate) async fn update(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    Path(id): Path<ConversationId>,
    Json(body): Json<ConversationPatch>,
) -> Result<axum::Json<ConversationOut>, ApiError> {
    let flat = |value: &Option<Option<String>>| value.clone().flatten();
    optional_text("/subject", flat(&body.subject).as_ref(), 998)?;
    optional_text(
        "/participant_name",
        flat(&body.participant_name).as_ref(),
        255,
    )?;
    optional_text(
        "/assigned_agent_id",
        flat(&body.assigned_agent_id).as_ref(),
        255,
    )?;
    tags(body.tags.as_deref().unwrap_or_default())?;
    let patch = StorePatch {
        status: body.status,
        priority: body.priority,
        tags: body.tags,
        subject: body.subject,
        participant_name: body.participant_name,
        assigned_agent_id: body.assigned_agent_id,
        metadata: body.metadata.map(|given| given.and_then(object)),
    };
    let row = store::conversation::update(&hub.store, caller.tenant, id, patch)
        .await
        .map_err(missing)?;
    Ok(axum::Json(row.into()))
}

/// Mark everything in a conversation as read.
#[utoipa::path(
    post, path = "/conversations/{conversation_id}/mark-read", tag = "conversations",
    operation_id = "mark_conversation_read",
    params(("conversation_id" = uuid::Uuid, Path, description = "The conversation")),
    responses((status = 200, description = "Done", body = SuccessOut))
)]
pub(crate) async fn mark_read(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    Path(id): Path<ConversationId>,
) -> Result<axum::Json<SuccessOut>, ApiError> {
    store::conversation::mark_read(&hub.store, caller.tenant, id)
        .await
        .map_err(missing)?;
    Ok(SUCCESS)
}

/// Close a conversation; the next message that comes in opens it again.
#[utoipa::path(
    post, path = "/conversations/{conversation_id}/close", tag = "conversations", operation_id = "close_conversation",
    params(("conversation_id" = uuid::Uuid, Path, description = "The conversation")),
    responses((status = 200, description = "Done", body = SuccessOut))
)]
pub(crate) async fn close(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    Path(id): Path<ConversationId>,
) -> Result<axum::Json<SuccessOut>, ApiError> {
    store::conversation::close(&hub.store, caller.tenant, id)
        .await
        .map_err(missing)?;
    Ok(SUCCESS)
}

/// Open a closed or archived conversation.
#[utoipa::path(
    post, path = "/conversations/{conversation_id}/reopen", tag = "conversations", operation_id = "reopen_conversation",
    params(("conversation_id" = uuid::Uuid, Path, description = "The conversation")),
    responses((status = 200, description = "Done", body = SuccessOut))
)]
pub(crate) async fn reopen(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    Path(id): Path<ConversationId>,
) -> Result<axum::Json<SuccessOut>, ApiError> {
    store::conversation::reopen(&hub.store, caller.tenant, id)
        .await
        .map_err(missing)?;
    Ok(SUCCESS)
}

/// Who a conversation is given to.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AssignIn {
    /// A person's or a program's name; null gives it back to all.
    #[serde(
        alias = "assigned_agent_id",
        alias = "agentId",
        alias = "assignedAgentId",
        deserialize_with = "Option::deserialize"
    )]
    #[schema(min_length = 1, max_length = 255, required)]
    agent_id: Option<String>,
}

/// Give a conversation to an agent, or to nobody.
#[utoipa::path(
    post, path = "/conversations/{conversation_id}/assign", tag = "conversations", operation_id = "assign_conversation",
    params(("conversation_id" = uuid::Uuid, Path, description = "The conversation")),
    request_body(content = AssignIn, example = json!({"agent_id": "jane"})),
    responses((status = 200, description = "Done", body = SuccessOut))
)]
pub(crate) async fn assign(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    Path(id): Path<ConversationId>,
    Json(body): Json<AssignIn>,
) -> Result<axum::Json<SuccessOut>, ApiError> {
    optional_text("/agent_id", body.agent_id.as_ref(), 255)?;
    store::conversation::assign(&hub.store, caller.tenant, id, body.agent_id.as_deref())
        .await
        .map_err(missing)?;
    Ok(SUCCESS)
}
