//! Who belongs to a campaign's audience, page by page in the order of `contacts.seq`.

use schemas::{ContactId, TenantId};
use sqlx::{QueryBuilder, Row};

use crate::{Store, StoreError, contact::Choice};

/// A contact and where it can be written to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reachable {
    pub seq: i64,
    pub contact: ContactId,
    pub time_zone: Option<String>,
    pub preferred_channel: Option<String>,
    /// Kind, address, and whether the contact has agreed to be written to there: `None` is not known.
    pub addresses: Vec<(String, String, Option<bool>)>,
}

/// The next contacts with `from < seq <= to`, so many at most.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn page(
    store: &Store,
    tenant: TenantId,
    choice: &Choice,
    from: i64,
    to: i64,
    most: i64,
) -> Result<Vec<Reachable>, StoreError> {
    let mut query = QueryBuilder::new(
        "select c.seq, c.id, c.time_zone, c.preferred_channel, a.kinds, a.addresses, a.consents
         from contacts c left join lateral (
             select array_agg(kind order by kind, address) as kinds, array_agg(address order by kind, address) as addresses,
                 array_agg(case consent when 'given' then true when 'unknown' then null else false end
                     order by kind, address) as consents
             from contact_addresses where contact_id = c.id and tenant_id = c.tenant_id
         ) a on true where c.tenant_id = ",
    );
    query.push_bind(tenant.0);
    query.push(" and c.seq > ").push_bind(from);
    query.push(" and c.seq <= ").push_bind(to);
    query.push(" and ");
    choice.push(&mut query, tenant);
    query.push(" order by c.seq limit ").push_bind(most);
    let rows = query
        .build()
        .persistent(false)
        .fetch_all(&store.pool)
        .await?;
    rows.into_iter()
        .map(|row| {
            let kinds: Option<Vec<String>> = row.try_get("kinds")?;
            let addresses: Option<Vec<String>> = row.try_get("addresses")?;
            let consents: Option<Vec<Option<bool>>> = row.try_get("consents")?;
            Ok(Reachable {
                seq: row.try_get("seq")?,
                contact: ContactId(row.try_get("id")?),
                time_zone: row.try_get("time_zone")?,
                preferred_channel: row.try_get("preferred_channel")?,
                addresses: kinds
                    .unwrap_or_default()
                    .into_iter()
                    .zip(addresses.unwrap_or_default())
                    .zip(consents.unwrap_or_default())
                    .map(|((kind, address), consent)| (kind, address, consent))
                    .collect(),
            })
        })
        .collect::<Result<_, sqlx::Error>>()
        .map_err(StoreError::from)
}
