//! One wave: commit `sending`, send, record, then what follows.
//!
//! Between the commit and the record lies all that a crash can leave doubtful; so a wave is small
//! ([`Route::wave`]), and nothing else happens in between but that the leases are renewed: a file may take minutes, and
//! while its sender lives nobody else may take its message for doubtful.

mod aftermath;
mod begin;
mod record;

use std::{convert::Infallible, sync::Arc, time::Duration};

use nats::{HandleError, Held};
use schemas::{MessageId, Outbound};
use store::delivery;

use self::{aftermath::Aftermath, begin::Begun};
use super::{
    Entry, Shared,
    dispatch::{Tried, dispatch},
    route::Route,
};
use crate::channel::Sender;

/// Messages that are claimed and sent together.
pub(super) struct Wave {
    pub(super) shared: Arc<Shared>,
    pub(super) route: Arc<Route>,
    pub(super) sender: Arc<dyn Sender>,
    pub(super) held: Held,
    /// Distinct messages, also from the other wave's, in stream order.
    pub(super) entries: Vec<Entry>,
}

/// How the batch goes on.
pub(super) enum Next {
    GoOn,
    /// Not now; what was not sent is looked at again then.
    Rest(Duration, &'static str),
}

/// A message this wave may send: its place among the entries, and the ledger's attempt.
type Ready = (usize, u32);

/// A wave that was sent and must be recorded.
#[must_use]
pub(super) struct Sent {
    wave: Wave,
    begun: Begun,
    tried: Vec<Tried>,
}

impl Sent {
    /// Whether the batch must not go on: what comes next could overtake a message that another sender holds.
    pub(super) fn is_last(&self) -> bool {
        self.begun.held_for.is_some()
    }

    /// Records, then lets follow what follows.
    pub(super) async fn record(self) -> Result<Next, HandleError> {
        let Self { wave, begun, tried } = self;
        let Begun {
            mut ready,
            behind,
            held: mut stay,
            held_for,
            mut aftermath,
        } = begun;
        let tried = tried
            .into_iter()
            .chain(behind.iter().map(|_| Tried::NotCalled))
            .collect();
        ready.extend(behind);
        let not_called = wave.record(&ready, tried, &mut aftermath).await?;
        wave.follow(aftermath).await?;
        let rests = !not_called.is_empty();
        stay.extend(not_called);
        wave.leave(&stay).await?;
        Ok(match held_for {
            Some(wait) => Next::Rest(wait, "another sender holds some of the messages"),
            None if rests => {
                let silent = wave.route.gate.silent_for().max(Duration::from_millis(100));
                Next::Rest(silent, "the channel is not reachable now")
            }
            None => Next::GoOn,
        })
    }
}

impl Wave {
    /// Commits `sending` and sends. On an error nothing was sent.
    pub(super) async fn send(self) -> Result<Sent, HandleError> {
        let begun = self.begin().await?;
        let tried = {
            let messages: Vec<&Outbound> = begun
                .ready
                .iter()
                .filter_map(|(at, _)| self.entries.get(*at))
                .map(|entry| &entry.outbound)
                .collect();
            let sending: Vec<MessageId> = messages.iter().map(|sent| sent.message.id).collect();
            tokio::select! {
                tried = dispatch(&self.route, self.sender.as_ref(), &self.held, &messages) => tried,
                never = self.keep(&sending) => match never {},
            }
        };
        Ok(Sent {
            wave: self,
            begun,
            tried,
        })
    }

    /// Renews the leases for as long as it is asked to; thrice in a lease, so that one failure costs nothing.
    async fn keep(&self, sending: &[MessageId]) -> Infallible {
        let shared = &self.shared;
        loop {
            tokio::time::sleep(shared.lease / 3).await;
            let kept = delivery::renew(&shared.store, sending, &shared.owner, shared.lease).await;
            if let Err(error) = kept {
                let channel = self.route.channel;
                tracing::warn!(%channel, %error, "cannot renew the leases of what is being sent");
            }
        }
    }

    /// All but these do not wait for their chat's rate any more: they are done with, or their next try is scheduled.
    async fn leave(&self, stay: &[MessageId]) -> Result<(), HandleError> {
        let done: Vec<MessageId> = self
            .entries
            .iter()
            .map(Entry::message)
            .filter(|message| !stay.contains(message))
            .collect();
        let waiting = self.route.chats.waiting(&done);
        self.shared.leave(&self.route, &waiting).await
    }

    fn count(&self, outcome: &'static str, number: u64) {
        let kind = self.route.kind.name();
        metrics::counter!("tidings_sends_total", "kind" => kind, "outcome" => outcome)
            .increment(number);
    }
}
