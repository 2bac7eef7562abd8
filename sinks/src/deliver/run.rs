//! The waves of one batch, one after the other.
//!
//! Where a message may be sent twice, the record of a wave, and what follows it, go side by side with the
//! next wave; two waves are then doubtful after a crash. Elsewhere a wave is recorded before the next.

use std::{collections::HashSet, sync::Arc, time::Duration};

use nats::{HandleError, Held};
use tokio_util::sync::CancellationToken;

use super::{
    Entry, Shared, rest,
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
        let mut entries = distinct(std::mem::take(&mut self.entries)).into_iter();
        let beside = self.route.on_unknown == OnUnknown::Resend;
        let size = self.route.wave(self.sender.as_ref());
        let mut unrecorded: Option<Sent> = None;
        let mut come_back = None;
        loop {
            let wave: Vec<Entry> = if beside || unrecorded.is_none() {
                entries.by_ref().take(size).collect()
            } else {
                Vec::new()
            };
            if wave.is_empty() && unrecorded.is_none() {
                break;
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
