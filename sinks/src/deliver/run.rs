//! The waves of one batch, one after the other.
//!
//! Where a message may be sent twice, the record of a wave, and what follows it, go side by side with the
//! next wave; two waves are then doubtful after a crash. Elsewhere a wave is recorded before the next.
//!
//! First of all, what its chat has no room for goes back to the broker until its place comes, so that nobody waits for
//! another chat longer than [`PATIENCE`].

use std::{
    collections::{HashSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use nats::{HandleError, Held};
use schemas::{Timestamp, subject};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::{
    Entry, Shared, rest,
    route::{OnUnknown, Route},
    wave::{Next, Sent, Wave},
};
use crate::channel::Sender;

/// A place so near is waited for here.
const PATIENCE: Duration = Duration::from_millis(250);

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
        let mut come_back = None;
        loop {
            let wave: Vec<Entry> = if beside || unrecorded.is_none() {
                due(&mut entries, size)
            } else {
                Vec::new()
            };
            if wave.is_empty() && unrecorded.is_none() {
                let Some((place, _)) = entries.front() else {
                    break;
                };
                sleep_until(*place).await;
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
                Ok(Next::ComeBack(wait)) => come_back = come_back.max(Some(wait)),
                Ok(Next::Rest(wait)) => {
                    let away = rest(wait, "the channel is not reachable now");
                    return Err(ended(unrecorded, away).await);
                }
                Err(error) => return Err(ended(unrecorded, error).await),
            }
        }
        match come_back {
            None => Ok(()),
            Some(wait) => Err(rest(wait, "another sender holds some of the messages")),
        }
    }

    /// Gives every message its place; those whose place is not near leave the batch. The others by their places, and
    /// within the same place as they came.
    async fn seat(&self, entries: Vec<Entry>) -> Result<VecDeque<(Instant, Entry)>, HandleError> {
        let now = Instant::now();
        let mut seated = Vec::with_capacity(entries.len());
        let mut sent_away = Vec::new();
        for entry in entries {
            let place = self.route.chats.place(&entry.outbound, now);
            if place > now + PATIENCE {
                sent_away.push((place, entry));
            } else {
                seated.push((place, entry));
            }
        }
        if !sent_away.is_empty() {
            let bus = &self.shared.bus;
            let away = sent_away.iter().map(|(place, Entry { item, outbound })| {
                self.route.chats.keep(outbound.message.id, *place);
                let at = Timestamp::now().plus(*place - now);
                let id = outbound.message.id.simple().to_string();
                let target = subject::outbound(outbound.kind, outbound.channel, outbound.tenant);
                let payload = item.payload.clone();
                async move { bus.schedule(at, &id, &target, payload).await }
            });
            futures::future::try_join_all(away)
                .await
                .map_err(HandleError::transient)?;
            let kind = self.route.kind.name();
            metrics::counter!("tidings_sends_put_off_total", "kind" => kind)
                .increment(sent_away.len() as u64);
        }
        seated.sort_by_key(|(place, _)| *place);
        Ok(seated.into())
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

/// The first messages whose place has come.
fn due(entries: &mut VecDeque<(Instant, Entry)>, most: usize) -> Vec<Entry> {
    let now = Instant::now();
    let mut wave = Vec::with_capacity(most.min(entries.len()));
    while wave.len() < most {
        if entries.front().is_none_or(|(place, _)| *place > now) {
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
