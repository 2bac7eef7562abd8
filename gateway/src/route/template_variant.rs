//! Templates in other languages.

use std::sync::Arc;

use axum::{extract::State, http::StatusCode};
use schemas::{PlatformTemplate, TemplateId, language_tag};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::template::VariantRow;
use utoipa::ToSchema;

use super::{
    optional_text, platform_template,
    template::{missing, named},
    template_in::MAX_CONTENT,
};
use crate::{
    auth::Caller,
    extract::{Json, Path},
    hub::Hub,
    problem::ApiError,
};

/// Languages of one template at most.
const MAX_VARIANTS: usize = 50;

/// A template in another language.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct VariantIn {
    #[serde(default)]
    #[schema(min_length = 1, max_length = 998)]
    subject: Option<String>,
    /// The text; made from the HTML when absent.
    #[serde(default, alias = "text_content")]
    #[schema(min_length = 1, max_length = 100_000)]
    content: Option<String>,
    #[serde(default, alias = "htmlContent")]
    #[schema(min_length = 1, max_length = 100_000)]
    html_content: Option<String>,
    /// The approved message that campaigns send by channels of its platform instead; the template's when absent.
    #[serde(default, alias = "platformTemplate")]
    platform_template: Option<PlatformTemplate>,
}

/// A template in another language.
#[derive(Serialize, ToSchema)]
pub(crate) struct VariantOut {
    /// BCP 47.
    #[schema(example = "de-AT")]
    language: String,
    subject: Option<String>,
    content: String,
    html_content: Option<String>,
    platform_template: Option<PlatformTemplate>,
}

impl From<VariantRow> for VariantOut {
    fn from(row: VariantRow) -> Self {
        Self {
            language: row.language,
            subject: row.subject,
            content: row.content,
            html_content: row.html_content,
            platform_template: row.platform_template,
        }
    }
}

/// A language in its recommended spelling.
fn tag(language: &str) -> Result<String, ApiError> {
    language_tag::canonical(language)
        .filter(|tag| tag.len() <= 35)
        .ok_or_else(|| {
            ApiError::bad_request("`language` must be a language tag such as \"de\" or \"de-AT\".")
        })
}

/// A template in one language.
#[utoipa::path(
    get, path = "/templates/{template_id}/variants/{language}", tag = "templates", operation_id = "get_template_variant",
    params(("template_id" = uuid::Uuid, Path, description = "The template"),
           ("language" = String, Path, description = "BCP 47", example = "de-AT")),
    responses((status = 200, description = "The variant", body = VariantOut))
)]
pub(crate) async fn get(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    Path((id, language)): Path<(TemplateId, String)>,
) -> Result<axum::Json<VariantOut>, ApiError> {
    let language = tag(&language)?;
    store::template::variants(&hub.store, caller.tenant, &[id])
        .await?
        .into_iter()
        .find(|variant| variant.language == language)
        .map(|variant| axum::Json(variant.into()))
        .ok_or_else(|| ApiError::not_found("variant"))
}

/// Write a template in another language.
///
/// Contacts of a language get its variant, else the one of its primary language, else the template itself.
#[utoipa::path(
    put, path = "/templates/{template_id}/variants/{language}", tag = "templates", operation_id = "put_template_variant",
    params(("template_id" = uuid::Uuid, Path, description = "The template"),
           ("language" = String, Path, description = "BCP 47", example = "de-AT")),
    request_body(content = VariantIn, example = json!({
        "subject": "Willkommen, {{ first_name }}", "html_content": "<p>Hallo {{ first_name }}!</p>"})),
    responses((status = 200, description = "The variant as it is now", body = VariantOut))
)]
pub(crate) async fn put(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    Path((id, language)): Path<(TemplateId, String)>,
    Json(body): Json<VariantIn>,
) -> Result<axum::Json<VariantOut>, ApiError> {
    let language = tag(&language)?;
    optional_text("/subject", body.subject.as_ref(), 998)?;
    optional_text("/content", body.content.as_ref(), MAX_CONTENT)?;
    optional_text("/html_content", body.html_content.as_ref(), MAX_CONTENT)?;
    platform_template::checked(body.platform_template.as_ref())?;
    if body.content.is_none() && body.html_content.is_none() && body.platform_template.is_none() {
        return Err(ApiError::invalid(
            "/content",
            "Give content, html_content or both; or platform_template for an approved message.",
        ));
    }
    let template = store::template::get(&hub.store, caller.tenant, id)
        .await
        .map_err(missing)?;
    let variant = VariantRow {
        template_id: id,
        language: language.clone(),
        subject: body.subject,
        content: body.content.unwrap_or_default(),
        html_content: body.html_content,
        platform_template: body.platform_template,
    };
    super::template_check::usable(&template, std::slice::from_ref(&variant), Some(&language))?;
    let others = store::template::variants(&hub.store, caller.tenant, &[id]).await?;
    if others.len() >= MAX_VARIANTS && others.iter().all(|other| other.language != language) {
        return Err(ApiError::conflict(format!(
            "A template may have {MAX_VARIANTS} languages. Delete one first."
        )));
    }
    store::template::put_variant(&hub.store, caller.tenant, &variant)
        .await
        .map_err(missing)?;
    hub.audit(
        &caller,
        "template.update",
        named(id),
        Some(json!({"language": language})),
    )
    .await?;
    Ok(axum::Json(variant.into()))
}

/// Delete a template's variant.
#[utoipa::path(
    delete, path = "/templates/{template_id}/variants/{language}", tag = "templates",
    operation_id = "delete_template_variant",
    params(("template_id" = uuid::Uuid, Path, description = "The template"),
           ("language" = String, Path, description = "BCP 47", example = "de-AT")),
    responses((status = 204, description = "It is gone"))
)]
pub(crate) async fn delete(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    Path((id, language)): Path<(TemplateId, String)>,
) -> Result<StatusCode, ApiError> {
    let language = tag(&language)?;
    store::template::delete_variant(&hub.store, caller.tenant, id, &language)
        .await
        .map_err(|error| ApiError::or_not_found(error, "variant"))?;
    hub.audit(
        &caller,
        "template.update",
        named(id),
        Some(json!({"language": language})),
    )
    .await?;
    Ok(StatusCode::NO_CONTENT)
}
