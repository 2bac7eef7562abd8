//! The models that tenants use in this worker: fetched, checked, mapped, and swapped without a restart.
//!
//! Follows the tenants' settings. A task for which a tenant named a model of its own gets it as soon as it is here; until
//! then, what answered before goes on answering. A model that cannot be had leaves its task to the built-in one, is
//! counted each time and logged once, and is tried again every [`RETRY`].
//!
//! Invariants: no message waits for a fetch; what the pipeline sees is replaced as a whole; one tenant's slow or broken
//! model holds up nobody else's. Deliberately absent: the built-in models, `off`, `whatlang` and `vader`, which `stages`
//! answers by itself.

mod cache;
mod check;
mod command;
mod keeper;
mod objects;

use std::{
    collections::{HashMap, HashSet},
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::{Context as _, anyhow, bail, ensure};
use arc_swap::ArcSwap;
use bytes::Bytes;
use futures::{StreamExt as _, stream};
use inference::Backends;
use schemas::{Backend, Snapshot, Task, TenantId};
use sha2::{Digest as _, Sha256};
use stages::model::{Classifier, Models, linear::Linear};
use store::Store;
use tokio::{
    task::spawn_blocking,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use self::cache::{Cache, hex};
pub(crate) use self::{
    command::{ModelsCommand, run, task},
    keeper::Keeper,
    objects::Objects,
};
use crate::directory::Directory;

/// How often the folders of transformers are looked at.
const LOOK: Duration = Duration::from_secs(30);
/// Largest file of a model; what the API takes, and some room for a later one.
const MAX_FILE_BYTES: usize = 64 << 20;
/// How soon a model that could not be had is tried again.
const RETRY: Duration = Duration::from_secs(30);
/// Models that are fetched at a time.
const FETCHES: usize = 4;
/// How long one model may take to be had.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long a start waits for the models.
const FIRST: Duration = Duration::from_secs(5);

/// A tenant's task, and who is to answer it.
type Wanted = HashMap<(TenantId, Task), Backend>;
/// What answers, of that.
type Standing = HashMap<(TenantId, Task), Arc<dyn Classifier>>;

/// The models of a worker.
pub(crate) struct Shelf {
    models: ArcSwap<Models>,
    /// Whether any of them waits for something else to answer.
    waits: AtomicBool,
    directory: Arc<Directory>,
    store: Store,
    objects: Objects,
    cache: Cache,
    backends: Arc<Backends>,
}

impl Shelf {
    pub(crate) fn new(
        directory: Arc<Directory>,
        store: Store,
        objects: Objects,
        cache_folder: &std::path::Path,
        backends: Backends,
    ) -> Self {
        Self {
            models: ArcSwap::default(),
            waits: AtomicBool::new(false),
            directory,
            store,
            objects,
            cache: Cache::new(cache_folder),
            backends: Arc::new(backends),
        }
    }

    /// What answers now.
    pub(crate) fn models(&self) -> Arc<Models> {
        self.models.load_full()
    }

    /// Whether a model may keep a thread waiting: one that is asked over the network, or that computes elsewhere.
    pub(crate) fn waits(&self) -> bool {
        self.waits.load(Ordering::Relaxed)
    }

    /// Gets what the settings name now, so that a restarted worker answers as it did before; what takes longer than
    /// [`FIRST`] is left to [`Shelf::follow`].
    pub(crate) async fn fill(&self) {
        let mut known = HashSet::new();
        if timeout(FIRST, self.refresh(&mut known)).await.is_err() {
            tracing::info!(
                "some models are still on their way; the built-in ones answer meanwhile"
            );
        }
    }

    /// Follows the settings, and the folders of transformers, until `stop`.
    pub(crate) async fn follow(self: Arc<Self>, stop: CancellationToken) {
        let mut changes = self.directory.changes();
        let mut taken_over = pin!(self.taken_over());
        let mut failed = HashSet::new();
        loop {
            let complete = tokio::select! {
                () = stop.cancelled() => return,
                complete = self.refresh(&mut failed) => complete,
            };
            tokio::select! {
                () = stop.cancelled() => return,
                changed = changes.changed() => if changed.is_err() { return },
                () = taken_over.as_mut() => taken_over.set(self.taken_over()),
                () = sleep(RETRY), if !complete => {}
            }
        }
    }

    /// Waits until a folder of a transformer holds another model, which then has been loaded.
    async fn taken_over(&self) {
        loop {
            sleep(LOOK).await;
            let backends = Arc::clone(&self.backends);
            if spawn_blocking(move || backends.refresh()).await.unwrap_or(false) {
                return;
            }
        }
    }

    /// Makes the models those that the settings name; whether all of them could be had. A change meanwhile is the next
    /// call's.
    async fn refresh(&self, failed: &mut HashSet<(TenantId, Task, Backend)>) -> bool {
        let wanted = wanted(&self.directory.snapshot());
        failed.retain(|(tenant, task, backend)| wanted.get(&(*tenant, *task)) == Some(backend));
        let now = self.models.load_full();
        let mut standing = Standing::default();
        let mut missing = Vec::new();
        for (&(tenant, task), backend) in &wanted {
            let current = now.get(tenant, task);
            let named = match backend {
                Backend::Model(id) => current.filter(|model| model.id() == id).cloned(),
                other => self.backends.get(other, task),
            };
            if named.is_none() {
                missing.push((tenant, task, backend.clone()));
            }
            // Until the named one is here, the one before goes on.
            if let Some(model) = named.or_else(|| current.cloned()) {
                standing.insert((tenant, task), model);
            }
        }
        let elsewhere = |backend: &Backend| !matches!(backend, Backend::Model(_));
        self.waits
            .store(wanted.values().any(elsewhere), Ordering::Relaxed);
        self.publish(&standing);
        let mut fetches = stream::iter(missing)
            .map(|(tenant, task, backend)| async move {
                let model = timeout(PATIENCE, self.get(tenant, task, &backend)).await;
                let model =
                    model.unwrap_or_else(|_| Err(anyhow!("it took longer than {PATIENCE:?}")));
                (tenant, task, backend, model)
            })
            .buffer_unordered(FETCHES);
        let mut complete = true;
        while let Some((tenant, task, backend, model)) = fetches.next().await {
            match model {
                Ok(model) => {
                    tracing::info!(%tenant, task = task.name(), model = model.id(), "a tenant's own model answers");
                    failed.remove(&(tenant, task, backend));
                    standing.insert((tenant, task), model);
                }
                Err(error) => {
                    complete = false;
                    metrics::counter!("tidings_model_failures_total", "task" => task.name())
                        .increment(1);
                    standing.remove(&(tenant, task));
                    let named = backend.to_string();
                    if failed.insert((tenant, task, backend)) {
                        tracing::warn!(%tenant, task = task.name(), model = named, error = format!("{error:#}"), "a tenant's own model cannot be had; the built-in one answers");
                    }
                }
            }
            self.publish(&standing);
        }
        self.sweep(wanted).await;
        complete
    }

    fn publish(&self, standing: &Standing) {
        let mut models = Models::default();
        for (&(tenant, task), model) in standing {
            models.choose(tenant, task, Arc::clone(model));
        }
        metrics::gauge!("tidings_models").set(standing.len() as f64);
        self.models.store(Arc::new(models));
    }

    async fn get(
        &self,
        tenant: TenantId,
        task: Task,
        backend: &Backend,
    ) -> anyhow::Result<Arc<dyn Classifier>> {
        let Backend::Model(id) = backend else {
            bail!("the settings of this worker name no such backend for this task");
        };
        let row = store::model::get(&self.store, tenant, id)
            .await
            .context("looking the model up")?;
        ensure!(row.task == task, "it is a model for {}", row.task.name());
        let (cache, name, sha256) = (self.cache.clone(), id.clone(), row.sha256.clone());
        let kept = spawn_blocking(move || cache.open(tenant, &name, &sha256)).await?;
        let file = match kept {
            Some(file) => file,
            None => self.fetch(tenant, id, &row.sha256).await?,
        };
        let model = spawn_blocking(move || Linear::load(file)).await??;
        ensure!(
            model.id() == id && model.task() == task,
            "the file is another model"
        );
        Ok(Arc::new(model))
    }

    /// A file out of the object storage, kept here.
    async fn fetch(&self, tenant: TenantId, id: &str, sha256: &str) -> anyhow::Result<Bytes> {
        let key = store::model::object_key(tenant, id);
        let file = self
            .objects
            .get(&key, MAX_FILE_BYTES)
            .await
            .context("fetching the model")?
            .context("its file is not in the object storage; upload it again")?;
        let (cache, id, sha256) = (self.cache.clone(), id.to_owned(), sha256.to_owned());
        spawn_blocking(move || {
            ensure!(
                hex(&Sha256::digest(&file)) == sha256,
                "the file in the object storage is damaged"
            );
            cache
                .keep(tenant, &id, &file)
                .context("keeping a copy of the model")
        })
        .await?
    }

    async fn sweep(&self, wanted: Wanted) {
        let used: HashSet<(TenantId, String)> = wanted
            .into_iter()
            .filter_map(|((tenant, _), backend)| match backend {
                Backend::Model(id) => Some((tenant, id)),
                _ => None,
            })
            .collect();
        let cache = self.cache.clone();
        if let Err(error) = spawn_blocking(move || cache.sweep(&used)).await {
            tracing::debug!(%error, "the copies of models were not swept");
        }
    }
}

/// What tenants name that `stages` does not answer by itself.
fn wanted(snapshot: &Snapshot) -> Wanted {
    let mut wanted = Wanted::new();
    for (tenant, known) in &snapshot.tenants {
        for (task, backend) in &known.understanding.models {
            if matches!(
                backend,
                Backend::Model(_) | Backend::Bert(_) | Backend::External(_)
            ) {
                wanted.insert((*tenant, *task), backend.clone());
            }
        }
    }
    wanted
}

#[cfg(test)]
mod tests {
    use schemas::{TenantSnapshot, Understanding};

    use super::*;

    #[test]
    fn only_what_stages_cannot_answer_is_fetched() {
        let tenant = TenantId(uuid::Uuid::from_u128(7));
        let mut understanding = Understanding::default();
        for (task, backend) in [
            (Task::Language, "whatlang"),
            (Task::Sentiment, "vader"),
            (Task::Topic, "off"),
            (Task::Priority, "builtin"),
            (Task::Intent, "model:intent-0123456789ab"),
            (Task::Emotion, "external:mine"),
        ] {
            understanding.models.insert(task, backend.parse().unwrap());
        }
        let known = TenantSnapshot {
            understanding,
            ..TenantSnapshot::default()
        };
        let snapshot = Snapshot {
            tenants: HashMap::from([(tenant, Arc::new(known))]),
        };
        let wanted = wanted(&snapshot);
        let mut tasks: Vec<Task> = wanted.keys().map(|(_, task)| *task).collect();
        tasks.sort();
        assert_eq!(tasks, [Task::Emotion, Task::Intent]);
    }
}
