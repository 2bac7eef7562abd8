//! Campaigns: files into contacts, audiences into chunks.

use super::Starting;
use crate::import::Keeper;

impl Starting<'_> {
    pub(super) fn campaign(&mut self) -> anyhow::Result<()> {
        let (bus, store, stop) = (self.bus.clone(), self.store.clone(), self.stop.clone());
        let worker = self.worker.clone();
        let campaign = &self.config.campaign;
        let settings = ingest::campaign::Settings {
            outstanding: campaign.outstanding_chunks.max(1),
            ahead: campaign.chunks_ahead.max(1),
            page: campaign.page.clamp(100, 20_000),
        };
        self.tasks.spawn(async move {
            ingest::campaign::run(bus, store, settings, worker, stop).await;
            Ok(())
        });
        let files = Keeper::files(self.config)?;
        let (bus, store, stop) = (self.bus.clone(), self.store.clone(), self.stop.clone());
        let worker = self.worker.clone();
        self.tasks.spawn(async move {
            ingest::contact::run(bus, store, files, worker, stop).await;
            Ok(())
        });
        Ok(())
    }
}
