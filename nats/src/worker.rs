//! A worker: shares a role's lanes with the other live members and serves its own.
//!
//! Invariants: a lane that moves is drained before it is given up; a stop drains every lane, and
//! says goodbye first so the others wait for the pins already.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use tokio::{sync::watch, task::JoinSet};
use tokio_util::sync::CancellationToken;

use crate::{
    api::ApiError,
    bus::Bus,
    lane::{Handler, Lane, WorkerSettings},
    membership::{self, Membership},
    session::Session,
    token::is_token,
};

/// Why a worker did not start.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    #[error("`{0}` cannot name a role or a worker: use letters, digits, `-`, `_` and `=`")]
    Name(String),
    #[error("could not join the role's members")]
    Join(#[source] ApiError),
}

/// Serves this worker's share of `lanes` until `stop`. Returns after every lane is drained and
/// handed on.
///
/// # Errors
/// [`WorkerError`]; once started it does not fail, it waits for the broker.
pub async fn run_lanes<H: Handler>(
    bus: Bus,
    settings: WorkerSettings,
    mut lanes: watch::Receiver<Vec<Lane>>,
    handler: Arc<H>,
    stop: CancellationToken,
) -> Result<(), WorkerError> {
    for name in [&settings.role, &settings.worker] {
        if !is_token(name) {
            return Err(WorkerError::Name(name.clone()));
        }
    }
    let settings = Arc::new(settings);
    let membership = join(&bus, &settings, &stop).await?;
    let Some(membership) = membership else {
        return Ok(());
    };
    let mut view = membership.view();
    let mut running = Running::default();
    loop {
        let wanted: HashSet<Lane> = {
            let members = view.borrow_and_update();
            let lanes = lanes.borrow_and_update();
            let mine = |lane: &&Lane| {
                membership::owner(&members, lane.share()) == Some(settings.worker.as_str())
            };
            lanes.iter().filter(mine).cloned().collect()
        };
        running.stop_others(&wanted);
        for lane in wanted {
            running.start(lane, |lane| Session {
                bus: bus.clone(),
                lane: Arc::new(lane),
                settings: Arc::clone(&settings),
                handler: Arc::clone(&handler),
            });
        }
        let role = settings.role.clone();
        #[expect(clippy::cast_precision_loss, reason = "a count of lanes is small")]
        metrics::gauge!("tidings_lanes", "role" => role).set(running.lanes.len() as f64);
        tokio::select! {
            () = stop.cancelled() => break,
            changed = view.changed() => {
                // Only when the connection was closed for good.
                if changed.is_err() {
                    break;
                }
            }
            () = changed(&mut lanes) => {}
            () = running.ended() => {}
        }
    }
    if let Err(error) = membership.leave().await {
        tracing::warn!(%error, "could not say goodbye; the others notice in some seconds");
    }
    running.stop_others(&HashSet::new());
    while !running.lanes.is_empty() {
        running.ended().await;
    }
    Ok(())
}

/// Joins, however long the broker takes; `None` when stopped meanwhile.
async fn join(
    bus: &Bus,
    settings: &WorkerSettings,
    stop: &CancellationToken,
) -> Result<Option<Membership>, WorkerError> {
    loop {
        match Membership::join(bus, &settings.role, &settings.worker).await {
            Ok(membership) => return Ok(Some(membership)),
            Err(error) if error.is_transient() => tracing::warn!(%error, "cannot join yet"),
            Err(error) => return Err(WorkerError::Join(error)),
        }
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(500)) => {}
            () = stop.cancelled() => return Ok(None),
        }
    }
}

/// The lanes may never change again: their sender is gone.
async fn changed(lanes: &mut watch::Receiver<Vec<Lane>>) {
    if lanes.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
}

#[derive(Default)]
struct Running {
    lanes: HashMap<Lane, (tokio::task::Id, CancellationToken)>,
    tasks: JoinSet<()>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.tasks.abort_all();
    }
}

impl Running {
    fn start<H: Handler>(&mut self, lane: Lane, session: impl FnOnce(Lane) -> Session<H>) {
        if self.lanes.contains_key(&lane) {
            // Running, or still draining: looked at again when it has ended.
            return;
        }
        let stop = CancellationToken::new();
        let task = self.tasks.spawn(session(lane.clone()).run(stop.clone()));
        self.lanes.insert(lane, (task.id(), stop));
    }

    fn stop_others(&mut self, wanted: &HashSet<Lane>) {
        for (lane, (_, stop)) in &self.lanes {
            if !wanted.contains(lane) {
                stop.cancel();
            }
        }
    }

    /// Waits until a lane's task has ended; for ever when none runs.
    async fn ended(&mut self) {
        let id = match self.tasks.join_next_with_id().await {
            Some(Ok((id, ()))) => id,
            Some(Err(error)) => {
                tracing::error!(%error, "lane task died");
                // Started again by the caller, but not in a tight loop.
                tokio::time::sleep(Duration::from_secs(1)).await;
                error.id()
            }
            None => std::future::pending().await,
        };
        self.lanes.retain(|_, (task, _)| *task != id);
    }
}
