//! What is looked at before a campaign starts.

use std::time::Duration;

use schemas::{TemplateId, TenantId, campaign::Wording};
use sqlx::{QueryBuilder, Row};

use crate::{Store, StoreError, contact::Choice, timed};

/// How long looking through an audience may take.
const TIMEOUT: Duration = Duration::from_secs(15);

/// What a template says in each of its languages, and its metadata; the one without a language first.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn wordings(
    store: &Store,
    tenant: TenantId,
    template: TemplateId,
) -> Result<(Vec<Wording>, Option<serde_json::Value>), StoreError> {
    let row = crate::template::get(store, tenant, template).await?;
    let mut wordings = vec![Wording {
        language: None,
        subject: row.subject,
        text: row.content,
        html: row.html_content,
        platform: row.platform_template,
    }];
    let variants = crate::template::variants(store, tenant, &[template]).await?;
    wordings.extend(variants.into_iter().map(|variant| Wording {
        language: Some(variant.language),
        subject: variant.subject,
        text: variant.content,
        html: variant.html_content,
        platform: variant.platform_template,
    }));
    Ok((wordings, row.metadata))
}

/// Of a chosen audience: how many there are, and how many have no value for each of these attributes; none when that took
/// longer than fifteen seconds. A dot leads into an object (`order.total`).
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn lacking(
    store: &Store,
    tenant: TenantId,
    choice: &Choice,
    attributes: &[String],
) -> Result<Option<(i64, Vec<i64>)>, StoreError> {
    let mut query = QueryBuilder::new("select count(*)");
    for name in attributes {
        match name.as_str() {
            "name" => query
                .push(", count(*) filter (where c.name is null and c.attributes->>'name' is null)"),
            path => {
                let path: Vec<String> = path.split('.').map(str::to_owned).collect();
                query.push(", count(*) filter (where c.attributes#>>");
                query.push_bind(path).push(" is null)")
            }
        };
    }
    query.push(" from contacts c where c.tenant_id = ");
    query.push_bind(tenant.0);
    query.push(" and ");
    choice.push(&mut query, tenant);
    let mut transaction = timed::begin(store, TIMEOUT).await?;
    let counted = query.build().fetch_one(&mut *transaction).await;
    let Some(row) = timed::within(counted)? else {
        return Ok(None);
    };
    let mut lacking = Vec::with_capacity(attributes.len());
    for place in 0..attributes.len() {
        lacking.push(row.try_get(place + 1)?);
    }
    Ok(Some((row.try_get(0)?, lacking)))
}

/// Whether anybody of a chosen audience has an address of these kinds that may be written to; none when that took longer
/// than fifteen seconds to find out.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn reaches(
    store: &Store,
    tenant: TenantId,
    choice: &Choice,
    kinds: &[&str],
) -> Result<Option<bool>, StoreError> {
    let mut query = QueryBuilder::new("select exists (select from contacts c where c.tenant_id = ");
    query.push_bind(tenant.0);
    query.push(
        " and exists (select from contact_addresses a where a.contact_id = c.id and a.tenant_id = c.tenant_id
             and a.consent in ('given', 'unknown') and a.kind = any(",
    );
    query.push_bind(kinds).push(")) and ");
    choice.push(&mut query, tenant);
    query.push(")");
    let mut transaction = timed::begin(store, TIMEOUT).await?;
    let found = query
        .build_query_scalar()
        .fetch_one(&mut *transaction)
        .await;
    timed::within(found)
}
