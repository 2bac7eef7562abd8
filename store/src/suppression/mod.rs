//! Addresses that must not be written to: what people and the gateway see of them.
//!
//! Invariants:
//! - For each address, reason and channel (or kind of channel) there is one row, and it tells the last word said: an
//!   older word changes nothing, in whatever order words come (`word`).
//! - A suppression that was lifted stays as a row, unseen, and so does one that expired.
//!
//! What a suppression stops is decided in [`crate::delivery::begin`].

mod word;

use schemas::{
    ChannelId, ChannelKind, SuppressionId, SuppressionReason, SuppressionScope, TenantId, Timestamp,
};
use sqlx::types::chrono::{DateTime, Utc};
use uuid::Uuid;

pub(crate) use self::word::{Heard, apply, heard_from, words};
use crate::{
    Cursor, Page, Store, StoreError,
    column::{Id, MaybeId, MaybeTime, Name},
    page,
};

/// Longest address, in bytes; see `comm_suppressions_address_check`.
pub const MAX_ADDRESS_BYTES: usize = 1024;

/// A row of `comm_suppressions` that holds.
#[derive(Clone, Debug, PartialEq)]
pub struct SuppressionRow {
    pub id: SuppressionId,
    /// Order of the list.
    pub seq: i64,
    pub tenant_id: TenantId,
    /// None: every channel of the kind.
    pub channel_id: Option<ChannelId>,
    /// As `ChannelKind::address_kind` says.
    pub kind: String,
    pub address: String,
    pub reason: SuppressionReason,
    pub scope: SuppressionScope,
    pub detail: Option<String>,
    pub created_at: Timestamp,
    pub expires_at: Option<Timestamp>,
}

/// Where a suppression holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    Channel(ChannelId),
    /// Every channel of the kind.
    Kind(ChannelKind),
}

/// A suppression to be made.
#[derive(Clone, Debug)]
pub struct SuppressionNew {
    pub reach: Reach,
    pub address: String,
    pub reason: SuppressionReason,
    pub scope: SuppressionScope,
    pub detail: Option<String>,
    pub expires_at: Option<Timestamp>,
}

/// Which suppressions; all that is given must hold.
#[derive(Clone, Debug, Default)]
pub struct SuppressionFilter {
    /// Those that hold on this channel, be it for its kind.
    pub channel_id: Option<ChannelId>,
    pub address: Option<String>,
    pub reason: Option<SuppressionReason>,
}

/// An address as it is kept and compared: addresses of e-mail without regard to case.
pub(crate) fn canonical(kind: ChannelKind, address: &str) -> String {
    let address = crate::text::clean(address);
    match kind {
        ChannelKind::Email | ChannelKind::Gmail => address.to_ascii_lowercase(),
        _ => address.into_owned(),
    }
}

/// Makes a suppression, or gives the one that is there for the same address and reason what is said now.
///
/// # Errors
/// [`StoreError::NotFound`] for a channel that is not the tenant's; [`StoreError::Invalid`] for an address that is empty
/// or too long.
pub async fn create(
    store: &Store,
    tenant: TenantId,
    new: SuppressionNew,
) -> Result<SuppressionRow, StoreError> {
    let (channel, kind) = match new.reach {
        Reach::Kind(kind) => (None, kind),
        Reach::Channel(channel) => {
            let row = crate::channel::get(store, tenant, channel).await?;
            (Some(channel.0), row.kind)
        }
    };
    Ok(sqlx::query_as!(
        SuppressionRow,
        r#"insert into comm_suppressions as s (tenant_id, channel_id, kind, address, reason, scope, detail, expires_at)
           values ($1, $2, $3, $4, $5, $6, $7, $8)
           on conflict on constraint comm_suppressions_address_key do update set
               scope = excluded.scope, detail = excluded.detail, expires_at = excluded.expires_at, lifted_at = null,
               said_at = greatest(s.said_at, excluded.said_at),
               created_at = case when s.lifted_at is null then s.created_at else excluded.created_at end
           returning id as "id: Id", seq, tenant_id as "tenant_id: Id", channel_id as "channel_id!: MaybeId",
               kind, address, reason as "reason: Name<SuppressionReason>",
               scope as "scope: Name<SuppressionScope>", detail, created_at, expires_at as "expires_at!: MaybeTime""#,
        tenant.0,
        channel,
        kind.address_kind(),
        canonical(kind, &new.address),
        new.reason.name(),
        new.scope.name(),
        new.detail,
        new.expires_at.map(Timestamp::to_datetime) as Option<DateTime<Utc>>
    )
    .fetch_one(&store.pool)
    .await?)
}

/// What holds now, the newest first.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn list(
    store: &Store,
    tenant: TenantId,
    filter: &SuppressionFilter,
    cursor: Option<Cursor>,
    limit: u32,
) -> Result<Page<SuppressionRow>, StoreError> {
    let (limit, rows) = page::bounded(limit);
    let items = sqlx::query_as!(
        SuppressionRow,
        r#"select id as "id: Id", seq, tenant_id as "tenant_id: Id", channel_id as "channel_id!: MaybeId",
               kind, address, reason as "reason: Name<SuppressionReason>",
               scope as "scope: Name<SuppressionScope>", detail, created_at, expires_at as "expires_at!: MaybeTime"
           from comm_suppressions s
           where tenant_id = $1 and lifted_at is null and (expires_at is null or expires_at > now())
             and ($2::uuid is null or channel_id = $2 or (channel_id is null and kind = (
                 select address_kind(c.type) from comm_channels c where c.tenant_id = $1 and c.id = $2)))
             and ($3::text is null or address = $3 or (kind = 'email' and address = lower($3 collate "C")))
             and ($4::text is null or reason = $4)
             and seq < $5
           order by seq desc limit $6"#,
        tenant.0,
        filter.channel_id.map(|id| id.0),
        filter.address,
        filter.reason.map(SuppressionReason::name),
        cursor.unwrap_or(page::END).position,
        rows
    )
    .fetch_all(&store.pool)
    .await?;
    Ok(Page::of(items, limit, |row| Cursor {
        position: row.seq,
        id: Uuid::nil(),
    }))
}

/// Lifts a suppression; what it was.
///
/// # Errors
/// [`StoreError::NotFound`], also for one that was lifted before.
pub async fn lift(
    store: &Store,
    tenant: TenantId,
    id: SuppressionId,
) -> Result<SuppressionRow, StoreError> {
    Ok(sqlx::query_as!(
        SuppressionRow,
        r#"update comm_suppressions set lifted_at = now(), said_at = greatest(said_at, now())
           where tenant_id = $1 and id = $2 and lifted_at is null
           returning id as "id: Id", seq, tenant_id as "tenant_id: Id", channel_id as "channel_id!: MaybeId",
               kind, address, reason as "reason: Name<SuppressionReason>",
               scope as "scope: Name<SuppressionScope>", detail, created_at, expires_at as "expires_at!: MaybeTime""#,
        tenant.0,
        id.0
    )
    .fetch_one(&store.pool)
    .await?)
}
