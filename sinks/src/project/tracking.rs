//! TRACK into tracking events, and receipts into the ledger.

use futures::FutureExt;
use nats::{Batch, Bus, HandleError, Handler};
use schemas::{TrackEvent, subject::stream};
use store::Store;

use super::{Unreadable, count, read, write};

/// Handler of the projector's lane on TRACK. An event seen twice has one id and is one row; a state
/// of the ledger only rises.
pub struct Tracking {
    bus: Bus,
    store: Store,
}

impl Tracking {
    #[must_use]
    pub fn new(bus: Bus, store: Store) -> Self {
        Self { bus, store }
    }
}

impl Handler for Tracking {
    async fn handle(&self, batch: Batch) -> Result<(), HandleError> {
        let rows = read(&self.bus, stream::TRACK, batch.items, |item| {
            TrackEvent::decode(&item.payload)
                .map_err(|error| Unreadable::new("undecodable", error.to_string()))
        })
        .await?;
        let written = write(
            &self.bus,
            &self.store,
            stream::TRACK,
            &rows,
            |store, rows| {
                async move { Ok(store::project::track(store, rows).await?.inserted) }.boxed()
            },
        )
        .await?;
        count("tracking", written);
        Ok(())
    }
}
