//! The batches of an import on their way into the database: two side by side, where they have nobody in common.
//!
//! A database writes with one core for each connection, and syncs its log between two batches; with two of them neither waits for
//! the other. The order in which they count is that of the file ([`Writer`]), so that a worker that dies leaves no gap.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use nats::Bus;
use store::{
    Store, StoreError,
    contact::import::{Batch, Claimed, Refused, Turn, Writer},
};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

use super::{
    LEASE,
    import::{Ended, tell},
    pace::Pace,
};

/// Most batches that are written alone after two ran into each other.
const MAX_ALONE: u32 = 64;

/// Whether two batches are written side by side. After two that ran into each other 1, 2, 4, … are written alone.
#[derive(Debug)]
struct Abreast {
    /// That are still to be written alone.
    alone: u32,
    /// The same, after the next collision.
    next: u32,
}

impl Default for Abreast {
    fn default() -> Self {
        Self { alone: 0, next: 1 }
    }
}

impl Abreast {
    fn may(&self) -> bool {
        self.alone == 0
    }

    fn collided(&mut self) {
        self.alone = self.next;
        self.next = (self.next * 2).min(MAX_ALONE);
    }

    fn went(&mut self, turn: Turn) {
        match turn {
            Turn::Beside => self.next = 1,
            Turn::Now => self.alone = self.alone.saturating_sub(1),
        }
    }
}

/// A batch that is being written, to its end also when nobody waits for it any more: the driver does not bear to be given up in a
/// COPY. What is not on top of the batch before it is undone then, and so is what another worker has taken over.
struct Flight {
    batch: Arc<Batch>,
    turn: Turn,
    /// How long it took.
    done: JoinHandle<Result<Duration, Refused>>,
    /// Says that another may be written beside it; silent when it ends before.
    begun: oneshot::Receiver<()>,
}

impl Flight {
    fn start(writer: &Arc<Writer>, batch: Arc<Batch>, turn: Turn) -> Self {
        let (said, begun) = oneshot::channel();
        let (writer, written) = (Arc::clone(writer), Arc::clone(&batch));
        let done = tokio::spawn(async move {
            let began = Instant::now();
            // Nobody may listen any more, which is as well.
            let begun = move || said.send(()).unwrap_or(());
            writer.write(&written, turn, begun).await?;
            Ok(began.elapsed())
        });
        Self {
            batch,
            turn,
            done,
            begun,
        }
    }

    /// Whether another batch may be written beside it.
    async fn has_room(&mut self, next: &Batch) -> bool {
        !next.meets(&self.batch) && (&mut self.begun).await.is_ok() && !self.done.is_finished()
    }
}

/// Writes what comes until there is no more.
pub(super) async fn write(
    bus: &Bus,
    store: &Store,
    owner: &str,
    claimed: &Claimed,
    pace: &Pace,
    mut batches: mpsc::Receiver<Batch>,
    stop: &CancellationToken,
) -> Result<(), Ended> {
    let writer = Writer::new(store.clone(), owner.to_owned(), claimed.clone(), LEASE);
    let writer = Arc::new(writer);
    let mut abreast = Abreast::default();
    let mut before: Option<Flight> = None;
    while let Some(batch) = batches.recv().await {
        let batch = Arc::new(batch);
        let mut beside = None;
        if let Some(mut flight) = before.take() {
            if abreast.may() && !stop.is_cancelled() && flight.has_room(&batch).await {
                beside = Some(Flight::start(&writer, Arc::clone(&batch), Turn::Beside));
            }
            finish(&writer, claimed, flight, pace, &mut abreast).await?;
            tell(bus, store, claimed.tenant, claimed.id).await;
        }
        if stop.is_cancelled() && beside.is_none() {
            return Err(Ended::Later);
        }
        before = beside.or_else(|| Some(Flight::start(&writer, batch, Turn::Now)));
    }
    match before {
        Some(last) => finish(&writer, claimed, last, pace, &mut abreast).await,
        None => Ok(()),
    }
}

/// Waits until a batch is written; all before it are. One that came too early is written now.
async fn finish(
    writer: &Arc<Writer>,
    claimed: &Claimed,
    mut flight: Flight,
    pace: &Pace,
    abreast: &mut Abreast,
) -> Result<(), Ended> {
    loop {
        let done = (&mut flight.done).await;
        let done = done.map_err(|error| {
            tracing::error!(import = %claimed.id, %error, "a batch of an import was not written to its end");
            Ended::Later
        })?;
        match done {
            Ok(time) => {
                pace.took(time);
                abreast.went(flight.turn);
                return Ok(());
            }
            Err(Refused::Early) if flight.turn == Turn::Beside => {
                abreast.collided();
                flight = Flight::start(writer, Arc::clone(&flight.batch), Turn::Now);
            }
            Err(refused) => return Err(ended(claimed, &flight.batch, refused)),
        }
    }
}

/// Why an import does not go on after a batch that was refused.
fn ended(claimed: &Claimed, batch: &Batch, refused: Refused) -> Ended {
    match refused {
        Refused::Gone | Refused::Early => Ended::Gone,
        Refused::List => Ended::Failed(
            "A list it puts contacts on was deleted. What was read in so far stays.".into(),
        ),
        Refused::Store(error @ (StoreError::Invalid(_) | StoreError::Other(_))) => {
            tracing::error!(import = %claimed.id, %error, "a batch of an import was refused");
            Ended::Failed(format!(
                "The database refused the rows before line {}.",
                batch.line
            ))
        }
        Refused::Store(error) => {
            tracing::warn!(import = %claimed.id, %error, "an import waits");
            Ended::Later
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_runs_into_each_other_goes_alone_for_longer_and_longer() {
        let mut abreast = Abreast::default();
        assert!(abreast.may());
        for alone in [1, 2, 4] {
            abreast.collided();
            for _ in 0..alone {
                assert!(!abreast.may());
                abreast.went(Turn::Now);
            }
            assert!(abreast.may());
        }
        abreast.went(Turn::Beside);
        abreast.collided();
        abreast.went(Turn::Now);
        assert!(abreast.may(), "once two went well");
    }
}
