//! The pipeline's groups of stages, the models they ask and the tenants' settings they go by.

use std::sync::Arc;

use anyhow::{Context, bail};
use schemas::subject;

use super::Starting;
use crate::{
    directory::Directory,
    pipeline::Pipeline,
    shelf::{Objects, Shelf},
};

impl Starting<'_> {
    pub(super) async fn pipeline(&mut self, only: Option<&str>) -> anyhow::Result<()> {
        let Some(directory) = Directory::load(self.store.clone(), &self.stop).await else {
            return Ok(());
        };
        let groups = &self.config.pipeline.groups;
        let first_of = |group: &[String]| group.first().cloned().unwrap_or_default();
        if let Some(only) = only
            && !groups.iter().any(|group| first_of(group) == only)
        {
            bail!("no group of pipeline.groups begins with `{only}`");
        }
        let shelf = Arc::new(Shelf::new(
            Arc::clone(&directory),
            self.store.clone(),
            Objects::new(&self.config.storage)?,
            &self.config.storage.cache_folder,
            // Transformers take seconds to load.
            tokio::task::block_in_place(|| inference::Backends::open(&self.config.inference))
                .context("opening the backends")?,
        ));
        let (following, stop) = (Arc::clone(&shelf), self.stop.clone());
        self.tasks.spawn(async move {
            following.follow(stop).await;
            Ok(())
        });
        shelf.filled().await;
        let settings = stages::Settings {
            language: self.config.language.backend.clone(),
        };
        for (place, group) in groups.iter().enumerate() {
            let entry = first_of(group);
            if only.is_some_and(|only| only != entry) {
                continue;
            }
            let names: Vec<&str> = group.iter().map(String::as_str).collect();
            let next = groups
                .get(place + 1)
                .map(|next| first_of(next))
                .and_then(|next| subject::stage::ALL.into_iter().find(|stage| *stage == next));
            let handler = Pipeline::new(
                self.bus.clone(),
                stages::build_with(&names, &settings)?.0,
                next,
                Arc::clone(&directory),
                Arc::clone(&shelf),
                self.worker.clone(),
            );
            self.run(
                &entry,
                self.config.pipeline.max_batch,
                nats::lanes(&entry),
                handler,
            );
        }
        let (bus, stop) = (self.bus.clone(), self.stop.clone());
        self.tasks.spawn(async move {
            directory.follow(bus, stop).await;
            Ok(())
        });
        Ok(())
    }
}
