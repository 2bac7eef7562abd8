//! Workers for the tests: each in a runtime of its own, so that it can die as a process dies.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use nats::{Batch, Bus, ConnectSettings, HandleError, Handler, Lane, WorkerSettings};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// What all workers of a test have done, in order.
#[derive(Clone, Default)]
pub(crate) struct Journal {
    lines: Arc<Mutex<Vec<(String, String)>>>,
}

impl Journal {
    pub(crate) fn write(&self, worker: &str, items: impl Iterator<Item = String>) {
        let mut lines = self.lines.lock().unwrap();
        lines.extend(items.map(|item| (worker.to_owned(), item)));
    }

    pub(crate) fn items(&self) -> Vec<String> {
        self.lines
            .lock()
            .unwrap()
            .iter()
            .map(|(_, item)| item.clone())
            .collect()
    }

    pub(crate) fn of(&self, worker: &str) -> usize {
        self.lines
            .lock()
            .unwrap()
            .iter()
            .filter(|(name, _)| name == worker)
            .count()
    }

    pub(crate) fn distinct(&self) -> usize {
        self.items().into_iter().collect::<HashSet<_>>().len()
    }

    /// Items are `<conversation>:<number>`: after absorbing repetitions every conversation has its
    /// numbers from 0 to `count - 1`, in order.
    pub(crate) fn assert_complete_and_in_order(&self, conversations: usize, count: usize) {
        let mut seen = HashSet::new();
        let mut next: HashMap<String, usize> = HashMap::new();
        for item in self.items() {
            if !seen.insert(item.clone()) {
                continue;
            }
            let (conversation, number) = item.split_once(':').unwrap();
            let next = next.entry(conversation.to_owned()).or_default();
            assert_eq!(
                number.parse::<usize>().unwrap(),
                *next,
                "conversation {conversation}"
            );
            *next += 1;
        }
        assert_eq!(next.len(), conversations);
        assert!(next.values().all(|next| *next == count), "{next:?}");
    }
}

type Act = dyn Fn(&[String]) -> Result<Duration, HandleError> + Send + Sync;

/// Acts on a batch, takes the time it says, then writes the journal.
pub(crate) struct Recorder {
    pub(crate) name: String,
    pub(crate) journal: Journal,
    pub(crate) act: Box<Act>,
}

impl Handler for Recorder {
    async fn handle(&self, batch: Batch) -> Result<(), HandleError> {
        let text = |item: &nats::Item| String::from_utf8(item.payload.to_vec()).unwrap();
        let items: Vec<String> = batch.items.iter().map(text).collect();
        let takes = (self.act)(&items)?;
        if !takes.is_zero() {
            tokio::time::sleep(takes).await;
        }
        assert!(!batch.held.expired(), "ownership was not confirmed");
        self.journal.write(&self.name, items.into_iter());
        Ok(())
    }
}

/// A worker in its own runtime.
pub(crate) struct Worker {
    runtime: tokio::runtime::Runtime,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

impl Worker {
    pub(crate) fn start<H: Handler>(
        settings: &ConnectSettings,
        name: &str,
        lanes: Vec<Lane>,
        handler: H,
    ) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let stop = CancellationToken::new();
        let (settings, name, stopping) = (settings.clone(), name.to_owned(), stop.clone());
        let task = runtime.spawn(async move {
            let bus = Bus::connect(&settings).await.unwrap();
            let (_sender, lanes) = watch::channel(lanes);
            let settings = WorkerSettings {
                max_items: 100,
                ..WorkerSettings::new("test", &name)
            };
            nats::run_lanes(bus, settings, lanes, Arc::new(handler), stopping)
                .await
                .unwrap();
        });
        Self {
            runtime,
            stop,
            task,
        }
    }

    /// Asks it to stop and waits until it has.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.task.await.unwrap();
        self.runtime.shutdown_background();
    }

    /// Ends it as `kill -9` would: its connections close, nothing is said.
    pub(crate) fn kill(self) {
        self.runtime.shutdown_background();
    }
}

pub(crate) fn recorder(name: &str, journal: &Journal, takes: Duration) -> Recorder {
    Recorder {
        name: name.to_owned(),
        journal: journal.clone(),
        act: Box::new(move |_| Ok(takes)),
    }
}

/// Item `number` of each of `conversations`, each on its partition's subject.
pub(crate) fn round(conversations: usize, number: usize) -> Vec<(String, Bytes)> {
    (0..conversations)
        .map(|conversation| {
            let token = format!("chat-{conversation}");
            let subject = format!("in.{}.t.telegram.c", schemas::partition::of(&token));
            (subject, format!("{conversation}:{number}").into())
        })
        .collect()
}

/// Publishes round after round until told to finish.
pub(crate) struct Load {
    finish: CancellationToken,
    task: tokio::task::JoinHandle<usize>,
}

impl Load {
    pub(crate) fn start(bus: &Bus, conversations: usize) -> Self {
        let finish = CancellationToken::new();
        let (bus, finishing) = (bus.clone(), finish.clone());
        let task = tokio::spawn(async move {
            let mut number = 0;
            while !finishing.is_cancelled() {
                let items = round(conversations, number);
                let wait = Duration::from_secs(60);
                bus.publisher().publish_all(items, wait).await.unwrap();
                number += 1;
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            number
        });
        Self { finish, task }
    }

    /// Publishes one more round at most; returns how many there were.
    pub(crate) async fn finish(self) -> usize {
        self.finish.cancel();
        self.task.await.unwrap()
    }
}
