//! What happens to campaigns, for the sockets that watch them: counted, and told a few times a second.
//!
//! Invariants: what is told is what came on since the last time, so nothing is counted twice; of a campaign that nobody
//! watches nothing is read. Deliberately absent: totals, which `/campaigns/{id}/stats` has.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use schemas::{
    CampaignId, TenantId,
    campaign::{CampaignEvent, CampaignEventType, Verdict},
};
use serde::{Deserialize, Serialize};

/// Between two tellings.
pub(super) const EVERY: Duration = Duration::from_millis(250);
/// The end of the subjects of progress.
const PROGRESS: &str = ".campaign.progress";

/// What came on since the last time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Counts {
    pub(crate) sent: u64,
    pub(crate) failed: u64,
    pub(crate) unknown: u64,
    pub(crate) delivered: u64,
    pub(crate) read: u64,
    pub(crate) bounced: u64,
    pub(crate) opened: u64,
    pub(crate) opened_by_machines: u64,
    pub(crate) clicked: u64,
    pub(crate) clicked_by_machines: u64,
    pub(crate) unsubscribed: u64,
    pub(crate) complained: u64,
}

/// A campaign's counts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Progress {
    pub(crate) tenant: TenantId,
    pub(crate) campaign: CampaignId,
    pub(crate) counts: Counts,
}

/// What senders and projectors say of a part of a campaign.
#[derive(Deserialize)]
struct Part {
    campaign_id: CampaignId,
    #[serde(default)]
    sent: u64,
    #[serde(default)]
    failed: u64,
    #[serde(default)]
    unknown: u64,
    #[serde(default)]
    delivered: u64,
    #[serde(default)]
    read: u64,
    #[serde(default)]
    bounced: u64,
}

type Key = (TenantId, CampaignId);

/// The campaigns that are watched.
#[derive(Default)]
pub(crate) struct Watched {
    tallies: Mutex<HashMap<Key, Tally>>,
    count: AtomicUsize,
}

#[derive(Default)]
struct Tally {
    watchers: usize,
    counts: Counts,
}

/// Somebody watches a campaign, as long as this is held.
pub(crate) struct Watch {
    watched: Arc<Watched>,
    key: Key,
}

impl Drop for Watch {
    fn drop(&mut self) {
        let mut tallies = self.watched.lock();
        if let Some(tally) = tallies.get_mut(&self.key) {
            tally.watchers = tally.watchers.saturating_sub(1);
            if tally.watchers == 0 {
                tallies.remove(&self.key);
            }
        }
        self.watched.count.store(tallies.len(), Ordering::Relaxed);
    }
}

impl Watched {
    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Tally>> {
        self.tallies.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Watches a campaign.
    pub(crate) fn watch(self: &Arc<Self>, tenant: TenantId, campaign: CampaignId) -> Watch {
        let key = (tenant, campaign);
        let mut tallies = self.lock();
        tallies.entry(key).or_default().watchers += 1;
        self.count.store(tallies.len(), Ordering::Relaxed);
        drop(tallies);
        Watch {
            watched: Arc::clone(self),
            key,
        }
    }

    /// Whether nobody watches anything.
    pub(super) fn is_idle(&self) -> bool {
        self.count.load(Ordering::Relaxed) == 0
    }

    /// Hears of a part of a campaign; false when this is not what the subject is about.
    pub(super) fn heard(&self, subject: &str, payload: &[u8]) -> bool {
        let Some(rest) = subject.strip_suffix(PROGRESS) else {
            return false;
        };
        let tenant = rest.rsplit('.').next().and_then(|text| text.parse().ok());
        if let (Some(tenant), Ok(part)) = (tenant, serde_json::from_slice::<Part>(payload)) {
            self.count(tenant, part.campaign_id, |counts| {
                counts.sent += part.sent;
                counts.failed += part.failed;
                counts.unknown += part.unknown;
                counts.delivered += part.delivered;
                counts.read += part.read;
                counts.bounced += part.bounced;
            });
        }
        true
    }

    /// Hears of an event.
    pub(super) fn happened(&self, event: &CampaignEvent) {
        let by_machine = event.verdict == Some(Verdict::Machine);
        self.count(event.tenant, event.campaign, |counts| {
            let count = match event.event {
                CampaignEventType::Open if by_machine => &mut counts.opened_by_machines,
                CampaignEventType::Open => &mut counts.opened,
                CampaignEventType::Click if by_machine => &mut counts.clicked_by_machines,
                CampaignEventType::Click => &mut counts.clicked,
                CampaignEventType::Bounce => &mut counts.bounced,
                CampaignEventType::Unsubscribe => &mut counts.unsubscribed,
                CampaignEventType::Complaint => &mut counts.complained,
            };
            *count += 1;
        });
    }

    fn count(&self, tenant: TenantId, campaign: CampaignId, add: impl FnOnce(&mut Counts)) {
        if let Some(tally) = self.lock().get_mut(&(tenant, campaign)) {
            add(&mut tally.counts);
        }
    }

    /// What came on since the last time, of those of which something did.
    pub(super) fn take(&self) -> Vec<Progress> {
        if self.is_idle() {
            return Vec::new();
        }
        let mut tallies = self.lock();
        let changed = tallies
            .iter_mut()
            .filter_map(|((tenant, campaign), tally)| {
                let counts = std::mem::take(&mut tally.counts);
                (counts != Counts::default()).then_some(Progress {
                    tenant: *tenant,
                    campaign: *campaign,
                    counts,
                })
            });
        changed.collect()
    }
}

#[cfg(test)]
mod tests {
    use schemas::{ContactId, Timestamp, subject};
    use uuid::Uuid;

    use super::*;

    #[test]
    fn what_is_watched_is_counted_once() {
        let watched = Arc::new(Watched::default());
        let (ours, theirs) = (TenantId(Uuid::from_u128(1)), TenantId(Uuid::from_u128(2)));
        let campaign = CampaignId(Uuid::from_u128(3));
        let part =
            format!(r#"{{"campaign_id":"{campaign}","chunk":7,"sent":90,"failed":3,"open":2}}"#);
        let tell = |tenant| {
            let subject = subject::campaign_progress(tenant);
            assert!(watched.heard(&subject, part.as_bytes()));
        };
        tell(ours);
        assert!(watched.is_idle() && watched.take().is_empty());
        let (one, other) = (watched.watch(ours, campaign), watched.watch(ours, campaign));
        tell(ours);
        tell(ours);
        tell(theirs);
        let mut event = CampaignEvent {
            id: Uuid::nil(),
            tenant: ours,
            campaign,
            contact: ContactId(Uuid::nil()),
            event: CampaignEventType::Open,
            at: Timestamp(0),
            verdict: Some(Verdict::Machine),
            detail: None,
            url: None,
            ip_address: None,
            user_agent: None,
        };
        watched.happened(&event);
        event.verdict = Some(Verdict::Human);
        event.event = CampaignEventType::Click;
        watched.happened(&event);
        let told = watched.take();
        assert_eq!(told.len(), 1);
        let expected = Counts {
            sent: 180,
            failed: 6,
            opened_by_machines: 1,
            clicked: 1,
            ..Counts::default()
        };
        assert_eq!((told[0].tenant, told[0].counts), (ours, expected));
        assert!(watched.take().is_empty());
        drop(one);
        assert!(!watched.is_idle());
        drop(other);
        assert!(watched.is_idle());
        assert!(!watched.heard("live.track.1.message.sent", b"{}"));
    }
}
