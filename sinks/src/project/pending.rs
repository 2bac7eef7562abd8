//! Receipts that came before their message's record: looked up again, every two seconds.
//!
//! Any number of processes may do it at once: each passes over the rows another one looks at. The database being away
//! costs a round, and nothing else.

use std::time::Duration;

use nats::Bus;
use store::{Store, project};
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tokio_util::sync::CancellationToken;

use super::tracking::tell;

/// Between two rounds.
const EVERY: Duration = Duration::from_secs(2);
/// Batches of one round: what is left waits for the next.
const MOST: usize = 20;

/// Looks until `stop`.
pub async fn look_again(bus: Bus, store: Store, stop: CancellationToken) {
    let mut rounds = interval_at(Instant::now() + EVERY, EVERY);
    rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut is_reachable = true;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = rounds.tick() => {}
        }
        for _ in 0..MOST {
            match project::look_again(&store).await {
                Ok(looked) => {
                    is_reachable = true;
                    metrics::counter!("tidings_receipts_found_later_total").increment(looked.found);
                    tell(&bus, &looked.of_campaigns).await;
                    if !looked.is_full() || stop.is_cancelled() {
                        break;
                    }
                }
                Err(error) => {
                    if std::mem::replace(&mut is_reachable, false) {
                        tracing::warn!(%error, "cannot look for the messages of receipts");
                    }
                    break;
                }
            }
        }
    }
}
