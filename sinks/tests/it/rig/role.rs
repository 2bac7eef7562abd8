//! A worker that a test starts, pauses and kills.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use nats::{Batch, Bus, HandleError, Handler, Lane, WorkerSettings};
use schemas::MessageId;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// A handler at work on its lanes.
pub(crate) struct Role {
    stop: CancellationToken,
    task: Option<tokio::task::JoinHandle<()>>,
    batches: Arc<AtomicUsize>,
    begin: Box<dyn Fn(CancellationToken) -> tokio::task::JoinHandle<()> + Send + Sync>,
}

struct Counted<H> {
    inner: H,
    batches: Arc<AtomicUsize>,
}

impl<H: Handler> Handler for Counted<H> {
    fn most(&self, lane: &Lane) -> usize {
        self.inner.most(lane)
    }

    async fn handle(&self, batch: Batch) -> Result<(), HandleError> {
        let done = self.inner.handle(batch).await;
        self.batches.fetch_add(1, Ordering::SeqCst);
        done
    }
}

impl Role {
    pub(crate) fn start(
        bus: &Bus,
        lanes: Vec<Lane>,
        handler: impl Handler,
        stop: CancellationToken,
    ) -> Self {
        let batches = Arc::<AtomicUsize>::default();
        let handler = Arc::new(Counted {
            inner: handler,
            batches: Arc::clone(&batches),
        });
        let bus = bus.clone();
        let begin = move |stop| {
            // A membership of its own: nobody else shares these lanes.
            let unique = MessageId::new().simple().to_string();
            let settings = WorkerSettings {
                drain: Duration::from_secs(1),
                ..WorkerSettings::new(&format!("role-{unique}"), "worker")
            };
            let (bus, lanes, handler) = (bus.clone(), lanes.clone(), Arc::clone(&handler));
            tokio::spawn(async move {
                let (_lanes, served) = watch::channel(lanes);
                nats::run_lanes(bus, settings, served, handler, stop)
                    .await
                    .unwrap();
            })
        };
        Self {
            task: Some(begin(stop.clone())),
            stop,
            batches,
            begin: Box::new(begin),
        }
    }

    /// Batches handled so far, well or not.
    pub(crate) fn batches(&self) -> usize {
        self.batches.load(Ordering::SeqCst)
    }

    pub(crate) async fn stop(mut self) {
        self.pause().await;
    }

    /// Leaves the lanes, and remembers what it knew.
    pub(crate) async fn pause(&mut self) {
        self.stop.cancel();
        if let Some(task) = self.task.take() {
            task.await.unwrap();
        }
    }

    /// Works again after a pause.
    pub(crate) fn resume(&mut self) {
        self.stop = CancellationToken::new();
        self.task = Some((self.begin)(self.stop.clone()));
    }

    /// Ends at once, in the middle of whatever it does; nobody is told.
    pub(crate) async fn kill(mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
            drop(task.await);
        }
        self.stop.cancel();
    }
}
