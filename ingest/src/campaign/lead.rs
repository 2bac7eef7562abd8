//! One campaign, while it is ours.

use std::time::Duration;

use bytes::Bytes;
use nats::{Bus, PublishError};
use schemas::{
    Timestamp,
    campaign::{CampaignStatus, Chunk},
    subject,
};
use store::{
    Store, StoreError,
    campaign::{
        audience, chunk,
        expand::{self, Pulse, Running},
        fallback,
    },
    contact::Choice,
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{LEASE, Settings, books::Books, expand::Bounds, expand::stretch};

/// How often the database is asked how far the senders are.
const TICK: Duration = Duration::from_millis(100);
/// How long a round that failed is followed by nothing.
const REST: Duration = Duration::from_secs(1);
/// Once the senders have enough, how often a page is written and how large, so that nobody waits for the database for long;
const GENTLE: Duration = Duration::from_millis(40);
const GENTLE_PAGE: i64 = 100;
/// and how large one is where they have too little, or people are answered.
const SHARED_PAGE: i64 = 500;
/// After how long without a chunk that was done nobody seems to send.
const STILL: Duration = Duration::from_secs(1);
/// How long the broker may take to store chunks.
const PUBLISH: Duration = Duration::from_secs(20);
/// How often it is looked for what was lost.
const LOOK_AROUND: Duration = Duration::from_secs(5);
/// How often it is looked whether too much fails: as much as is sent in that time may fail before the pause.
const BRAKE: Duration = Duration::from_millis(250);
/// A chunk that is in nobody's hands and was published so long ago is not in the broker any more.
const LOST: Duration = Duration::from_secs(20);
/// Chunks of which the share of failures is taken, and tries below which nothing is concluded.
const LATELY: i64 = 10;
const FEW: i64 = 100;
/// Chunks that share a subject, and so a frame, of the broker.
const GROUP: i32 = 16;
/// Chunks are handed out for so long ahead where the campaign has a rate of its own, in seconds: those that wait for it
/// wait in the database.
const AHEAD: f64 = 2.0;
/// Recipients given another way at once.
const FALL_BACK: i64 = 5000;

/// Leads a campaign.
pub(super) struct Lead {
    pub(super) bus: Bus,
    pub(super) store: Store,
    pub(super) settings: Settings,
    pub(super) worker: String,
    pub(super) campaign: Running,
    pub(super) choice: Choice,
    pub(super) stop: CancellationToken,
}

/// When what was looked at last.
struct Looked {
    around: Instant,
    failures: Instant,
    /// Chunks that were done, and since when no more are.
    done: (i64, Instant),
    page: Instant,
}

/// Why a round failed.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Publish(#[from] PublishError),
    #[error("a channel of a chunk is not in the plan")]
    Plan,
    #[error(transparent)]
    Broker(#[from] nats::ApiError),
}

/// How to go on.
enum Next {
    AtOnce,
    /// After [`GENTLE`].
    Soon,
    /// After [`TICK`].
    Later,
    /// It is another's, or not running.
    End,
}

/// Whether another page of the audience is written now.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Page {
    Of(i64),
    /// Senders have enough, and the database first.
    Soon,
    No,
}

impl Lead {
    pub(super) async fn run(self) {
        let id = self.campaign.id;
        let mut looked = Looked {
            around: Instant::now(),
            failures: Instant::now(),
            done: (0, Instant::now()),
            page: Instant::now(),
        };
        let mut books = Books::default();
        let mut failing = false;
        loop {
            let round = tokio::select! {
                () = self.stop.cancelled() => break,
                round = self.round(&mut looked, &mut books) => round,
            };
            let wait = match round {
                Ok(Next::AtOnce) => Duration::ZERO,
                Ok(Next::Soon) => GENTLE,
                Ok(Next::Later) => TICK,
                Ok(Next::End) => break,
                Err(error) => {
                    if !std::mem::replace(&mut failing, true) {
                        tracing::warn!(campaign = %id, %error, "a campaign cannot go on now");
                    }
                    REST
                }
            };
            if wait < REST {
                failing = false;
            }
            tokio::select! {
                () = self.stop.cancelled() => break,
                () = tokio::time::sleep(wait) => {}
            }
        }
        if let Err(error) = expand::release(&self.store, id, &self.worker).await {
            tracing::debug!(campaign = %id, %error, "the lease runs out by itself");
        }
    }

    async fn round(&self, looked: &mut Looked, books: &mut Books) -> Result<Next, Trouble> {
        let id = self.campaign.id;
        self.store.precedence().give_way().await;
        let Some(pulse) = expand::pulse(&self.store, id, &self.worker, LEASE).await? else {
            return Ok(Next::End);
        };
        if pulse.status == CampaignStatus::Cancelled {
            // What was published while it was stopped.
            super::clear(&self.bus, id).await;
        }
        if pulse.status != CampaignStatus::Running {
            return Ok(Next::End);
        }
        let published = self.publish(&pulse).await?;
        let page = self.page(&pulse, looked);
        let expanded = match page {
            Page::Of(most) => self.expand(&pulse, most).await?,
            Page::Soon | Page::No => false,
        };
        if looked.failures.elapsed() >= BRAKE {
            looked.failures = Instant::now();
            if self.brake().await? {
                return Ok(Next::End);
            }
        }
        if looked.around.elapsed() >= LOOK_AROUND {
            looked.around = Instant::now();
            let campaign = &self.campaign;
            books
                .look(&self.store, campaign.tenant, campaign.id)
                .await?;
            self.find_lost(&pulse).await?;
        }
        if pulse.is_expanded && pulse.open == 0 && self.finish(books).await? {
            return Ok(Next::End);
        }
        Ok(if published || expanded {
            Next::AtOnce
        } else if page == Page::Soon {
            Next::Soon
        } else {
            Next::Later
        })
    }

    /// Publishes as many chunks as there is room for; whether there were any.
    async fn publish(&self, pulse: &Pulse) -> Result<bool, Trouble> {
        let room = self.outstanding() - pulse.outstanding;
        if room <= 0 || pulse.ready == 0 {
            return Ok(false);
        }
        let campaign = &self.campaign;
        let ready = chunk::ready(&self.store, campaign.id, room).await?;
        let mut items: Vec<(String, Bytes)> = Vec::with_capacity(ready.len());
        for (number, channel) in &ready {
            let channels = &campaign.plan.channels;
            let planned = channels.iter().find(|planned| planned.id == *channel);
            let kind = planned.ok_or(Trouble::Plan)?.kind;
            let chunk = Chunk {
                tenant: campaign.tenant,
                campaign: campaign.id,
                channel: *channel,
                kind,
                number: *number,
            };
            let subject = subject::bulk(kind, *channel, campaign.id, number / GROUP);
            items.push((subject, chunk.encode()));
        }
        self.bus.publisher().publish_all(items, PUBLISH).await?;
        let numbers: Vec<i32> = ready.iter().map(|(number, _)| *number).collect();
        chunk::published(&self.store, campaign.id, &numbers).await?;
        Ok(!numbers.is_empty())
    }

    /// Chunks that may be in the broker and not done.
    fn outstanding(&self) -> i64 {
        let most = self.settings.outstanding;
        let Some(rate) = self.campaign.pace.per_second else {
            return most;
        };
        #[expect(clippy::cast_precision_loss, reason = "a hundred")]
        let chunks = rate * AHEAD / schemas::campaign::CHUNK as f64;
        #[expect(clippy::cast_possible_truncation, reason = "it is cut to what fits")]
        let chunks = chunks.ceil() as i64;
        chunks.clamp(1, most.max(1))
    }

    /// Whether it is time for another page: senders have the database first, once they have enough to do.
    fn page(&self, pulse: &Pulse, looked: &mut Looked) -> Page {
        if pulse.is_expanded || pulse.open >= self.settings.ahead {
            return Page::No;
        }
        let done = i64::from(pulse.chunks) - pulse.open;
        if done != looked.done.0 {
            looked.done = (done, Instant::now());
        }
        let sending = done > 0 && looked.done.1.elapsed() < STILL;
        let is_gentle = sending && pulse.open >= self.settings.outstanding;
        if is_gentle && looked.page.elapsed() < GENTLE {
            return Page::Soon;
        }
        looked.page = Instant::now();
        let most = self.settings.page;
        Page::Of(if is_gentle {
            most.min(GENTLE_PAGE)
        } else if sending || self.store.precedence().is_recent() {
            most.min(SHARED_PAGE)
        } else {
            most
        })
    }

    /// Writes a page of the audience; whether it did.
    async fn expand(&self, pulse: &Pulse, most: i64) -> Result<bool, Trouble> {
        let campaign = &self.campaign;
        let (from, to) = (pulse.expanded_to, campaign.audience_to);
        let page =
            audience::page(&self.store, campaign.tenant, &self.choice, from, to, most).await?;
        let bounds = Bounds {
            from,
            next_chunk: pulse.chunks,
            is_last: i64::try_from(page.len()).unwrap_or(i64::MAX) < most,
        };
        let stretch = stretch(campaign, &page, bounds, Timestamp::now());
        let written = expand::write(&self.store, campaign, &self.worker, &stretch).await?;
        metrics::counter!("tidings_campaign_recipients_total").increment(page.len() as u64);
        Ok(written)
    }

    /// Pauses what fails too often; true when it was paused.
    async fn brake(&self) -> Result<bool, Trouble> {
        let campaign = &self.campaign;
        let (tried, failed) = chunk::lately(&self.store, campaign.id, LATELY).await?;
        let most = campaign.pace.pause_at_failures;
        #[expect(clippy::cast_precision_loss, reason = "some thousands")]
        let share = failed as f64 / tried.max(1) as f64;
        if tried >= FEW && most < 1.0 && share > most {
            let why = format!(
                "{failed} of the last {tried} messages failed, more than the {:.0} % that `pause_at_failures` allows",
                most * 100.0
            );
            if expand::pause(&self.store, campaign.id, &why).await? {
                tracing::warn!(campaign = %campaign.id, "paused: too many failures");
                super::announce(&self.bus, campaign.id).await;
            }
            return Ok(true);
        }
        Ok(false)
    }

    /// Publishes again what the broker has lost.
    async fn find_lost(&self, pulse: &Pulse) -> Result<(), Trouble> {
        let campaign = &self.campaign;
        if pulse.outstanding > 0 && self.is_idle().await? {
            let lost = chunk::lost(&self.store, campaign.id, LOST).await?;
            if lost > 0 {
                tracing::warn!(campaign = %campaign.id, chunks = lost, "chunks are published again");
            }
        }
        Ok(())
    }

    /// Whether the broker has no chunk for any of the campaign's channels.
    async fn is_idle(&self) -> Result<bool, Trouble> {
        let lags = self.bus.lag().await?;
        Ok(self.campaign.plan.channels.iter().all(|channel| {
            let lane = nats::bulk_lane(channel.id);
            lags.iter().all(|lag| {
                lag.stream != lane.stream
                    || lag.consumer != lane.durable
                    || lag.pending + lag.ack_pending == 0
            })
        }))
    }

    /// Gives those who failed another way, or ends the campaign; true when it ended.
    async fn finish(&self, books: &mut Books) -> Result<bool, Trouble> {
        let campaign = &self.campaign;
        if campaign.plan.channels.len() > 1 {
            let again =
                fallback::fall_back(&self.store, campaign.id, &self.worker, FALL_BACK).await?;
            if again > 0 {
                return Ok(false);
            }
        }
        if !expand::complete(&self.store, campaign.id, &self.worker).await? {
            return Ok(false);
        }
        tracing::info!(campaign = %campaign.id, "a campaign is complete");
        books
            .close(&self.store, campaign.tenant, campaign.id)
            .await?;
        super::announce(&self.bus, campaign.id).await;
        Ok(true)
    }
}
