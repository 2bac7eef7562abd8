//! The files of messages: queued, fetched, kept.

use schemas::subject;

use super::Starting;
use crate::{media, shelf::Objects};

impl Starting<'_> {
    pub(super) fn media(&mut self) -> anyhow::Result<()> {
        let objects = Objects::new(&self.config.storage)?;
        let lane = media::Queue::new(self.store.clone(), objects.clone(), &self.config.media)?;
        self.run(subject::MEDIA, 64, nats::lanes(subject::MEDIA), lane);
        let fetcher = media::Fetcher::new(
            self.store.clone(),
            objects,
            self.sender_settings()?,
            &self.config.media,
        )?;
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            fetcher.run(stop).await;
            Ok(())
        });
        Ok(())
    }
}
