//! What platforms and reports say later of campaigns' messages: the ledger of campaigns is raised, as that of deliveries
//! ([`crate::delivery::Receipt`]), and bounces and complaints become events of the campaign.
//!
//! Invariants: a state only rises, on [`DeliveryState::receipt_rank`]'s lattice; what was not sent yet is never raised, but
//! a receipt of what is `SENDING` or `UNKNOWN` proves that it left. Nothing is asked of the database when nothing concerns
//! a campaign.

use schemas::{
    CampaignId, DeliveryState, MessageId, SuppressionReason, TenantId, Timestamp, TrackKind,
    campaign::{CampaignEventType, RecipientStatus, Wish},
};
use sqlx::{
    PgConnection,
    types::chrono::{DateTime, Utc},
};
use uuid::Uuid;

use super::campaign::{Refusal, refuse};
use crate::{
    StoreError,
    column::{Id, Name},
    delivery::Receipt,
    text::preview,
};

/// Longest reason kept, in characters.
const MAX_TEXT: usize = 500;

/// A campaign's message stands elsewhere now, or has an event more: for those who watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Raised {
    pub tenant: TenantId,
    pub campaign: CampaignId,
    pub status: RecipientStatus,
}

/// Something said about a message that may be a campaign's.
#[derive(Clone, Debug)]
pub(super) struct News {
    /// Of the event that said so.
    pub(super) id: Uuid,
    pub(super) tenant: TenantId,
    pub(super) message: MessageId,
    pub(super) kind: TrackKind,
    pub(super) at: Timestamp,
    pub(super) detail: Option<String>,
}

/// Notes what concerns campaigns: `unmatched` are receipts of messages that have no delivery; `news` all that may be an
/// event of a campaign ([`event`]).
pub(super) async fn note(
    connection: &mut PgConnection,
    unmatched: &[Receipt],
    news: &[News],
) -> Result<Vec<Raised>, StoreError> {
    let raised = raise(connection, unmatched).await?;
    let concerned: Vec<&News> = news
        .iter()
        .filter(|one| match event(one.kind) {
            // Told of deliveries, too: of campaigns only what is not one.
            Some(CampaignEventType::Bounce) => unmatched
                .iter()
                .any(|receipt| receipt.message == one.message),
            Some(_) => true,
            None => false,
        })
        .collect();
    if !concerned.is_empty() {
        events(connection, &concerned).await?;
    }
    Ok(raised)
}

/// What a kind of news is among a campaign's events.
pub(super) fn event(kind: TrackKind) -> Option<CampaignEventType> {
    match kind {
        TrackKind::Bounced => Some(CampaignEventType::Bounce),
        TrackKind::Complained => Some(CampaignEventType::Complaint),
        TrackKind::Unsubscribed => Some(CampaignEventType::Unsubscribe),
        _ => None,
    }
}

async fn raise(
    connection: &mut PgConnection,
    receipts: &[Receipt],
) -> Result<Vec<Raised>, StoreError> {
    let known: Vec<(&Receipt, RecipientStatus, i16)> = receipts
        .iter()
        .filter_map(|receipt| {
            let rank = receipt.state.receipt_rank()?;
            Some((receipt, RecipientStatus::of(receipt.state)?, rank))
        })
        .collect();
    if known.is_empty() {
        return Ok(Vec::new());
    }
    let messages: Vec<Uuid> = known.iter().map(|(r, ..)| r.message.0).collect();
    let tenants: Vec<Uuid> = known.iter().map(|(r, ..)| r.tenant.0).collect();
    let states: Vec<&str> = known.iter().map(|(_, status, _)| status.name()).collect();
    let ranks: Vec<i16> = known.iter().map(|(.., rank)| *rank).collect();
    let times: Vec<DateTime<Utc>> = known.iter().map(|(r, ..)| r.at.to_datetime()).collect();
    let details: Vec<Option<String>> = known
        .iter()
        .map(|(r, ..)| r.detail.as_deref().map(|text| preview(text, MAX_TEXT)))
        .collect();
    let changed = sqlx::query!(
        r#"with told as (
               select i.message_id, i.tenant_id, max(i.rank) as rank,
                   (array_agg(i.state order by i.rank desc, i.state desc))[1] as state,
                   (array_agg(i.detail order by i.rank desc, i.state desc))[1] as detail,
                   min(i.at) filter (where i.state in ('BOUNCED', 'FAILED')) as failed_at,
                   min(i.at) filter (where i.state in ('SENT', 'DELIVERED', 'READ')) as sent_at,
                   min(i.at) filter (where i.state in ('DELIVERED', 'READ')) as delivered_at
               from unnest($1::uuid[], $2::uuid[], $3::text[], $4::smallint[], $5::timestamptz[], $6::text[])
                    as i (message_id, tenant_id, state, rank, at, detail)
               group by i.message_id, i.tenant_id
           ), locked as (
               select m.id from campaign_messages m join told t on t.message_id = m.id and t.tenant_id = m.tenant_id
               where t.rank > case m.status
                   when 'SENDING' then 2 when 'UNKNOWN' then 3
                   when 'FAILED' then case when m.failure_class = 'receipt' then $7::smallint else 4 end
                   when 'SENT' then $8::smallint when 'BOUNCED' then $7 when 'DELIVERED' then $9::smallint
                   else 32767 end
               order by m.id for no key update of m
           )
           update campaign_messages m set
               status = t.state, owner = null, lease_until = null, next_try_at = null,
               failure_class = case when t.state in ('BOUNCED', 'FAILED') then 'receipt' end,
               failure_reason = case when t.state in ('BOUNCED', 'FAILED') then t.detail end,
               sent_at = coalesce(m.sent_at, t.sent_at),
               delivered_at = coalesce(m.delivered_at, t.delivered_at),
               failed_at = case when t.state in ('BOUNCED', 'FAILED') then t.failed_at end,
               updated_at = now()
           from locked join told t on t.message_id = locked.id
           where m.id = locked.id and m.tenant_id = t.tenant_id
           returning m.tenant_id as "tenant: Id", m.campaign_id as "campaign: Id", m.chunk,
               m.status as "status: Name<RecipientStatus>""#,
        &messages,
        &tenants,
        &states as &[&str],
        &ranks,
        &times,
        &details as &[Option<String>],
        DeliveryState::Bounced.rank(),
        DeliveryState::Sent.rank(),
        DeliveryState::Delivered.rank()
    )
    .fetch_all(&mut *connection)
    .await?;
    let mut raised = Vec::with_capacity(changed.len());
    let (mut campaigns, mut chunks) = (Vec::new(), Vec::new());
    for record in changed {
        let status = record.status.into();
        if let (RecipientStatus::Failed | RecipientStatus::Bounced, Some(chunk)) =
            (status, record.chunk)
        {
            campaigns.push(record.campaign.0);
            chunks.push(chunk);
        }
        raised.push(Raised {
            tenant: record.tenant.into(),
            campaign: record.campaign.into(),
            status,
        });
    }
    if !chunks.is_empty() {
        // What pauses a campaign sees late failures, too.
        sqlx::query!(
            "update campaign_chunks k set failed = (
                 select count(*) from campaigns c join campaign_messages m on m.campaign_id = c.id
                 where c.id = k.campaign_id and m.chunk = k.number and m.status in ('FAILED', 'BOUNCED')
                     and coalesce(m.updated_at >= c.judged_from, true))
             where (k.campaign_id, k.number) in (select * from unnest($1::uuid[], $2::integer[]))",
            &campaigns,
            &chunks
        )
        .execute(connection)
        .await?;
    }
    Ok(raised)
}

async fn events(connection: &mut PgConnection, news: &[&News]) -> Result<(), StoreError> {
    let ids: Vec<Uuid> = news.iter().map(|one| one.id).collect();
    let tenants: Vec<Uuid> = news.iter().map(|one| one.tenant.0).collect();
    let messages: Vec<Uuid> = news.iter().map(|one| one.message.0).collect();
    let kinds: Vec<&str> = news
        .iter()
        .map(|one| event(one.kind).map_or("", CampaignEventType::name))
        .collect();
    let details: Vec<Option<String>> = news
        .iter()
        .map(|one| one.detail.as_deref().map(|text| preview(text, MAX_TEXT)))
        .collect();
    let times: Vec<DateTime<Utc>> = news.iter().map(|one| one.at.to_datetime()).collect();
    let added = sqlx::query!(
        r#"insert into campaign_events (id, tenant_id, campaign_id, message_id, contact_id, event_type, detail, at)
           select i.id, m.tenant_id, m.campaign_id, m.id, m.contact_id, i.kind, i.detail, i.at
           from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::timestamptz[])
                as i (id, tenant_id, message_id, kind, detail, at)
           join campaign_messages m on m.id = i.message_id and m.tenant_id = i.tenant_id
           order by i.id
           on conflict (id) do nothing
           returning tenant_id, campaign_id, message_id, contact_id, event_type as "kind: Name<CampaignEventType>", at"#,
        &ids,
        &tenants,
        &messages,
        &kinds as &[&str],
        &details as &[Option<String>],
        &times
    )
    .fetch_all(&mut *connection)
    .await?;
    let refusals: Vec<Refusal> = added
        .into_iter()
        .filter_map(|record| {
            let reason = match record.kind.into() {
                CampaignEventType::Complaint => SuppressionReason::Complained,
                CampaignEventType::Unsubscribe => SuppressionReason::OptedOut,
                _ => return None,
            };
            Some(Refusal {
                tenant: record.tenant_id,
                campaign: record.campaign_id,
                message: record.message_id,
                contact: record.contact_id,
                at: record.at.into(),
                reason,
                wish: Wish::Everything,
            })
        })
        .collect();
    refuse(connection, &refusals).await
}
