//! One channel's task: waits for the lease, and while it has it, runs the poller.
//!
//! Invariant: when the lease cannot be renewed, the poller ends before the database's clock lets another worker in.

use std::{sync::Arc, time::Duration};

use nats::Bus;
use schemas::ChannelId;
use store::{Store, StoreError, cursor::Claim};
use tokio::{
    sync::Notify,
    time::{Instant, sleep, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{PollError, Poller, Port, Settings, Spec, pause, poller};

/// What a channel's main cursor is called.
const NAME: &str = "main";
/// After so long without renewal another worker takes a channel.
const LEASE: Duration = Duration::from_secs(30);
const RENEW_EVERY: Duration = Duration::from_secs(8);
/// Between the end of the poller and that of the lease.
const MARGIN: Duration = Duration::from_secs(5);
/// How long a query about the lease may take.
const QUERY: Duration = Duration::from_secs(5);
/// How often a worker asks for a channel that another one reads.
const ASK_EVERY: Duration = Duration::from_secs(8);
/// How long a poller may take to end by itself.
const GRACE: Duration = Duration::from_secs(3);

/// What a channel's task needs.
pub(super) struct Tenure {
    pub(super) bus: Bus,
    pub(super) store: Store,
    pub(super) settings: Settings,
    pub(super) channel: ChannelId,
    pub(super) spec: Spec,
    pub(super) owner: String,
    pub(super) nudge: Arc<Notify>,
    pub(super) stop: CancellationToken,
}

impl Tenure {
    /// Reads the channel whenever it is ours, until told to stop.
    pub(super) async fn serve(self) {
        let Some(poller) = poller(&self.spec) else {
            return;
        };
        let claim = Claim {
            tenant: self.spec.tenant,
            channel: self.channel,
            name: NAME,
            owner: self.owner.clone(),
        };
        while !self.stop.is_cancelled() {
            let asked = Instant::now();
            match held(&self.store, &claim).await {
                Ok(Some(cursor)) => {
                    let port = Port::new(
                        self.bus.clone(),
                        self.store.clone(),
                        claim.clone(),
                        &self.spec,
                        &self.settings,
                        Arc::clone(&self.nudge),
                        self.stop.clone(),
                    );
                    port.state().cursor = cursor;
                    self.hold(&*poller, &port, asked).await;
                    if let Err(error) = store::cursor::release(&self.store, &claim).await {
                        tracing::debug!(channel = %self.channel, %error, "a lease runs out by itself");
                    }
                }
                // Somebody else's, or a channel that is gone: the directory will say.
                Ok(None) | Err(StoreError::Conflict { .. }) => {}
                Err(error) => {
                    tracing::debug!(channel = %self.channel, %error, "a channel's lease was not had");
                }
            }
            tokio::select! {
                () = self.stop.cancelled() => {}
                () = sleep(ASK_EVERY.mul_f64(0.75 + pause::chance() / 2.0)) => {}
            }
        }
    }

    /// Runs the poller until the lease is lost or it is time to stop.
    async fn hold(&self, poller: &dyn Poller, port: &Port, since: Instant) {
        let attending = attend(poller, port);
        tokio::pin!(attending);
        tokio::select! {
            () = &mut attending => {}
            () = renewed(&self.store, port, since) => {
                tracing::info!(channel = %self.channel, "another worker may read the channel now");
            }
            () = self.stop.cancelled() => {
                // What it then holds is fetched again by whoever is next.
                timeout(GRACE, attending).await.ok();
            }
        }
    }
}

/// Asks for the lease, or for more of it.
async fn held(store: &Store, claim: &Claim) -> Result<Option<serde_json::Value>, StoreError> {
    timeout(QUERY, store::cursor::claim(store, claim, LEASE))
        .await
        .unwrap_or(Err(StoreError::Invalid("no answer in time".into())))
}

/// Keeps the lease; returns when it is lost, or about to be.
async fn renewed(store: &Store, port: &Port, since: Instant) {
    let mut until = since + LEASE - MARGIN;
    loop {
        tokio::select! {
            () = sleep_until(until) => return,
            () = sleep(RENEW_EVERY) => {}
        }
        let asked = Instant::now();
        match held(store, &port.claim).await {
            Ok(Some(_)) => until = asked + LEASE - MARGIN,
            Ok(None) | Err(StoreError::Conflict { .. }) => return,
            Err(error) => {
                tracing::debug!(channel = %port.channel, %error, "a lease was not renewed yet");
            }
        }
    }
}

/// Runs the poller again and again, with rests in between.
async fn attend(poller: &dyn Poller, port: &Port) {
    loop {
        let ended = poller.run(port).await;
        if port.stop.is_cancelled() {
            return;
        }
        let pause = match ended {
            Ok(()) => pause::after(&PollError::Ended, 0, 0.0),
            Err(PollError::Ended) => return,
            Err(error) => {
                let failures = {
                    let mut state = port.state();
                    state.failures = state.failures.saturating_add(1);
                    state.failures
                };
                note(port, &error, failures).await;
                pause::after(&error, failures, pause::chance())
            }
        };
        // A nudge is no reason to come back early to a platform that fails.
        tokio::select! {
            () = port.stop.cancelled() => return,
            () = sleep(pause) => {}
        }
    }
}

async fn note(port: &Port, error: &PollError, failures: u32) {
    let channel = port.channel;
    let outcome = match error {
        PollError::Broken { reason } => {
            tracing::warn!(%channel, %reason, "a channel cannot be read until it is changed");
            port.note_health("unhealthy", Some(reason)).await;
            "broken"
        }
        _ => {
            tracing::debug!(%channel, %error, failures, "reading a channel failed");
            if failures == pause::DEGRADED_AFTER {
                tracing::warn!(%channel, %error, "reading a channel fails again and again");
                port.note_health("degraded", Some(&error.to_string())).await;
            }
            "failed"
        }
    };
    metrics::counter!("tidings_polls_total", "kind" => port.kind.name(), "outcome" => outcome)
        .increment(1);
}
