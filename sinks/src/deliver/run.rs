//! The waves of one batch, one after the other.
//!
//! Where a message may be sent twice, the record of a wave, and what follows it, go side by side with the
//! next wave; two waves are then doubtful after a crash. Elsewhere a wave is recorded before the next.
//!
//! First of all, what its chat has no room for goes back to the broker until its turn comes, so that nobody waits for
//! another chat for long ([`Chats::seat`]).
//!
//! [`Chats::seat`]: super::chat::Chats::seat

use std::{
    collections::{HashSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use nats::{HandleError, Held};
use schemas::{partition, subject};
use store::delivery::{self, Waiting};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::{
    Entry, Shared,
    chat::{Comer, MOST_WAITING, Now, Seat, Seating},
    rest,
    route::{OnUnknown, Route},
    wave::{Next, Sent, Wave},
};
use crate::channel::Sender;

/// A batch on its way out.
pub(super) struct Run {
    pub(super) shared: Arc<Shared>,
    pub(super) route: Arc<Route>,
    pub(super) sender: Arc<dyn Sender>,
    pub(super) held: Held,
    pub(super) entries: Vec<Entry>,
    /// Nobody waits for this batch any more: what has begun is recorded, and nothing else begins.
    pub(super) given_up: CancellationToken,
}

impl Run {
    pub(super) async fn run(mut self) -> Result<(), HandleError> {
        let entries = distinct(std::mem::take(&mut self.entries));
        let mut entries = self.seat(entries).await?;
        let beside = self.route.on_unknown == OnUnknown::Resend;
        let size = self.route.wave(self.sender.as_ref());
        let mut unrecorded: Option<Sent> = None;
        loop {
            let goes_on = match &unrecorded {
                None => true,
                Some(sent) => beside && !sent.is_last(),
            };
            let wave: Vec<Entry> = if goes_on {
                due(&mut entries, size)
            } else {
                Vec::new()
            };
            if wave.is_empty() && unrecorded.is_none() {
                let Some((turn, _)) = entries.front() else {
                    break;
                };
                sleep_until(*turn).await;
                continue;
            }
            if !wave.is_empty() && (self.held.expired() || self.given_up.is_cancelled()) {
                let lost = rest(Duration::ZERO, "the lane may be another's by now");
                return Err(ended(unrecorded, lost).await);
            }
            let recording = async {
                match unrecorded.take() {
                    Some(sent) => sent.record().await,
                    None => Ok(Next::GoOn),
                }
            };
            let (recorded, sent) = futures::join!(recording, self.send(wave));
            unrecorded = sent?;
            match recorded {
                Ok(Next::GoOn) => {}
                Ok(Next::Rest(wait, why)) => {
                    return Err(ended(unrecorded, rest(wait, why)).await);
                }
                Err(error) => return Err(ended(unrecorded, error).await),
            }
        }
        Ok(())
    }

    /// Gives every message its seat; those whose turn is not near leave the batch. The others by their turns, and within
    /// the same turn as they were accepted.
    async fn seat(
        &self,
        mut entries: Vec<Entry>,
    ) -> Result<VecDeque<(Instant, Entry)>, HandleError> {
        let chats = &self.route.chats;
        self.know_lines().await?;
        if chats.has_lines() {
            entries.sort_by_cached_key(|entry| chats.position(entry.message(), newcomer(entry)));
        }
        let now = Now::new();
        let comers = entries.iter().map(|entry| Comer {
            outbound: &entry.outbound,
            newcomer: newcomer(entry),
            stored_at: entry.item.stored_at,
        });
        let Seating { seats, missing } = chats.seat(comers, now);
        if !missing.is_empty() {
            let (channel, messages) = (self.route.channel, missing.len());
            tracing::warn!(%channel, messages, "waiting messages did not come back; their chats go on");
            self.shared.leave(&self.route, &missing).await?;
        }
        let mut seated = Vec::with_capacity(entries.len());
        let mut away = Vec::new();
        for (entry, seat) in entries.into_iter().zip(seats) {
            match seat {
                Seat::At(turn) => seated.push((turn, entry)),
                Seat::Away(waiting) => away.push((waiting, entry)),
            }
        }
        self.put_off(away).await?;
        seated.sort_by_key(|(turn, _)| *turn);
        Ok(seated.into())
    }

    /// Reads the lines of the channel's chats when this process has become the owner of the lane.
    async fn know_lines(&self) -> Result<(), HandleError> {
        let Route {
            tenant,
            channel,
            chats,
            ..
        } = &*self.route;
        if chats.are_known(&self.held) {
            return Ok(());
        }
        let waiting = delivery::waiting(&self.shared.store, *tenant, *channel, MOST_WAITING)
            .await
            .map_err(HandleError::transient)?;
        chats.read(&self.held, &waiting, Now::new());
        Ok(())
    }

    /// Writes down who waits, then leaves the messages to the broker until they are due.
    async fn put_off(&self, away: Vec<(Waiting, Entry)>) -> Result<(), HandleError> {
        if away.is_empty() {
            return Ok(());
        }
        let (waiting, entries): (Vec<Waiting>, Vec<Entry>) = away.into_iter().unzip();
        let Route {
            tenant,
            channel,
            kind,
            ..
        } = *self.route;
        delivery::wait(&self.shared.store, tenant, channel, &waiting)
            .await
            .map_err(HandleError::transient)?;
        let bus = &self.shared.bus;
        let scheduled = waiting.iter().zip(entries).map(|(waiting, entry)| {
            let Entry { item, outbound } = entry;
            let id = outbound.message.id.simple().to_string();
            let target = subject::outbound(outbound.kind, outbound.channel, outbound.tenant);
            let due_at = waiting.due_at;
            async move { bus.schedule(due_at, &id, &target, item.payload).await }
        });
        futures::future::try_join_all(scheduled)
            .await
            .map_err(HandleError::transient)?;
        metrics::counter!("tidings_sends_put_off_total", "kind" => kind.name())
            .increment(waiting.len() as u64);
        Ok(())
    }

    async fn send(&self, entries: Vec<Entry>) -> Result<Option<Sent>, HandleError> {
        if entries.is_empty() {
            return Ok(None);
        }
        let wave = Wave {
            shared: Arc::clone(&self.shared),
            route: Arc::clone(&self.route),
            sender: Arc::clone(&self.sender),
            held: self.held.clone(),
            entries,
        };
        wave.send().await.map(Some)
    }
}

/// The position of a message that comes for the first time.
fn newcomer(Entry { item, .. }: &Entry) -> i64 {
    partition::position(item.stored_at, item.index)
}

/// The first messages whose turn has come.
fn due(entries: &mut VecDeque<(Instant, Entry)>, most: usize) -> Vec<Entry> {
    let now = Instant::now();
    let mut wave = Vec::with_capacity(most.min(entries.len()));
    while wave.len() < most {
        if entries.front().is_none_or(|(turn, _)| *turn > now) {
            break;
        }
        wave.extend(entries.pop_front().map(|(_, entry)| entry));
    }
    wave
}

/// The batch ends with this error; but what was sent is recorded.
async fn ended(unrecorded: Option<Sent>, error: HandleError) -> HandleError {
    if let Some(sent) = unrecorded
        && let Err(worse) = sent.record().await
    {
        return worse;
    }
    error
}

/// A retry and its redelivered original may meet in one batch: the first speaks for both.
fn distinct(mut entries: Vec<Entry>) -> Vec<Entry> {
    let mut seen = HashSet::with_capacity(entries.len());
    entries.retain(|entry| seen.insert(entry.outbound.message.id));
    entries
}
