//! CONV into conversations and messages.

use futures::FutureExt;
use nats::{Batch, Bus, HandleError, Handler};
use schemas::{Body, Envelope, Hop, Timestamp, subject::stream};
use store::Store;

use super::{Unreadable, count, read, write};

/// Handler of the lanes on CONV.
pub struct Conversations {
    bus: Bus,
    store: Store,
    worker: String,
}

impl Conversations {
    /// `worker` is what the journey shows as the writer.
    #[must_use]
    pub fn new(bus: Bus, store: Store, worker: impl Into<String>) -> Self {
        Self {
            bus,
            store,
            worker: worker.into(),
        }
    }
}

impl Handler for Conversations {
    async fn handle(&self, batch: Batch) -> Result<(), HandleError> {
        let mut rows = read(&self.bus, stream::CONV, batch.items, |item| {
            let envelope = Envelope::decode(&item.payload)
                .map_err(|error| Unreadable::new("undecodable", error.to_string()))?;
            match envelope.body {
                Body::Message(_) => Ok(envelope),
                Body::Raw(_) => Err(Unreadable::new("not-normalized", "a raw update")),
            }
        })
        .await?;
        let at = Timestamp::now();
        for envelope in &mut rows.values {
            envelope.trace.push(Hop {
                stage: "project".into(),
                worker: self.worker.clone(),
                at,
                took_us: 0,
                decision: String::new(),
            });
        }
        let written = write(
            &self.bus,
            &self.store,
            stream::CONV,
            &rows,
            |store, rows| {
                async move { Ok(store::project::conversations(store, rows).await?.inserted) }
                    .boxed()
            },
        )
        .await?;
        count("conversations", written);
        Ok(())
    }
}
