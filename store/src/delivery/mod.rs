//! The ledger: what keeps a message from being sent twice.
//!
//! ```text
//!            claim              mark_sending             record
//! (no row) ────────▶ claimed ──────────────▶ sending ──────────────▶ sent | failed | unknown
//!                    (begin: both at once)
//!                     ▲   │ lease over:        │  │ lease over, or its owner comes again: Ambiguous
//!                     │   └─▶ claim again      │  ├─ take_ambiguous ─▶ claimed   (send again)
//!     due: claim      │                        │  └─ hold_unknown ───▶ unknown   (a person decides)
//!                   queued ◀── record(Queued) ─┘                         │
//!                     ▲            resolve_unknown(Resend)               │
//!                     └──────────────────────────────────────────────────┘
//!                    also: failed ── reopen (a dead letter goes its way again) ──▶ queued
//! receipts (raise): sent ▶ bounced ▶ delivered ▶ read, upwards only
//! ```
//!
//! Invariants:
//! - The rank only rises, except along the drawn ways of a retry: `record(Queued)`, `take_ambiguous`, `Resend`, `reopen`.
//! - `sending` is committed before the provider is called, so a row that is merely `claimed` was not sent.
//! - Each claim raises `attempt`; a result of an earlier attempt can only tell that it *was* sent.
//! - Calls may be repeated, and every one is a single statement on many messages.
//!
//! `owner` names one running process; a restarted process may keep its name, since what it was doing
//! before is over. Deliberately absent: which channel resends and which holds (`sinks`).

mod desk;

use std::time::Duration;

use schemas::{ChannelId, ConversationId, DeliveryState, MessageId, TenantId, Timestamp};
use sqlx::types::chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::{
    Store, StoreError,
    column::{Id, Name},
};

pub use desk::{DeliveryRow, Resolution, counts, get, list, reopen, resolve_unknown};

/// A retry counts as due this much early: the broker's clock that woke it is not the database's.
const EARLY_S: f64 = 1.0;

/// A message somebody wants to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    pub message: MessageId,
    pub tenant: TenantId,
    pub channel: ChannelId,
    pub conversation: ConversationId,
}

/// The answer to a [`Claim`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claimed {
    pub message: MessageId,
    pub verdict: Verdict,
}

/// What to do with a claimed message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is yours until the lease ends: [`mark_sending`], then send. 1 is the first attempt.
    Send { attempt: u32 },
    /// Nothing to do; `Unknown` waits for a person.
    AlreadyDone(DeliveryState),
    /// Another sender has it.
    HeldByOther { until: Timestamp },
    /// It failed for a while and is not due again yet.
    NotYet { until: Timestamp },
    /// Its sender died while sending: [`take_ambiguous`] or [`hold_unknown`].
    Ambiguous,
}

/// What became of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryResult {
    pub message: MessageId,
    /// `Sent`, `Failed`, `Unknown`, or `Queued` for another try at `next_try_at`.
    pub state: DeliveryState,
    /// As [`Verdict::Send`] gave it.
    pub attempt: u32,
    pub provider_id: Option<String>,
    /// The platform's other ids of the message, when it left in parts.
    pub more_ids: Vec<String>,
    /// A token, e.g. `transient`, `permanent`, `rate-limited`.
    pub error_class: Option<String>,
    /// A reason for people; never content or addresses.
    pub detail: Option<String>,
    pub next_try_at: Option<Timestamp>,
}

/// Later knowledge about a message that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    pub tenant: TenantId,
    pub message: MessageId,
    /// `Sent` or higher; lower states change nothing.
    pub state: DeliveryState,
    pub at: Timestamp,
}

/// Claims messages that are sent at once: what is answered with [`Verdict::Send`] is `sending` already,
/// as after [`mark_sending`]. Otherwise as [`claim`].
///
/// # Errors
/// [`StoreError::Unavailable`]; send nothing then.
pub async fn begin(
    store: &Store,
    claims: &[Claim],
    owner: &str,
    lease: Duration,
) -> Result<Vec<Claimed>, StoreError> {
    take(store, claims, owner, lease, DeliveryState::Sending).await
}

/// Claims messages for `owner`. Answers each *distinct* message once, in the order of first appearance:
/// whoever holds the same message twice in one batch must send it once.
///
/// # Errors
/// [`StoreError::Unavailable`]; nothing is claimed then.
pub async fn claim(
    store: &Store,
    claims: &[Claim],
    owner: &str,
    lease: Duration,
) -> Result<Vec<Claimed>, StoreError> {
    take(store, claims, owner, lease, DeliveryState::Claimed).await
}

async fn take(
    store: &Store,
    claims: &[Claim],
    owner: &str,
    lease: Duration,
    state: DeliveryState,
) -> Result<Vec<Claimed>, StoreError> {
    let mut seen = std::collections::HashSet::with_capacity(claims.len());
    let distinct: Vec<&Claim> = claims
        .iter()
        .filter(|claim| seen.insert(claim.message))
        .collect();
    if distinct.is_empty() {
        return Ok(Vec::new());
    }
    let messages: Vec<Uuid> = distinct.iter().map(|claim| claim.message.0).collect();
    let tenants: Vec<Uuid> = distinct.iter().map(|claim| claim.tenant.0).collect();
    let channels: Vec<Uuid> = distinct.iter().map(|claim| claim.channel.0).collect();
    let conversations: Vec<Uuid> = distinct.iter().map(|claim| claim.conversation.0).collect();
    retry!({
        // The outer select sees the rows as they were before this statement; those it changed are in `taken`.
        let records = sqlx::query!(
            r#"with input as (
                   select i.message_id, i.tenant_id, i.channel_id, i.conversation_id, i.place
                   from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[]) with ordinality
                        as i (message_id, tenant_id, channel_id, conversation_id, place)
               ), taken as (
                   insert into deliveries as d (message_id, tenant_id, channel_id, conversation_id, state, rank, owner, lease_until)
                   select message_id, tenant_id, channel_id, conversation_id, $8, $9, $5, now() + make_interval(secs => $6)
                   from input order by message_id
                   on conflict (message_id) do update set
                       state = excluded.state, rank = excluded.rank, owner = excluded.owner, lease_until = excluded.lease_until,
                       attempt = d.attempt + 1, next_try_at = null, updated_at = now()
                   where d.tenant_id = excluded.tenant_id and (
                       (d.state = 'queued' and coalesce(d.next_try_at <= now() + make_interval(secs => $7), true))
                       or (d.state = 'claimed' and (d.lease_until <= now() or d.owner = excluded.owner)))
                   returning d.message_id, d.attempt
               )
               select t.attempt as "attempt?", d.state as "state?: Name<DeliveryState>",
                   (d.lease_until <= now() or d.owner = $5) as lapsed,
                   d.lease_until, d.next_try_at, now() + make_interval(secs => $6) as "fallback!"
               from input i
               left join taken t on t.message_id = i.message_id
               left join deliveries d on d.message_id = i.message_id and d.tenant_id = i.tenant_id
               order by i.place"#,
            &messages,
            &tenants,
            &channels,
            &conversations,
            owner,
            lease.as_secs_f64(),
            EARLY_S,
            state.name(),
            state.rank()
        )
        .fetch_all(&store.pool)
        .await?;
        Ok(distinct
            .iter()
            .zip(records)
            .map(|(claim, record)| Claimed {
                message: claim.message,
                verdict: verdict(
                    record.attempt,
                    record.state.map(DeliveryState::from),
                    record.lapsed.unwrap_or(false),
                    record.lease_until,
                    record.next_try_at,
                    record.fallback,
                ),
            })
            .collect())
    })
}

fn verdict(
    attempt: Option<i32>,
    state: Option<DeliveryState>,
    lapsed: bool,
    lease_until: Option<DateTime<Utc>>,
    next_try_at: Option<DateTime<Utc>>,
    fallback: DateTime<Utc>,
) -> Verdict {
    use DeliveryState as S;
    if let Some(attempt) = attempt {
        return Verdict::Send {
            attempt: u32::try_from(attempt).unwrap_or(u32::MAX),
        };
    }
    let held = |until: Option<DateTime<Utc>>| Verdict::HeldByOther {
        until: until.unwrap_or(fallback).into(),
    };
    match state {
        // Somebody took it in the same moment (or it is another tenant's, which no honest id is).
        None => held(None),
        Some(S::Sending) if lapsed => Verdict::Ambiguous,
        Some(S::Claimed | S::Sending) if !lapsed => held(lease_until),
        Some(S::Claimed | S::Sending) => held(None),
        Some(S::Queued) => Verdict::NotYet {
            until: next_try_at.unwrap_or(fallback).into(),
        },
        Some(done) => Verdict::AlreadyDone(done),
    }
}

/// Says that the provider is about to be called, and begins the lease anew. Send only what is answered:
/// the rest is no longer `owner`'s.
///
/// # Errors
/// [`StoreError::Unavailable`]; send nothing then.
pub async fn mark_sending(
    store: &Store,
    messages: &[MessageId],
    owner: &str,
    lease: Duration,
) -> Result<Vec<MessageId>, StoreError> {
    let ids = uuids(messages);
    retry!({
        Ok(sqlx::query_scalar!(
            r#"update deliveries set state = 'sending', rank = 2, lease_until = now() + make_interval(secs => $3), updated_at = now()
               where message_id = any($1) and owner = $2 and state = 'claimed' and lease_until > now()
               returning message_id as "id: Id""#,
            &ids,
            owner,
            lease.as_secs_f64()
        )
        .fetch_all(&store.pool)
        .await?
        .into_iter()
        .map(MessageId::from)
        .collect())
    })
}

/// Notes results; the messages whose state changed. One that is missing was overtaken: by a receipt, or
/// by a later attempt of another sender.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn record(
    store: &Store,
    results: &[DeliveryResult],
) -> Result<Vec<MessageId>, StoreError> {
    let ids: Vec<Uuid> = results.iter().map(|r| r.message.0).collect();
    let states: Vec<String> = results.iter().map(|r| r.state.name().to_owned()).collect();
    let ranks: Vec<i16> = results.iter().map(|r| r.state.rank()).collect();
    let attempts: Vec<i32> = results
        .iter()
        .map(|r| i32::try_from(r.attempt).unwrap_or(i32::MAX))
        .collect();
    let text = |of: fn(&DeliveryResult) -> &Option<String>| -> Vec<Option<String>> {
        results
            .iter()
            .map(|r| {
                of(r)
                    .as_deref()
                    .map(|text| crate::text::preview(text, MAX_TEXT))
            })
            .collect()
    };
    let providers = text(|r| &r.provider_id);
    let classes = text(|r| &r.error_class);
    let details = text(|r| &r.detail);
    let tries: Vec<Option<DateTime<Utc>>> = results
        .iter()
        .map(|r| r.next_try_at.map(Timestamp::to_datetime))
        .collect();
    retry!({
        Ok(sqlx::query_scalar!(
            r#"update deliveries d set
                   state = r.state, rank = r.rank, owner = null, lease_until = null,
                   provider_id = coalesce(r.provider_id, d.provider_id),
                   error_class = r.error_class, detail = r.detail,
                   next_try_at = case when r.state = 'queued' then coalesce(r.next_try_at, now()) end,
                   sent_at = case when r.state = 'sent' then now() else d.sent_at end,
                   updated_at = now()
               from unnest($1::uuid[], $2::text[], $3::smallint[], $4::integer[], $5::text[], $6::text[], $7::text[],
                           $8::timestamptz[])
                    as r (message_id, state, rank, attempt, provider_id, error_class, detail, next_try_at)
               where d.message_id = r.message_id and case r.state
                   when 'queued' then d.state in ('claimed', 'sending') and d.attempt = r.attempt
                   when 'failed' then r.rank > d.rank and d.attempt = r.attempt
                   when 'unknown' then r.rank > d.rank and d.attempt = r.attempt
                   else r.rank > d.rank and r.rank > 4 end
               returning d.message_id as "id: Id""#,
            &ids,
            &states,
            &ranks,
            &attempts,
            &providers as &[Option<String>],
            &classes as &[Option<String>],
            &details as &[Option<String>],
            &tries as &[Option<DateTime<Utc>>]
        )
        .fetch_all(&store.pool)
        .await?
        .into_iter()
        .map(MessageId::from)
        .collect())
    })
}

/// Longest text kept of what a provider said, in characters.
const MAX_TEXT: usize = 500;

/// Notes receipts; how many rows rose.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn raise(store: &Store, receipts: &[Receipt]) -> Result<u64, StoreError> {
    retry!({
        let mut connection = store.pool.acquire().await?;
        raise_on(&mut connection, receipts).await
    })
}

pub(crate) async fn raise_on(
    connection: &mut sqlx::PgConnection,
    receipts: &[Receipt],
) -> Result<u64, StoreError> {
    // One row for each message: the highest state, and when each of the three was reached.
    let mut ids: Vec<Uuid> = Vec::with_capacity(receipts.len());
    let mut tenants = Vec::with_capacity(receipts.len());
    let mut states = Vec::with_capacity(receipts.len());
    let mut ranks = Vec::with_capacity(receipts.len());
    let mut times = Vec::with_capacity(receipts.len());
    for receipt in receipts.iter().filter(|r| r.state >= DeliveryState::Sent) {
        ids.push(receipt.message.0);
        tenants.push(receipt.tenant.0);
        states.push(receipt.state.name().to_owned());
        ranks.push(receipt.state.rank());
        times.push(receipt.at.to_datetime());
    }
    if ids.is_empty() {
        return Ok(0);
    }
    let done = sqlx::query!(
        "with receipts as (
             select i.message_id, i.tenant_id, max(i.rank) as rank, (array_agg(i.state order by i.rank desc))[1] as state,
                 min(i.at) filter (where i.state <> 'bounced') as sent_at,
                 min(i.at) filter (where i.state in ('delivered', 'read')) as delivered_at,
                 min(i.at) filter (where i.state = 'read') as read_at
             from unnest($1::uuid[], $2::uuid[], $3::text[], $4::smallint[], $5::timestamptz[])
                  as i (message_id, tenant_id, state, rank, at)
             group by i.message_id, i.tenant_id
         ), locked as (
             select d.message_id from deliveries d join receipts r using (message_id, tenant_id)
             where d.rank < r.rank order by d.message_id for no key update of d
         )
         update deliveries d set
             state = r.state, rank = r.rank, owner = null, lease_until = null, next_try_at = null,
             sent_at = coalesce(d.sent_at, r.sent_at),
             delivered_at = coalesce(d.delivered_at, r.delivered_at),
             read_at = coalesce(d.read_at, r.read_at),
             updated_at = now()
         from receipts r join locked using (message_id)
         where d.message_id = r.message_id and d.tenant_id = r.tenant_id and d.rank < r.rank",
        &ids,
        &tenants,
        &states,
        &ranks,
        &times
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected())
}

/// Takes ambiguous messages to send them again; those taken, with their new attempt. They are
/// `claimed` again.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn take_ambiguous(
    store: &Store,
    messages: &[MessageId],
    owner: &str,
    lease: Duration,
) -> Result<Vec<(MessageId, u32)>, StoreError> {
    let ids = uuids(messages);
    retry!({
        Ok(sqlx::query!(
            r#"update deliveries set state = 'claimed', rank = 1, owner = $2, lease_until = now() + make_interval(secs => $3),
                   attempt = attempt + 1, updated_at = now()
               where message_id = any($1) and state = 'sending' and (lease_until <= now() or owner = $2)
               returning message_id as "id: Id", attempt"#,
            &ids,
            owner,
            lease.as_secs_f64()
        )
        .fetch_all(&store.pool)
        .await?
        .into_iter()
        .map(|record| (record.id.into(), u32::try_from(record.attempt).unwrap_or(u32::MAX)))
        .collect())
    })
}

/// Leaves ambiguous messages to a person; those held.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn hold_unknown(
    store: &Store,
    messages: &[MessageId],
    owner: &str,
) -> Result<Vec<MessageId>, StoreError> {
    let ids = uuids(messages);
    retry!({
        Ok(sqlx::query_scalar!(
            r#"update deliveries set state = 'unknown', rank = 3, owner = null, lease_until = null, updated_at = now(),
                   error_class = 'ambiguous', detail = 'the sender stopped while sending'
               where message_id = any($1) and state = 'sending' and (lease_until <= now() or owner = $2)
               returning message_id as "id: Id""#,
            &ids,
            owner
        )
        .fetch_all(&store.pool)
        .await?
        .into_iter()
        .map(MessageId::from)
        .collect())
    })
}

fn uuids(messages: &[MessageId]) -> Vec<Uuid> {
    messages.iter().map(|message| message.0).collect()
}
