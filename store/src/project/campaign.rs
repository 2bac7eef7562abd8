//! What is done with a campaign's messages after they left: events, and what follows from wishes to hear no more.
//!
//! Events come in by COPY. One that is there already (a batch told again, or a click that turned out to be a machine's)
//! runs COPY into the primary key; then the batch is inserted the slower way, where a machine's verdict wins.
//!
//! Invariants: a wish has its effect once, when its event is new: a stream told again takes nothing back that was wished
//! since. No event waits for its campaign: that may be deleted, and wishes hold all the same.

use schemas::{
    SuppressionReason, SuppressionScope, Timestamp,
    campaign::{CampaignEvent, CampaignEventType, Verdict, Wish},
};
use sqlx::{
    PgConnection,
    types::chrono::{DateTime, Utc},
};
use uuid::Uuid;

use super::{
    Projected,
    copy::{Copy, copy_in},
};
use crate::{Store, StoreError, text::preview};

/// Longest address, agent and detail kept, in characters.
const MAX_TEXT: usize = 500;
/// Longest url kept, in characters.
const MAX_URL: usize = 4096;

const COPY_EVENTS: &str = "copy campaign_events (id, tenant_id, campaign_id, message_id, contact_id, event_type, verdict, \
    url, ip_address, user_agent, detail, at) from stdin (format binary)";
const COLUMNS: i16 = 12;
/// Bytes that a row takes, about.
const ROW_BYTES: usize = 320;

pub(super) async fn write(
    store: &Store,
    events: &[CampaignEvent],
) -> Result<Projected, StoreError> {
    if events.is_empty() {
        return Ok(Projected::default());
    }
    // By id, so that two writers meet the same rows in the same order; of one id the machine's verdict first, which stays.
    let mut sorted: Vec<&CampaignEvent> = events.iter().collect();
    sorted.sort_by_key(|event| (event.id, event.verdict != Some(Verdict::Machine)));
    sorted.dedup_by_key(|event| event.id);
    let is_wish = |event: &&&CampaignEvent| {
        use CampaignEventType as E;
        matches!(event.event, E::Unsubscribe | E::Complaint)
    };
    let wishes: Vec<&CampaignEvent> = sorted.iter().filter(is_wish).copied().collect();
    let mut by_copy = true;
    retry!({
        let done = write_once(store, &sorted, &wishes, by_copy).await;
        if by_copy && matches!(done, Err(StoreError::Conflict { .. })) {
            by_copy = false;
            return write_once(store, &sorted, &wishes, false).await;
        }
        done
    })
}

async fn write_once(
    store: &Store,
    events: &[&CampaignEvent],
    wishes: &[&CampaignEvent],
    by_copy: bool,
) -> Result<Projected, StoreError> {
    let mut transaction = store.begin().await?;
    if !wishes.is_empty() {
        let new = new_ones(&mut transaction, wishes).await?;
        obey(&mut transaction, &new).await?;
    }
    let inserted = if by_copy {
        let count;
        (transaction, count) = copy_in(transaction, COPY_EVENTS, encode(events)).await?;
        count
    } else {
        insert(&mut transaction, events).await?
    };
    transaction.commit().await?;
    Ok(Projected {
        inserted,
        edited: 0,
        skipped: 0,
    })
}

fn encode(events: &[&CampaignEvent]) -> Vec<u8> {
    let mut copy = Copy::new(COLUMNS, events.len() * ROW_BYTES);
    for event in events {
        copy.row();
        copy.uuid(event.id);
        copy.uuid(event.tenant.0);
        copy.uuid(event.campaign.0);
        copy.uuid(event.message().0);
        copy.uuid(event.contact.0);
        copy.text(event.event.name());
        copy.maybe(event.verdict.as_ref(), |copy, verdict| {
            copy.text(verdict.name());
        });
        for (text, most) in texts(event) {
            copy.maybe(text, |copy, text| {
                if text.len() <= most {
                    copy.text(text);
                } else {
                    copy.text(&preview(text, most));
                }
            });
        }
        copy.time(event.at);
    }
    copy.finish()
}

/// The columns of free text, in their order, and how long each may be.
fn texts(event: &CampaignEvent) -> [(Option<&str>, usize); 4] {
    [
        (event.url.as_deref(), MAX_URL),
        (event.ip_address.as_deref(), MAX_TEXT),
        (event.user_agent.as_deref(), MAX_TEXT),
        (event.detail.as_deref(), MAX_TEXT),
    ]
}

async fn insert(
    connection: &mut PgConnection,
    events: &[&CampaignEvent],
) -> Result<u64, StoreError> {
    let uuids = |of: &dyn Fn(&CampaignEvent) -> Uuid| -> Vec<Uuid> {
        events.iter().map(|e| of(e)).collect()
    };
    let column = |place: usize| -> Vec<Option<String>> {
        let of = |event: &&CampaignEvent| {
            let (text, most) = texts(event).into_iter().nth(place)?;
            text.map(|text| preview(text, most))
        };
        events.iter().map(of).collect()
    };
    let kinds: Vec<&str> = events.iter().map(|event| event.event.name()).collect();
    let verdicts: Vec<Option<&str>> = events
        .iter()
        .map(|e| e.verdict.map(Verdict::name))
        .collect();
    let times: Vec<DateTime<Utc>> = events.iter().map(|event| event.at.to_datetime()).collect();
    let written = sqlx::query_scalar!(
        r#"with added as (
               insert into campaign_events as e (id, tenant_id, campaign_id, message_id, contact_id, event_type, verdict, url,
                   ip_address, user_agent, detail, at)
               select i.* from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[], $6::text[], $7::text[], $8::text[],
                   $9::text[], $10::text[], $11::text[], $12::timestamptz[]) as i
               on conflict on constraint campaign_events_pkey do update set verdict = excluded.verdict, detail = excluded.detail
                   where excluded.verdict = 'machine' and e.verdict = 'human'
               returning xmax = 0 as is_new
           )
           select count(*) filter (where is_new) as "count!" from added"#,
        &uuids(&|event| event.id),
        &uuids(&|event| event.tenant.0),
        &uuids(&|event| event.campaign.0),
        &uuids(&|event| event.message().0),
        &uuids(&|event| event.contact.0),
        &kinds as &[&str],
        &verdicts as &[Option<&str>],
        &column(0) as &[Option<String>],
        &column(1) as &[Option<String>],
        &column(2) as &[Option<String>],
        &column(3) as &[Option<String>],
        &times
    )
    .fetch_one(connection)
    .await?;
    Ok(written.unsigned_abs())
}

/// Those that are not written yet.
async fn new_ones<'a>(
    connection: &mut PgConnection,
    events: &[&'a CampaignEvent],
) -> Result<Vec<&'a CampaignEvent>, StoreError> {
    let ids: Vec<Uuid> = events.iter().map(|event| event.id).collect();
    let there = sqlx::query_scalar!("select id from campaign_events where id = any($1)", &ids)
        .fetch_all(connection)
        .await?;
    let is_new = |event: &&&CampaignEvent| !there.contains(&event.id);
    Ok(events.iter().filter(is_new).copied().collect())
}

/// Somebody wants less than was sent.
pub(super) struct Refusal {
    pub(super) tenant: Uuid,
    pub(super) campaign: Uuid,
    pub(super) message: Uuid,
    pub(super) contact: Uuid,
    pub(super) at: Timestamp,
    pub(super) reason: SuppressionReason,
    pub(super) wish: Wish,
}

async fn obey(connection: &mut PgConnection, events: &[&CampaignEvent]) -> Result<(), StoreError> {
    let refusals: Vec<Refusal> = events
        .iter()
        .map(|event| {
            let (reason, wish) = match event.event {
                CampaignEventType::Complaint => (SuppressionReason::Complained, Wish::Everything),
                _ => {
                    let said = event.detail.as_deref().unwrap_or_default().parse();
                    let Ok(wish) = said;
                    (SuppressionReason::OptedOut, wish)
                }
            };
            Refusal {
                tenant: event.tenant.0,
                campaign: event.campaign.0,
                message: event.message().0,
                contact: event.contact.0,
                at: event.at,
                reason,
                wish,
            }
        })
        .collect();
    refuse(connection, &refusals).await
}

/// Takes contacts off lists and suppresses addresses, as they wish. What a suppression of a complaint reaches is everything;
/// that of a wish, campaigns.
pub(super) async fn refuse(
    connection: &mut PgConnection,
    refusals: &[Refusal],
) -> Result<(), StoreError> {
    if refusals.is_empty() {
        return Ok(());
    }
    let uuids = |of: fn(&Refusal) -> Uuid| -> Vec<Uuid> { refusals.iter().map(of).collect() };
    let (tenants, campaigns) = (uuids(|r| r.tenant), uuids(|r| r.campaign));
    let (messages, contacts) = (uuids(|r| r.message), uuids(|r| r.contact));
    let wishes: Vec<&str> = refusals
        .iter()
        .map(|refusal| match refusal.wish {
            Wish::OneClick | Wish::Campaign => "campaign",
            Wish::List(_) => "list",
            Wish::Everything => "everything",
        })
        .collect();
    let lists: Vec<Option<Uuid>> = refusals
        .iter()
        .map(|refusal| match refusal.wish {
            Wish::List(list) => Some(list.0),
            _ => None,
        })
        .collect();
    sqlx::query!(
        "with chosen as (
             select distinct l.id as list_id, w.contact_id
             from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::uuid[])
                 as w (tenant_id, campaign_id, contact_id, wish, list_id)
             join tenants t on t.id = w.tenant_id
             left join campaigns c on c.id = w.campaign_id and c.tenant_id = w.tenant_id
             join contact_lists l on l.tenant_id = w.tenant_id and case w.wish when 'everything' then true
                 when 'list' then l.id = w.list_id
                 else coalesce(c.unsubscribe, t.unsubscribe) = 'everything' or l.id = any(c.contact_list_ids) end
         ), locked as (
             select m.list_id, m.contact_id from contact_list_members m join chosen using (list_id, contact_id)
             where m.status <> 'unsubscribed' order by m.list_id, m.contact_id for no key update of m
         )
         update contact_list_members m set status = 'unsubscribed', updated_at = now()
         from locked where m.list_id = locked.list_id and m.contact_id = locked.contact_id",
        &tenants,
        &campaigns,
        &contacts,
        &wishes as &[&str],
        &lists as &[Option<Uuid>]
    )
    .execute(&mut *connection)
    .await?;
    let reasons: Vec<&str> = refusals.iter().map(|r| r.reason.name()).collect();
    let scopes: Vec<&str> = refusals.iter().map(|r| scope(r.reason).name()).collect();
    let details: Vec<String> = refusals
        .iter()
        .map(|r| format!("campaign:{}", r.campaign))
        .collect();
    let times: Vec<DateTime<Utc>> = refusals.iter().map(|r| r.at.to_datetime()).collect();
    // The address that was written to; of a campaign that is gone, all that the contact has.
    sqlx::query!(
        r#"insert into comm_suppressions as s (tenant_id, channel_id, kind, address, reason, scope, detail, created_at, said_at)
           select distinct on (w.tenant_id, a.kind, a.address, w.reason) w.tenant_id, null::uuid, a.kind, a.address, w.reason,
               w.scope, w.detail, w.at, w.at
           from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::text[], $7::text[], $8::text[],
                       $9::timestamptz[])
                as w (tenant_id, campaign_id, message_id, contact_id, wish, reason, scope, detail, at)
           join tenants t on t.id = w.tenant_id
           cross join lateral (
               select address_kind(m.channel_type) as kind, case address_kind(m.channel_type) when 'email'
                   then lower(m.address collate "C") else m.address end as address
               from campaign_messages m where m.id = w.message_id and m.tenant_id = w.tenant_id and m.address <> ''
               union
               select c.kind, c.address from contact_addresses c
               where c.tenant_id = w.tenant_id and c.contact_id = w.contact_id and not exists (
                   select from campaign_messages m where m.id = w.message_id and m.tenant_id = w.tenant_id)
           ) a
           where w.wish = 'everything' or w.wish = 'campaign' and not exists (
               select from campaigns c where c.id = w.campaign_id and c.tenant_id = w.tenant_id
                   and coalesce(c.unsubscribe, t.unsubscribe) = 'list'
                   and c.contact_list_ids <> '{}' and c.target_segments = '{}')
           order by w.tenant_id, a.kind, a.address, w.reason, w.at desc
           on conflict on constraint comm_suppressions_address_key do update set
               scope = case when s.lifted_at is null and s.scope = 'all' then 'all' else excluded.scope end,
               detail = excluded.detail,
               created_at = case when s.lifted_at is null then s.created_at else excluded.created_at end,
               said_at = excluded.said_at, lifted_at = null, expires_at = null
           where s.said_at <= excluded.said_at"#,
        &tenants,
        &campaigns,
        &messages,
        &contacts,
        &wishes as &[&str],
        &reasons as &[&str],
        &scopes as &[&str],
        &details,
        &times
    )
    .execute(connection)
    .await?;
    Ok(())
}

fn scope(reason: SuppressionReason) -> SuppressionScope {
    match reason {
        SuppressionReason::OptedOut => SuppressionScope::Marketing,
        _ => SuppressionScope::All,
    }
}
