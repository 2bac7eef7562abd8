//! Channels: accounts on platforms.
//!
//! Invariant: credentials go in and never come out; an answer says only whether there are some.

use std::sync::Arc;

use axum::{extract::State, http::StatusCode};
use schemas::{ChannelId, ChannelKind, ChannelStatus};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use store::{
    campaign::{MAX_NEEDING, Needing},
    channel::{ChannelFilter, ChannelNew, ChannelPatch as StorePatch},
};
use utoipa::{IntoParams, ToSchema};

use super::{channel_check, channel_out::ChannelOut, object, optional_text, text};
use crate::{
    auth::Caller,
    extract::{Json, Path, Query, given, name, present, present_name},
    hub::Hub,
    problem::{ApiError, Problem},
    settings::ChannelTest,
};

/// A channel to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChannelIn {
    #[serde(rename = "type", alias = "channelType", alias = "channel_type")]
    kind: ChannelKind,
    #[schema(min_length = 1, max_length = 255)]
    #[serde(deserialize_with = "name")]
    name: String,
    /// Who provides it, for people.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 255)]
    provider: Option<String>,
    /// `{"settings": {…}, "routing": {"rules": […], "default": …}}`; no secrets.
    #[serde(default)]
    #[schema(value_type = Object)]
    config: Map<String, Value>,
    /// Kept encrypted and never answered; `docs/channels.md` lists those of each kind. A channel that only receives by an
    /// adapter needs none.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Object)]
    credentials: Option<Option<Map<String, Value>>>,
    #[serde(default = "active")]
    /// `active` when absent.
    status: ChannelStatus,
    #[serde(default, alias = "assignedAgentId")]
    #[schema(min_length = 1, max_length = 255)]
    assigned_agent_id: Option<String>,
    #[serde(default, alias = "autoResponseEnabled")]
    auto_response_enabled: bool,
    #[serde(default)]
    #[schema(value_type = Object)]
    metadata: Map<String, Value>,
}

fn active() -> ChannelStatus {
    ChannelStatus::Active
}

/// What to change; what is not given stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChannelPatch {
    #[serde(default, deserialize_with = "present_name")]
    #[schema(min_length = 1, max_length = 255, nullable = false)]
    name: Option<String>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 255)]
    provider: Option<Option<String>>,
    /// Replaces the whole configuration.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<Object>, nullable = false)]
    config: Option<Map<String, Value>>,
    /// Replaces all credentials; null takes them away.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Object>)]
    credentials: Option<Option<Map<String, Value>>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    status: Option<ChannelStatus>,
    #[serde(default, alias = "assignedAgentId", deserialize_with = "given")]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 255)]
    assigned_agent_id: Option<Option<String>>,
    #[serde(default, alias = "autoResponseEnabled", deserialize_with = "present")]
    #[schema(nullable = false)]
    auto_response_enabled: Option<bool>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Object>)]
    metadata: Option<Option<Map<String, Value>>>,
}

/// Add a channel.
#[utoipa::path(
    post, path = "/channels", tag = "channels", operation_id = "create_channel",
    request_body(content = ChannelIn, example = json!({
        "type": "telegram", "name": "My Bot", "config": {}, "auto_response_enabled": false,
        "credentials": {"bot_token": "1234567890:ABC-the-rest-of-it", "secret_token": "a-long-random-word"}
    })),
    responses((status = 201, description = "The channel, and where its messages go in", body = ChannelOut))
)]
pub(crate) async fn create(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    Json(body): Json<ChannelIn>,
) -> Result<(StatusCode, axum::Json<ChannelOut>), ApiError> {
    let credentials = match &body.credentials {
        None => Ok(()),
        Some(Some(credentials)) => channel_check::credentials(body.kind, credentials),
        Some(None) => Err(ApiError::invalid(
            "/credentials",
            "This must be an object. Leave it out for a channel without credentials.",
        )),
    };
    ApiError::all([
        text("/name", &body.name, 255),
        optional_text("/provider", body.provider.as_ref(), 255),
        optional_text("/assigned_agent_id", body.assigned_agent_id.as_ref(), 255),
        channel_check::config(body.kind, &body.config),
        credentials,
    ])?;
    let new = ChannelNew {
        kind: body.kind,
        name: body.name,
        provider: body.provider,
        config: Value::Object(body.config),
        credentials: body.credentials.flatten().and_then(object),
        status: body.status,
        assigned_agent_id: body.assigned_agent_id,
        auto_response_enabled: body.auto_response_enabled,
        metadata: object(body.metadata),
    };
    let row = store::channel::create(&hub.store, caller.tenant, new).await?;
    let detail = json!({"type": row.kind, "name": row.name});
    hub.announce().await;
    hub.audit(&caller, "channel.create", channel(row.id), Some(detail))
        .await?;
    Ok((StatusCode::CREATED, axum::Json(ChannelOut::of(&hub, row))))
}

fn channel(id: ChannelId) -> String {
    format!("channel:{id}")
}

/// Which channels.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ChannelQuery {
    #[serde(rename = "type")]
    kind: Option<ChannelKind>,
    status: Option<ChannelStatus>,
}

/// List channels.
#[utoipa::path(
    get, path = "/channels", tag = "channels", operation_id = "list_channels", params(ChannelQuery),
    responses((status = 200, description = "All channels that fit, by name", body = [ChannelOut]))
)]
pub(crate) async fn list(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    Query(query): Query<ChannelQuery>,
) -> Result<axum::Json<Vec<ChannelOut>>, ApiError> {
    let filter = ChannelFilter {
        kind: query.kind,
        status: query.status,
    };
    let rows = store::channel::list(&hub.store, caller.tenant, filter).await?;
    let mut troubles = store::cursor::troubles(&hub.store, caller.tenant, None).await?;
    let channels = rows.into_iter().map(|row| {
        let trouble = troubles.remove(&row.id);
        ChannelOut::of(&hub, row).troubled(trouble)
    });
    Ok(axum::Json(channels.collect()))
}

/// One channel.
#[utoipa::path(
    get, path = "/channels/{channel_id}", tag = "channels", operation_id = "get_channel",
    params(("channel_id" = uuid::Uuid, Path, description = "The channel")),
    responses((status = 200, description = "The channel", body = ChannelOut))
)]
pub(crate) async fn get(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    Path(id): Path<ChannelId>,
) -> Result<axum::Json<ChannelOut>, ApiError> {
    let row = store::channel::get(&hub.store, caller.tenant, id)
        .await
        .map_err(missing)?;
    let trouble = store::cursor::troubles(&hub.store, caller.tenant, Some(id))
        .await?
        .remove(&id);
    Ok(axum::Json(ChannelOut::of(&hub, row).troubled(trouble)))
}

fn missing(error: store::StoreError) -> ApiError {
    ApiError::or_not_found(error, "channel")
}

/// Change a channel.
#[utoipa::path(
    patch, path = "/channels/{channel_id}", tag = "channels", operation_id = "update_channel",
    params(("channel_id" = uuid::Uuid, Path, description = "The channel")),
    request_body(content = ChannelPatch, example = json!({"auto_response_enabled": true})),
    responses((status = 200, description = "The channel as it is now", body = ChannelOut))
)]
pub(crate) async fn update(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    Path(id): Path<ChannelId>,
    Json(body): Json<ChannelPatch>,
) -> Result<axum::Json<ChannelOut>, ApiError> {
    let changed = changed(&body);
    let flat = |value: &Option<Option<String>>| value.clone().flatten();
    let mut checks = vec![
        optional_text("/name", body.name.as_ref(), 255),
        optional_text("/provider", flat(&body.provider).as_ref(), 255),
        optional_text(
            "/assigned_agent_id",
            flat(&body.assigned_agent_id).as_ref(),
            255,
        ),
    ];
    if body.config.is_some() || body.credentials.is_some() {
        // What the channel has already is not looked at: it may be older than a check.
        let row = store::channel::get(&hub.store, caller.tenant, id)
            .await
            .map_err(missing)?;
        if let Some(config) = &body.config {
            checks.push(channel_check::config(row.kind, config));
        }
        if let Some(Some(credentials)) = &body.credentials {
            checks.push(channel_check::credentials(row.kind, credentials));
        }
    }
    ApiError::all(checks)?;
    let patch = StorePatch {
        name: body.name,
        provider: body.provider,
        config: body.config.map(Value::Object),
        credentials: body.credentials.map(|given| given.and_then(object)),
        status: body.status,
        assigned_agent_id: body.assigned_agent_id,
        auto_response_enabled: body.auto_response_enabled,
        metadata: body.metadata.map(|given| given.and_then(object)),
    };
    let row = store::channel::update(&hub.store, caller.tenant, id, patch)
        .await
        .map_err(missing)?;
    hub.announce().await;
    let detail = json!({"changed": changed});
    hub.audit(&caller, "channel.update", channel(id), Some(detail))
        .await?;
    Ok(axum::Json(ChannelOut::of(&hub, row)))
}

/// The names of what is changed, for the audit log; no values.
fn changed(body: &ChannelPatch) -> Vec<&'static str> {
    [
        ("name", body.name.is_some()),
        ("provider", body.provider.is_some()),
        ("config", body.config.is_some()),
        ("credentials", body.credentials.is_some()),
        ("status", body.status.is_some()),
        ("assigned_agent_id", body.assigned_agent_id.is_some()),
        (
            "auto_response_enabled",
            body.auto_response_enabled.is_some(),
        ),
        ("metadata", body.metadata.is_some()),
    ]
    .into_iter()
    .filter_map(|(name, given)| given.then_some(name))
    .collect()
}

/// Change a channel (the same as `PATCH`: what is not given stays).
#[utoipa::path(
    put, path = "/channels/{channel_id}", tag = "channels", operation_id = "put_channel",
    params(("channel_id" = uuid::Uuid, Path, description = "The channel")),
    request_body(content = ChannelPatch, example = json!({"name": "Support"})),
    responses((status = 200, description = "The channel as it is now", body = ChannelOut))
)]
pub(crate) async fn put(
    state: State<Arc<Hub>>,
    caller: Caller,
    path: Path<ChannelId>,
    body: Json<ChannelPatch>,
) -> Result<axum::Json<ChannelOut>, ApiError> {
    update(state, caller, path, body).await
}

/// Delete a channel with its conversations and messages; not while a campaign needs it.
#[utoipa::path(
    delete, path = "/channels/{channel_id}", tag = "channels", operation_id = "delete_channel",
    params(("channel_id" = uuid::Uuid, Path, description = "The channel")),
    responses(
        (status = 204, description = "It is gone"),
        (status = 409, description = "Campaigns that are not over send by it", body = Problem,
            content_type = "application/problem+json")
    )
)]
pub(crate) async fn delete(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    Path(id): Path<ChannelId>,
) -> Result<StatusCode, ApiError> {
    needless(&store::campaign::needing(&hub.store, caller.tenant, id).await?)?;
    store::channel::delete(&hub.store, caller.tenant, id)
        .await
        .map_err(missing)?;
    hub.conversations.clear();
    hub.announce().await;
    hub.audit(&caller, "channel.delete", channel(id), None)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Whether no campaign needs the channel.
fn needless(campaigns: &[Needing]) -> Result<(), ApiError> {
    if campaigns.is_empty() {
        return Ok(());
    }
    let mut named: Vec<String> = campaigns
        .iter()
        .map(|campaign| format!("\"{}\" ({})", campaign.name, campaign.status.name()))
        .collect();
    if i64::try_from(campaigns.len()).is_ok_and(|count| count >= MAX_NEEDING) {
        named.push("perhaps others".to_owned());
    }
    Err(ApiError::conflict(format!(
        "Campaigns that are not over send by this channel: {}. Stop them or wait until they are completed, and take a \
         scheduled one off its schedule or give it another channel; then delete this one.",
        named.join(", ")
    )))
}

/// What a test found.
#[derive(Serialize, ToSchema)]
pub(crate) struct TestOut {
    success: bool,
    /// Who the channel is on the platform, where the platform says.
    account: Option<String>,
    /// The channel's status after the test.
    status: ChannelStatus,
    /// For people.
    detail: String,
}

/// Try the channel's account, without sending anything to anybody.
///
/// Platforms that can be told where to deliver are told the channel's webhook address, when the hub knows its own.
#[utoipa::path(
    post, path = "/channels/{channel_id}/test", tag = "channels", operation_id = "test_channel",
    params(("channel_id" = uuid::Uuid, Path, description = "The channel")),
    responses((status = 200, description = "What the platform said", body = TestOut,
        example = json!({"success": true, "account": "@my_bot", "status": "active", "detail": "the bot is @my_bot"})))
)]
pub(crate) async fn test(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    Path(id): Path<ChannelId>,
) -> Result<axum::Json<TestOut>, ApiError> {
    let row = store::channel::get(&hub.store, caller.tenant, id)
        .await
        .map_err(missing)?;
    let credentials = store::channel::credentials(&hub.store, caller.tenant, id).await?;
    let status = row.status;
    let webhook = super::channel_out::webhook_url(&hub, id);
    let ChannelTest {
        success,
        account,
        detail,
    } = hub.tester.test(row, credentials, webhook).await;
    let health = if success { "healthy" } else { "unhealthy" };
    store::channel::set_health(&hub.store, caller.tenant, id, health)
        .await
        .map_err(missing)?;
    let found = json!({"success": success});
    hub.audit(&caller, "channel.test", channel(id), Some(found))
        .await?;
    Ok(axum::Json(TestOut {
        success,
        account,
        status,
        detail,
    }))
}
