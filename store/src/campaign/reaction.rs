//! What people, and machines in their name, did with what a campaign sent, as people read it.

use std::time::Duration;

use schemas::{
    CampaignId, ContactId, MessageId, TenantId, Timestamp,
    campaign::{CampaignEventType, Verdict},
};
use sqlx::{
    QueryBuilder, Row,
    postgres::PgRow,
    types::chrono::{DateTime, Utc},
};
use uuid::Uuid;

use crate::{
    Cursor, Page, Store, StoreError,
    column::{MaybeName, Name},
    page, timed,
};

/// How long a page may take: what few did is looked for among all.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A row of `campaign_events`, and the address that the message went to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReactionRow {
    pub id: Uuid,
    pub campaign_id: CampaignId,
    pub message_id: MessageId,
    pub contact_id: ContactId,
    pub address: Option<String>,
    pub event: CampaignEventType,
    pub verdict: Option<Verdict>,
    pub url: Option<String>,
    pub ip_address: Option<String>,
    pub user_agent: Option<String>,
    pub detail: Option<String>,
    pub at: Timestamp,
}

/// Which of them; all that is given must hold.
#[derive(Clone, Debug, Default)]
pub struct ReactionFilter {
    pub event: Option<CampaignEventType>,
    pub verdict: Option<Verdict>,
    pub contact: Option<ContactId>,
}

/// What was done, the newest first; none when looking took longer than ten seconds.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn list(
    store: &Store,
    tenant: TenantId,
    campaign: CampaignId,
    filter: &ReactionFilter,
    cursor: Option<Cursor>,
    limit: u32,
) -> Result<Option<Page<ReactionRow>>, StoreError> {
    let (limit, rows) = page::bounded(limit);
    let mut query = QueryBuilder::new(
        "select e.id, e.campaign_id, e.message_id, e.contact_id, m.address, e.event_type, e.verdict, e.url, e.ip_address,
             e.user_agent, e.detail, e.at
         from campaign_events e left join campaign_messages m on m.id = e.message_id
         where e.tenant_id = ",
    );
    query
        .push_bind(tenant.0)
        .push(" and e.campaign_id = ")
        .push_bind(campaign.0);
    if let Some(event) = filter.event {
        query.push(" and e.event_type = ").push_bind(event.name());
    }
    if let Some(verdict) = filter.verdict {
        query.push(" and e.verdict = ").push_bind(verdict.name());
    }
    if let Some(contact) = filter.contact {
        query.push(" and e.contact_id = ").push_bind(contact.0);
    }
    if let Some(before) = cursor {
        let at = Timestamp(before.position).to_datetime();
        query.push(" and e.at <= ").push_bind(at);
        query.push(" and (e.at, e.id) < (").push_bind(at);
        query.push(", ").push_bind(before.id).push(")");
    }
    query
        .push(" order by e.at desc, e.id desc limit ")
        .push_bind(rows);
    let mut transaction = timed::begin(store, TIMEOUT).await?;
    let found = query.build().fetch_all(&mut *transaction).await;
    let Some(found) = timed::within(found)? else {
        return Ok(None);
    };
    let items: Vec<ReactionRow> = found.iter().map(read).collect::<Result<_, _>>()?;
    Ok(Some(Page::of(items, limit, |row| Cursor {
        position: row.at.0,
        id: row.id,
    })))
}

fn read(row: &PgRow) -> Result<ReactionRow, sqlx::Error> {
    Ok(ReactionRow {
        id: row.try_get("id")?,
        campaign_id: CampaignId(row.try_get("campaign_id")?),
        message_id: MessageId(row.try_get("message_id")?),
        contact_id: ContactId(row.try_get("contact_id")?),
        address: row.try_get("address")?,
        event: row
            .try_get::<Name<CampaignEventType>, _>("event_type")?
            .into(),
        verdict: row.try_get::<MaybeName<Verdict>, _>("verdict")?.into(),
        url: row.try_get("url")?,
        ip_address: row.try_get("ip_address")?,
        user_agent: row.try_get("user_agent")?,
        detail: row.try_get("detail")?,
        at: row.try_get::<DateTime<Utc>, _>("at")?.into(),
    })
}
