//! Sending, channel by channel.

use std::{sync::Arc, time::Duration};

use anyhow::Context;
use sinks::{
    bulk::{Bulk, Links},
    deliver::{Deliver, Senders},
};

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
        self.bulk(Arc::clone(&senders));
        let (bus, stop) = (self.bus.clone(), self.stop.clone());
        self.tasks.spawn(async move {
            senders.watch(bus, stop).await;
            Ok(())
        });
        Ok(())
    }

    /// Campaigns leave by the same channels.
    fn bulk(&mut self, senders: Arc<Senders>) {
        let links = Links {
            public_url: self.public_url(),
        };
        let (bus, store) = (self.bus.clone(), self.store.clone());
        let bulk = Arc::new(Bulk::new(bus, store, senders, links, self.worker.clone()));
        let settings = self.worker_settings("bulk", sinks::bulk::MAX_ITEMS);
        let watching = bulk.watch(self.stop.clone());
        self.tasks.spawn(async move {
            watching.await;
            Ok(())
        });
        let (bus, lanes, stop) = (self.bus.clone(), bulk.lanes(), self.stop.clone());
        self.tasks.spawn(async move {
            nats::run_lanes(bus, settings, lanes, Arc::clone(&bulk), stop)
                .await
                .context("the sender of campaigns")?;
            if !bulk.settle(SETTLE).await {
                tracing::warn!("some of a campaign was not recorded in time; the ledger says so");
            }
            Ok(())
        });
    }

    /// Where people reach the gateway.
    fn public_url(&self) -> String {
        let gateway = &self.config.gateway;
        match &gateway.public_url {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => format!("http://{}", gateway.listen),
        }
    }
}
