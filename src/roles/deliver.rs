//! Sending, channel by channel.

use std::{sync::Arc, time::Duration};

use anyhow::Context;
use sinks::deliver::{Deliver, Senders};

use super::Starting;

/// How long what is being sent may take to be recorded after the lanes have stopped.
const SETTLE: Duration = Duration::from_secs(5);

impl Starting<'_> {
    pub(super) async fn deliver(&mut self, owner: Option<String>) -> anyhow::Result<()> {
        let senders = Senders::new(self.store.clone(), self.sender_settings()?);
        if let Err(error) = senders.refresh(true).await {
            tracing::warn!(%error, "channels cannot be loaded yet");
        }
        let deliver = Arc::new(Deliver::new(
            self.bus.clone(),
            self.store.clone(),
            Arc::clone(&senders),
            owner.unwrap_or_else(|| self.worker.clone()),
        ));
        let settings = self.worker_settings("deliver", self.config.deliver.max_batch);
        let (bus, lanes, stop) = (self.bus.clone(), senders.lanes(), self.stop.clone());
        self.tasks.spawn(async move {
            nats::run_lanes(bus, settings, lanes, Arc::clone(&deliver), stop)
                .await
                .context("the sender")?;
            if !deliver.settle(SETTLE).await {
                tracing::warn!(
                    "some sends were not recorded in time; the ledger says so when it is asked"
                );
            }
            Ok(())
        });
        let (bus, stop) = (self.bus.clone(), self.stop.clone());
        self.tasks.spawn(async move {
            senders.watch(bus, stop).await;
            Ok(())
        });
        Ok(())
    }
}
