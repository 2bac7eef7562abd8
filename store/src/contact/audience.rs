//! How many people a campaign would reach, and why not the others.

use std::{collections::BTreeMap, time::Duration};

use schemas::{ChannelId, TenantId};
use sqlx::{QueryBuilder, Row, types::Json};
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
#[derive(Clone, Debug, PartialEq, Eq)]
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
        "with audience as materialized (select c.id from contacts c where c.tenant_id = ",
    );
    query.push_bind(tenant.0).push(" and ");
    asked.choice.push(&mut query, tenant);
    query.push(
        "), suppressed as materialized (select distinct kind, address from comm_suppressions
             where lifted_at is null and (expires_at is null or expires_at > now()) and tenant_id = ",
    );
    query.push_bind(tenant.0);
    query
        .push(" and (channel_id is null or channel_id = any(")
        .push_bind(channels);
    query.push(
        ")) ), way as materialized (
             select a.contact_id, a.kind, bool_or(s.kind is null) as is_free,
                 bool_or(s.kind is null and a.consent in ('unknown', 'given')) as is_open
             from audience join contact_addresses a on a.contact_id = audience.id
             left join suppressed s on s.kind = a.kind and s.address =
                 case when a.kind = 'email' then lower(a.address collate \"C\") else a.address end
             where a.tenant_id = ",
    );
    query.push_bind(tenant.0);
    query
        .push(" and a.kind = any(")
        .push_bind(asked.kinds.clone());
    query.push(
        ") group by a.contact_id, a.kind
         ), person as (
             select bool_or(is_free) as is_free, bool_or(is_open) as is_open from way group by contact_id
         )
         select (select count(*) from audience) as contacts, count(*) as addressed,
             count(*) filter (where is_open) as reachable, count(*) filter (where not is_free) as suppressed,
             count(*) filter (where is_free and not is_open) as without_consent,
             (select coalesce(jsonb_object_agg(kind, count), '{}') from (
                 select kind, count(*) as count from way where is_open group by kind) as by_kind) as reachable_by
         from person",
    );
    let mut transaction = timed::begin(store, TIMEOUT).await?;
    let counted = query.build().fetch_one(&mut *transaction).await;
    let Some(row) = timed::within(counted)? else {
        return Ok(None);
    };
    let number = |name| row.try_get::<i64, _>(name);
    let contacts = number("contacts")?;
    Ok(Some(AudienceCount {
        contacts,
        reachable: number("reachable")?,
        reachable_by: row.try_get::<Json<_>, _>("reachable_by")?.0,
        suppressed: number("suppressed")?,
        without_consent: number("without_consent")?,
        without_address: contacts - number("addressed")?,
    }))
}
