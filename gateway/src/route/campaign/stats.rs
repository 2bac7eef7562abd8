//! How a campaign goes: counted from the ledger and the events, and kept for a moment, so that it costs the same however
//! many look.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use axum::extract::State;
use schemas::{
    CampaignId, ChannelId, ChannelKind, Timestamp,
    campaign::{CampaignEventType, CampaignStatus, RecipientStatus},
};
use serde::Serialize;
use store::campaign::tally::{self, Counts, LedgerTally, ReactionTally};
use utoipa::ToSchema;

use super::missing;
use crate::{
    auth::Caller, bounded::Bounded, counted::Counted, extract::Path, hub::Hub, problem::ApiError,
};

/// Campaigns whose figures are kept.
const KEPT: usize = 1024;

/// Figures of the campaigns that are looked at.
pub(crate) struct Figures {
    ledgers: Bounded<CampaignId, Arc<Counted<LedgerTally>>>,
    reactions: Bounded<CampaignId, Arc<Counted<ReactionTally>>>,
}

impl Default for Figures {
    fn default() -> Self {
        Self {
            ledgers: Bounded::new(KEPT),
            reactions: Bounded::new(KEPT),
        }
    }
}

fn of<T>(known: &Bounded<CampaignId, Arc<Counted<T>>>, id: CampaignId) -> Arc<Counted<T>>
where
    Counted<T>: Default,
{
    known.get(&id).unwrap_or_else(|| {
        let new = Arc::<Counted<T>>::default();
        known.insert_if_absent(id, Arc::clone(&new)).unwrap_or(new)
    })
}

/// How a campaign goes.
#[derive(Serialize, ToSchema)]
#[schema(as = CampaignStats)]
pub(crate) struct StatsOut {
    campaign_id: CampaignId,
    status: CampaignStatus,
    /// Recipients known so far; all of them once `is_expanded`.
    audience: i64,
    is_expanded: bool,
    /// Whether the audience is the sum of all outcomes.
    ledger_adds_up: bool,
    /// Recipients by what became of them; every outcome is there.
    #[schema(value_type = std::collections::BTreeMap<String, i64>)]
    outcomes: BTreeMap<RecipientStatus, i64>,
    /// Nothing was tried yet, or another try follows: `PENDING` and `SENDING`.
    remaining: i64,
    /// Left for the platform: `SENT`, `DELIVERED`, `READ`, and those that came back, `BOUNCED`.
    sent: i64,
    /// The platform says it arrived: `DELIVERED` and `READ`. Mail servers rarely say so.
    delivered: i64,
    rates: RatesOut,
    opens: CountsOut,
    clicks: CountsOut,
    /// Recipients who wanted no more.
    unsubscribes: i64,
    /// Recipients who complained.
    complaints: i64,
    /// The 50 links that were clicked most.
    links: Vec<LinkOut>,
    channels: Vec<ChannelOut>,
    /// Why, the most frequent first.
    reasons: Vec<ReasonOut>,
    timing: TimingOut,
    /// When it was counted.
    counted_at: Timestamp,
}

/// Shares, from 0 to 1; null where there is nothing to take a share of. Those of opens and clicks are of recipients, and
/// of people alone.
#[derive(Serialize, ToSchema)]
#[schema(as = CampaignRates)]
pub(crate) struct RatesOut {
    /// Of those looked at, who were sent to.
    sent: Option<f64>,
    /// Of `sent`.
    delivered: Option<f64>,
    bounced: Option<f64>,
    /// Of those tried: `FAILED` among them.
    failed: Option<f64>,
    opened: Option<f64>,
    clicked: Option<f64>,
    /// Of those who opened, who clicked.
    clicked_of_opened: Option<f64>,
    unsubscribed: Option<f64>,
    complained: Option<f64>,
}

/// How often something was done, and by how many recipients.
#[derive(Serialize, ToSchema)]
#[schema(as = CampaignCounts)]
pub(crate) struct CountsOut {
    /// All that was heard of.
    total: i64,
    /// Of these, what is thought to be people's, and what is a machine's.
    human: i64,
    machine: i64,
    /// Recipients of whom anything was heard.
    unique: i64,
    unique_human: i64,
    unique_machine: i64,
}

impl From<Counts> for CountsOut {
    fn from(counts: Counts) -> Self {
        Self {
            total: counts.total,
            human: counts.human,
            machine: counts.machine,
            unique: counts.unique,
            unique_human: counts.unique_human,
            unique_machine: counts.unique_machine,
        }
    }
}

/// Clicks on a link.
#[derive(Serialize, ToSchema)]
#[schema(as = CampaignLink)]
pub(crate) struct LinkOut {
    url: String,
    #[serde(flatten)]
    clicks: CountsOut,
}

/// Recipients of a channel.
#[derive(Serialize, ToSchema)]
#[schema(as = CampaignChannel)]
pub(crate) struct ChannelOut {
    channel_id: ChannelId,
    channel_type: Option<ChannelKind>,
    #[schema(value_type = std::collections::BTreeMap<String, i64>)]
    outcomes: BTreeMap<RecipientStatus, i64>,
}

/// Recipients with an outcome for the same reason.
#[derive(Serialize, ToSchema)]
#[schema(as = CampaignReason)]
pub(crate) struct ReasonOut {
    status: RecipientStatus,
    failure_class: String,
    recipients: i64,
}

/// When, and how fast.
#[derive(Serialize, ToSchema)]
#[schema(as = CampaignTiming)]
pub(crate) struct TimingOut {
    started_at: Option<Timestamp>,
    last_sent_at: Option<Timestamp>,
    completed_at: Option<Timestamp>,
    /// Over the last ten seconds; 0 when nothing leaves any more.
    messages_per_second: f64,
    /// From the start to the last message, without the time in which the sending window was closed; null before the first.
    average_per_second: Option<f64>,
    /// Of one that runs: nothing leaves before, since all who are left wait for the sending window, or for another try.
    waits_until: Option<Timestamp>,
    /// At that speed, else the average, else `pace.per_second`, in the times in which the sending window is open; null while
    /// none of these or not all of the audience is known, and when it is more than a year away.
    estimated_end_at: Option<Timestamp>,
}

#[expect(
    clippy::cast_precision_loss,
    reason = "recipients are millions at most"
)]
fn share(part: i64, whole: i64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

impl StatsOut {
    fn new(id: CampaignId, ledger: &LedgerTally, reactions: &ReactionTally) -> Self {
        use RecipientStatus as S;
        let events = |event| reactions.events.get(&event).copied().unwrap_or_default();
        let (opens, clicks) = (
            events(CampaignEventType::Open),
            events(CampaignEventType::Click),
        );
        let unsubscribes = events(CampaignEventType::Unsubscribe).unique;
        let complaints = events(CampaignEventType::Complaint).unique;
        let sent = ledger.of(&[S::Sent, S::Delivered, S::Read, S::Bounced]);
        let delivered = ledger.of(&[S::Delivered, S::Read]);
        let (bounced, failed) = (ledger.of(&[S::Bounced]), ledger.of(&[S::Failed]));
        let rates = RatesOut {
            sent: share(sent, ledger.audience),
            delivered: share(delivered, sent),
            bounced: share(bounced, sent),
            failed: share(failed, sent + failed + ledger.of(&[S::Unknown])),
            opened: share(opens.unique_human, sent),
            clicked: share(clicks.unique_human, sent),
            clicked_of_opened: share(
                clicks.unique_human,
                opens.unique_human.max(clicks.unique_human),
            ),
            unsubscribed: share(unsubscribes, sent),
            complained: share(complaints, sent),
        };
        let links = reactions.links.iter();
        let reasons = ledger.reasons.iter();
        let channels = ledger.channels.iter();
        Self {
            campaign_id: id,
            status: ledger.status,
            audience: ledger.audience,
            is_expanded: ledger.is_expanded,
            ledger_adds_up: ledger.adds_up(),
            outcomes: ledger.outcomes.clone(),
            remaining: ledger.of(&[S::Pending, S::Sending]),
            sent,
            delivered,
            rates,
            opens: opens.into(),
            clicks: clicks.into(),
            unsubscribes,
            complaints,
            links: links
                .map(|(url, counts)| LinkOut {
                    url: url.clone(),
                    clicks: (*counts).into(),
                })
                .collect(),
            channels: channels
                .map(|channel| ChannelOut {
                    channel_id: channel.id,
                    channel_type: channel.kind,
                    outcomes: channel.outcomes.clone(),
                })
                .collect(),
            reasons: reasons
                .map(|(status, class, recipients)| ReasonOut {
                    status: *status,
                    failure_class: class.clone(),
                    recipients: *recipients,
                })
                .collect(),
            timing: TimingOut {
                started_at: ledger.started_at,
                last_sent_at: ledger.last_sent_at,
                completed_at: ledger.completed_at,
                messages_per_second: ledger.per_second,
                average_per_second: average(ledger),
                waits_until: ledger.waits_until,
                estimated_end_at: estimate(ledger),
            },
            counted_at: ledger.at,
        }
    }
}

/// Messages a second of the whole run, a second at least being reckoned.
#[expect(
    clippy::cast_precision_loss,
    reason = "recipients are millions at most"
)]
fn average(ledger: &LedgerTally) -> Option<f64> {
    use RecipientStatus as S;
    let sent = ledger.of(&[S::Sent, S::Delivered, S::Read, S::Bounced]);
    let (from, to) = (ledger.started_at?, ledger.last_sent_at?);
    let open = ledger.pace.open_between(from, to);
    (sent > 0).then(|| sent as f64 / open.as_secs_f64().max(1.0))
}

/// When it would be over: those who are left, as fast as is known of it, while the window is open.
fn estimate(ledger: &LedgerTally) -> Option<Timestamp> {
    if ledger.status != CampaignStatus::Running || !ledger.is_expanded {
        return None;
    }
    let lately = Some(ledger.per_second).filter(|rate| *rate > 0.0);
    let rate = lately
        .or_else(|| average(ledger))
        .or(ledger.pace.per_second)?;
    let rate = ledger.pace.per_second.map_or(rate, |most| rate.min(most));
    let remaining = ledger.of(&[RecipientStatus::Pending, RecipientStatus::Sending]);
    #[expect(
        clippy::cast_precision_loss,
        reason = "recipients are millions at most"
    )]
    let sending = Duration::try_from_secs_f64(remaining as f64 / rate).ok()?;
    let from = ledger.waits_until.unwrap_or(ledger.at);
    let ends = ledger.pace.ends(from, sending)?;
    Some(ends.max(ledger.waits_longest_until.unwrap_or(ends)))
}

/// How a campaign goes.
///
/// Counted from the ledger and the events, and kept for a second (longer, where counting takes long): asking often costs
/// nothing. Once a campaign changes its status the figures are of after that.
#[utoipa::path(
    get, path = "/campaigns/{campaign_id}/stats", tag = "campaigns", operation_id = "get_campaign_stats",
    params(("campaign_id" = uuid::Uuid, Path, description = "The campaign")),
    responses((status = 200, description = "The figures", body = StatsOut))
)]
pub(crate) async fn stats(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    Path(id): Path<CampaignId>,
) -> Result<axum::Json<StatsOut>, ApiError> {
    let row = store::campaign::get(&hub.store, caller.tenant, id)
        .await
        .map_err(missing)?;
    let (store, tenant) = (hub.store.clone(), caller.tenant);
    let ledgers = of(&hub.figures.ledgers, id);
    let ledger = ledgers.get(
        |known| {
            // While it runs its row changes all the time.
            let is_running = row.status == CampaignStatus::Running;
            known.status == row.status && (is_running || known.at >= row.updated_at)
        },
        move || async move { tally::ledger(&store, tenant, id).await },
    );
    let ledger = ledger.await?;
    let store = hub.store.clone();
    let counted = of(&hub.figures.reactions, id);
    let reactions = counted.get(
        |_| true,
        move || async move { tally::reactions(&store, tenant, id).await },
    );
    let reactions = reactions.await?;
    Ok(axum::Json(StatsOut::new(id, &ledger, &reactions)))
}
