//! Where a worker gets a model: its copy, or the object storage.

use std::{collections::HashSet, sync::Arc, time::Duration};

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use schemas::{Task, TenantId};
use sha2::{Digest as _, Sha256};
use stages::{
    language::Native,
    model::{Classifier, linear::Linear},
};
use store::Store;
use tokio::{sync::Semaphore, task::spawn_blocking, time::timeout};

use super::{
    cache::{Cache, hex},
    objects::Objects,
};

/// Models that are fetched at a time.
const FETCHES: usize = 8;
/// How long one may take.
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) struct Library {
    store: Store,
    objects: Objects,
    cache: Cache,
    fetches: Semaphore,
}

impl Library {
    pub(super) fn new(store: Store, objects: Objects, cache: Cache) -> Self {
        Self {
            store,
            objects,
            cache,
            fetches: Semaphore::new(FETCHES),
        }
    }

    /// A model, checked and mapped.
    pub(super) async fn model(
        &self,
        tenant: TenantId,
        task: Task,
        id: &str,
    ) -> anyhow::Result<Arc<dyn Classifier>> {
        let _turn = self.fetches.acquire().await?;
        timeout(PATIENCE, self.open(tenant, task, id))
            .await
            .context("it took too long")?
    }

    async fn open(
        &self,
        tenant: TenantId,
        task: Task,
        id: &str,
    ) -> anyhow::Result<Arc<dyn Classifier>> {
        let row = store::model::get(&self.store, tenant, id)
            .await
            .context("looking the model up")?;
        let (cache, name, sha256) = (self.cache.clone(), id.to_owned(), row.sha256.clone());
        let kept = spawn_blocking(move || cache.open(tenant, &name, &sha256)).await?;
        let file = match kept {
            Some(file) => file,
            None => self.fetch(tenant, id, &row.sha256).await?,
        };
        let model = spawn_blocking(move || Linear::load(file)).await??;
        ensure!(
            model.id() == id && model.task() == task,
            "the file is another model: {}",
            model.id()
        );
        Ok(match task {
            // What a script says goes before what a model of languages says.
            Task::Language => Arc::new(Native::over(model)),
            _ => Arc::new(model),
        })
    }

    /// A file out of the object storage, kept here.
    async fn fetch(&self, tenant: TenantId, id: &str, sha256: &str) -> anyhow::Result<Bytes> {
        let key = store::model::object_key(tenant, id);
        let file = self
            .objects
            .get(&key, stages::model::tdm::MAX_BYTES)
            .await
            .context("fetching the model")?
            .context("its file is not in the object storage; upload it again")?;
        let (cache, id, sha256) = (self.cache.clone(), id.to_owned(), sha256.to_owned());
        spawn_blocking(move || {
            ensure!(
                hex(&Sha256::digest(&file)) == sha256,
                "the file in the object storage is damaged; upload it again"
            );
            cache
                .keep(tenant, &id, &file)
                .context("keeping a copy of the model")
        })
        .await?
    }

    /// Removes copies that nobody used for long.
    pub(super) async fn sweep(&self, used: HashSet<(TenantId, String)>) {
        let cache = self.cache.clone();
        if let Err(error) = spawn_blocking(move || cache.sweep(&used)).await {
            tracing::debug!(%error, "the copies of models were not swept");
        }
    }
}
