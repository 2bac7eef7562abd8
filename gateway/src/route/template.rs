//! Stored replies, and what campaigns say.

use std::{collections::HashMap, sync::Arc};

use axum::{extract::State, http::StatusCode};
use schemas::{ChannelId, PlatformTemplate, TemplateId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use store::template::{TemplateFilter, TemplateNew, TemplateRow, VariantRow};
use utoipa::{IntoParams, ToSchema};

use super::{
    template_check,
    template_in::{TemplateIn, TemplatePatch},
    template_variant::VariantOut,
};
use crate::{
    auth::Caller,
    extract::{Json, Path, Query},
    hub::Hub,
    problem::ApiError,
};

/// A stored reply.
#[derive(Serialize, ToSchema)]
pub(crate) struct TemplateOut {
    id: TemplateId,
    channel_id: Option<ChannelId>,
    name: String,
    description: Option<String>,
    subject: Option<String>,
    content: String,
    html_content: Option<String>,
    platform_template: Option<PlatformTemplate>,
    category: Option<String>,
    variables: Vec<String>,
    is_active: bool,
    #[schema(value_type = Object)]
    metadata: Map<String, Value>,
    /// In other languages.
    variants: Vec<VariantOut>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl TemplateOut {
    fn new(row: TemplateRow, variants: Vec<VariantRow>) -> Self {
        Self {
            id: row.id,
            channel_id: row.channel_id,
            name: row.name,
            description: row.description,
            subject: row.subject,
            content: row.content,
            html_content: row.html_content,
            platform_template: row.platform_template,
            category: row.category,
            variables: row.variables,
            is_active: row.is_active,
            metadata: super::map(row.metadata),
            variants: variants.into_iter().map(Into::into).collect(),
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

pub(super) fn missing(error: store::StoreError) -> ApiError {
    ApiError::or_not_found(error, "template")
}

pub(super) fn named(id: TemplateId) -> String {
    format!("template:{id}")
}

/// Add a template.
#[utoipa::path(
    post, path = "/templates", tag = "templates", operation_id = "create_template",
    request_body(content = TemplateIn, example = json!({
        "name": "Greeting", "category": "common",
        "content": "Hello {{ sender.name }}! Thank you for reaching out. How can I assist you?"})),
    responses((status = 201, description = "The template", body = TemplateOut))
)]
pub(crate) async fn create(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    Json(body): Json<TemplateIn>,
) -> Result<(StatusCode, axum::Json<TemplateOut>), ApiError> {
    let new = body.checked()?;
    template_check::usable(&draft(&caller, &new), &[], None)?;
    let row = store::template::create(&hub.store, caller.tenant, new).await?;
    hub.announce().await;
    let detail = json!({"name": row.name});
    hub.audit(&caller, "template.create", named(row.id), Some(detail))
        .await?;
    Ok((
        StatusCode::CREATED,
        axum::Json(TemplateOut::new(row, Vec::new())),
    ))
}

/// A template before it is stored, to be looked at.
fn draft(caller: &Caller, new: &TemplateNew) -> TemplateRow {
    let now = Timestamp::now();
    TemplateRow {
        id: TemplateId(uuid::Uuid::nil()),
        tenant_id: caller.tenant,
        channel_id: new.channel_id,
        name: new.name.clone(),
        description: None,
        subject: new.subject.clone(),
        content: new.content.clone(),
        html_content: new.html_content.clone(),
        platform_template: new.platform_template.clone(),
        category: None,
        variables: new.variables.clone(),
        is_active: new.is_active,
        metadata: None,
        created_at: now,
        updated_at: now,
    }
}

/// Which templates.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct TemplateQuery {
    /// Those of this channel and those of every channel.
    #[serde(alias = "channelId")]
    channel_id: Option<ChannelId>,
    #[param(max_length = 255)]
    category: Option<String>,
    is_active: Option<bool>,
}

/// List templates.
#[utoipa::path(
    get, path = "/templates", tag = "templates", operation_id = "list_templates", params(TemplateQuery),
    responses((status = 200, description = "All templates that fit, by name", body = [TemplateOut]))
)]
pub(crate) async fn list(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    Query(query): Query<TemplateQuery>,
) -> Result<axum::Json<Vec<TemplateOut>>, ApiError> {
    if query
        .category
        .as_ref()
        .is_some_and(|text| text.contains('\0') || text.chars().nth(255).is_some())
    {
        return Err(ApiError::bad_request(
            "`category` may have 255 characters, none of them NUL.",
        ));
    }
    let filter = TemplateFilter {
        channel_id: query.channel_id,
        category: query.category,
        is_active: query.is_active,
    };
    let rows = store::template::list(&hub.store, caller.tenant, &filter).await?;
    let ids: Vec<TemplateId> = rows.iter().map(|row| row.id).collect();
    let mut variants: HashMap<TemplateId, Vec<VariantRow>> = HashMap::new();
    for variant in store::template::variants(&hub.store, caller.tenant, &ids).await? {
        variants
            .entry(variant.template_id)
            .or_default()
            .push(variant);
    }
    let templates = rows.into_iter().map(|row| {
        let variants = variants.remove(&row.id).unwrap_or_default();
        TemplateOut::new(row, variants)
    });
    Ok(axum::Json(templates.collect()))
}

/// One template.
#[utoipa::path(
    get, path = "/templates/{template_id}", tag = "templates", operation_id = "get_template",
    params(("template_id" = uuid::Uuid, Path, description = "The template")),
    responses((status = 200, description = "The template", body = TemplateOut))
)]
pub(crate) async fn get(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    Path(id): Path<TemplateId>,
) -> Result<axum::Json<TemplateOut>, ApiError> {
    let row = store::template::get(&hub.store, caller.tenant, id)
        .await
        .map_err(missing)?;
    let variants = store::template::variants(&hub.store, caller.tenant, &[id]).await?;
    Ok(axum::Json(TemplateOut::new(row, variants)))
}

/// Change a template.
#[utoipa::path(
    patch, path = "/templates/{template_id}", tag = "templates", operation_id = "update_template",
    params(("template_id" = uuid::Uuid, Path, description = "The template")),
    request_body(content = TemplatePatch, example = json!({"is_active": false})),
    responses((status = 200, description = "The template as it is now", body = TemplateOut))
)]
pub(crate) async fn update(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    Path(id): Path<TemplateId>,
    Json(body): Json<TemplatePatch>,
) -> Result<axum::Json<TemplateOut>, ApiError> {
    let patch = body.checked()?;
    let variants = store::template::variants(&hub.store, caller.tenant, &[id]).await?;
    if patch.says_something_else() {
        let mut draft = store::template::get(&hub.store, caller.tenant, id)
            .await
            .map_err(missing)?;
        patch.apply(&mut draft);
        template_check::usable(&draft, &variants, None)?;
    }
    let row = store::template::update(&hub.store, caller.tenant, id, patch)
        .await
        .map_err(missing)?;
    hub.announce().await;
    hub.audit(&caller, "template.update", named(id), None)
        .await?;
    Ok(axum::Json(TemplateOut::new(row, variants)))
}

/// Change a template (the same as `PATCH`: what is not given stays).
#[utoipa::path(
    put, path = "/templates/{template_id}", tag = "templates", operation_id = "put_template",
    params(("template_id" = uuid::Uuid, Path, description = "The template")),
    request_body(content = TemplatePatch, example = json!({"name": "Hello"})),
    responses((status = 200, description = "The template as it is now", body = TemplateOut))
)]
pub(crate) async fn put(
    state: State<Arc<Hub>>,
    caller: Caller,
    path: Path<TemplateId>,
    body: Json<TemplatePatch>,
) -> Result<axum::Json<TemplateOut>, ApiError> {
    update(state, caller, path, body).await
}

/// Delete a template.
#[utoipa::path(
    delete, path = "/templates/{template_id}", tag = "templates", operation_id = "delete_template",
    params(("template_id" = uuid::Uuid, Path, description = "The template")),
    responses((status = 204, description = "It is gone"))
)]
pub(crate) async fn delete(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    Path(id): Path<TemplateId>,
) -> Result<StatusCode, ApiError> {
    store::template::delete(&hub.store, caller.tenant, id)
        .await
        .map_err(missing)?;
    hub.announce().await;
    hub.audit(&caller, "template.delete", named(id), None)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
