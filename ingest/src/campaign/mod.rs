//! Campaigns: from an audience to chunks in the broker.
//!
//! Each running campaign is one worker's at a time, by a lease in Postgres. Its task looks at the audience page by page
//! (`place` says by which way each contact is written to), writes rows and chunks ([`store::campaign::expand`]), and
//! publishes chunks from that outbox: a hundred or so ahead of the senders, so that the campaigns of a channel take turns.
//! It also starts what is due, sends what failed by another way, pauses what fails too often, ends what is done, and
//! counts whether the audience is the sum of all outcomes (`books`).
//!
//! Invariants: whatever a crash splits is found again in the database; what is published twice is absorbed by the ledger;
//! nothing here decides whether somebody is sent to twice. Deliberately absent: rendering and sending (`sinks::bulk`).

mod approved;
mod books;
mod expand;
mod lead;
mod place;
mod sample;
mod sender;
mod start;

use std::{collections::HashMap, time::Duration};

use bytes::Bytes;
use futures::StreamExt;
use nats::{Bus, Notice};
use schemas::{CampaignId, campaign::CampaignStatus, subject};
use store::{
    Store, StoreError,
    campaign::{
        cancel,
        expand::{self as lease, Running},
        status,
    },
    contact::Choice,
    segment,
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use self::lead::Lead;
pub use self::sender::{Warning, warnings};
pub use self::start::{NotReady, StartError, plan, start};

/// How long a campaign waits for another worker when its own dies.
const LEASE: Duration = Duration::from_secs(6);
/// How often campaigns are looked for when nobody announces one.
const LOOK: Duration = Duration::from_secs(1);
/// Campaigns one worker leads.
const MOST: usize = 64;

/// Recipients of a stopped campaign that are ended at once.
const CANCEL: i64 = 5000;

/// How the expander works.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Chunks of a campaign that may be in the broker and not done.
    pub outstanding: i64,
    /// Chunks of a campaign that may be made and not done: how far the expansion runs ahead where nobody sends.
    pub ahead: i64,
    /// Contacts looked at in one transaction, while nobody else needs the database.
    pub page: i64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            outstanding: 128,
            ahead: 4000,
            page: 2000,
        }
    }
}

/// Leads running campaigns until `stop`. `worker` names it; no two that live share a name.
pub async fn run(
    bus: Bus,
    store: Store,
    settings: Settings,
    worker: String,
    stop: CancellationToken,
) {
    let mut leads: HashMap<CampaignId, JoinHandle<()>> = HashMap::new();
    let mut reachable = true;
    while !stop.is_cancelled() {
        let mut changes = match bus.listen(subject::CAMPAIGNS_CHANGED).await {
            Ok(changes) => changes.boxed(),
            Err(error) => {
                tracing::debug!(%error, "no announcements now; looking every second");
                futures::stream::pending::<Notice>().boxed()
            }
        };
        loop {
            leads.retain(|_, lead| !lead.is_finished());
            match look(&bus, &store, &settings, &worker, &stop, &mut leads).await {
                Ok(()) => reachable = true,
                Err(error) => {
                    if std::mem::replace(&mut reachable, false) {
                        tracing::warn!(%error, "cannot look for campaigns");
                    }
                }
            }
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(LOOK) => {}
                change = changes.next() => if change.is_none() { break },
            }
        }
    }
    for (_, lead) in leads {
        if lead.await.is_err() {
            tracing::debug!("a campaign's task had ended");
        }
    }
}

async fn look(
    bus: &Bus,
    store: &Store,
    settings: &Settings,
    worker: &str,
    stop: &CancellationToken,
    leads: &mut HashMap<CampaignId, JoinHandle<()>>,
) -> Result<(), StoreError> {
    for (tenant, id) in lease::due(store).await? {
        match start(store, tenant, id).await {
            Ok(()) => {
                tracing::info!(campaign = %id, "a scheduled campaign starts");
                announce(bus, id).await;
            }
            // Another worker was faster, or somebody took it back.
            Err(StartError::Status(_)) => {}
            Err(StartError::Store(error)) => return Err(error),
            Err(StartError::NotReady(missing)) => {
                let reasons: Vec<String> = missing.into_iter().map(|one| one.reason).collect();
                let why = format!("it could not start: {}", reasons.join(" "));
                tracing::warn!(campaign = %id, "a scheduled campaign is not ready");
                // Back to its author.
                let done = status::go(store, tenant, id, CampaignStatus::Draft, Some(&why)).await?;
                if done.is_ok() {
                    announce(bus, id).await;
                }
            }
        }
    }
    let room = MOST.saturating_sub(leads.len());
    let room = i64::try_from(room).unwrap_or(i64::MAX);
    for running in lease::take(store, worker, LEASE, room).await? {
        let id = running.id;
        let Some(choice) = choice(&running) else {
            let why = "a segment it is for cannot be read by this version; start a copy of it";
            lease::pause(store, id, why).await?;
            continue;
        };
        let lead = Lead {
            bus: bus.clone(),
            store: store.clone(),
            settings: settings.clone(),
            worker: worker.to_owned(),
            campaign: running,
            choice,
            stop: stop.clone(),
        };
        leads.insert(id, tokio::spawn(lead.run()));
    }
    while cancel::rest(store, CANCEL).await? > 0 && !stop.is_cancelled() {}
    Ok(())
}

/// Takes the chunks of a campaign that was stopped out of the broker. Whoever gets one of them all the same finds nobody in
/// it, so this may fail.
pub async fn clear(bus: &Bus, campaign: CampaignId) {
    let subjects = subject::bulk_of(campaign);
    if let Err(error) = bus.purge(subject::stream::BULK, &subjects).await {
        tracing::debug!(%campaign, %error, "chunks of a stopped campaign are left in the broker");
    }
}

/// Says that a campaign's status changed; who misses it looks every second.
pub async fn announce(bus: &Bus, campaign: CampaignId) {
    let subject = subject::campaign_changed(campaign);
    if let Err(error) = bus.notify(&subject, Bytes::new()).await {
        tracing::debug!(%error, "a change was not announced");
    }
}

/// Whom a campaign is for.
fn choice(campaign: &Running) -> Option<Choice> {
    let segments = campaign.plan.segments.iter();
    Some(Choice {
        lists: campaign.plan.lists.clone(),
        segments: segments
            .map(|text| segment::compile(text).ok())
            .collect::<Option<_>>()?,
        now: campaign.started_at,
    })
}
