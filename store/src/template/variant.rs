//! Templates in other languages: `comm_template_variants`.
//!
//! The template itself is what every other language falls back on. A variant belongs to whom its template belongs to:
//! each query asks the template's tenant.

use schemas::{PlatformTemplate, TemplateId, TenantId};
use sqlx::types::Json;

use crate::{
    Store, StoreError,
    column::{Id, MaybeTemplate},
    error::found,
};

/// A row of `comm_template_variants`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VariantRow {
    pub template_id: TemplateId,
    /// BCP 47.
    pub language: String,
    pub subject: Option<String>,
    /// Empty: made from the HTML.
    pub content: String,
    pub html_content: Option<String>,
    pub platform_template: Option<PlatformTemplate>,
}

/// The variants of templates, those of one after those of the other, by language.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn variants(
    store: &Store,
    tenant: TenantId,
    templates: &[TemplateId],
) -> Result<Vec<VariantRow>, StoreError> {
    let templates: Vec<_> = templates.iter().map(|id| id.0).collect();
    Ok(sqlx::query_as!(
        VariantRow,
        r#"select v.template_id as "template_id: Id", v.language, v.subject, v.content, v.html_content,
               v.platform_template as "platform_template!: MaybeTemplate"
           from comm_template_variants v
           join comm_templates t on t.id = v.template_id
           where t.tenant_id = $1 and v.template_id = any($2)
           order by v.template_id, v.language"#,
        tenant.0,
        &templates
    )
    .fetch_all(&store.pool)
    .await?)
}

/// Writes a variant, anew or over the one there is.
///
/// # Errors
/// [`StoreError::NotFound`] without such a template.
pub async fn put_variant(
    store: &Store,
    tenant: TenantId,
    variant: &VariantRow,
) -> Result<(), StoreError> {
    let done = sqlx::query!(
        "insert into comm_template_variants (template_id, language, subject, content, html_content, platform_template)
         select id, $3, $4, $5, $6, $7 from comm_templates where tenant_id = $1 and id = $2
         on conflict (template_id, language) do update
         set subject = excluded.subject, content = excluded.content, html_content = excluded.html_content,
             platform_template = excluded.platform_template",
        tenant.0,
        variant.template_id.0,
        variant.language,
        variant.subject,
        variant.content,
        variant.html_content,
        variant.platform_template.as_ref().map(Json) as _
    )
    .execute(&store.pool)
    .await?;
    found(done.rows_affected())
}

/// Deletes a variant.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn delete_variant(
    store: &Store,
    tenant: TenantId,
    template: TemplateId,
    language: &str,
) -> Result<(), StoreError> {
    let done = sqlx::query!(
        "delete from comm_template_variants v using comm_templates t
         where t.id = v.template_id and t.tenant_id = $1 and v.template_id = $2 and v.language = $3",
        tenant.0,
        template.0,
        language
    )
    .execute(&store.pool)
    .await?;
    found(done.rows_affected())
}
