//! OUT into messages: each once, in the place where the broker first stored it.

use futures::FutureExt;
use nats::{Batch, Bus, HandleError, Handler};
use schemas::{Outbound, partition, subject::stream};
use store::Store;

use super::{Unreadable, count, read, write};

/// Handler of the projector's lane on OUT. Copies queued for another try change nothing.
pub struct OutboundMessages {
    bus: Bus,
    store: Store,
}

impl OutboundMessages {
    #[must_use]
    pub fn new(bus: Bus, store: Store) -> Self {
        Self { bus, store }
    }
}

impl Handler for OutboundMessages {
    async fn handle(&self, batch: Batch) -> Result<(), HandleError> {
        let rows = read(&self.bus, stream::OUT, batch.items, |item| {
            let outbound = Outbound::decode(&item.payload)
                .map_err(|error| Unreadable::new("undecodable", error.to_string()))?;
            Ok((outbound, partition::position(item.stored_at, item.index)))
        })
        .await?;
        let written = write(&self.bus, &self.store, stream::OUT, &rows, |store, rows| {
            async move { Ok(store::project::outbound(store, rows).await?.inserted) }.boxed()
        })
        .await?;
        count("outbound", written);
        Ok(())
    }
}
