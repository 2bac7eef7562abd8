//! Keeps Google's public keys at hand, by which pushes to Gmail channels are checked.
//!
//! Invariants: keys are fetched only while there is a Gmail channel; nobody can make the hub fetch them more often than every
//! [`LEAST`], whatever is pushed; keys at hand stay when fetching fails.

use std::{sync::Arc, time::Duration};

use schemas::ChannelKind;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::hub::Hub;

/// Between two fetches, also when a push came that no key fits.
const LEAST: Duration = Duration::from_secs(60);
/// How often a hub without keys looks whether it needs some, or tries again.
const LOOK: Duration = Duration::from_secs(2);

/// Fetches the keys when they are needed, before they are old, and when one seems to be missing, until `stop`.
pub(crate) async fn follow(hub: Arc<Hub>, stop: CancellationToken) {
    let client = match ingest::google::client() {
        Ok(client) => client,
        Err(error) => {
            tracing::error!(%error, "Google's keys cannot be fetched here");
            return;
        }
    };
    let mut wait = Duration::ZERO;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = sleep(wait) => {}
        }
        if !hub.directory.has(ChannelKind::Gmail) {
            wait = LOOK;
            continue;
        }
        let fetched_at = Instant::now();
        match ingest::google::keys(&client, &hub.settings.google_keys_url).await {
            Ok((keys, good_for)) => {
                hub.google_keys.store(Arc::new(keys));
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = sleep(good_for) => {}
                    () = hub.google_keys_missed.notified() => {}
                }
                wait = LEAST.saturating_sub(fetched_at.elapsed());
            }
            Err(error) => {
                tracing::warn!(%error, "Google's keys were not fetched");
                wait = LEAST;
            }
        }
    }
}
