//! Due messages, the broker's advisories, and adapters' sign-in.

use anyhow::Context;
use nats::{Forwarder, Janitor};
use schemas::Secret;

use super::Starting;

impl Starting<'_> {
    pub(super) fn janitor(&mut self, callout_seed: Option<Secret>) {
        self.run(
            "forward-due",
            256,
            nats::lanes("forward-due"),
            Forwarder::new(self.bus.clone()),
        );
        self.run(
            "janitor",
            256,
            nats::lanes("janitor"),
            Janitor::new(self.bus.clone()),
        );
        if let Some(seed) = callout_seed {
            let (bus, store, stop) = (self.bus.clone(), self.store.clone(), self.stop.clone());
            self.tasks.spawn(async move {
                let decide = |user: String, password: Secret| {
                    let store = store.clone();
                    async move { ingest::adapter::authenticate(&store, &user, &password).await }
                };
                nats::callout::serve(bus, &seed, decide, stop)
                    .await
                    .context("adapters' sign-in")
            });
        }
    }
}
