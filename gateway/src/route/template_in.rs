//! What a template is made of, and what is changed of one.

use schemas::{ChannelId, PlatformTemplate};
use serde::Deserialize;
use serde_json::{Map, Value};
use store::template::{TemplateNew, TemplatePatch as StorePatch};
use utoipa::ToSchema;

use super::{object, optional_text, platform_template, text};
use crate::{
    extract::{given, name, present, present_name},
    problem::ApiError,
};

pub(super) const MAX_CONTENT: usize = 100_000;

/// A template to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TemplateIn {
    /// Every channel when absent.
    #[serde(default, alias = "channelId")]
    channel_id: Option<ChannelId>,
    #[schema(min_length = 1, max_length = 255)]
    #[serde(deserialize_with = "name")]
    name: String,
    #[serde(default)]
    #[schema(min_length = 1, max_length = 2000)]
    description: Option<String>,
    #[serde(default)]
    #[schema(min_length = 1, max_length = 998)]
    subject: Option<String>,
    /// The text, with `{{ variables }}`; made from the HTML when absent.
    #[serde(default, alias = "text_content", alias = "textContent")]
    #[schema(min_length = 1, max_length = 100_000)]
    content: Option<String>,
    #[serde(default, alias = "htmlContent")]
    #[schema(min_length = 1, max_length = 100_000)]
    html_content: Option<String>,
    /// The approved message that campaigns send by channels of its platform instead; its texts are templates as well.
    #[serde(default, alias = "platformTemplate")]
    platform_template: Option<PlatformTemplate>,
    #[serde(default)]
    #[schema(min_length = 1, max_length = 255)]
    category: Option<String>,
    #[serde(default)]
    #[schema(max_items = 64)]
    variables: Vec<String>,
    #[serde(default = "yes", alias = "isActive")]
    #[schema(default = true)]
    is_active: bool,
    #[serde(default)]
    #[schema(value_type = Object)]
    metadata: Map<String, Value>,
}

fn yes() -> bool {
    true
}

/// What to change; what is not given stays, null empties.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TemplatePatch {
    #[serde(default, deserialize_with = "present_name")]
    #[schema(min_length = 1, max_length = 255, nullable = false)]
    name: Option<String>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 2000)]
    description: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 998)]
    subject: Option<Option<String>>,
    #[serde(
        default,
        alias = "text_content",
        alias = "textContent",
        deserialize_with = "present"
    )]
    #[schema(min_length = 1, max_length = 100_000, nullable = false)]
    content: Option<String>,
    #[serde(default, alias = "htmlContent", deserialize_with = "given")]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 100_000)]
    html_content: Option<Option<String>>,
    #[serde(default, alias = "platformTemplate", deserialize_with = "given")]
    #[schema(value_type = Option<PlatformTemplate>)]
    platform_template: Option<Option<PlatformTemplate>>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 255)]
    category: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(max_items = 64, nullable = false)]
    variables: Option<Vec<String>>,
    #[serde(default, alias = "isActive", deserialize_with = "present")]
    #[schema(nullable = false)]
    is_active: Option<bool>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Object>)]
    metadata: Option<Option<Map<String, Value>>>,
}

impl TemplateIn {
    /// It, where each part is as it must be.
    pub(super) fn checked(self) -> Result<TemplateNew, ApiError> {
        text("/name", &self.name, 255)?;
        optional_text("/content", self.content.as_ref(), MAX_CONTENT)?;
        optional_text("/html_content", self.html_content.as_ref(), MAX_CONTENT)?;
        platform_template::checked(self.platform_template.as_ref())?;
        if self.content.is_none() && self.html_content.is_none() && self.platform_template.is_none()
        {
            return Err(ApiError::invalid(
                "/content",
                "Give content, html_content or both; or platform_template for an approved message.",
            ));
        }
        optional_text("/description", self.description.as_ref(), 2000)?;
        optional_text("/subject", self.subject.as_ref(), 998)?;
        optional_text("/category", self.category.as_ref(), 255)?;
        variables(&self.variables)?;
        Ok(TemplateNew {
            channel_id: self.channel_id,
            name: self.name,
            description: self.description,
            subject: self.subject,
            content: self.content.unwrap_or_default(),
            html_content: self.html_content,
            platform_template: self.platform_template,
            category: self.category,
            variables: self.variables,
            is_active: self.is_active,
            metadata: object(self.metadata),
        })
    }
}

impl TemplatePatch {
    /// It, where each part is as it must be.
    pub(super) fn checked(self) -> Result<StorePatch, ApiError> {
        let flat = |value: &Option<Option<String>>| value.clone().flatten();
        optional_text("/name", self.name.as_ref(), 255)?;
        optional_text("/content", self.content.as_ref(), MAX_CONTENT)?;
        optional_text(
            "/html_content",
            flat(&self.html_content).as_ref(),
            MAX_CONTENT,
        )?;
        optional_text("/description", flat(&self.description).as_ref(), 2000)?;
        optional_text("/subject", flat(&self.subject).as_ref(), 998)?;
        optional_text("/category", flat(&self.category).as_ref(), 255)?;
        platform_template::checked(self.platform_template.as_ref().and_then(Option::as_ref))?;
        variables(self.variables.as_deref().unwrap_or_default())?;
        Ok(StorePatch {
            name: self.name,
            description: self.description,
            subject: self.subject,
            content: self.content,
            html_content: self.html_content,
            platform_template: self.platform_template,
            category: self.category,
            variables: self.variables,
            is_active: self.is_active,
            metadata: self.metadata.map(|given| given.and_then(object)),
        })
    }
}

fn variables(names: &[String]) -> Result<(), ApiError> {
    if names.len() > 64 {
        return Err(ApiError::invalid(
            "/variables",
            "There may be 64 variables.",
        ));
    }
    names
        .iter()
        .try_for_each(|name| text("/variables", name, 64))
}
