//! The models that tenants use in this worker: fetched, checked, mapped, and swapped without a restart.
//!
//! Follows the tenants' settings. A task for which a tenant named a model of its own gets it as soon as it is here; until
//! then, what answered before goes on answering. A model that cannot be had leaves its task to the built-in one, is
//! counted each time and logged once, and is tried again every [`RETRY`].
//!
//! Invariants: no message waits for a fetch; what the pipeline sees is replaced as a whole; a change of the settings is
//! acted on at once, whatever is being fetched. Deliberately absent: the built-in models, `off`, `whatlang` and `vader`,
//! which `stages` answers by itself.

mod cache;
mod check;
mod command;
mod keeper;
mod library;
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

use anyhow::anyhow;
use arc_swap::ArcSwap;
use inference::Backends;
use schemas::{Backend, Snapshot, Task, TenantId};
use stages::model::{Classifier, Models};
use store::Store;
use tokio::{
    sync::watch,
    task::{JoinSet, spawn_blocking},
    time::{MissedTickBehavior, interval, sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use self::{cache::Cache, library::Library};
pub(crate) use self::{
    command::{ModelsCommand, run, task},
    keeper::Keeper,
    objects::Objects,
};
use crate::directory::Directory;

/// How often the folders of transformers are looked at.
const LOOK: Duration = Duration::from_secs(30);
/// How soon a model that could not be had is tried again.
const RETRY: Duration = Duration::from_secs(30);
/// How long a start waits for the models.
const FIRST: Duration = Duration::from_secs(5);

/// A tenant's task.
type Place = (TenantId, Task);
/// Who is to answer where.
type Wanted = HashMap<Place, Backend>;
/// A model that was to be had for a place.
type Fetched = (Place, Backend, anyhow::Result<Arc<dyn Classifier>>);

/// The models of a worker.
pub(crate) struct Shelf {
    models: ArcSwap<Models>,
    /// Whether any of them waits for something else to answer.
    waits: AtomicBool,
    /// Whether everything the settings named at the start is here, or cannot be had.
    filled: watch::Sender<bool>,
    directory: Arc<Directory>,
    library: Arc<Library>,
    backends: Arc<Backends>,
}

/// Where the places stand.
#[derive(Default)]
struct Standing {
    models: HashMap<Place, Arc<dyn Classifier>>,
    /// What is being fetched.
    coming: Wanted,
    /// What could not be had when it was tried last.
    failed: Wanted,
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
            filled: watch::Sender::new(false),
            directory,
            library: Arc::new(Library::new(store, objects, Cache::new(cache_folder))),
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

    /// Waits, for [`FIRST`] at most, until a worker that just started answers as it did before; somebody else has to
    /// [`follow`](Self::follow) meanwhile.
    pub(crate) async fn filled(&self) {
        let mut filled = self.filled.subscribe();
        if timeout(FIRST, filled.wait_for(|filled| *filled))
            .await
            .is_err()
        {
            tracing::info!(
                "some models are still on their way; the built-in ones answer meanwhile"
            );
        }
    }

    /// Follows the settings, and the folders of transformers, until `stop`.
    pub(crate) async fn follow(self: Arc<Self>, stop: CancellationToken) {
        let mut changes = self.directory.changes();
        let mut taken_over = pin!(self.taken_over());
        let mut retries = interval(RETRY);
        retries.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut standing = Standing::default();
        let mut fetches = JoinSet::new();
        let mut again = false;
        loop {
            self.start(&mut standing, &mut fetches, again);
            self.publish(&standing);
            if standing.coming.is_empty() {
                self.filled.send_replace(true);
            }
            again = false;
            tokio::select! {
                () = stop.cancelled() => return,
                changed = changes.changed() => if changed.is_err() { return },
                () = taken_over.as_mut() => taken_over.set(self.taken_over()),
                Some(fetched) = fetches.join_next() => match fetched {
                    Ok(fetched) => self.arrive(&mut standing, fetched).await,
                    Err(error) => tracing::error!(%error, "fetching a model panicked"),
                },
                _ = retries.tick() => {
                    again = true;
                    if fetches.is_empty() {
                        // What panicked.
                        standing.coming.clear();
                    }
                }
            }
        }
    }

    /// Waits until a folder of a transformer holds another model, which then has been loaded.
    async fn taken_over(&self) {
        loop {
            sleep(LOOK).await;
            let backends = Arc::clone(&self.backends);
            if spawn_blocking(move || backends.refresh())
                .await
                .unwrap_or(false)
            {
                return;
            }
        }
    }

    /// Compares what stands with what the settings name, and begins to fetch what is not here; `again`: what could not
    /// be had, too.
    fn start(&self, standing: &mut Standing, fetches: &mut JoinSet<Fetched>, again: bool) {
        let wanted = wanted(&self.directory.snapshot());
        let elsewhere = |backend: &Backend| !matches!(backend, Backend::Model(_));
        self.waits
            .store(wanted.values().any(elsewhere), Ordering::Relaxed);
        let named = |place: &Place, backend: &Backend| wanted.get(place) == Some(backend);
        standing
            .models
            .retain(|place, _| wanted.contains_key(place));
        standing
            .coming
            .retain(|place, backend| named(place, backend));
        standing
            .failed
            .retain(|place, backend| named(place, backend));
        for (place, backend) in wanted {
            let id = match &backend {
                Backend::Model(id) => id,
                other => {
                    match self.backends.get(other, place.1) {
                        Some(model) => standing.arrived(place, model),
                        None if again || standing.failed.get(&place) != Some(&backend) => {
                            let unknown = anyhow!("this worker's settings name none for this task");
                            standing.lost(place, backend, &unknown);
                        }
                        None => {}
                    }
                    continue;
                }
            };
            let here = standing.models.get(&place);
            let known = here.is_some_and(|model| model.id() == id)
                || standing.coming.contains_key(&place)
                || (!again && standing.failed.contains_key(&place));
            if known {
                continue;
            }
            standing.coming.insert(place, backend.clone());
            let (library, id) = (Arc::clone(&self.library), id.clone());
            fetches.spawn(async move {
                let (tenant, task) = place;
                let model = library.model(tenant, task, &id).await;
                (place, backend, model)
            });
        }
    }

    async fn arrive(&self, standing: &mut Standing, (place, backend, model): Fetched) {
        if standing.coming.get(&place) != Some(&backend) {
            // The settings name another one by now.
            return;
        }
        standing.coming.remove(&place);
        match model {
            Ok(model) => {
                tracing::info!(tenant = %place.0, task = place.1.name(), model = model.id(), "a tenant's own model answers");
                standing.arrived(place, model);
            }
            Err(error) => standing.lost(place, backend, &error),
        }
        if standing.coming.is_empty() {
            let wanted = wanted(&self.directory.snapshot()).into_iter();
            let used = wanted.filter_map(|((tenant, _), backend)| match backend {
                Backend::Model(id) => Some((tenant, id)),
                _ => None,
            });
            self.library.sweep(used.collect::<HashSet<_>>()).await;
        }
    }

    fn publish(&self, standing: &Standing) {
        let mut models = Models::default();
        for (&(tenant, task), model) in &standing.models {
            models.choose(tenant, task, Arc::clone(model));
        }
        metrics::gauge!("tidings_models").set(standing.models.len() as f64);
        self.models.store(Arc::new(models));
    }
}

impl Standing {
    fn arrived(&mut self, place: Place, model: Arc<dyn Classifier>) {
        self.failed.remove(&place);
        self.models.insert(place, model);
    }

    /// The built-in model answers. Said once for a model, counted each time.
    fn lost(&mut self, place: Place, backend: Backend, error: &anyhow::Error) {
        let (tenant, task) = (place.0, place.1.name());
        metrics::counter!("tidings_model_failures_total", "task" => task).increment(1);
        self.models.remove(&place);
        let name = backend.to_string();
        if self.failed.insert(place, backend).is_none() {
            tracing::warn!(%tenant, task, model = name, error = format!("{error:#}"), "a tenant's own model cannot be had; the built-in one answers");
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
