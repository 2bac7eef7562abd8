//! Receipts that came before what they are about was recorded: looked at again until it is, or for about a day.
//!
//! Each look doubles the wait from two seconds on: 15 looks are 18 hours, so a receipt about somebody else's message
//! costs little. A look is one transaction; rows that another worker looks at are passed over.

use schemas::{DeliveryState, TrackKind};
use uuid::Uuid;

use super::{
    aftermath::{self, News, Raised},
    track,
};
use crate::{
    Store, StoreError,
    column::Id,
    delivery::{self, Receipt, Watermark},
};

/// How soon an event is looked at again for the first time.
pub(super) const FIRST_LOOK_S: f64 = 2.0;
/// Looks at an event whose message is not known.
const LOOKS: i16 = 15;
/// Looks at an "all up to here": a send that was under way is recorded within a minute.
const LOOKS_BACK: i16 = 6;
/// Events of one transaction.
const BATCH: i64 = 500;

/// What a round of looking did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Looked {
    pub looked_at: u64,
    /// Events whose message is known now.
    pub found: u64,
    /// Messages that rose in the ledger.
    pub raised: u64,
    /// Messages of campaigns that stand elsewhere now.
    pub of_campaigns: Vec<Raised>,
}

impl Looked {
    /// Whether there may be more to look at right now.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.looked_at >= BATCH.unsigned_abs()
    }
}

/// Looks at what is due, at most 500 events.
///
/// # Errors
/// [`StoreError::Unavailable`]: nothing was changed.
pub async fn look_again(store: &Store) -> Result<Looked, StoreError> {
    retry!({ look_once(store).await })
}

async fn look_once(store: &Store) -> Result<Looked, StoreError> {
    let mut transaction = store.begin().await?;
    let due = sqlx::query!(
        r#"select id, tenant_id as "tenant: Id", channel_id, conversation_id as "conversation: Id", event_type, at, provider_id,
               detail
           from tracking_events where look_at <= now()
           order by look_at limit $1 for update skip locked"#,
        BATCH
    )
    .fetch_all(&mut *transaction)
    .await?;
    if due.is_empty() {
        return Ok(Looked::default());
    }
    let sent: Vec<track::Named<'_>> = due
        .iter()
        .filter_map(|event| {
            Some((
                event.tenant.0,
                event.channel_id,
                event.provider_id.as_deref()?,
            ))
        })
        .collect();
    let known = track::look_up(&mut transaction, &sent).await?;

    let mut receipts = Vec::new();
    let mut watermarks = Vec::new();
    let (mut found, mut messages, mut conversations) = (Vec::new(), Vec::new(), Vec::new());
    let mut news = Vec::new();
    for event in &due {
        let kind = event.event_type.parse::<TrackKind>().ok();
        let state = kind.and_then(DeliveryState::of);
        let Some(name) = &event.provider_id else {
            watermarks.extend(state.map(|state| Watermark {
                tenant: schemas::TenantId(event.tenant.0),
                conversation: schemas::ConversationId(event.conversation.0),
                state,
                at: event.at.into(),
            }));
            continue;
        };
        let key = (event.channel_id, delivery::reference(name));
        let Some((message, conversation)) = known.get(&key) else {
            continue;
        };
        found.push(event.id);
        messages.push(message.0);
        conversations.push(conversation.0);
        news.extend(
            kind.filter(|kind| aftermath::event(*kind).is_some())
                .map(|kind| News {
                    id: event.id,
                    tenant: schemas::TenantId(event.tenant.0),
                    message: *message,
                    kind,
                    at: event.at.into(),
                    detail: event.detail.clone(),
                }),
        );
        receipts.extend(state.map(|state| Receipt {
            tenant: schemas::TenantId(event.tenant.0),
            message: *message,
            state,
            at: event.at.into(),
            detail: event.detail.clone(),
        }));
    }
    let ids: Vec<Uuid> = due.iter().map(|event| event.id).collect();
    sqlx::query!(
        "update tracking_events t set
             message_id = coalesce(f.message_id, t.message_id),
             conversation_id = coalesce(f.conversation_id, t.conversation_id),
             looks = t.looks + 1,
             look_at = case when f.id is null
                 and t.looks + 1 < case when t.provider_id is null then $6::smallint else $5::smallint end
                 then now() + make_interval(secs => $7 * 2 ^ (t.looks + 1)) end
         from unnest($1::uuid[]) as d (id)
         left join unnest($2::uuid[], $3::uuid[], $4::uuid[]) as f (id, message_id, conversation_id) on f.id = d.id
         where t.id = d.id",
        &ids,
        &found,
        &messages,
        &conversations,
        LOOKS,
        LOOKS_BACK,
        FIRST_LOOK_S
    )
    .execute(&mut *transaction)
    .await?;
    receipts.extend(delivery::reached(&mut transaction, &watermarks).await?);
    let noted = delivery::raise_on(&mut transaction, &receipts).await?;
    let of_campaigns = aftermath::note(&mut transaction, &noted.unmatched, &news).await?;
    transaction.commit().await?;
    Ok(Looked {
        looked_at: ids.len() as u64,
        found: found.len() as u64,
        raised: noted.raised,
        of_campaigns,
    })
}
