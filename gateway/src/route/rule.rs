//! Automatic answers: one trigger, one text. Richer rules stand in a channel's `config.routing.rules`.

use std::sync::Arc;

use axum::{extract::State, http::StatusCode};
use schemas::{ChannelId, RuleId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::rule::{RuleNew, RulePatch as StorePatch, RuleRow};
use utoipa::{IntoParams, ToSchema};

use super::{channel_check::regex, optional_text, text};
use crate::{
    auth::Caller,
    extract::{Json, Path, Query, given, name, present, present_name},
    hub::Hub,
    problem::ApiError,
};

const MAX_TEXT: usize = 10_000;

/// What sets a rule off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Trigger {
    /// Any of the words of `trigger_value`, separated by commas.
    Keyword,
    /// A regular expression.
    Regex,
    /// ISO 639 codes, separated by commas.
    Language,
    /// Intents, separated by commas.
    Intent,
    /// Commands such as `/start`, separated by commas.
    Command,
    /// Every message.
    Any,
}

impl Trigger {
    const fn name(self) -> &'static str {
        match self {
            Self::Keyword => "keyword",
            Self::Regex => "regex",
            Self::Language => "language",
            Self::Intent => "intent",
            Self::Command => "command",
            Self::Any => "any",
        }
    }

    fn of(name: &str) -> Self {
        [
            Self::Keyword,
            Self::Regex,
            Self::Language,
            Self::Intent,
            Self::Command,
        ]
        .into_iter()
        .find(|trigger| trigger.name() == name)
        .unwrap_or(Self::Any)
    }
}

/// A rule to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RuleIn {
    #[serde(alias = "channelId")]
    channel_id: ChannelId,
    /// Unique within the channel.
    #[schema(min_length = 1, max_length = 255)]
    #[serde(deserialize_with = "name")]
    name: String,
    #[serde(alias = "triggerType")]
    trigger_type: Trigger,
    /// Needed by every trigger but `any`.
    #[serde(default, alias = "triggerValue")]
    #[schema(min_length = 1, max_length = 10_000)]
    trigger_value: Option<String>,
    #[serde(alias = "responseText")]
    #[schema(min_length = 1, max_length = 10_000)]
    response_text: String,
    /// The highest runs first.
    #[serde(default)]
    priority: i32,
    #[serde(default = "yes", alias = "isActive")]
    #[schema(default = true)]
    is_active: bool,
}

fn yes() -> bool {
    true
}

/// What to change; what is not given stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RulePatch {
    #[serde(default, deserialize_with = "present_name")]
    #[schema(min_length = 1, max_length = 255, nullable = false)]
    name: Option<String>,
    #[serde(default, alias = "triggerType", deserialize_with = "present")]
    #[schema(nullable = false)]
    trigger_type: Option<Trigger>,
    #[serde(default, alias = "triggerValue", deserialize_with = "given")]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 10_000)]
    trigger_value: Option<Option<String>>,
    #[serde(default, alias = "responseText", deserialize_with = "present")]
    #[schema(min_length = 1, max_length = 10_000, nullable = false)]
    response_text: Option<String>,
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    priority: Option<i32>,
    #[serde(default, alias = "isActive", deserialize_with = "present")]
    #[schema(nullable = false)]
    is_active: Option<bool>,
}

/// An automatic answer.
#[derive(Serialize, ToSchema)]
pub(crate) struct RuleOut {
    id: RuleId,
    channel_id: ChannelId,
    name: String,
    trigger_type: Trigger,
    trigger_value: Option<String>,
    response_text: String,
    priority: i32,
    is_active: bool,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl From<RuleRow> for RuleOut {
    fn from(row: RuleRow) -> Self {
        Self {
            id: row.id,
            channel_id: row.channel_id,
            name: row.name,
            trigger_type: Trigger::of(&row.trigger_type),
            trigger_value: row.trigger_value,
            response_text: row.response_text,
            priority: row.priority,
            is_active: row.is_active,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// A trigger with the value it needs.
fn trigger(kind: Trigger, value: Option<&String>) -> Result<(), ApiError> {
    match (kind, value) {
        (Trigger::Any, _) => Ok(()),
        (Trigger::Regex, Some(pattern)) => regex("/trigger_value", pattern),
        (_, Some(value)) if !value.trim().is_empty() => Ok(()),
        _ => Err(ApiError::invalid(
            "/trigger_value",
            "This trigger needs a value.",
        )),
    }
}

fn missing(error: store::StoreError) -> ApiError {
    ApiError::or_not_found(error, "rule")
}

fn named(id: RuleId) -> String {
    format!("rule:{id}")
}

/// Add a rule.
#[utoipa::path(
    post, path = "/rules", tag = "rules", operation_id = "create_rule",
    request_body(content = RuleIn, example = json!({
        "channel_id": "018f3c1e-0000-7000-8000-000000000001", "name": "Welcome Message", "trigger_type": "keyword",
        "trigger_value": "hello", "response_text": "Hi! How can I help you today?", "priority": 100})),
    responses((status = 201, description = "The rule", body = RuleOut))
)]
pub(crate) async fn create(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    Json(body): Json<RuleIn>,
) -> Result<(StatusCode, axum::Json<RuleOut>), ApiError> {
    text("/name", &body.name, 255)?;
    text("/response_text", &body.response_text, MAX_TEXT)?;
    optional_text("/trigger_value", body.trigger_value.as_ref(), MAX_TEXT)?;
    trigger(body.trigger_type, body.trigger_value.as_ref())?;
    let new = RuleNew {
        channel_id: body.channel_id,
        name: body.name,
        trigger_type: body.trigger_type.name().to_owned(),
        trigger_value: body.trigger_value,
        response_text: body.response_text,
        priority: body.priority,
        is_active: body.is_active,
    };
    let row = store::rule::create(&hub.store, caller.tenant, new).await?;
    hub.announce().await;
    let detail = json!({"name": row.name, "channel_id": row.channel_id});
    hub.audit(&caller, "rule.create", named(row.id), Some(detail))
        .await?;
    Ok((StatusCode::CREATED, axum::Json(row.into())))
}

/// Which rules.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct RuleQuery {
    #[serde(alias = "channelId")]
    channel_id: Option<ChannelId>,
}

/// List rules.
#[utoipa::path(
    get, path = "/rules", tag = "rules", operation_id = "list_rules", params(RuleQuery),
    responses((status = 200, description = "All rules that fit", body = [RuleOut]))
)]
pub(crate) async fn list(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    Query(query): Query<RuleQuery>,
) -> Result<axum::Json<Vec<RuleOut>>, ApiError> {
    let rows = store::rule::list(&hub.store, caller.tenant, query.channel_id).await?;
    Ok(axum::Json(rows.into_iter().map(Into::into).collect()))
}

/// One rule.
#[utoipa::path(
    get, path = "/rules/{rule_id}", tag = "rules", operation_id = "get_rule",
    params(("rule_id" = uuid::Uuid, Path, description = "The rule")),
    responses((status = 200, description = "The rule", body = RuleOut))
)]
pub(crate) async fn get(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    Path(id): Path<RuleId>,
) -> Result<axum::Json<RuleOut>, ApiError> {
    let row = store::rule::get(&hub.store, caller.tenant, id)
        .await
        .map_err(missing)?;
    Ok(axum::Json(row.into()))
}

/// Change a rule.
#[utoipa::path(
    patch, path = "/rules/{rule_id}", tag = "rules", operation_id = "update_rule",
    params(("rule_id" = uuid::Uuid, Path, description = "The rule")),
    request_body(content = RulePatch, example = json!({"is_active": false})),
    responses((status = 200, description = "The rule as it is now", body = RuleOut))
)]
pub(crate) async fn update(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    Path(id): Path<RuleId>,
    Json(body): Json<RulePatch>,
) -> Result<axum::Json<RuleOut>, ApiError> {
    optional_text("/name", body.name.as_ref(), 255)?;
    optional_text("/response_text", body.response_text.as_ref(), MAX_TEXT)?;
    let value = body.trigger_value.clone().flatten();
    optional_text("/trigger_value", value.as_ref(), MAX_TEXT)?;
    if body.trigger_type.is_some() || body.trigger_value.is_some() {
        let row = store::rule::get(&hub.store, caller.tenant, id)
            .await
            .map_err(missing)?;
        let kind = body
            .trigger_type
            .unwrap_or_else(|| Trigger::of(&row.trigger_type));
        let value = body.trigger_value.clone().unwrap_or(row.trigger_value);
        trigger(kind, value.as_ref())?;
    }
    let patch = StorePatch {
        name: body.name,
        trigger_type: body.trigger_type.map(|kind| kind.name().to_owned()),
        trigger_value: body.trigger_value,
        response_text: body.response_text,
        priority: body.priority,
        is_active: body.is_active,
    };
    let row = store::rule::update(&hub.store, caller.tenant, id, patch)
        .await
        .map_err(missing)?;
    hub.announce().await;
    hub.audit(&caller, "rule.update", named(id), None).await?;
    Ok(axum::Json(row.into()))
}

/// Change a rule (the same as `PATCH`: what is not given stays).
#[utoipa::path(
    put, path = "/rules/{rule_id}", tag = "rules", operation_id = "put_rule",
    params(("rule_id" = uuid::Uuid, Path, description = "The rule")),
    request_body(content = RulePatch, example = json!({"priority": 7})),
    responses((status = 200, description = "The rule as it is now", body = RuleOut))
)]
pub(crate) async fn put(
    state: State<Arc<Hub>>,
    caller: Caller,
    path: Path<RuleId>,
    body: Json<RulePatch>,
) -> Result<axum::Json<RuleOut>, ApiError> {
    update(state, caller, path, body).await
}

/// Delete a rule.
#[utoipa::path(
    delete, path = "/rules/{rule_id}", tag = "rules", operation_id = "delete_rule",
    params(("rule_id" = uuid::Uuid, Path, description = "The rule")),
    responses((status = 204, description = "It is gone"))
)]
pub(crate) async fn delete(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    Path(id): Path<RuleId>,
) -> Result<StatusCode, ApiError> {
    store::rule::delete(&hub.store, caller.tenant, id)
        .await
        .map_err(missing)?;
    hub.announce().await;
    hub.audit(&caller, "rule.delete", named(id), None).await?;
    Ok(StatusCode::NO_CONTENT)
}
