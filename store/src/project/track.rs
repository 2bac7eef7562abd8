//! Tracking events: the list of them, what they raise in the ledger, and the counters.

use schemas::{DeliveryState, TrackEvent};
use sqlx::types::chrono::{DateTime, Utc};
use uuid::Uuid;

use super::Projected;
use crate::{
    Store, StoreError,
    delivery::{self, Receipt},
    text::preview,
};

/// Longest detail kept, in characters.
const MAX_TEXT: usize = 500;

pub(super) async fn write(store: &Store, events: &[TrackEvent]) -> Result<Projected, StoreError> {
    if events.is_empty() {
        return Ok(Projected::default());
    }
    // By id, so that two writers meet the same rows in the same order.
    let mut sorted: Vec<&TrackEvent> = events.iter().collect();
    sorted.sort_by_key(|event| event.id);
    sorted.dedup_by_key(|event| event.id);
    retry!({ write_once(store, &sorted).await })
}

async fn write_once(store: &Store, events: &[&TrackEvent]) -> Result<Projected, StoreError> {
    let mut transaction = store.pool.begin().await?;
    let uuids = |of: fn(&TrackEvent) -> Uuid| -> Vec<Uuid> {
        events.iter().map(|event| of(event)).collect()
    };
    let texts = |of: fn(&TrackEvent) -> Option<&str>| -> Vec<Option<String>> {
        events
            .iter()
            .map(|event| of(event).map(|text| preview(text, MAX_TEXT)))
            .collect()
    };
    let ids = uuids(|event| event.id);
    let tenants = uuids(|event| event.tenant.0);
    let channels = uuids(|event| event.channel.0);
    let conversations = uuids(|event| event.conversation.0);
    let messages = uuids(|event| event.message.0);
    let contexts = texts(|event| Some(event.context.name()));
    let kinds = texts(|event| Some(event.kind.name()));
    let providers = texts(|event| event.provider_id.as_deref());
    let details = texts(|event| event.detail.as_deref());
    let times: Vec<DateTime<Utc>> = events.iter().map(|event| event.at.to_datetime()).collect();
    let done = sqlx::query!(
        r#"with added as (
               insert into tracking_events (id, tenant_id, channel_id, conversation_id, message_id, context, event_type, at,
                   provider_id, detail)
               select i.id, i.tenant_id, i.channel_id, i.conversation_id, i.message_id, i.context, i.kind, i.at, i.provider,
                   i.detail
               from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[], $6::text[], $7::text[],
                           $8::timestamptz[], $9::text[], $10::text[]) with ordinality
                    as i (id, tenant_id, channel_id, conversation_id, message_id, context, kind, at, provider, detail, place)
               join comm_channels c on c.tenant_id = i.tenant_id and c.id = i.channel_id
               order by i.place
               on conflict (id) do nothing
               returning tenant_id, channel_id, event_type, at
           ), counted as (
               insert into comm_analytics as a (tenant_id, channel_id, day, messages_delivered, messages_read, messages_failed,
                   messages_dropped)
               select tenant_id, channel_id, (at at time zone 'utc')::date,
                   count(*) filter (where event_type = 'delivered'), count(*) filter (where event_type = 'read'),
                   count(*) filter (where event_type in ('failed', 'bounced')), count(*) filter (where event_type = 'dropped')
               from added where event_type in ('delivered', 'read', 'failed', 'bounced', 'dropped')
               group by 1, 2, 3 order by 2, 3
               on conflict (tenant_id, channel_id, day) do update set
                   messages_delivered = a.messages_delivered + excluded.messages_delivered,
                   messages_read = a.messages_read + excluded.messages_read,
                   messages_failed = a.messages_failed + excluded.messages_failed,
                   messages_dropped = a.messages_dropped + excluded.messages_dropped
           )
           select count(*) as "count!" from added"#,
        &ids,
        &tenants,
        &channels,
        &conversations,
        &messages,
        &contexts as &[Option<String>],
        &kinds as &[Option<String>],
        &times,
        &providers as &[Option<String>],
        &details as &[Option<String>]
    )
    .fetch_one(&mut *transaction)
    .await?;
    let receipts: Vec<Receipt> = events
        .iter()
        .filter_map(|event| {
            Some(Receipt {
                tenant: event.tenant,
                message: event.message,
                state: DeliveryState::of(event.kind)?,
                at: event.at,
            })
        })
        .collect();
    delivery::raise_on(&mut transaction, &receipts).await?;
    transaction.commit().await?;
    Ok(Projected {
        inserted: done.count.unsigned_abs(),
        edited: 0,
        skipped: 0,
    })
}
