//! What a sender found out: results, and what the platform calls what it took.

use schemas::{DeliveryState, MessageId, Timestamp, sms::SmsSize};
use sqlx::types::chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::{Store, StoreError, column::Id};

/// Longest text kept of what a provider said, in characters.
const MAX_TEXT: usize = 500;

/// What became of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryResult {
    pub message: MessageId,
    /// `Sent`, `Failed`, `Unknown`, or `Queued` for another try at `next_try_at`.
    pub state: DeliveryState,
    /// As [`super::Verdict::Send`] gave it.
    pub attempt: u32,
    pub provider_id: Option<String>,
    /// The platform's other ids of the message, when it left in parts.
    pub more_ids: Vec<String>,
    /// A token, e.g. `transient`, `permanent`, `rate-limited`.
    pub error_class: Option<String>,
    /// A reason for people; never content or addresses.
    pub detail: Option<String>,
    pub next_try_at: Option<Timestamp>,
    /// Of what was sent as SMS.
    pub sms: Option<SmsSize>,
}

/// Whether a platform will speak of messages by the ids it gave them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Echo {
    /// In receipts and answers: the ids are kept.
    Expected,
    Never,
}

/// Notes results; the messages whose state changed. One that is missing was overtaken: by a receipt, or
/// by a later attempt of another sender.
///
/// What the platform calls the messages that were sent is kept by the same statement, where an echo is expected.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn record(
    store: &Store,
    results: &[DeliveryResult],
    echo: Echo,
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
    let encodings: Vec<Option<String>> = results
        .iter()
        .map(|r| r.sms.map(|sms| sms.encoding.name().to_owned()))
        .collect();
    let segments: Vec<Option<i16>> = results
        .iter()
        .map(|r| {
            r.sms
                .map(|sms| i16::try_from(sms.segments).unwrap_or(i16::MAX))
        })
        .collect();
    let (named, names) = names(results, echo);
    retry!({
        Ok(sqlx::query_scalar!(
            r#"with done as (
               update deliveries d set
                   state = r.state, rank = r.rank, owner = null, lease_until = null,
                   provider_id = coalesce(r.provider_id, d.provider_id),
                   error_class = r.error_class, detail = r.detail,
                   next_try_at = case when r.state = 'queued' then coalesce(r.next_try_at, now()) end,
                   sent_at = case when r.state = 'sent' then now() else d.sent_at end,
                   sms_encoding = coalesce(r.sms_encoding, d.sms_encoding),
                   sms_segments = coalesce(r.sms_segments, d.sms_segments),
                   updated_at = now()
               from unnest($1::uuid[], $2::text[], $3::smallint[], $4::integer[], $5::text[], $6::text[], $7::text[],
                           $8::timestamptz[], $11::text[], $12::smallint[])
                    as r (message_id, state, rank, attempt, provider_id, error_class, detail, next_try_at, sms_encoding,
                          sms_segments)
               where d.message_id = r.message_id and case r.state
                   when 'queued' then d.state in ('claimed', 'sending') and d.attempt = r.attempt
                   when 'failed' then r.rank > d.rank and d.attempt = r.attempt
                   when 'unknown' then r.rank > d.rank and d.attempt = r.attempt
                   else r.rank > d.rank and r.rank > 4 end
               returning d.message_id
               ), kept as (
                   insert into delivery_references (channel_id, provider_id, tenant_id, message_id)
                   select d.channel_id, n.provider_id, d.tenant_id, d.message_id
                   from unnest($9::uuid[], $10::text[]) as n (message_id, provider_id)
                   join deliveries d on d.message_id = n.message_id
                   order by d.channel_id, n.provider_id
                   on conflict (channel_id, provider_id) do nothing
               )
               select message_id as "id: Id" from done"#,
            &ids,
            &states,
            &ranks,
            &attempts,
            &providers as &[Option<String>],
            &classes as &[Option<String>],
            &details as &[Option<String>],
            &tries as &[Option<DateTime<Utc>>],
            &named,
            &names,
            &encodings as &[Option<String>],
            &segments as &[Option<i16>]
        )
        .fetch_all(&store.pool)
        .await?
        .into_iter()
        .map(MessageId::from)
        .collect())
    })
}

/// What the platform calls the messages that were sent: which message, which name.
fn names(results: &[DeliveryResult], echo: Echo) -> (Vec<Uuid>, Vec<String>) {
    if echo == Echo::Never {
        return (Vec::new(), Vec::new());
    }
    results
        .iter()
        .filter(|result| result.state == DeliveryState::Sent)
        .flat_map(|result| {
            let ids = result.provider_id.iter().chain(&result.more_ids);
            ids.map(|id| (result.message.0, reference(id)))
        })
        .filter(|(_, name)| !name.is_empty())
        .unzip()
}

/// A platform's id of a message as it is kept and looked up.
pub(crate) fn reference(provider_id: &str) -> String {
    crate::text::preview(provider_id, MAX_TEXT)
}
