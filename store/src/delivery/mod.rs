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
//! receipts (raise): sent ▶ bounced or failed ▶ delivered ▶ read, upwards only
//! begin, to a suppressed recipient: failed at once, and nothing is sent
//! ```
//!
//! Invariants:
//! - The rank only rises, except along the drawn ways of a retry: `record(Queued)`, `take_ambiguous`, `Resend`, `reopen`.
//! - `sending` is committed before the provider is called, so a row that is merely `claimed` was not sent.
//! - Each claim raises `attempt`; a result of an earlier attempt can only tell that it *was* sent.
//! - Who is slow and alive renews its lease ([`renew`]); only the lease of one who is dead or cut off runs out.
//! - Calls may be repeated, and every one is a single statement on many messages.
//!
//! `owner` names one running process; a restarted process may keep its name, since what it was doing
//! before is over. Deliberately absent: which channel resends and which holds (`sinks`).

mod desk;
mod receipt;
mod record;
mod waiting;

use std::time::Duration;

use schemas::{
    ChannelId, ChannelKind, ConversationId, DeliveryState, MessageId, SuppressionReason, TenantId,
    Timestamp,
};
use sqlx::types::chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::{
    Store, StoreError,
    column::{Id, MaybeName, Name},
    suppression,
};

pub use desk::{DeliveryRow, Resolution, counts, get, list, reopen, resolve_unknown};
pub use receipt::{Receipt, raise};
pub(crate) use receipt::{Watermark, raise_on, reached};
pub(crate) use record::reference;
pub use record::{DeliveryResult, Echo, record};
pub use waiting::{Waiting, leave, wait, waiting};

/// A retry counts as due this much early: the broker's clock that woke it is not the database's.
const EARLY_S: f64 = 1.0;

/// A message somebody wants to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim<'a> {
    pub message: MessageId,
    pub tenant: TenantId,
    pub channel: ChannelId,
    pub kind: ChannelKind,
    pub conversation: ConversationId,
    /// Whom it goes to; [`begin`] sends nothing to who is suppressed ([`crate::suppression`]).
    pub recipient: &'a str,
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
    /// Its recipient must not be written to: it has failed, and the ledger says so.
    Suppressed(SuppressionReason),
}

/// Claims messages that are sent at once: what is answered with [`Verdict::Send`] is `sending` already,
/// as after [`mark_sending`]. Otherwise as [`claim`]. Only here suppressions count: what was begun by another and is
/// taken by [`take_ambiguous`] goes on.
///
/// # Errors
/// [`StoreError::Unavailable`]; send nothing then.
pub async fn begin(
    store: &Store,
    claims: &[Claim<'_>],
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
    claims: &[Claim<'_>],
    owner: &str,
    lease: Duration,
) -> Result<Vec<Claimed>, StoreError> {
    take(store, claims, owner, lease, DeliveryState::Claimed).await
}

async fn take(
    store: &Store,
    claims: &[Claim<'_>],
    owner: &str,
    lease: Duration,
    state: DeliveryState,
) -> Result<Vec<Claimed>, StoreError> {
    let mut seen = std::collections::HashSet::with_capacity(claims.len());
    let distinct: Vec<&Claim<'_>> = claims
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
    let kinds: Vec<String> = distinct
        .iter()
        .map(|claim| claim.kind.address_kind().to_owned())
        .collect();
    // What is merely claimed is asked about when it begins.
    let recipients: Vec<String> = distinct
        .iter()
        .map(|claim| match state {
            DeliveryState::Sending => suppression::canonical(claim.kind, claim.recipient),
            _ => String::new(),
        })
        .collect();
    retry!({
        // The outer select sees the rows as they were before this statement; those it changed are in `taken`.
        let records = sqlx::query!(
            r#"with input as (
                   select i.message_id, i.tenant_id, i.channel_id, i.conversation_id, i.place, (
                       select s.reason from comm_suppressions s
                       where i.address <> '' and s.tenant_id = i.tenant_id and s.kind = i.kind and s.address = i.address
                           and (s.channel_id = i.channel_id or s.channel_id is null)
                           and s.scope = 'all' and s.lifted_at is null and (s.expires_at is null or s.expires_at > now())
                       limit 1) as suppressed
                   from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $10::text[], $11::text[]) with ordinality
                        as i (message_id, tenant_id, channel_id, conversation_id, kind, address, place)
               ), taken as (
                   insert into deliveries as d (message_id, tenant_id, channel_id, conversation_id, state, rank, owner,
                       lease_until, error_class, detail)
                   select message_id, tenant_id, channel_id, conversation_id,
                       case when suppressed is null then $8 else 'failed' end,
                       case when suppressed is null then $9 else 4::smallint end,
                       case when suppressed is null then $5 end,
                       case when suppressed is null then now() + make_interval(secs => $6) end,
                       case when suppressed is not null then 'suppressed' end,
                       'suppressed: the recipient must not be written to (' || suppressed || ')'
                   from input order by message_id
                   on conflict (message_id) do update set
                       state = excluded.state, rank = excluded.rank, owner = excluded.owner, lease_until = excluded.lease_until,
                       error_class = coalesce(excluded.error_class, d.error_class),
                       detail = coalesce(excluded.detail, d.detail),
                       attempt = d.attempt + 1, next_try_at = null, updated_at = now()
                   where d.tenant_id = excluded.tenant_id and (
                       (d.state = 'queued' and coalesce(d.next_try_at <= now() + make_interval(secs => $7), true))
                       or (d.state = 'claimed' and (d.lease_until <= now() or d.owner = $5)))
                   returning d.message_id, d.attempt
               )
               select t.attempt as "attempt?", d.state as "state?: Name<DeliveryState>",
                   (d.lease_until <= now() or d.owner = $5) as lapsed,
                   i.suppressed as "suppressed!: MaybeName<SuppressionReason>",
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
            state.rank(),
            &kinds,
            &recipients
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
                    record.suppressed.into(),
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
    suppressed: Option<SuppressionReason>,
    state: Option<DeliveryState>,
    lapsed: bool,
    lease_until: Option<DateTime<Utc>>,
    next_try_at: Option<DateTime<Utc>>,
    fallback: DateTime<Utc>,
) -> Verdict {
    use DeliveryState as S;
    if let Some(attempt) = attempt {
        let attempt = u32::try_from(attempt).unwrap_or(u32::MAX);
        return suppressed.map_or(Verdict::Send { attempt }, Verdict::Suppressed);
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

/// Begins the leases anew of what is still being sent: as long as somebody does so, nobody else takes it for ambiguous.
/// Also of those that lapsed meanwhile and were taken by nobody. Those that are still `owner`'s.
///
/// # Errors
/// [`StoreError::Unavailable`]; the leases go on as they were.
pub async fn renew(
    store: &Store,
    messages: &[MessageId],
    owner: &str,
    lease: Duration,
) -> Result<Vec<MessageId>, StoreError> {
    let ids = uuids(messages);
    retry!({
        Ok(sqlx::query_scalar!(
            r#"update deliveries set lease_until = now() + make_interval(secs => $3)
               where message_id = any($1) and owner = $2 and state = 'sending'
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
