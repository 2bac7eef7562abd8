//! Campaigns counted: the ledger and the events, each in one pass.
//!
//! Invariant: the audience and its outcomes are counted in one statement, so they are of one moment, and their sum is
//! the audience or the ledger is wrong.

use std::collections::BTreeMap;

use schemas::{
    CampaignId, ChannelId, ChannelKind, TenantId, Timestamp,
    campaign::{CampaignEventType, CampaignStatus, Pace, RecipientStatus},
};
use sqlx::types::Json;

use crate::{
    Store, StoreError,
    column::{MaybeId, MaybeName, MaybeTime, Name},
};

/// Addresses of links that are counted one by one.
const LINKS: i64 = 50;
/// Why recipients have an outcome: as many reasons as are told apart.
const REASONS: usize = 50;
/// What a rate is taken of, in seconds.
const LATELY_S: f64 = 10.0;

/// Recipients counted.
#[derive(Clone, Debug, PartialEq)]
pub struct LedgerTally {
    pub status: CampaignStatus,
    pub started_at: Option<Timestamp>,
    pub completed_at: Option<Timestamp>,
    /// Rows that were ever written, and whether that is all of the audience.
    pub audience: i64,
    pub is_expanded: bool,
    /// Rows by outcome; every outcome is in it.
    pub outcomes: BTreeMap<RecipientStatus, i64>,
    /// Rows of each channel by outcome.
    pub channels: Vec<ChannelTally>,
    /// Why, the most frequent first: outcome, class, rows.
    pub reasons: Vec<(RecipientStatus, String, i64)>,
    pub last_sent_at: Option<Timestamp>,
    /// Messages a second over the last ten seconds.
    pub per_second: f64,
    /// Of one that runs: nothing leaves before, since all who are left wait for a sending window, or for another try; and
    /// before when the last of them are not sent to.
    pub waits_until: Option<Timestamp>,
    pub waits_longest_until: Option<Timestamp>,
    pub pace: Pace,
    pub at: Timestamp,
}

impl LedgerTally {
    /// Rows with one of these outcomes.
    #[must_use]
    pub fn of(&self, outcomes: &[RecipientStatus]) -> i64 {
        let of = outcomes.iter();
        of.filter_map(|outcome| self.outcomes.get(outcome)).sum()
    }

    /// Whether the audience is the sum of all outcomes.
    #[must_use]
    pub fn adds_up(&self) -> bool {
        self.audience == self.outcomes.values().sum::<i64>()
    }
}

/// Recipients of one channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelTally {
    pub id: ChannelId,
    pub kind: Option<ChannelKind>,
    pub outcomes: BTreeMap<RecipientStatus, i64>,
}

/// Counts a campaign's recipients.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn ledger(
    store: &Store,
    tenant: TenantId,
    campaign: CampaignId,
) -> Result<LedgerTally, StoreError> {
    let records = sqlx::query!(
        r#"select c.status as "campaign_status: Name<CampaignStatus>", c.audience, c.is_expanded,
               c.started_at as "started_at!: MaybeTime", c.completed_at as "completed_at!: MaybeTime",
               m.status as "status!: MaybeName<RecipientStatus>", m.channel_id as "channel_id!: MaybeId",
               m.channel_type as "channel_type!: MaybeName<ChannelKind>", m.failure_class,
               coalesce(m.rows, 0) as "rows!", coalesce(m.lately, 0) as "lately!",
               m.last_sent_at as "last_sent_at!: MaybeTime", now() as "at!",
               extract(epoch from now() - c.started_at)::float8 as seconds, c.pace as "pace: Json<Pace>",
               w.waits_until as "waits_until!: MaybeTime", w.waits_longest_until as "waits_longest_until!: MaybeTime"
           from campaigns c
           left join lateral (
               select min(k.due_at) filter (where c.status = 'RUNNING') as waits_until,
                   max(k.due_at) filter (where c.status = 'RUNNING') as waits_longest_until
               from campaign_chunks k where k.campaign_id = $2 and k.state <> 'done'
               having bool_and(coalesce(k.due_at > now(), false))
           ) w on true
           left join (
               select campaign_id, status, channel_id, channel_type, failure_class, count(*) as rows, max(sent_at) as last_sent_at,
                   count(*) filter (where sent_at > now() - interval '10 seconds') as lately
               from campaign_messages where campaign_id = $2 group by 1, 2, 3, 4, 5
           ) m on m.campaign_id = c.id
           where c.tenant_id = $1 and c.id = $2"#,
        tenant.0,
        campaign.0
    )
    .fetch_all(&store.pool)
    .await?;
    let mut records = records.into_iter().peekable();
    let first = records.peek_mut().ok_or(StoreError::NotFound)?;
    let seconds = first.seconds.unwrap_or(LATELY_S).clamp(1.0, LATELY_S);
    let mut tally = LedgerTally {
        status: CampaignStatus::Draft,
        started_at: None,
        completed_at: None,
        audience: first.audience,
        is_expanded: first.is_expanded,
        outcomes: RecipientStatus::ALL
            .iter()
            .map(|status| (*status, 0))
            .collect(),
        channels: Vec::new(),
        reasons: Vec::new(),
        last_sent_at: None,
        per_second: 0.0,
        waits_until: None,
        waits_longest_until: None,
        pace: std::mem::take(&mut first.pace.0),
        at: first.at.into(),
    };
    let mut reasons: BTreeMap<(RecipientStatus, String), i64> = BTreeMap::new();
    let mut lately = 0;
    for record in records {
        tally.status = record.campaign_status.into();
        tally.started_at = record.started_at.into();
        tally.completed_at = record.completed_at.into();
        tally.waits_until = record.waits_until.into();
        tally.waits_longest_until = record.waits_longest_until.into();
        let status: Option<RecipientStatus> = record.status.into();
        // A campaign without recipients has one record, and nothing in it.
        let Some(status) = status else { continue };
        lately += record.lately;
        tally.last_sent_at = tally.last_sent_at.max(record.last_sent_at.into());
        *tally.outcomes.entry(status).or_default() += record.rows;
        if let Some(class) = record.failure_class {
            *reasons.entry((status, class)).or_default() += record.rows;
        }
        let channel: Option<ChannelId> = record.channel_id.into();
        if let Some(id) = channel {
            let kind = record.channel_type.into();
            let at = tally.channels.iter().position(|channel| channel.id == id);
            let at = at.unwrap_or_else(|| {
                tally.channels.push(ChannelTally {
                    id,
                    kind,
                    outcomes: BTreeMap::new(),
                });
                tally.channels.len() - 1
            });
            if let Some(channel) = tally.channels.get_mut(at) {
                *channel.outcomes.entry(status).or_default() += record.rows;
            }
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "some hundred thousands")]
    let per_second = lately as f64 / seconds;
    tally.per_second = per_second;
    let reasons = reasons.into_iter();
    tally.reasons = reasons
        .map(|((status, class), rows)| (status, class, rows))
        .collect();
    tally
        .reasons
        .sort_by_key(|(_, _, rows)| std::cmp::Reverse(*rows));
    tally.reasons.truncate(REASONS);
    tally.channels.sort_by_key(|channel| channel.id);
    Ok(tally)
}

/// How often something was done, and by how many recipients.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub total: i64,
    /// Of these, those that are thought to be people's.
    pub human: i64,
    pub machine: i64,
    /// Recipients of whom there is any; of whom there is one of a person's; of a machine's.
    pub unique: i64,
    pub unique_human: i64,
    pub unique_machine: i64,
}

/// What was done with a campaign's messages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReactionTally {
    pub events: BTreeMap<CampaignEventType, Counts>,
    /// Clicks by link, the most clicked first.
    pub links: Vec<(String, Counts)>,
}

/// Counts what was done with a campaign's messages.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn reactions(
    store: &Store,
    tenant: TenantId,
    campaign: CampaignId,
) -> Result<ReactionTally, StoreError> {
    let events = sqlx::query!(
        r#"select event_type as "event: Name<CampaignEventType>", sum(total)::bigint as "total!", sum(machine)::bigint as "machine!",
               count(*) as "unique!", count(*) filter (where total > machine) as "unique_human!",
               count(*) filter (where machine > 0) as "unique_machine!"
           from (
               select event_type, message_id, count(*) as total, count(*) filter (where verdict = 'machine') as machine
               from campaign_events where tenant_id = $1 and campaign_id = $2 group by 1, 2
           ) e group by event_type"#,
        tenant.0,
        campaign.0
    )
    .fetch_all(&store.pool)
    .await?;
    let links = sqlx::query!(
        r#"select url as "url!", sum(total)::bigint as "total!", sum(machine)::bigint as "machine!",
               count(*) as "unique!", count(*) filter (where total > machine) as "unique_human!",
               count(*) filter (where machine > 0) as "unique_machine!"
           from (
               select url, message_id, count(*) as total, count(*) filter (where verdict = 'machine') as machine
               from campaign_events
               where tenant_id = $1 and campaign_id = $2 and event_type = 'CLICK' and url is not null group by 1, 2
           ) e group by url order by sum(total) desc, url limit $3"#,
        tenant.0,
        campaign.0,
        LINKS
    )
    .fetch_all(&store.pool)
    .await?;
    Ok(ReactionTally {
        events: events
            .into_iter()
            .map(|record| {
                let counts = Counts {
                    total: record.total,
                    human: record.total - record.machine,
                    machine: record.machine,
                    unique: record.unique,
                    unique_human: record.unique_human,
                    unique_machine: record.unique_machine,
                };
                (record.event.into(), counts)
            })
            .collect(),
        links: links
            .into_iter()
            .map(|record| {
                let counts = Counts {
                    total: record.total,
                    human: record.total - record.machine,
                    machine: record.machine,
                    unique: record.unique,
                    unique_human: record.unique_human,
                    unique_machine: record.unique_machine,
                };
                (record.url, counts)
            })
            .collect(),
    })
}
