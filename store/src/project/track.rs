//! Tracking events: the list of them, what they raise in the ledgers, whom they suppress, and the counters.
//!
//! What a platform says names our messages by its own ids: they are looked up in `delivery_references`. What is not
//! found there, because its record is still on its way or because we never sent it, is kept under
//! [`schemas::MessageId::sent`] and looked up again later ([`super::pending`]).

use std::collections::{HashMap, HashSet};

use schemas::{About, ConversationId, DeliveryState, MessageId, TrackEvent};
use sqlx::{
    PgConnection,
    types::chrono::{DateTime, Utc},
};
use uuid::Uuid;

use super::{
    Tracked,
    aftermath::{self, News},
    pending,
};
use crate::{
    Store, StoreError,
    column::Id,
    delivery::{self, Receipt, Watermark},
    suppression,
    text::preview,
};

/// Longest detail kept, in characters.
const MAX_TEXT: usize = 500;

pub(super) async fn write(store: &Store, events: &[TrackEvent]) -> Result<Tracked, StoreError> {
    if events.is_empty() {
        return Ok(Tracked::default());
    }
    // By id, so that two writers meet the same rows in the same order.
    let mut sorted: Vec<&TrackEvent> = events.iter().collect();
    sorted.sort_by_key(|event| event.id);
    sorted.dedup_by_key(|event| event.id);
    retry!({ write_once(store, &sorted).await })
}

/// Which message, of which conversation.
type Place = (MessageId, ConversationId);

async fn write_once(store: &Store, events: &[&TrackEvent]) -> Result<Tracked, StoreError> {
    let mut transaction = store.begin().await?;
    let sent: Vec<Named<'_>> = events.iter().filter_map(|event| named(event)).collect();
    let known = look_up(&mut transaction, &sent).await?;
    let place = |event: &TrackEvent| -> Option<Place> {
        match named(event) {
            Some((_, channel, name)) => known.get(&(channel, delivery::reference(name))).copied(),
            None => Some((event.message, event.conversation)),
        }
    };
    let inserted = insert(&mut transaction, events, place).await?;

    let mut receipts: Vec<Receipt> = Vec::new();
    let mut watermarks: Vec<Watermark> = Vec::new();
    let mut words = Vec::new();
    let mut news = Vec::new();
    for event in events {
        words.extend(suppression::words(event));
        news.extend(of_campaign(event, place));
        let Some(state) = DeliveryState::of(event.kind) else {
            continue;
        };
        match &event.about {
            About::Conversation => watermarks.push(Watermark {
                tenant: event.tenant,
                conversation: event.conversation,
                state,
                at: event.at,
            }),
            // Our own word of a failure: the ledger has it already.
            About::Message if state == DeliveryState::Failed => {}
            About::Message | About::Sent => {
                receipts.extend(place(event).map(|(message, _)| Receipt {
                    tenant: event.tenant,
                    message,
                    state,
                    at: event.at,
                    detail: event.detail.clone(),
                }));
            }
            About::Address(_) => {}
        }
    }
    receipts.extend(delivery::reached(&mut transaction, &watermarks).await?);
    let noted = delivery::raise_on(&mut transaction, &receipts).await?;
    suppression::apply(&mut transaction, words).await?;
    let raised = aftermath::note(&mut transaction, &noted.unmatched, &news).await?;
    transaction.commit().await?;
    Ok(Tracked { inserted, raised })
}

/// What may be an event of a campaign: a word about a message whose name is known.
fn of_campaign(event: &TrackEvent, place: impl Fn(&TrackEvent) -> Option<Place>) -> Option<News> {
    aftermath::event(event.kind)?;
    let (message, _) = match event.about {
        About::Message | About::Sent => place(event)?,
        About::Conversation | About::Address(_) => return None,
    };
    Some(News {
        id: event.id,
        tenant: event.tenant,
        message,
        kind: event.kind,
        at: event.at,
        detail: event.detail.clone(),
    })
}

/// Tenant and channel, and what the platform calls a message there.
pub(super) type Named<'a> = (Uuid, Uuid, &'a str);

/// What an event that is about a message we sent calls it.
fn named(event: &TrackEvent) -> Option<Named<'_>> {
    match (&event.about, &event.provider_id) {
        (About::Sent, Some(name)) => Some((event.tenant.0, event.channel.0, name)),
        _ => None,
    }
}

/// The messages behind their platform's names, as far as they are recorded. A campaign's message has no delivery; it begins a
/// conversation of its own name.
pub(super) async fn look_up(
    connection: &mut PgConnection,
    sent: &[Named<'_>],
) -> Result<HashMap<(Uuid, String), Place>, StoreError> {
    if sent.is_empty() {
        return Ok(HashMap::new());
    }
    let tenants: Vec<Uuid> = sent.iter().map(|(tenant, ..)| *tenant).collect();
    let channels: Vec<Uuid> = sent.iter().map(|(_, channel, _)| *channel).collect();
    let names: Vec<String> = sent
        .iter()
        .map(|(.., name)| delivery::reference(name))
        .collect();
    let mut known: HashMap<(Uuid, String), Place> = sqlx::query!(
        r#"select r.channel_id, r.provider_id, r.message_id as "message: Id",
               coalesce(d.conversation_id, r.message_id) as "conversation!: Id"
           from unnest($1::uuid[], $2::uuid[], $3::text[]) as i (tenant_id, channel_id, provider_id)
           join delivery_references r on r.channel_id = i.channel_id and r.provider_id = i.provider_id
               and r.tenant_id = i.tenant_id
           left join deliveries d on d.message_id = r.message_id"#,
        &tenants,
        &channels,
        &names
    )
    .fetch_all(&mut *connection)
    .await?
    .into_iter()
    .map(|record| {
        let place = (record.message.into(), record.conversation.into());
        ((record.channel_id, record.provider_id), place)
    })
    .collect();
    let mails: Vec<(Uuid, &str, Uuid)> = sent
        .iter()
        .filter(|(_, channel, name)| !known.contains_key(&(*channel, delivery::reference(name))))
        .filter_map(|(_, channel, name)| Some((*channel, *name, own_name(name)?)))
        .collect();
    if !mails.is_empty() {
        let ids: Vec<Uuid> = mails.iter().map(|(.., id)| *id).collect();
        let found: HashSet<(Uuid, Uuid)> = sqlx::query!(
            r#"select id, channel_id as "channel_id!" from campaign_messages
               where id = any($1) and channel_id = any($2) and tenant_id = any($3)"#,
            &ids,
            &channels,
            &tenants
        )
        .fetch_all(connection)
        .await?
        .into_iter()
        .map(|record| (record.id, record.channel_id))
        .collect();
        for (channel, name, id) in mails {
            if found.contains(&(id, channel)) {
                let place = (MessageId(id), ConversationId(id));
                known.insert((channel, delivery::reference(name)), place);
            }
        }
    }
    Ok(known)
}

/// The message in the `Message-ID` that we gave a mail, `<message>.<token>@<domain>`: of a campaign's mails no other name is
/// kept.
fn own_name(name: &str) -> Option<Uuid> {
    let id = name.trim_start_matches('<').get(..36)?;
    Uuid::try_parse(id).ok()
}

/// Adds the events that are not there yet; how many.
async fn insert(
    connection: &mut PgConnection,
    events: &[&TrackEvent],
    place: impl Fn(&TrackEvent) -> Option<Place>,
) -> Result<u64, StoreError> {
    let uuids = |of: &dyn Fn(&TrackEvent) -> Uuid| -> Vec<Uuid> {
        events.iter().map(|event| of(event)).collect()
    };
    let texts = |of: fn(&TrackEvent) -> Option<&str>| -> Vec<Option<String>> {
        events
            .iter()
            .map(|event| of(event).map(|text| preview(text, MAX_TEXT)))
            .collect()
    };
    let ids = uuids(&|event| event.id);
    let tenants = uuids(&|event| event.tenant.0);
    let channels = uuids(&|event| event.channel.0);
    let conversations = uuids(&|event| {
        place(event).map_or(event.conversation.0, |(_, conversation)| conversation.0)
    });
    let messages = uuids(&|event| place(event).map_or(event.message.0, |(message, _)| message.0));
    let contexts = texts(|event| Some(event.context.name()));
    let kinds = texts(|event| Some(event.kind.name()));
    let providers = texts(|event| event.provider_id.as_deref());
    let details = texts(|event| event.detail.as_deref());
    let times: Vec<DateTime<Utc>> = events.iter().map(|event| event.at.to_datetime()).collect();
    // "All up to here" may come before the record of what it reaches, so it is looked at again in any case.
    let open: Vec<bool> = events
        .iter()
        .map(|event| match event.about {
            About::Conversation => DeliveryState::of(event.kind).is_some(),
            _ => place(event).is_none(),
        })
        .collect();
    let done = sqlx::query!(
        r#"with added as (
               insert into tracking_events (id, tenant_id, channel_id, conversation_id, message_id, context, event_type, at,
                   provider_id, detail, look_at)
               select i.id, i.tenant_id, i.channel_id, i.conversation_id, i.message_id, i.context, i.kind, i.at, i.provider,
                   i.detail, case when i.open then now() + make_interval(secs => $12) end
               from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[], $6::text[], $7::text[],
                           $8::timestamptz[], $9::text[], $10::text[], $11::boolean[]) with ordinality
                    as i (id, tenant_id, channel_id, conversation_id, message_id, context, kind, at, provider, detail, open,
                          place)
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
        &details as &[Option<String>],
        &open,
        pending::FIRST_LOOK_S
    )
    .fetch_one(connection)
    .await?;
    Ok(done.count.unsigned_abs())
}
