//! What benches and chaos runs look at: counts, orders and times of commit of one channel.
//!
//! Deliberately absent from the API: these read whole channels.

use std::collections::BTreeMap;

use schemas::{CampaignId, ChannelId, ListId, TenantId};

use crate::{Store, StoreError};

/// Messages of a channel, both directions.
///
/// # Errors
/// [`StoreError`].
pub async fn count(store: &Store, tenant: TenantId, channel: ChannelId) -> Result<u64, StoreError> {
    let count = sqlx::query_scalar!(
        r#"select count(*) as "count!" from comm_messages where tenant_id = $1 and channel_id = $2"#,
        tenant.0,
        channel.0
    )
    .fetch_one(&store.pool)
    .await?;
    Ok(u64::try_from(count).unwrap_or(0))
}

/// Inbound messages of a channel in conversation order: conversation and the platform's message id.
///
/// # Errors
/// [`StoreError`].
pub async fn orders(
    store: &Store,
    tenant: TenantId,
    channel: ChannelId,
) -> Result<Vec<(String, String)>, StoreError> {
    let rows = sqlx::query!(
        r#"select conversation_id::text as "conversation!", coalesce(platform_message_id, '') as "platform_id!"
           from comm_messages
           where tenant_id = $1 and channel_id = $2 and direction = 'inbound'
           order by conversation_id, position, id"#,
        tenant.0,
        channel.0
    )
    .fetch_all(&store.pool)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.conversation, row.platform_id))
        .collect())
}

/// Inbound messages as the conversations of a channel count them (the sum of their unread counts):
/// equal to the rows when every message was counted once.
///
/// # Errors
/// [`StoreError`].
pub async fn counted(
    store: &Store,
    tenant: TenantId,
    channel: ChannelId,
) -> Result<i64, StoreError> {
    Ok(sqlx::query_scalar!(
        r#"select coalesce(sum(unread_count), 0)::bigint as "sum!" from comm_conversations
           where tenant_id = $1 and channel_id = $2"#,
        tenant.0,
        channel.0
    )
    .fetch_one(&store.pool)
    .await?)
}

/// When each message was committed: the platform's id and microseconds since the epoch. Needs
/// `track_commit_timestamp = on`, as `tidings up` sets it.
///
/// # Errors
/// [`StoreError`], also when the server does not keep the times.
pub async fn commit_times(
    store: &Store,
    tenant: TenantId,
    channel: ChannelId,
) -> Result<Vec<(String, i64)>, StoreError> {
    let rows = sqlx::query!(
        r#"select coalesce(platform_message_id, '') as "platform_id!",
                  (extract(epoch from pg_xact_commit_timestamp(xmin)) * 1000000)::bigint as "at!"
           from comm_messages
           where tenant_id = $1 and channel_id = $2 and direction = 'inbound'"#,
        tenant.0,
        channel.0
    )
    .fetch_all(&store.pool)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.platform_id, row.at))
        .collect())
}

/// Messages the sandbox holds of a channel, and how often the ledger tried to send them in all.
///
/// # Errors
/// [`StoreError`].
pub async fn sandbox_count(
    store: &Store,
    tenant: TenantId,
    channel: ChannelId,
) -> Result<u64, StoreError> {
    let count = sqlx::query_scalar!(
        r#"select count(*) as "count!" from sandbox_outbox where tenant_id = $1 and channel_id = $2"#,
        tenant.0,
        channel.0
    )
    .fetch_one(&store.pool)
    .await?;
    Ok(u64::try_from(count).unwrap_or(0))
}

/// When the sandbox got the messages of a bench (their text ends in their number): number and
/// microseconds since the epoch.
///
/// # Errors
/// [`StoreError`], also when the server does not keep the times.
pub async fn sandbox_times(
    store: &Store,
    tenant: TenantId,
    channel: ChannelId,
) -> Result<Vec<(i64, i64)>, StoreError> {
    let rows = sqlx::query!(
        r#"select coalesce(substring(content from '([0-9]+)\.$'), '0')::bigint as "n!",
                  (extract(epoch from pg_xact_commit_timestamp(xmin)) * 1000000)::bigint as "at!"
           from sandbox_outbox where tenant_id = $1 and channel_id = $2"#,
        tenant.0,
        channel.0
    )
    .fetch_all(&store.pool)
    .await?;
    Ok(rows.into_iter().map(|row| (row.n, row.at)).collect())
}

/// Deliveries of a channel whose state is not final.
///
/// # Errors
/// [`StoreError`].
pub async fn unfinished(
    store: &Store,
    tenant: TenantId,
    channel: ChannelId,
) -> Result<i64, StoreError> {
    Ok(sqlx::query_scalar!(
        r#"select count(*) as "count!" from deliveries
           where tenant_id = $1 and channel_id = $2 and state in ('queued', 'claimed', 'sending', 'unknown')"#,
        tenant.0,
        channel.0
    )
    .fetch_one(&store.pool)
    .await?)
}

/// Makes contacts with an e-mail address and ten attributes, all on a list.
///
/// # Errors
/// [`StoreError`].
pub async fn make_contacts(
    store: &Store,
    tenant: TenantId,
    list: ListId,
    count: u64,
) -> Result<(), StoreError> {
    const AT_ONCE: i64 = 50_000;
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    let mut from = 0;
    while from < count {
        let to = (from + AT_ONCE).min(count);
        sqlx::query!(
            r#"with made as (
                   insert into contacts (id, tenant_id, name, language, attributes)
                   select md5($1::uuid::text || n)::uuid, $1, 'Ada ' || n, 'en', jsonb_build_object(
                       'first_name', 'Ada', 'last_name', 'Person ' || n, 'points', n % 1000, 'plan', 'pro', 'city', 'Wien',
                       'country', 'Austria', 'offer', n, 'customer', 'c' || n, 'shop', 'Mitte', 'adviser', 'Max')
                   from generate_series($2::bigint, $3::bigint - 1) as n
                   returning id, (attributes->>'offer')::bigint as n
               ), addressed as (
                   insert into contact_addresses (tenant_id, kind, address, contact_id, consent)
                   select $1, 'email', 'ada' || n || '@example' || n % 100 || '.org', id, 'given' from made
               )
               insert into contact_list_members (list_id, contact_id) select $4, id from made"#,
            tenant.0,
            from,
            to,
            list.0
        )
        .execute(&store.pool)
        .await?;
        from = to;
    }
    sqlx::query!("analyze contacts, contact_addresses, contact_list_members")
        .execute(&store.pool)
        .await?;
    Ok(())
}

/// How many recipients of a campaign have which status.
///
/// # Errors
/// [`StoreError`].
pub async fn campaign_outcomes(
    store: &Store,
    campaign: CampaignId,
) -> Result<BTreeMap<String, u64>, StoreError> {
    let rows = sqlx::query!(
        r#"select status, count(*) as "count!" from campaign_messages where campaign_id = $1 group by status"#,
        campaign.0
    )
    .fetch_all(&store.pool)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.status, u64::try_from(row.count).unwrap_or(0)))
        .collect())
}

/// Events of a campaign that are written.
///
/// # Errors
/// [`StoreError`].
pub async fn campaign_events(store: &Store, campaign: CampaignId) -> Result<u64, StoreError> {
    let count = sqlx::query_scalar!(
        r#"select count(*) as "count!" from campaign_events where campaign_id = $1"#,
        campaign.0
    )
    .fetch_one(&store.pool)
    .await?;
    Ok(u64::try_from(count).unwrap_or(0))
}

/// Ends the leases of a campaign's recipients who are being sent to, as if their sender had died long ago, so that their
/// chunks are due; how many recipients.
///
/// # Errors
/// [`StoreError`].
pub async fn lapse(store: &Store, campaign: CampaignId) -> Result<u64, StoreError> {
    let lapsed = sqlx::query_scalar!(
        r#"with lapsed as (
               update campaign_messages set lease_until = now() where campaign_id = $1 and status = 'SENDING' returning chunk
           ), due as (
               update campaign_chunks set due_at = now()
               where campaign_id = $1 and due_at is not null and number in (select chunk from lapsed)
           )
           select count(*) as "lapsed!" from lapsed"#,
        campaign.0
    )
    .fetch_one(&store.pool)
    .await?;
    Ok(u64::try_from(lapsed).unwrap_or(0))
}
