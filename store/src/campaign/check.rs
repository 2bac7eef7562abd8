//! What is looked at before a campaign starts.

use std::time::Duration;

use schemas::{ContactId, TemplateId, TenantId, campaign::Wording};
use sqlx::{QueryBuilder, Row};

use crate::{Store, StoreError, contact::Choice, timed};

/// How long looking through an audience may take.
const TIMEOUT: Duration = Duration::from_secs(15);

/// How many are looked at one by one.
pub const SAMPLE: i64 = 100;

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

/// Whom a [`sample`] is of.
#[derive(Clone, Debug)]
pub struct Sampled {
    pub id: ContactId,
    pub name: Option<String>,
    pub language: Option<String>,
    pub time_zone: Option<String>,
    pub attributes: serde_json::Value,
    /// Of the kind that was asked for.
    pub address: String,
}

/// The first [`SAMPLE`] of a chosen audience who have an address of this kind that may be written to; nobody when that took
/// longer than fifteen seconds.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn sample(
    store: &Store,
    tenant: TenantId,
    choice: &Choice,
    kind: &str,
) -> Result<Vec<Sampled>, StoreError> {
    let mut query = QueryBuilder::new(
        "select c.id, c.name, c.language, c.time_zone, c.attributes, a.address from contacts c cross join lateral (
             select address from contact_addresses where contact_id = c.id and tenant_id = c.tenant_id
                 and consent in ('given', 'unknown') and kind = ",
    );
    query.push_bind(kind);
    query.push(" order by address limit 1) a where c.tenant_id = ");
    query.push_bind(tenant.0).push(" and ");
    choice.push(&mut query, tenant);
    query.push(" order by c.seq limit ").push_bind(SAMPLE);
    let mut transaction = timed::begin(store, TIMEOUT).await?;
    let found = query.build().fetch_all(&mut *transaction).await;
    let rows = timed::within(found)?.unwrap_or_default();
    rows.into_iter()
        .map(|row| {
            Ok(Sampled {
                id: ContactId(row.try_get("id")?),
                name: row.try_get("name")?,
                language: row.try_get("language")?,
                time_zone: row.try_get("time_zone")?,
                attributes: row.try_get("attributes")?,
                address: row.try_get("address")?,
            })
        })
        .collect()
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
