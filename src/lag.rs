//! The backlog as gauges: what waits at each consumer, and how many sends are in each state.
//!
//! Read from the broker and the database now and then, since nobody counts them as they happen. While one of the
//! two is away its gauges keep their last values.

use std::time::Duration;

use nats::Bus;
use store::Store;
use tokio_util::sync::CancellationToken;

use crate::telemetry;

/// How often the backlog is looked at.
const LAG_EVERY: Duration = Duration::from_secs(5);

/// Keeps the gauges of `/metrics` that nobody counts as it happens.
pub(crate) async fn watch(bus: Bus, store: Store, stop: CancellationToken) {
    loop {
        telemetry::upkeep();
        match bus.lag().await {
            Ok(lag) => {
                for consumer in lag {
                    #[expect(clippy::cast_precision_loss, reason = "a gauge is a double")]
                    for (gauge, value) in [
                        ("tidings_consumer_pending", consumer.pending as f64),
                        ("tidings_consumer_ack_pending", consumer.ack_pending as f64),
                        ("tidings_consumer_redelivered", consumer.redelivered as f64),
                    ] {
                        metrics::gauge!(gauge, "stream" => consumer.stream.clone(), "consumer" => consumer.consumer.clone())
                            .set(value);
                    }
                }
            }
            Err(error) => tracing::debug!(%error, "the backlog cannot be seen now"),
        }
        match store::delivery::counts(&store).await {
            Ok(counts) => {
                for (state, count) in counts {
                    #[expect(clippy::cast_precision_loss, reason = "a gauge is a double")]
                    metrics::gauge!("tidings_ledger", "state" => state.name()).set(count as f64);
                }
            }
            Err(error) => tracing::debug!(%error, "the ledger cannot be counted now"),
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(LAG_EVERY) => {}
        }
    }
}
