//! Stored replies, and what campaigns say: `comm_templates`.

mod variant;

use schemas::{ChannelId, PlatformTemplate, TemplateId, TenantId, Timestamp};
use serde_json::Value;
use sqlx::types::Json;

use crate::{
    Store, StoreError,
    column::{Id, MaybeId, MaybeTemplate},
    error::found,
};

pub use variant::{VariantRow, delete_variant, put_variant, variants};

/// A row of `comm_templates`.
#[derive(Clone, Debug, PartialEq)]
pub struct TemplateRow {
    pub id: TemplateId,
    pub tenant_id: TenantId,
    /// None: for every channel of the tenant.
    pub channel_id: Option<ChannelId>,
    pub name: String,
    pub description: Option<String>,
    pub subject: Option<String>,
    pub content: String,
    pub html_content: Option<String>,
    /// What campaigns send by channels of its platform instead.
    pub platform_template: Option<PlatformTemplate>,
    pub category: Option<String>,
    pub variables: Vec<String>,
    pub is_active: bool,
    pub metadata: Option<Value>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// A template to be made.
#[derive(Clone, Debug, Default)]
pub struct TemplateNew {
    pub channel_id: Option<ChannelId>,
    pub name: String,
    pub description: Option<String>,
    pub subject: Option<String>,
    pub content: String,
    pub html_content: Option<String>,
    /// What campaigns send by channels of its platform instead.
    pub platform_template: Option<PlatformTemplate>,
    pub category: Option<String>,
    pub variables: Vec<String>,
    pub is_active: bool,
    pub metadata: Option<Value>,
}

/// What to change; `None` leaves a field, `Some(None)` empties it.
#[derive(Clone, Debug, Default)]
pub struct TemplatePatch {
    pub name: Option<String>,
    pub description: Option<Option<String>>,
    pub subject: Option<Option<String>>,
    pub content: Option<String>,
    pub html_content: Option<Option<String>>,
    pub platform_template: Option<Option<PlatformTemplate>>,
    pub category: Option<Option<String>>,
    pub variables: Option<Vec<String>>,
    pub is_active: Option<bool>,
    pub metadata: Option<Option<Value>>,
}

impl TemplatePatch {
    /// Whether what it says, or what it declares, changes.
    #[must_use]
    pub fn says_something_else(&self) -> bool {
        self.subject.is_some()
            || self.content.is_some()
            || self.html_content.is_some()
            || self.platform_template.is_some()
            || self.variables.is_some()
    }

    /// What the patch makes of what a row says and declares.
    pub fn apply(&self, row: &mut TemplateRow) {
        if let Some(subject) = &self.subject {
            row.subject.clone_from(subject);
        }
        if let Some(content) = &self.content {
            row.content.clone_from(content);
        }
        if let Some(html) = &self.html_content {
            row.html_content.clone_from(html);
        }
        if let Some(platform) = &self.platform_template {
            row.platform_template = platform.clone();
        }
        if let Some(variables) = &self.variables {
            row.variables.clone_from(variables);
        }
    }
}

/// Which templates; all that is given must hold.
#[derive(Clone, Debug, Default)]
pub struct TemplateFilter {
    /// Those of this channel and those for every channel.
    pub channel_id: Option<ChannelId>,
    pub category: Option<String>,
    pub is_active: Option<bool>,
}

/// Makes a template.
///
/// # Errors
/// [`StoreError::Conflict`] for a channel that is not the tenant's, [`StoreError::Invalid`] for a bad name.
pub async fn create(
    store: &Store,
    tenant: TenantId,
    new: TemplateNew,
) -> Result<TemplateRow, StoreError> {
    Ok(sqlx::query_as!(
        TemplateRow,
        r#"insert into comm_templates (tenant_id, channel_id, name, description, subject, content, html_content, category,
               variables, is_active, metadata, platform_template)
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
           returning id as "id: Id", tenant_id as "tenant_id: Id", channel_id as "channel_id!: MaybeId", name, description,
               subject, content, html_content, platform_template as "platform_template!: MaybeTemplate", category,
               variables, is_active, metadata, created_at, updated_at"#,
        tenant.0,
        new.channel_id.map(|id| id.0),
        new.name,
        new.description,
        new.subject,
        new.content,
        new.html_content,
        new.category,
        &new.variables,
        new.is_active,
        new.metadata,
        new.platform_template.map(Json) as _
    )
    .fetch_one(&store.pool)
    .await?)
}

/// Templates of a tenant, by name.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn list(
    store: &Store,
    tenant: TenantId,
    filter: &TemplateFilter,
) -> Result<Vec<TemplateRow>, StoreError> {
    Ok(sqlx::query_as!(
        TemplateRow,
        r#"select id as "id: Id", tenant_id as "tenant_id: Id", channel_id as "channel_id!: MaybeId", name, description,
               subject, content, html_content, platform_template as "platform_template!: MaybeTemplate", category,
               variables, is_active, metadata, created_at, updated_at
           from comm_templates
           where tenant_id = $1 and ($2::uuid is null or channel_id is null or channel_id = $2)
             and ($3::text is null or category = $3) and ($4::boolean is null or is_active = $4)
           order by name, id"#,
        tenant.0,
        filter.channel_id.map(|id| id.0),
        filter.category,
        filter.is_active
    )
    .fetch_all(&store.pool)
    .await?)
}

/// One template.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn get(
    store: &Store,
    tenant: TenantId,
    id: TemplateId,
) -> Result<TemplateRow, StoreError> {
    Ok(sqlx::query_as!(
        TemplateRow,
        r#"select id as "id: Id", tenant_id as "tenant_id: Id", channel_id as "channel_id!: MaybeId", name, description,
               subject, content, html_content, platform_template as "platform_template!: MaybeTemplate", category,
               variables, is_active, metadata, created_at, updated_at
           from comm_templates where tenant_id = $1 and id = $2"#,
        tenant.0,
        id.0
    )
    .fetch_one(&store.pool)
    .await?)
}

/// Changes what the patch gives.
///
/// # Errors
/// [`StoreError::NotFound`], [`StoreError::Invalid`].
pub async fn update(
    store: &Store,
    tenant: TenantId,
    id: TemplateId,
    patch: TemplatePatch,
) -> Result<TemplateRow, StoreError> {
    Ok(sqlx::query_as!(
        TemplateRow,
        r#"update comm_templates set
               name = coalesce($3, name),
               description = case when $4 then $5 else description end,
               subject = case when $6 then $7 else subject end,
               content = coalesce($8, content),
               html_content = case when $9 then $10 else html_content end,
               category = case when $11 then $12 else category end,
               variables = coalesce($13, variables),
               is_active = coalesce($14, is_active),
               metadata = case when $15 then $16 else metadata end,
               platform_template = case when $17 then $18 else platform_template end,
               updated_at = now()
           where tenant_id = $1 and id = $2
           returning id as "id: Id", tenant_id as "tenant_id: Id", channel_id as "channel_id!: MaybeId", name, description,
               subject, content, html_content, platform_template as "platform_template!: MaybeTemplate", category,
               variables, is_active, metadata, created_at, updated_at"#,
        tenant.0,
        id.0,
        patch.name,
        patch.description.is_some(),
        patch.description.flatten(),
        patch.subject.is_some(),
        patch.subject.flatten(),
        patch.content,
        patch.html_content.is_some(),
        patch.html_content.flatten(),
        patch.category.is_some(),
        patch.category.flatten(),
        patch.variables.as_deref(),
        patch.is_active,
        patch.metadata.is_some(),
        patch.metadata.flatten(),
        patch.platform_template.is_some(),
        patch.platform_template.flatten().map(Json) as _
    )
    .fetch_one(&store.pool)
    .await?)
}

/// Deletes a template. A rule that answers with it then answers nothing.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn delete(store: &Store, tenant: TenantId, id: TemplateId) -> Result<(), StoreError> {
    let done = sqlx::query!(
        "delete from comm_templates where tenant_id = $1 and id = $2",
        tenant.0,
        id.0
    )
    .execute(&store.pool)
    .await?;
    found(done.rows_affected())
}
