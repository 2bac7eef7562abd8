//! Reading channels whose platform does not call.

use super::Starting;

impl Starting<'_> {
    pub(super) fn poll(&mut self, owner: Option<String>) {
        let settings = ingest::poll::Settings {
            allow_private_urls: self.config.deliver.allow_private_urls,
            max_bytes: self.config.gateway.email_body_limit_bytes,
        };
        let (bus, store, stop) = (self.bus.clone(), self.store.clone(), self.stop.clone());
        let worker = owner.unwrap_or_else(|| self.worker.clone());
        self.tasks.spawn(async move {
            ingest::poll::run(bus, store, settings, worker, stop).await;
            Ok(())
        });
    }
}
