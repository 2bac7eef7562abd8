//! How many people a campaign would reach, and why not the others.

use std::{collections::BTreeMap, time::Duration};

use schemas::{ChannelId, TenantId};
use sqlx::QueryBuilder;
use uuid::Uuid;

use super::Choice;
use crate::{Store, StoreError, timed};

/// How long counting may take.
const TIMEOUT: Duration = Duration::from_secs(15);

/// Whom it is for, and by what.
#[derive(Clone, Debug, Default)]
pub struct AudienceQuery {
    pub choice: Choice,
    /// Kinds of addresses it can be sent to.
    pub kinds: Vec<&'static str>,
    /// What it is sent by: suppressions of these channels count, beside those of whole kinds.
    pub channels: Vec<ChannelId>,
}

/// What becomes of an audience: `contacts = reachable + suppressed + without_consent + without_address`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AudienceCount {
    pub contacts: i64,
    /// Have an address that is not suppressed and whose consent allows it.
    pub reachable: i64,
    /// The same by kind of address; one who has several is in each.
    pub reachable_by: BTreeMap<String, i64>,
    /// Have addresses, all of them suppressed.
    pub suppressed: i64,
    /// Have addresses that are not suppressed, and consent to none of them: asked and not answered yet, or withdrawn.
    pub without_consent: i64,
    pub without_address: i64,
}

/// Counts; none when that took longer than fifteen seconds.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn count(
    store: &Store,
    tenant: TenantId,
    asked: &AudienceQuery,
) -> Result<Option<AudienceCount>, StoreError> {
    let channels: Vec<Uuid> = asked.channels.iter().map(|channel| channel.0).collect();
    let mut query = QueryBuilder::new(
        "with suppressed as materialized (
             select kind, address from comm_suppressions
             where lifted_at is null and (expires_at is null or expires_at > now()) and tenant_id = ",
    );
    query.push_bind(tenant.0);
    query.push(" and (channel_id is null or channel_id = any(");
    query.push_bind(channels);
    // By contact, and then by what is the matter: kinds that are open are bits.
    query.push(
        ")))
         select is_free, open, count(*) as count from (
             select bool_or(w.is_free) as is_free,
                 bit_or(case when w.is_free and w.consent in ('unknown', 'given') then 1 << w.place else 0 end) as open
             from contacts c left join lateral (
                 select a.consent, array_position(",
    );
    query.push_bind(asked.kinds.clone());
    query.push(
        "::text[], a.kind) - 1 as place,
                     (a.kind, case when a.kind = 'email' then lower(a.address collate \"C\") else a.address end)
                         not in (select kind, address from suppressed) as is_free
                 from contact_addresses a where a.contact_id = c.id and a.tenant_id = ",
    );
    query.push_bind(tenant.0).push(" and a.kind = any(");
    query.push_bind(asked.kinds.clone());
    query.push(")) w on true where c.tenant_id = ");
    query.push_bind(tenant.0).push(" and ");
    asked.choice.push(&mut query, tenant);
    query.push(" group by c.id) person group by is_free, open");
    let mut transaction = timed::begin(store, TIMEOUT).await?;
    let counted = query
        .build_query_as::<(Option<bool>, Option<i32>, i64)>()
        .persistent(false)
        .fetch_all(&mut *transaction)
        .await;
    Ok(timed::within(counted)?.map(|groups| sum(&groups, &asked.kinds)))
}

/// Groups of contacts: whether an address is not suppressed, which kinds are open, how many they are.
fn sum(groups: &[(Option<bool>, Option<i32>, i64)], kinds: &[&str]) -> AudienceCount {
    let mut all = AudienceCount::default();
    for (is_free, open, count) in groups {
        all.contacts += count;
        let Some(is_free) = is_free else {
            all.without_address += count;
            continue;
        };
        let open = open.unwrap_or_default();
        match (is_free, open) {
            (false, _) => all.suppressed += count,
            (true, 0) => all.without_consent += count,
            (true, _) => all.reachable += count,
        }
        for (kind, bit) in kinds.iter().zip(0..) {
            if open & (1 << bit) != 0 {
                *all.reachable_by.entry((*kind).to_owned()).or_default() += count;
            }
        }
    }
    all
}
