//! Which channels there are to read: a task each, begun and ended as channels come, change and go.
//!
//! Invariant: of two tasks of one channel in this process, the later begins when the earlier has ended. A channel counts as
//! gone only when the database said so.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use futures::StreamExt;
use nats::{Bus, Notice};
use schemas::{
    ChannelId, ChannelStatus,
    subject::{CONFIG_CHANGED, POLL_NUDGES, nudged_channel},
};
use serde_json::Value;
use store::{Store, StoreError};
use tokio::{sync::Notify, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use super::{Settings, Spec, poller, tenure};

/// How often the version is looked at when nobody announces a change.
const LOOK: Duration = Duration::from_secs(3);

/// Reads every channel that is this worker's to read, until `stop`. `worker` names it; no two that live share a name.
pub async fn run(
    bus: Bus,
    store: Store,
    settings: Settings,
    worker: String,
    stop: CancellationToken,
) {
    let mut directory = Directory {
        bus: bus.clone(),
        store,
        settings,
        worker,
        version: None,
        tasks: HashMap::new(),
        reachable: true,
    };
    while !stop.is_cancelled() {
        let (changes, nudges) = (bus.listen(CONFIG_CHANGED), bus.listen(POLL_NUDGES));
        let (mut changes, mut nudges) = match tokio::try_join!(changes, nudges) {
            Ok((changes, nudges)) => (changes.boxed(), nudges.boxed()),
            Err(error) => {
                tracing::debug!(%error, "no announcements now; looking every few seconds");
                let none = futures::stream::pending::<Notice>;
                (none().boxed(), none().boxed())
            }
        };
        loop {
            directory.refresh(&stop).await;
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(LOOK) => {}
                change = changes.next() => if change.is_none() { break },
                nudge = nudges.next() => match nudge {
                    Some(nudge) => directory.nudge(&nudge.subject),
                    None => break,
                },
            }
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(LOOK) => {}
        }
    }
    directory.end().await;
}

struct Directory {
    bus: Bus,
    store: Store,
    settings: Settings,
    worker: String,
    version: Option<i64>,
    tasks: HashMap<ChannelId, Task>,
    reachable: bool,
}

/// The task of a channel.
struct Task {
    spec: Spec,
    nudge: Arc<Notify>,
    stop: CancellationToken,
    handle: JoinHandle<()>,
}

impl Directory {
    async fn refresh(&mut self, stop: &CancellationToken) {
        match self.load(stop).await {
            Ok(()) => self.reachable = true,
            Err(error) => {
                if std::mem::replace(&mut self.reachable, false) {
                    tracing::warn!(%error, "cannot load the channels to read; keeping what is known");
                }
            }
        }
    }

    async fn load(&mut self, stop: &CancellationToken) -> Result<(), StoreError> {
        // The version first: what changes while the rows are read is seen next time.
        let version = store::snapshot::version(&self.store).await?;
        if self.version == Some(version) {
            return Ok(());
        }
        let rows = store::channel::load_all(&self.store).await?;
        let wanted: HashMap<ChannelId, Spec> = rows
            .into_iter()
            .filter(|(row, _)| row.status == ChannelStatus::Active)
            .map(|(row, credentials)| {
                let spec = Spec {
                    tenant: row.tenant_id,
                    kind: row.kind,
                    since: row.created_at,
                    credentials: credentials.unwrap_or(Value::Null),
                    settings: row.config.get("settings").cloned().unwrap_or(Value::Null),
                };
                (row.id, spec)
            })
            .filter(|(_, spec)| poller(spec).is_some())
            .collect();
        self.follow(wanted, stop);
        self.version = Some(version);
        Ok(())
    }

    /// Begins what is missing and ends what is not wanted any more.
    fn follow(&mut self, wanted: HashMap<ChannelId, Spec>, stop: &CancellationToken) {
        let gone: HashSet<ChannelId> = self
            .tasks
            .iter()
            .filter(|(channel, task)| {
                task.handle.is_finished() || wanted.get(*channel) != Some(&task.spec)
            })
            .map(|(channel, _)| *channel)
            .collect();
        let mut earlier: HashMap<ChannelId, JoinHandle<()>> = gone
            .into_iter()
            .filter_map(|channel| {
                let task = self.tasks.remove(&channel)?;
                task.stop.cancel();
                Some((channel, task.handle))
            })
            .collect();
        for (channel, spec) in wanted {
            if self.tasks.contains_key(&channel) {
                continue;
            }
            let before = earlier.remove(&channel);
            let (nudge, stop) = (Arc::new(Notify::new()), stop.child_token());
            let tenure = tenure::Tenure {
                bus: self.bus.clone(),
                store: self.store.clone(),
                settings: self.settings.clone(),
                channel,
                spec: spec.clone(),
                owner: self.worker.clone(),
                nudge: Arc::clone(&nudge),
                stop: stop.clone(),
            };
            let handle = tokio::spawn(async move {
                if let Some(before) = before
                    && before.await.is_err()
                {
                    tracing::error!(%channel, "the task that read a channel ended badly");
                }
                tenure.serve().await;
            });
            let task = Task {
                spec,
                nudge,
                stop,
                handle,
            };
            self.tasks.insert(channel, task);
        }
    }

    fn nudge(&self, subject: &str) {
        if let Some(task) = nudged_channel(subject).and_then(|channel| self.tasks.get(&channel)) {
            task.nudge.notify_one();
        }
    }

    async fn end(self) {
        for (channel, task) in self.tasks {
            task.stop.cancel();
            if task.handle.await.is_err() {
                tracing::error!(%channel, "the task that read a channel ended badly");
            }
        }
    }
}
