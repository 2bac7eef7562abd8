//! Files of contacts: read in by whichever worker is free, batch by batch, from where the last one was.
//!
//! A file lies in the object storage from the moment its sender was answered until it is read in. A worker takes one by a
//! lease, reads it in ranges, and writes contacts and how far it is in one transaction ([`store::contact::import::Writer`]).
//!
//! Invariants: memory is bounded by three batches, whatever the file; a worker that dies leaves its import where its last batch
//! was, and the next one goes on there; what is wrong with a row costs that row. Deliberately absent: taking the file in
//! (`gateway`), and where it is kept (the caller's [`Files`]).

pub mod column;
mod gather;
mod import;
mod pace;
pub mod record;
pub mod row;
pub mod text;
pub mod value;
mod write;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures::future::BoxFuture;
use nats::Bus;
use schemas::{ImportId, TenantId};
use store::{Store, StoreError, contact::import as rows};
use tokio_util::sync::CancellationToken;

use self::import::{Ended, import};

/// How long an import waits for another worker when its own dies.
const LEASE: Duration = Duration::from_secs(15);
/// How often imports are looked for.
const LOOK: Duration = Duration::from_secs(1);
/// How long an import that cannot go on now is left alone.
const PAUSE: Duration = Duration::from_secs(3);
/// Imports one worker reads in at a time: a small file does not wait for a large one.
const HANDS: usize = 2;

/// Where files are kept until they are read in.
pub trait Files: Send + Sync + 'static {
    /// At most `most` bytes of a file from an offset, all of them where it has so many; none where there is no such file.
    fn read(
        &self,
        tenant: TenantId,
        id: ImportId,
        from: u64,
        most: usize,
    ) -> BoxFuture<'_, Result<Option<Bytes>, FilesDown>>;

    /// Removes a file; one that is not there is no error.
    fn delete(&self, tenant: TenantId, id: ImportId) -> BoxFuture<'_, Result<(), FilesDown>>;
}

/// The object storage cannot be reached, or refuses; logged where it arose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the object storage is not available")]
pub struct FilesDown;

/// Reads imports in until `stop`. `worker` names it; no two that live share a name.
pub async fn run(
    bus: Bus,
    store: Store,
    files: Arc<dyn Files>,
    worker: String,
    stop: CancellationToken,
) {
    let hands = (0..HANDS).map(|hand| {
        let owner = format!("{worker}/{hand}");
        let (bus, store, files, stop) = (&bus, &store, &files, &stop);
        async move {
            while !stop.is_cancelled() {
                let wait = match turn(bus, store, files.as_ref(), &owner, stop).await {
                    Ok(Some(wait)) => wait,
                    Ok(None) => continue,
                    Err(error) => {
                        tracing::debug!(%error, "cannot look for imports");
                        PAUSE
                    }
                };
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = tokio::time::sleep(wait) => {}
                }
            }
        }
    });
    futures::future::join_all(hands).await;
}

/// Reads one import in, or tidies up; how long to wait before the next, if at all.
async fn turn(
    bus: &Bus,
    store: &Store,
    files: &dyn Files,
    owner: &str,
    stop: &CancellationToken,
) -> Result<Option<Duration>, StoreError> {
    let Some(claimed) = rows::claim(store, owner, LEASE).await? else {
        for (tenant, id) in rows::unneeded(store).await? {
            if files.delete(tenant, id).await.is_err() {
                return Ok(Some(PAUSE));
            }
            rows::removed(store, tenant, id).await?;
        }
        return Ok(Some(LOOK));
    };
    let (tenant, id) = (claimed.tenant, claimed.id);
    match import(bus, store, files, owner, &claimed, stop).await {
        Ok(()) => tracing::info!(import = %id, "a file of contacts was read in"),
        Err(Ended::Gone) => tracing::info!(import = %id, "an import is this worker's no more"),
        Err(Ended::Failed(why)) => {
            tracing::warn!(import = %id, why, "an import cannot go on");
            rows::fail(store, tenant, id, owner, &why).await?;
        }
        Err(Ended::Later) => {
            rows::release(store, tenant, id, owner).await?;
            return Ok(Some(PAUSE));
        }
    }
    import::tell(bus, store, tenant, id).await;
    Ok(None)
}
