//! Who of a chunk is sent to, and what became of it.
//!
//! The laws, as of [`crate::delivery`]: `SENDING` is committed before the provider is called, with an owner and a lease;
//! only who owns a row records what became of it; a row whose lease ran out while `SENDING` may have left, and is
//! `UNKNOWN` unless a second send is harmless. `UNKNOWN` is never sent again by itself.

use std::time::Duration;

use schemas::{
    ChannelKind, ContactId, MessageId, Timestamp,
    campaign::{Chunk, RecipientStatus},
};
use serde_json::Value;
use sqlx::types::chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::{
    Store, StoreError,
    column::{Id, Name},
    delivery::reference,
    text::preview,
};

/// Longest text kept of what a provider said, in characters.
const MAX_TEXT: usize = 500;

/// A recipient that is ours to send to until the lease ends.
#[derive(Clone, Debug, PartialEq)]
pub struct Claimed {
    pub message: MessageId,
    pub contact: ContactId,
    pub address: String,
    pub name: Option<String>,
    pub language: Option<String>,
    pub time_zone: Option<String>,
    /// An object.
    pub attributes: Value,
    /// 1 is the first.
    pub attempt: u32,
}

/// What is done with rows whose sender died while sending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnLapsed {
    /// They become `UNKNOWN`.
    Hold,
    /// They are claimed again.
    Resend,
}

/// Claims who of a chunk is to be sent to now, `most` of them: those are `SENDING`. Who wants nothing any more since the row was made has
/// its outcome: the suppressed, those whose contact or address is gone, who withdrew consent, and who left all lists of a
/// campaign that is for lists alone. Nobody, while the campaign does not run. May be repeated with the same `owner`, which names this
/// claim and no other: who was claimed and not heard of, because the database went away in between, is claimed again.
///
/// # Errors
/// [`StoreError::Unavailable`]; send nothing then.
pub async fn claim(
    store: &Store,
    chunk: &Chunk,
    owner: &str,
    lease: Duration,
    on_lapsed: OnLapsed,
    most: usize,
) -> Result<Vec<Claimed>, StoreError> {
    let records = retry!({
        Ok(sqlx::query!(
            r#"with held as (
                   update campaign_messages set status = 'UNKNOWN', owner = null, lease_until = null, updated_at = now(),
                       failure_class = 'ambiguous', failure_reason = 'the sender stopped while sending'
                   where campaign_id = $1 and chunk = $2 and status = 'SENDING' and lease_until <= now() and not $6
               ), judged as materialized (
                   select m.id, c.id is null as gone, c.name, c.language, c.time_zone, c.attributes, (
                       select s.reason from comm_suppressions s
                       where s.tenant_id = m.tenant_id and s.kind = $7
                           and s.address = case when $7 = 'email' then lower(m.address collate "C") else m.address end
                           and (s.channel_id = m.channel_id or s.channel_id is null)
                           and s.lifted_at is null and (s.expires_at is null or s.expires_at > now())
                       limit 1) as suppressed,
                       case when a.contact_id is null then 'no-address'
                           when a.consent in ('pending', 'withdrawn') then 'no-consent'
                           when r.target_segments = '{}' and (
                               select bool_or(l.status = 'unsubscribed') and not bool_or(l.status = 'confirmed')
                               from contact_list_members l
                               where l.contact_id = m.contact_id and l.list_id = any(r.contact_list_ids)) then 'unsubscribed'
                       end as unwilling
                   from campaign_messages m
                       join campaigns r on r.id = m.campaign_id and r.status = 'RUNNING'
                       left join contacts c on c.id = m.contact_id and c.tenant_id = m.tenant_id
                       left join contact_addresses a on a.tenant_id = m.tenant_id and a.kind = $7 and a.address = m.address
                           and a.contact_id = m.contact_id
                   where m.campaign_id = $1 and m.chunk = $2 and m.channel_id = $5
                       and (m.status = 'PENDING' and coalesce(m.next_try_at <= now(), true)
                           or m.status = 'SENDING' and (m.owner = $3 or $6 and m.lease_until <= now()))
                   limit $8
               ), decided as (
                   select *, case when gone then 'contact-gone' when suppressed is not null then 'suppressed' else unwilling end as class
                   from judged
               )
               update campaign_messages m set
                   status = case when j.class is null then 'SENDING' when j.class = 'suppressed' then 'SUPPRESSED' else 'SKIPPED' end,
                   owner = case when j.class is null then $3 end,
                   lease_until = case when j.class is null then now() + make_interval(secs => $4) end,
                   failure_class = j.class,
                   failure_reason = case j.class
                       when 'contact-gone' then 'the contact was deleted'
                       when 'no-address' then 'the address is not the contact''s any more'
                       when 'no-consent' then 'there is no consent any more'
                       when 'unsubscribed' then 'the contact left the lists of the campaign'
                       when 'suppressed' then 'the address must not be written to (' || j.suppressed || ')' end,
                   attempt = m.attempt + case when m.owner = $3 then 0 else 1 end, next_try_at = null, updated_at = now()
               from decided j where m.id = j.id
                   -- Asked again: somebody else may have claimed it meanwhile.
                   and (m.status = 'PENDING' or m.status = 'SENDING' and (m.owner = $3 or $6 and m.lease_until <= now()))
               returning m.id as "message: Id", m.contact_id as "contact: Id", m.address as "address!", m.attempt,
                   m.status as "status: Name<RecipientStatus>", j.name, j.language, j.time_zone, j.attributes as "attributes?""#,
            chunk.campaign.0,
            chunk.number,
            owner,
            lease.as_secs_f64(),
            chunk.channel.0,
            on_lapsed == OnLapsed::Resend,
            chunk.kind.address_kind(),
            i64::try_from(most).unwrap_or(i64::MAX)
        )
        .fetch_all(&store.pool)
        .await?)
    })?;
    let mut claimed = Vec::with_capacity(records.len());
    for record in records {
        if RecipientStatus::from(record.status) != RecipientStatus::Sending {
            continue;
        }
        claimed.push(Claimed {
            message: record.message.into(),
            contact: record.contact.into(),
            address: record.address,
            name: record.name,
            language: record.language,
            time_zone: record.time_zone,
            attributes: record.attributes.unwrap_or_default(),
            attempt: u32::try_from(record.attempt).unwrap_or(u32::MAX),
        });
    }
    Ok(claimed)
}

/// What became of a recipient that was claimed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    pub message: MessageId,
    /// `Sent`, `Failed`, `Bounced`, `Skipped`, `Unknown`; `Pending` for another try, or because it was not tried.
    pub status: RecipientStatus,
    /// What the platform calls it, the first being what replies to it name.
    pub provider_ids: Vec<String>,
    /// A token, e.g. `transient`, `permanent`.
    pub class: Option<String>,
    /// For people; never content.
    pub reason: Option<String>,
    /// Of `Pending`: not before.
    pub next_try_at: Option<Timestamp>,
}

impl Outcome {
    /// Nothing was tried: as before the claim.
    #[must_use]
    pub fn put_back(message: MessageId, at: Option<Timestamp>) -> Self {
        Self {
            message,
            status: RecipientStatus::Pending,
            provider_ids: Vec::new(),
            class: None,
            reason: None,
            next_try_at: at,
        }
    }
}

/// Lengthens the lease of who is still being sent to, and says of the chunk when it is to be looked at should no record
/// come. May be repeated.
///
/// # Errors
/// [`StoreError::Unavailable`]; what was claimed is ours until its lease ends, as before.
pub async fn keep(
    store: &Store,
    chunk: &Chunk,
    owner: &str,
    lease: Duration,
) -> Result<(), StoreError> {
    retry!({
        let mut transaction = store.begin().await?;
        sqlx::query!(
            "update campaign_messages set lease_until = now() + make_interval(secs => $4)
             where campaign_id = $1 and chunk = $2 and status = 'SENDING' and owner = $3",
            chunk.campaign.0,
            chunk.number,
            owner,
            lease.as_secs_f64()
        )
        .execute(&mut *transaction)
        .await?;
        settle(&mut transaction, chunk).await?;
        transaction.commit().await?;
        Ok(())
    })
}

/// Notes outcomes, and whether their chunk is done or when it is to be looked at again. Rows that are not `owner`'s any
/// more are left as they are. May be repeated. Answers how many of the chunk still wait, or are being sent.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn record(
    store: &Store,
    chunk: &Chunk,
    owner: &str,
    outcomes: &[Outcome],
) -> Result<i64, StoreError> {
    let ids: Vec<Uuid> = outcomes.iter().map(|o| o.message.0).collect();
    let statuses: Vec<&'static str> = outcomes.iter().map(|o| o.status.name()).collect();
    let text = |of: fn(&Outcome) -> Option<&str>| -> Vec<Option<String>> {
        let of = outcomes.iter().map(of);
        of.map(|text| text.map(|text| preview(text, MAX_TEXT)))
            .collect()
    };
    let providers = text(|o| o.provider_ids.first().map(String::as_str));
    let classes = text(|o| o.class.as_deref());
    let reasons = text(|o| o.reason.as_deref());
    let tries: Vec<Option<DateTime<Utc>>> = outcomes
        .iter()
        .map(|o| o.next_try_at.map(Timestamp::to_datetime))
        .collect();
    let (named, names) = names(chunk.kind, outcomes);
    retry!({
        let mut transaction = store.begin().await?;
        sqlx::query!(
            r#"update campaign_messages m set
                   status = r.status, owner = null, lease_until = null,
                   external_message_id = coalesce(r.provider_id, m.external_message_id),
                   failure_class = r.class, failure_reason = r.reason, next_try_at = r.next_try_at,
                   -- What was not tried is not counted.
                   attempt = case when r.status = 'PENDING' and r.class is null then m.attempt - 1 else m.attempt end,
                   sent_at = case when r.status = 'SENT' then now() else m.sent_at end,
                   failed_at = case when r.status in ('FAILED', 'BOUNCED') then now() else m.failed_at end,
                   updated_at = now()
               from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::timestamptz[])
                    as r (id, status, provider_id, class, reason, next_try_at)
               where m.id = r.id and m.status = 'SENDING' and m.owner = $7"#,
            &ids,
            &statuses as &[&str],
            &providers as &[Option<String>],
            &classes as &[Option<String>],
            &reasons as &[Option<String>],
            &tries as &[Option<DateTime<Utc>>],
            owner
        )
        .execute(&mut *transaction)
        .await?;
        if !named.is_empty() {
            sqlx::query!(
                "insert into delivery_references (channel_id, provider_id, tenant_id, message_id)
                 select $1, n.provider_id, $2, n.message_id from unnest($3::uuid[], $4::text[]) as n (message_id, provider_id)
                 order by n.provider_id
                 on conflict (channel_id, provider_id) do nothing",
                chunk.channel.0,
                chunk.tenant.0,
                &named,
                &names
            )
            .execute(&mut *transaction)
            .await?;
        }
        let open = settle(&mut transaction, chunk).await?;
        transaction.commit().await?;
        Ok(open)
    })
}

/// Says of a chunk whether it is done, and if not, when it is to be looked at again; how many of it are open.
async fn settle(connection: &mut sqlx::PgConnection, chunk: &Chunk) -> Result<i64, StoreError> {
    Ok(sqlx::query_scalar!(
        r#"update campaign_chunks k set
               state = case when o.open = 0 then 'done' else 'published' end,
               due_at = case when o.open > 0 then o.due_at end, tried = o.tried, failed = o.failed
           from (
               select count(*) filter (where m.status in ('PENDING', 'SENDING')) as open,
                   min(coalesce(m.next_try_at, m.lease_until, now())) filter (where m.status in ('PENDING', 'SENDING')) as due_at,
                   count(*) filter (where m.attempt > 0 and coalesce(m.updated_at >= c.judged_from, true)
                       and m.status not in ('PENDING', 'SENDING', 'SUPPRESSED', 'SKIPPED'))::integer as tried,
                   count(*) filter (where m.status in ('FAILED', 'BOUNCED')
                       and coalesce(m.updated_at >= c.judged_from, true))::integer as failed
               from campaigns c join campaign_messages m on m.campaign_id = c.id
               where c.id = $1 and m.campaign_id = $1 and m.chunk = $2
           ) o
           where k.campaign_id = $1 and k.number = $2
           returning o.open as "open!""#,
        chunk.campaign.0,
        chunk.number
    )
    .fetch_optional(connection)
    .await?
    .unwrap_or_default())
}

/// Has a chunk looked at again by [`record`]'s measure, when there was nobody to send to.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn look_at(store: &Store, chunk: &Chunk) -> Result<i64, StoreError> {
    retry!({
        let mut connection = store.pool.acquire().await?;
        settle(&mut connection, chunk).await
    })
}

/// What the platform calls the messages that were sent, where it will speak of them by that: which message, which name.
fn names(kind: ChannelKind, outcomes: &[Outcome]) -> (Vec<Uuid>, Vec<String>) {
    if kind == ChannelKind::Email {
        // Our own ids, which name the message.
        return (Vec::new(), Vec::new());
    }
    outcomes
        .iter()
        .filter(|outcome| outcome.status == RecipientStatus::Sent)
        .flat_map(|outcome| {
            let ids = outcome.provider_ids.iter();
            ids.map(|id| (outcome.message.0, reference(id)))
        })
        .filter(|(_, name)| !name.is_empty())
        .unzip()
}
