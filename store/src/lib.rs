//! Postgres: rows and tenant-first queries; the only crate with SQL.
//!
//! Invariants:
//! - Every query that a request can reach names the tenant in its `where`; the functions without a
//!   tenant (`load_all`, `snapshot`, `project`, `delivery`) serve workers, whose input carries it.
//! - A function does one thing in one transaction. Those of [`project`] and [`delivery`] may be repeated.
//! - Projections (conversations, messages, contacts, analytics, tracking events) can be made anew
//!   from the streams. The ledger ([`delivery`]) cannot: it is what stops a second send.
//!
//! Deliberately absent: API types (`gateway`), and whether a transient failure is retried (the caller's
//! loop; only lost races of locks are retried here).

#![cfg_attr(test, allow(clippy::unwrap_used))]

/// Runs a block (to a `Result`) again while it loses locks to other transactions: the database ended
/// it to break a deadlock, and nothing of it was written.
macro_rules! retry {
    ($block:block) => {{
        let mut left = crate::RETRIES;
        loop {
            let result: Result<_, crate::StoreError> = async $block.await;
            match result {
                Err(error) if left > 0 && error.lost_race() => left -= 1,
                result => break result,
            }
        }
    }};
}

pub mod analytics;
pub mod api_key;
pub mod audit;
pub mod bot_command;
pub mod campaign;
pub mod channel;
mod column;
pub mod contact;
pub mod conversation;
pub mod cursor;
pub mod delivery;
mod error;
mod keyring;
pub mod label;
pub mod limit;
pub mod list;
pub mod media;
pub mod message;
pub mod model;
mod page;
mod precedence;
pub mod preference;
pub mod probe;
pub mod project;
pub mod rule;
pub mod sandbox;
pub mod segment;
pub mod snapshot;
pub mod stats;
pub mod suppression;
pub mod template;
pub mod tenant;
mod text;
mod timed;
pub mod tracking;
pub mod understanding;

use std::{str::FromStr, sync::Arc, time::Duration};

use sqlx::{
    PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};

pub use error::StoreError;
pub use keyring::{Keyring, KeyringError, Sealed};
pub use page::{Cursor, Page};
pub use precedence::{First, Precedence};

/// How often a transaction that lost a lock is tried again.
const RETRIES: usize = 8;
/// How long a caller waits for a connection before [`StoreError::Unavailable`].
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);

/// Undone when it is dropped.
type Transaction = sqlx::Transaction<'static, sqlx::Postgres>;

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../migrations");

/// A handle on the database; cheap to clone.
#[derive(Clone)]
pub struct Store {
    pool: PgPool,
    keyring: Keyring,
    precedence: Arc<Precedence>,
}

impl Store {
    /// Prepares a pool; connects when first used, so it works while Postgres is still down.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] when `url` is no Postgres URL.
    pub fn connect(url: &str, max_connections: u32, keyring: Keyring) -> Result<Self, StoreError> {
        let named = ["postgresql://", "postgres://"]
            .iter()
            .any(|scheme| url.starts_with(scheme));
        let options = PgConnectOptions::from_str(url)
            .ok()
            .filter(|_| named)
            .ok_or_else(|| StoreError::Invalid("not a Postgres URL".into()))?
            .application_name("tidings");
        let pool = PgPoolOptions::new()
            .max_connections(max_connections)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .connect_lazy_with(options);
        Ok(Self {
            pool,
            keyring,
            precedence: Arc::default(),
        })
    }

    /// Who goes first of all that uses this handle and its clones.
    #[must_use]
    pub fn precedence(&self) -> &Arc<Precedence> {
        &self.precedence
    }

    /// Brings the schema up to date. Several processes may call it at once; one does the work.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], or [`StoreError::Other`] when a migration was changed after it ran.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        MIGRATIONS.run(&self.pool).await.map_err(StoreError::from)
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when it does not.
    pub async fn ping(&self) -> Result<(), StoreError> {
        sqlx::query_scalar!(r#"select 1 as "one!""#)
            .fetch_one(&self.pool)
            .await?;
        Ok(())
    }

    /// Begins a transaction, wholly also where the caller is given up meanwhile. The driver knows of a transaction only once the
    /// database has answered; a connection given back before that would have one open, and what is written on it next would
    /// wait in vain to be committed.
    async fn begin(&self) -> Result<Transaction, StoreError> {
        let pool = self.pool.clone();
        to_its_end(async move { Ok(pool.begin().await?) }).await
    }

    #[must_use]
    pub fn keyring(&self) -> &Keyring {
        &self.keyring
    }

    /// Ends all connections; waits for those in use.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

/// Does what the driver (sqlx 0.9.0) does not bear to be given up in: it goes on to its end when the caller is.
async fn to_its_end<T: Send + 'static>(
    work: impl Future<Output = Result<T, StoreError>> + Send + 'static,
) -> Result<T, StoreError> {
    // The task ends early with the process alone.
    let done = tokio::spawn(work).await;
    done.map_err(|_| sqlx::Error::PoolClosed)?
}
