//! The ledger of a campaign as people read it: who was written to, by what, and what became of it; and what a person
//! decides about those who may or may not have been sent to.
//!
//! Recipients come in the order of their chunks, and at the end those for whom there was never anything to send. Who is
//! tried again, or by another way, moves to a later chunk: a list that is read meanwhile may have it twice, and misses
//! nobody.

use std::time::Duration;

use schemas::{
    CampaignId, ChannelId, ChannelKind, ContactId, MessageId, TenantId, Timestamp, address,
    campaign::RecipientStatus,
};
use sqlx::{
    Postgres, QueryBuilder, Row,
    postgres::PgRow,
    types::chrono::{DateTime, Utc},
};
use uuid::Uuid;

use crate::{
    Cursor, Page, Store, StoreError,
    column::{MaybeName, Name},
    page, timed,
};

/// How long a page may take: an outcome that few have is looked for among all.
const TIMEOUT: Duration = Duration::from_secs(10);
/// `position` of a cursor among those who are in no chunk.
const UNPLACED: i64 = i64::MAX;

/// A row of `campaign_messages`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecipientRow {
    pub id: MessageId,
    pub campaign_id: CampaignId,
    pub contact_id: ContactId,
    /// Absent where there was nothing to send, with `channel_id`, `channel_type` and `address`.
    pub chunk: Option<i32>,
    pub channel_id: Option<ChannelId>,
    pub channel_type: Option<ChannelKind>,
    pub address: Option<String>,
    pub status: RecipientStatus,
    /// Tries so far.
    pub attempt: i16,
    pub next_try_at: Option<Timestamp>,
    /// What the platform calls it.
    pub external_message_id: Option<String>,
    pub failure_class: Option<String>,
    pub failure_reason: Option<String>,
    pub sent_at: Option<Timestamp>,
    pub delivered_at: Option<Timestamp>,
    pub failed_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// Which recipients; all that is given must hold.
#[derive(Clone, Debug, Default)]
pub struct RecipientFilter {
    pub status: Option<RecipientStatus>,
    pub contact: Option<ContactId>,
    /// As it was written to, or as the contact has it now.
    pub address: Option<String>,
}

/// Recipients, in their order; none when looking took longer than ten seconds. `limit` is what it says, for exports.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn list(
    store: &Store,
    tenant: TenantId,
    campaign: CampaignId,
    filter: &RecipientFilter,
    cursor: Option<Cursor>,
    limit: u32,
) -> Result<Option<Page<RecipientRow>>, StoreError> {
    let named = named(store, tenant, campaign, filter).await?;
    let from = cursor.unwrap_or(page::START);
    let wanted = i64::from(limit) + 1;
    let mut items = Vec::new();
    let mut transaction = timed::begin(store, TIMEOUT).await?;
    for is_placed in [true, false] {
        let left = wanted - i64::try_from(items.len()).unwrap_or(i64::MAX);
        if left <= 0 || is_placed && from.position == UNPLACED {
            continue;
        }
        let mut query = select(tenant, campaign);
        if let Some(status) = filter.status {
            query.push(" and status = ").push_bind(status.name());
        }
        if let Some(ids) = &named {
            query.push(" and id = any(").push_bind(ids).push(")");
        }
        if is_placed {
            let chunk = i32::try_from(from.position).unwrap_or(i32::MIN);
            query.push(" and chunk >= ").push_bind(chunk);
            query.push(" and (chunk, id) > (").push_bind(chunk);
            query.push(", ").push_bind(from.id);
            query.push(") order by chunk, id limit ");
        } else {
            let after = if from.position == UNPLACED {
                from.id
            } else {
                Uuid::nil()
            };
            query.push(" and chunk is null and id > ").push_bind(after);
            query.push(" order by id limit ");
        }
        query.push_bind(left);
        let found = query.build().fetch_all(&mut *transaction).await;
        let Some(found) = timed::within(found)? else {
            return Ok(None);
        };
        for row in &found {
            items.push(read(row)?);
        }
    }
    Ok(Some(Page::of(items, limit, |row| Cursor {
        position: row.chunk.map_or(UNPLACED, i64::from),
        id: row.id.0,
    })))
}

/// One recipient.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn get(
    store: &Store,
    tenant: TenantId,
    campaign: CampaignId,
    contact: ContactId,
) -> Result<RecipientRow, StoreError> {
    let mut query = select(tenant, campaign);
    query
        .push(" and id = ")
        .push_bind(MessageId::campaign(campaign, contact).0);
    let row = query.build().fetch_one(&store.pool).await?;
    Ok(read(&row)?)
}

/// Decides about a recipient who may or may not have been sent to: it was, or it was not. False when it is not `UNKNOWN`,
/// or not any more.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn resolve(
    store: &Store,
    tenant: TenantId,
    campaign: CampaignId,
    contact: ContactId,
    was_sent: bool,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "update campaign_messages set
             status = case when $4 then 'SENT' else 'FAILED' end,
             sent_at = case when $4 then now() else sent_at end,
             failed_at = case when $4 then failed_at else now() end,
             failure_class = case when $4 then null else failure_class end,
             failure_reason = case when $4 then null else failure_reason end, updated_at = now()
         where tenant_id = $1 and campaign_id = $2 and id = $3 and status = 'UNKNOWN'",
        tenant.0,
        campaign.0,
        MessageId::campaign(campaign, contact).0,
        was_sent
    )
    .execute(&store.pool)
    .await?;
    if done.rows_affected() > 0 {
        return Ok(true);
    }
    get(store, tenant, campaign, contact).await?;
    Ok(false)
}

/// The rows of whom a filter names: few, and found by their own ids.
async fn named(
    store: &Store,
    tenant: TenantId,
    campaign: CampaignId,
    filter: &RecipientFilter,
) -> Result<Option<Vec<Uuid>>, StoreError> {
    let mut contacts: Option<Vec<ContactId>> = filter.contact.map(|contact| vec![contact]);
    if let Some(text) = &filter.address {
        let having = having(store, tenant, text).await?;
        contacts = Some(match contacts {
            Some(named) => named.into_iter().filter(|id| having.contains(id)).collect(),
            None => having,
        });
    }
    let ids = |contacts: Vec<ContactId>| {
        let contacts = contacts.into_iter();
        contacts
            .map(|contact| MessageId::campaign(campaign, contact).0)
            .collect()
    };
    Ok(contacts.map(ids))
}

/// Contacts that have the address, or were first known by it.
async fn having(store: &Store, tenant: TenantId, text: &str) -> Result<Vec<ContactId>, StoreError> {
    let mut contacts = Vec::new();
    let mut kinds = Vec::new();
    let mut addresses = Vec::new();
    for kind in ChannelKind::ALL {
        let kind = kind.address_kind();
        if kinds.contains(&kind) {
            continue;
        }
        if let Ok(address) = address::canonical(kind, text) {
            contacts.push(ContactId::of(tenant, kind, &address));
            kinds.push(kind);
            addresses.push(address);
        }
    }
    let found = sqlx::query_scalar!(
        "select a.contact_id from contact_addresses a
         join unnest($2::text[], $3::text[]) as i (kind, address) using (kind, address) where a.tenant_id = $1",
        tenant.0,
        &kinds as &[&str],
        &addresses
    )
    .fetch_all(&store.pool)
    .await?;
    contacts.extend(found.into_iter().map(ContactId));
    Ok(contacts)
}

fn select(tenant: TenantId, campaign: CampaignId) -> QueryBuilder<Postgres> {
    let mut query = QueryBuilder::new(
        // Who was never tried waits with its chunk: for a sending window.
        "select id, campaign_id, contact_id, chunk, channel_id, channel_type, address, status, attempt,
             case when status = 'PENDING' then coalesce(next_try_at, (
                 select k.due_at from campaign_chunks k
                 where k.campaign_id = campaign_messages.campaign_id and k.number = chunk and k.due_at > now())) end as next_try_at,
             external_message_id, failure_class, failure_reason, sent_at, delivered_at, failed_at, created_at, updated_at
         from campaign_messages where tenant_id = ",
    );
    query
        .push_bind(tenant.0)
        .push(" and campaign_id = ")
        .push_bind(campaign.0);
    query
}

fn read(row: &PgRow) -> Result<RecipientRow, sqlx::Error> {
    let time = |name| row.try_get::<DateTime<Utc>, _>(name).map(Timestamp::from);
    let maybe_time = |name| {
        let at = row.try_get::<Option<DateTime<Utc>>, _>(name);
        at.map(|at| at.map(Timestamp::from))
    };
    Ok(RecipientRow {
        id: MessageId(row.try_get("id")?),
        campaign_id: CampaignId(row.try_get("campaign_id")?),
        contact_id: ContactId(row.try_get("contact_id")?),
        chunk: row.try_get("chunk")?,
        channel_id: row.try_get::<Option<Uuid>, _>("channel_id")?.map(ChannelId),
        channel_type: row
            .try_get::<MaybeName<ChannelKind>, _>("channel_type")?
            .into(),
        address: row.try_get("address")?,
        status: row.try_get::<Name<RecipientStatus>, _>("status")?.into(),
        attempt: row.try_get("attempt")?,
        next_try_at: maybe_time("next_try_at")?,
        external_message_id: row.try_get("external_message_id")?,
        failure_class: row.try_get("failure_class")?,
        failure_reason: row.try_get("failure_reason")?,
        sent_at: maybe_time("sent_at")?,
        delivered_at: maybe_time("delivered_at")?,
        failed_at: maybe_time("failed_at")?,
        created_at: time("created_at")?,
        updated_at: time("updated_at")?,
    })
}
