//! A hub's own nats-server and Postgres, for one machine with nothing configured (`tidings up`, `tidings bench`).
//!
//! Invariants: both listen on loopback only, with random passwords kept in the folder; both end with this process,
//! however it ends; nothing a killed process left behind blocks the next start; a server that dies while the hub runs
//! comes back on the same port.
//!
//! Deliberately absent: what is done with them. Roles connect as they would to any other server.

mod child;
mod folder;
mod nats_server;
mod postgres;
mod postgres_bin;
mod supervise;

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use schemas::Secret;

pub(crate) use self::folder::{Folder, Ready};
pub(crate) use self::nats_server::NatsAccess;
use self::supervise::Supervised;
use crate::config::EmbeddedSettings;

/// What each server gets to end by itself, per signal.
const PATIENCE: Duration = Duration::from_secs(20);

/// Pids of the two servers; `None` while one is being started again. Postgres' workers are children of its pid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pids {
    pub(crate) nats_server: Option<u32>,
    pub(crate) postgres: Option<u32>,
}

/// A private nats-server and a private Postgres that run. Dropping it ends both, too; [`Embedded::stop`] does it
/// without blocking the runtime.
pub(crate) struct Embedded {
    // In this order they are dropped: the folder's lock goes last.
    nats_server: Supervised,
    postgres: Supervised,
    nats: NatsAccess,
    postgres_urls: postgres::Urls,
    folder: Folder,
}

impl Embedded {
    /// Takes the folder (made if missing) and starts both servers in it. Refused while another process has it.
    pub(crate) async fn start(dir: &Path, settings: &EmbeddedSettings) -> Result<Self> {
        let (dir, settings) = (dir.to_path_buf(), settings.clone());
        tokio::task::spawn_blocking(move || Self::start_blocking(&dir, &settings))
            .await
            .context("starting the servers panicked")?
    }

    fn start_blocking(dir: &Path, settings: &EmbeddedSettings) -> Result<Self> {
        let folder = Folder::open(dir)?;
        let (nats, postgres) = std::thread::scope(|scope| {
            let nats = scope.spawn(|| nats_server::start(&folder, settings));
            let postgres = postgres::start(&folder, settings);
            (nats.join(), postgres)
        });
        let nats = nats.map_err(|_| anyhow::anyhow!("starting nats-server panicked"))?;
        let (nats_server, nats) = nats.context("cannot start nats-server")?;
        let (postgres, postgres_urls) = postgres.context("cannot start Postgres")?;
        let embedded = Self {
            nats_server,
            postgres,
            nats,
            postgres_urls,
            folder,
        };
        let Pids {
            nats_server,
            postgres,
        } = embedded.pids();
        tracing::info!(nats_server, postgres, "nats-server and Postgres run");
        Ok(embedded)
    }

    pub(crate) fn nats(&self) -> &NatsAccess {
        &self.nats
    }

    /// With the password, as Postgres clients take it.
    pub(crate) fn postgres_url(&self) -> &Secret {
        &self.postgres_urls.tcp
    }

    /// The same for this process, by the shortest way.
    pub(crate) fn postgres_local_url(&self) -> &Secret {
        &self.postgres_urls.local
    }

    pub(crate) fn folder(&self) -> &Folder {
        &self.folder
    }

    pub(crate) fn pids(&self) -> Pids {
        Pids {
            nats_server: self.nats_server.pid(),
            postgres: self.postgres.pid(),
        }
    }

    /// Removes `ready.json`, then ends nats-server, then Postgres. Stop the roles before.
    pub(crate) async fn stop(mut self) -> Result<()> {
        tokio::task::spawn_blocking(move || {
            let removed = self.folder.remove_ready();
            self.nats_server.stop(PATIENCE);
            self.postgres.stop(PATIENCE);
            removed
        })
        .await
        .context("stopping the servers panicked")?
    }
}

/// 32 hexadecimal digits, 122 random bits.
fn new_password() -> Secret {
    Secret::new(uuid::Uuid::new_v4().simple().to_string())
}

#[cfg(test)]
mod tests;
