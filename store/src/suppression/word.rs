//! What is said about addresses, by themselves and by platforms: in any order, and more than once.

use std::collections::HashSet;

use schemas::{
    About, ChannelId, ChannelKind, ConversationId, SuppressionReason, SuppressionScope, TenantId,
    Timestamp, TrackEvent, TrackKind,
};
use sqlx::{
    PgConnection,
    types::chrono::{DateTime, Utc},
};
use uuid::Uuid;

use super::{MAX_ADDRESS_BYTES, canonical};
use crate::{
    StoreError,
    text::{clean, preview},
};

/// Longest reason kept, in characters; see `comm_suppressions_detail_check`.
const MAX_TEXT: usize = 500;
/// A reason that begins so is about campaigns alone.
const MARKETING: &str = "marketing";

/// That an address is to be suppressed, or not any more.
#[derive(Clone, Debug)]
pub(crate) struct Word {
    tenant: TenantId,
    channel: ChannelId,
    /// Holds on every channel of the kind.
    is_wide: bool,
    conversation: ConversationId,
    address: String,
    reason: SuppressionReason,
    scope: SuppressionScope,
    lifts: bool,
    at: Timestamp,
    detail: Option<String>,
}

/// What an event says about an address; an address that comes back is welcome in spite of two reasons.
pub(crate) fn words(event: &TrackEvent) -> Vec<Word> {
    use SuppressionReason as R;
    let About::Address(address) = &event.about else {
        return Vec::new();
    };
    let address = clean(address);
    if address.is_empty() || address.len() > MAX_ADDRESS_BYTES {
        return Vec::new();
    }
    let (reasons, lifts): (&[R], bool) = match event.kind {
        TrackKind::Unsubscribed => (&[R::OptedOut], false),
        TrackKind::Blocked => (&[R::Blocked], false),
        TrackKind::Complained => (&[R::Complained], false),
        TrackKind::Bounced => (&[R::Bounced], false),
        TrackKind::Resubscribed => (&[R::OptedOut, R::Blocked], true),
        _ => (&[], false),
    };
    let detail = event.detail.as_deref();
    let scope = match detail {
        Some(detail) if event.kind == TrackKind::Unsubscribed && detail.starts_with(MARKETING) => {
            SuppressionScope::Marketing
        }
        _ => SuppressionScope::All,
    };
    reasons
        .iter()
        .map(|reason| Word {
            tenant: event.tenant,
            channel: event.channel,
            // Who calls one of our messages unwanted does not want those of a sister channel.
            is_wide: *reason == R::Complained,
            conversation: event.conversation,
            address: address.clone().into_owned(),
            reason: *reason,
            scope,
            lifts,
            at: event.at,
            detail: detail.map(|text| preview(text, MAX_TEXT)),
        })
        .collect()
}

/// Writes words down. Of two about the same the newer counts; at the same time, the one that suppresses.
pub(crate) async fn apply(
    connection: &mut PgConnection,
    mut words: Vec<Word>,
) -> Result<(), StoreError> {
    words.sort_by_key(|word| (word.at, word.lifts));
    while !words.is_empty() {
        // A statement may touch a row once: another word about it waits for the next.
        let mut seen = HashSet::new();
        let (now, later) = words.into_iter().partition(|word: &Word| {
            let channel = (!word.is_wide).then_some(word.channel);
            let address = word.address.to_ascii_lowercase();
            seen.insert((word.tenant, channel, address, word.reason))
        });
        write(connection, now).await?;
        words = later;
    }
    Ok(())
}

async fn write(connection: &mut PgConnection, mut words: Vec<Word>) -> Result<(), StoreError> {
    // In one order, so that two writers do not wait for each other.
    words.sort_by(|a, b| {
        (a.tenant, a.channel, &a.address, a.reason)
            .cmp(&(b.tenant, b.channel, &b.address, b.reason))
    });
    let uuids = |of: fn(&Word) -> Uuid| -> Vec<Uuid> { words.iter().map(of).collect() };
    let texts =
        |of: fn(&Word) -> &str| -> Vec<String> { words.iter().map(|w| of(w).to_owned()).collect() };
    let tenants = uuids(|word| word.tenant.0);
    let channels = uuids(|word| word.channel.0);
    let conversations = uuids(|word| word.conversation.0);
    let addresses = texts(|word| &word.address);
    let reasons = texts(|word| word.reason.name());
    let scopes = texts(|word| word.scope.name());
    let wide: Vec<bool> = words.iter().map(|word| word.is_wide).collect();
    let lifts: Vec<bool> = words.iter().map(|word| word.lifts).collect();
    let times: Vec<DateTime<Utc>> = words.iter().map(|word| word.at.to_datetime()).collect();
    let details: Vec<Option<String>> = words.iter().map(|word| word.detail.clone()).collect();
    // Somebody who wrote after it was not blocked any more.
    sqlx::query!(
        r#"insert into comm_suppressions as s (tenant_id, channel_id, kind, address, reason, scope, detail, created_at, said_at,
               lifted_at)
           select w.tenant_id, case when w.wide then null else w.channel_id end, address_kind(c.type),
               case when c.type in ('email', 'gmail') then lower(w.address collate "C") else w.address end,
               w.reason, w.scope, w.detail, w.at, w.at, case when w.lifts then w.at end
           from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::boolean[], $8::boolean[],
                       $9::timestamptz[], $10::text[]) with ordinality
                as w (tenant_id, channel_id, conversation_id, address, reason, scope, wide, lifts, at, detail, place)
           join comm_channels c on c.tenant_id = w.tenant_id and c.id = w.channel_id
           where w.reason <> 'blocked' or w.lifts or not exists (
               select from comm_conversations v where v.id = w.conversation_id and v.tenant_id = w.tenant_id
                   and v.participant_id = w.address and v.last_inbound_at > w.at)
           order by w.place
           on conflict on constraint comm_suppressions_address_key do update set
               scope = case when s.lifted_at is null and excluded.lifted_at is null and s.scope = 'all' then 'all'
                   else excluded.scope end,
               detail = excluded.detail,
               created_at = case when s.lifted_at is null then s.created_at else excluded.created_at end,
               said_at = excluded.said_at,
               lifted_at = excluded.lifted_at,
               expires_at = case when excluded.lifted_at is null then null else s.expires_at end
           where s.said_at < excluded.said_at
               or (s.said_at = excluded.said_at and s.lifted_at is not null and excluded.lifted_at is null)"#,
        &tenants,
        &channels,
        &conversations,
        &addresses,
        &reasons,
        &scopes,
        &wide,
        &lifts,
        &times,
        &details as &[Option<String>]
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// That somebody wrote to us.
pub(crate) struct Heard<'a> {
    pub(crate) tenant: TenantId,
    pub(crate) channel: ChannelId,
    pub(crate) kind: ChannelKind,
    pub(crate) address: &'a str,
    pub(crate) at: Timestamp,
}

/// Who writes does not block us any more.
pub(crate) async fn heard_from(
    connection: &mut PgConnection,
    heard: &[Heard<'_>],
) -> Result<(), StoreError> {
    if heard.is_empty() {
        return Ok(());
    }
    let tenants: Vec<Uuid> = heard.iter().map(|h| h.tenant.0).collect();
    let channels: Vec<Uuid> = heard.iter().map(|h| h.channel.0).collect();
    let kinds: Vec<String> = heard
        .iter()
        .map(|h| h.kind.address_kind().to_owned())
        .collect();
    let addresses: Vec<String> = heard.iter().map(|h| canonical(h.kind, h.address)).collect();
    let times: Vec<DateTime<Utc>> = heard.iter().map(|h| h.at.to_datetime()).collect();
    sqlx::query!(
        "update comm_suppressions s set lifted_at = h.at, said_at = h.at
         from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::timestamptz[])
              as h (tenant_id, channel_id, kind, address, at)
         where s.tenant_id = h.tenant_id and s.kind = h.kind and s.address = h.address
             and (s.channel_id is null or s.channel_id = h.channel_id)
             and s.reason = 'blocked' and s.lifted_at is null and s.said_at < h.at",
        &tenants,
        &channels,
        &kinds,
        &addresses,
        &times
    )
    .execute(connection)
    .await?;
    Ok(())
}
