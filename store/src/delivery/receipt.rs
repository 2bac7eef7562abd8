//! What platforms tell later of messages they took: it only raises.
//!
//! Of a message that left in parts, the first receipt of any part speaks for all of it.

use schemas::{ConversationId, DeliveryState, MessageId, TenantId, Timestamp};
use sqlx::types::chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::{Store, StoreError, column::Id, text::preview};

/// Messages of a conversation that one "all up to here" reaches back over.
const REACH: i64 = 200;
/// Longest reason kept, in characters.
const MAX_TEXT: usize = 500;

/// Later knowledge about a message that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    pub tenant: TenantId,
    pub message: MessageId,
    /// As [`DeliveryState::receipt_rank`] has it: `Failed` is a late failure, and what has no rank there changes nothing.
    pub state: DeliveryState,
    pub at: Timestamp,
    /// Why it failed: a code or a reason, never content.
    pub detail: Option<String>,
}

/// Later knowledge about all that was sent to a conversation up to a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Watermark {
    pub(crate) tenant: TenantId,
    pub(crate) conversation: ConversationId,
    pub(crate) state: DeliveryState,
    pub(crate) at: Timestamp,
}

/// Notes receipts; how many rows rose.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn raise(store: &Store, receipts: &[Receipt]) -> Result<u64, StoreError> {
    retry!({
        let mut connection = store.pool.acquire().await?;
        Ok(raise_on(&mut connection, receipts).await?.raised)
    })
}

/// What became of receipts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Noted {
    /// Rows that rose.
    pub(crate) raised: u64,
    /// Receipts of messages that have no row here: a campaign's, perhaps.
    pub(crate) unmatched: Vec<Receipt>,
}

pub(crate) async fn raise_on(
    connection: &mut sqlx::PgConnection,
    receipts: &[Receipt],
) -> Result<Noted, StoreError> {
    let mut ids: Vec<Uuid> = Vec::with_capacity(receipts.len());
    let mut tenants = Vec::with_capacity(receipts.len());
    let mut states = Vec::with_capacity(receipts.len());
    let mut ranks = Vec::with_capacity(receipts.len());
    let mut times = Vec::with_capacity(receipts.len());
    let mut details: Vec<Option<String>> = Vec::with_capacity(receipts.len());
    for receipt in receipts {
        let Some(rank) = receipt.state.receipt_rank() else {
            continue;
        };
        ids.push(receipt.message.0);
        tenants.push(receipt.tenant.0);
        states.push(receipt.state.name().to_owned());
        ranks.push(rank);
        times.push(receipt.at.to_datetime());
        let detail = receipt.detail.as_deref();
        details.push(detail.map(|text| preview(text, MAX_TEXT)));
    }
    if ids.is_empty() {
        return Ok(Noted::default());
    }
    // One row for each message: the highest state, and when each of the three was reached.
    let done = sqlx::query!(
        r#"with receipts as (
             select i.message_id, i.tenant_id, max(i.rank) as rank,
                 (array_agg(i.state order by i.rank desc, i.state desc))[1] as state,
                 (array_agg(i.detail order by i.rank desc, i.state desc))[1] as detail,
                 min(i.at) filter (where i.state not in ('bounced', 'failed')) as sent_at,
                 min(i.at) filter (where i.state in ('delivered', 'read')) as delivered_at,
                 min(i.at) filter (where i.state = 'read') as read_at
             from unnest($1::uuid[], $2::uuid[], $3::text[], $4::smallint[], $5::timestamptz[], $6::text[])
                  as i (message_id, tenant_id, state, rank, at, detail)
             group by i.message_id, i.tenant_id
         ), locked as (
             select d.message_id from deliveries d join receipts r using (message_id, tenant_id)
             where d.rank < r.rank order by d.message_id for no key update of d
         ), risen as (
         update deliveries d set
             state = r.state, rank = r.rank, owner = null, lease_until = null, next_try_at = null,
             error_class = case when r.state in ('bounced', 'failed') then 'receipt' end,
             detail = case when r.state in ('bounced', 'failed') then r.detail end,
             sent_at = coalesce(d.sent_at, r.sent_at),
             delivered_at = coalesce(d.delivered_at, r.delivered_at),
             read_at = coalesce(d.read_at, r.read_at),
             updated_at = now()
         from receipts r join locked using (message_id)
         where d.message_id = r.message_id and d.tenant_id = r.tenant_id and d.rank < r.rank
         returning d.message_id
         )
         select (select count(*) from risen) as "raised!", array(
             select r.message_id from receipts r where not exists (
                 select from deliveries d where d.message_id = r.message_id)) as "unmatched!""#,
        &ids,
        &tenants,
        &states,
        &ranks,
        &times,
        &details as &[Option<String>]
    )
    .fetch_one(connection)
    .await?;
    let is_unmatched = |receipt: &&Receipt| done.unmatched.contains(&receipt.message.0);
    Ok(Noted {
        raised: done.raised.unsigned_abs(),
        unmatched: match done.unmatched.is_empty() {
            true => Vec::new(),
            false => receipts.iter().filter(is_unmatched).cloned().collect(),
        },
    })
}

/// The receipts that watermarks stand for. They reach what was sent and not refused, among the conversation's newest 200
/// outbound messages; what was tried again counts from when it was sent.
pub(crate) async fn reached(
    connection: &mut sqlx::PgConnection,
    watermarks: &[Watermark],
) -> Result<Vec<Receipt>, StoreError> {
    if watermarks.is_empty() {
        return Ok(Vec::new());
    }
    let tenants: Vec<Uuid> = watermarks.iter().map(|w| w.tenant.0).collect();
    let conversations: Vec<Uuid> = watermarks.iter().map(|w| w.conversation.0).collect();
    let times: Vec<DateTime<Utc>> = watermarks.iter().map(|w| w.at.to_datetime()).collect();
    let ranks: Vec<i16> = watermarks
        .iter()
        .map(|w| w.state.receipt_rank().unwrap_or(i16::MIN))
        .collect();
    let found = sqlx::query!(
        r#"select w.place as "place!", d.message_id as "message: Id"
           from unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::smallint[]) with ordinality
                as w (tenant_id, conversation_id, at, rank, place)
           cross join lateral (
               select m.id from comm_messages m
               where m.conversation_id = w.conversation_id and m.tenant_id = w.tenant_id and m.direction = 'outbound'
               order by m.position desc limit $5
           ) m
           join deliveries d on d.message_id = m.id and d.tenant_id = w.tenant_id
           where d.rank < w.rank and d.state in ('sent', 'delivered')
               and d.created_at <= w.at and (d.attempt = 1 or d.sent_at <= w.at)"#,
        &tenants,
        &conversations,
        &times,
        &ranks,
        REACH
    )
    .fetch_all(connection)
    .await?;
    Ok(found
        .into_iter()
        .filter_map(|record| {
            let place = usize::try_from(record.place).ok()?.checked_sub(1)?;
            let watermark = watermarks.get(place)?;
            Some(Receipt {
                tenant: watermark.tenant,
                message: record.message.into(),
                state: watermark.state,
                at: watermark.at,
                detail: None,
            })
        })
        .collect())
}
