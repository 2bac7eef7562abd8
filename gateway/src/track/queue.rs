//! Events on their way to the broker, behind the answers they came with.
//!
//! Invariants: putting one in never waits; at most [`MOST`] wait, and what comes beyond is dropped and counted
//! (`tidings_tracking_dropped_total`); they leave in batches, and a batch is tried until the broker has stored it. What is
//! told twice has one id, and is one row.

use std::{
    mem,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use schemas::{
    TrackContext,
    campaign::{CampaignEvent, CampaignEventType, Verdict},
    subject,
};
use tokio::{sync::Notify, time::sleep};
use tokio_util::sync::CancellationToken;

use crate::hub::Hub;

/// Events that may wait; about 60 MB.
const MOST: usize = 200_000;
/// Events that leave together.
const BATCH: usize = 8192;
/// How long more of them are waited for.
const LINGER: Duration = Duration::from_millis(10);
/// How long one try may take.
const TRY: Duration = Duration::from_secs(10);
/// The pause after a try that failed, at first and at most.
const PAUSE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

#[derive(Default)]
pub(super) struct Queue {
    waiting: Mutex<Vec<CampaignEvent>>,
    some: Notify,
}

impl Queue {
    pub(super) fn put(&self, event: CampaignEvent) {
        let waiting = {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            if waiting.len() < MOST {
                waiting.push(event);
            } else {
                metrics::counter!("tidings_tracking_dropped_total").increment(1);
            }
            waiting.len()
        };
        if waiting == 1 {
            self.some.notify_one();
        }
    }

    /// Takes all that waits, and leaves an empty list in its place: its room is used again.
    fn swap(&self, empty: &mut Vec<CampaignEvent>) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        mem::swap(&mut *waiting, empty);
    }

    #[cfg(test)]
    pub(super) fn take(&self) -> Vec<CampaignEvent> {
        let mut taken = Vec::new();
        self.swap(&mut taken);
        taken
    }

    fn is_empty(&self) -> bool {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.is_empty()
    }
}

/// Publishes what is put in, until `end` and nothing is left.
pub(crate) async fn drain(hub: Arc<Hub>, end: CancellationToken) {
    let queue = &hub.track.queue;
    let mut taken = Vec::new();
    loop {
        if queue.is_empty() {
            tokio::select! {
                () = end.cancelled() => if queue.is_empty() { return },
                () = queue.some.notified() => {}
            }
        }
        tokio::select! {
            () = end.cancelled() => {}
            () = sleep(LINGER) => {}
        }
        queue.swap(&mut taken);
        for batch in taken.chunks(BATCH) {
            publish(&hub, batch).await;
        }
        taken.clear();
        // After a time without a broker.
        taken.shrink_to(2 * BATCH);
    }
}

async fn publish(hub: &Hub, events: &[CampaignEvent]) {
    let mut pause = PAUSE.0;
    let mut is_told = false;
    loop {
        match hub.bus.publisher().publish_all(items(events), TRY).await {
            Ok(()) => return count(events),
            Err(error) if error.is_transient() => {
                if !mem::replace(&mut is_told, true) {
                    tracing::warn!(%error, "opens and clicks wait for the broker");
                }
                sleep(pause).await;
                pause = (pause * 2).min(PAUSE.1);
            }
            Err(error) => {
                tracing::error!(%error, events = events.len(), "opens and clicks are lost");
                metrics::counter!("tidings_tracking_dropped_total").increment(events.len() as u64);
                return;
            }
        }
    }
}

pub(super) fn items(events: &[CampaignEvent]) -> Vec<(String, bytes::Bytes)> {
    events
        .iter()
        .map(|event| {
            let kind = event.event.kind();
            let subject = subject::track(event.tenant, TrackContext::Campaign, kind);
            (subject, event.encode())
        })
        .collect()
}

fn count(events: &[CampaignEvent]) {
    use CampaignEventType as E;
    for (kind, name) in [(E::Open, "open"), (E::Click, "click")] {
        for (verdict, by) in [(Verdict::Human, "human"), (Verdict::Machine, "machine")] {
            let is_one =
                |event: &&CampaignEvent| event.event == kind && event.verdict == Some(verdict);
            let count = events.iter().filter(is_one).count();
            if count > 0 {
                metrics::counter!("tidings_tracking_total", "event" => name, "by" => by)
                    .increment(count as u64);
            }
        }
    }
}
