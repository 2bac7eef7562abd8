//! Who writes the batches of an import, two of them side by side, and how far the file is with each.
//!
//! Batches end in their order, whatever they do before: each holds a lock that is called after the place in the file it
//! brings the import to, and the next one waits for that lock before it notes its own place. The database sees both that wait and
//! those for rows, so that a batch which needs a row of the one behind it is a deadlock it ends, and none that lasts.
//!
//! Invariant: a batch is noted only on top of the one before it (`bytes_done` is where it begins), in the transaction of its
//! contacts; whatever comes before its turn is undone, and written again.

use std::{
    cmp::Ordering,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use sqlx::{Connection, PgConnection};

use super::{
    Batch, Claimed, Guess, MAX_ERRORS, Refused, Wrote,
    batch::{Outcome, Way, contacts},
};
use crate::{Store, StoreError};

/// A file that changes what is to be expected of the tables, in bytes.
const LARGE: u64 = 64 * 1024;

/// When a batch is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// All before it are.
    Now,
    /// The one before it is being written. What it runs into is [`Refused::Early`].
    Beside,
}

/// Writes the batches of one import for one worker.
pub struct Writer {
    store: Store,
    owner: String,
    claimed: Claimed,
    lease: Duration,
    guess: Mutex<Guess>,
}

impl Writer {
    /// For an import that `owner` has claimed.
    #[must_use]
    pub fn new(store: Store, owner: String, claimed: Claimed, lease: Duration) -> Self {
        Self {
            store,
            owner,
            claimed,
            lease,
            guess: Mutex::default(),
        }
    }

    /// Writes a batch and how far its import is, in one transaction. `begun` is called once the next one may be written beside
    /// it. Not to be given up: it copies rows in, in the midst of which the driver does not bear that.
    ///
    /// # Errors
    /// [`Refused`]; nothing was written then.
    pub async fn write(
        &self,
        batch: &Batch,
        turn: Turn,
        begun: impl FnOnce() + Send,
    ) -> Result<Wrote, Refused> {
        let mut begun = Some(begun);
        let mut left = crate::RETRIES;
        let mut way = self.guess(|guess| guess.way());
        loop {
            let began = || {
                if let Some(begun) = begun.take() {
                    begun();
                }
            };
            match self.tried(batch, turn, way, began).await {
                Ok((wrote, known)) => {
                    self.guess(|guess| guess.found(way, known));
                    return Ok(wrote);
                }
                Err(Refused::Store(StoreError::Conflict { .. })) if left > 0 => {
                    left -= 1;
                    way = match way {
                        Way::New => {
                            self.guess(Guess::was_wrong);
                            Way::Copied
                        }
                        // Somebody else made a contact of an address in between, or an id is taken.
                        Way::Copied | Way::Inserted => Way::Inserted,
                    };
                }
                Err(Refused::Store(error)) if left > 0 && error.lost_race() => left -= 1,
                Err(refused) => return Err(refused),
            }
            // Most likely it met the batch before it, and would meet it again.
            if turn == Turn::Beside {
                return Err(Refused::Early);
            }
        }
    }

    fn guess<T>(&self, with: impl FnOnce(&mut Guess) -> T) -> T {
        with(&mut self.guess.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What became of the batch, and how many of its entries were about contacts that are there.
    async fn tried(
        &self,
        batch: &Batch,
        turn: Turn,
        way: Way,
        begun: impl FnOnce() + Send,
    ) -> Result<(Wrote, u64), Refused> {
        let tenant = self.claimed.tenant;
        let mut transaction = self.store.begin().await?;
        // A batch is small beside what it is looked up in. Tables that were just filled do not tell that yet, and then they would
        // be read from end to end, for every batch.
        sqlx::query_scalar!(
            "select set_config(name, 'off', true)
             from unnest('{enable_seqscan,enable_hashjoin,enable_mergejoin}'::text[]) as name"
        )
        .fetch_all(&mut *transaction)
        .await
        .map_err(StoreError::from)?;
        let now = sqlx::query_scalar!(
            r#"select now() as "now!" from pg_advisory_xact_lock($1)"#,
            self.place(batch.bytes_done)
        )
        .fetch_one(&mut *transaction)
        .await
        .map_err(StoreError::from)?;
        // Held from the beginning, so that no other worker takes the import from a slow one.
        let mut room = match turn {
            Turn::Now => self.held(&mut transaction, batch).await?,
            Turn::Beside => 0,
        };
        begun();
        let mut outcome = if batch.dry_run {
            let mut tried = transaction.begin().await.map_err(StoreError::from)?;
            let outcome = contacts(&mut tried, tenant, batch, way, now.into()).await?;
            tried.rollback().await.map_err(StoreError::from)?;
            outcome
        } else {
            contacts(&mut transaction, tenant, batch, way, now.into()).await?
        };
        if turn == Turn::Beside {
            sqlx::query_scalar!(
                r#"select 1 as "held!" from pg_advisory_xact_lock_shared($1)"#,
                self.place(batch.after)
            )
            .fetch_one(&mut *transaction)
            .await
            .map_err(StoreError::from)?;
            room = self.held(&mut transaction, batch).await?;
        }
        // Until their next turn tables that were just filled have no estimates, and to find one contact takes seconds.
        if batch.is_last && batch.bytes_done > LARGE && !batch.dry_run {
            sqlx::query!("analyze contacts, contact_addresses, contact_list_members")
                .execute(&mut *transaction)
                .await
                .map_err(StoreError::from)?;
        }
        let wrote = self
            .note(&mut transaction, batch, &mut outcome, room)
            .await?;
        transaction.commit().await.map_err(StoreError::from)?;
        Ok((wrote, outcome.known))
    }

    /// What the lock of a place in the file is called. Two that are called alike wait for each other, and no more.
    fn place(&self, bytes: u64) -> i64 {
        let [.., a, b, c, d, e, f, g, h] = *self.claimed.id.0.as_bytes();
        i64::from_be_bytes([a, b, c, d, e, f, g, h]).wrapping_add(signed(bytes))
    }

    /// Takes the row of the import, and tells how many errors there is room for.
    async fn held(&self, connection: &mut PgConnection, batch: &Batch) -> Result<usize, Refused> {
        let row = sqlx::query!(
            r#"select owner = $3 and status = 'running' as "own!", bytes_done, jsonb_array_length(errors) as "errors!"
               from contact_imports where tenant_id = $1 and id = $2 for update"#,
            self.claimed.tenant.0,
            self.claimed.id.0,
            self.owner
        )
        .fetch_optional(connection)
        .await
        .map_err(StoreError::from)?
        .filter(|row| row.own)
        .ok_or(Refused::Gone)?;
        match row.bytes_done.cmp(&signed(batch.after)) {
            Ordering::Less => Err(Refused::Early),
            // It is there already: somebody of the same name wrote it.
            Ordering::Greater => Err(Refused::Gone),
            Ordering::Equal => {
                Ok(MAX_ERRORS.saturating_sub(usize::try_from(row.errors).unwrap_or(0)))
            }
        }
    }

    /// Notes what became of a batch, and where the next one begins.
    async fn note(
        &self,
        connection: &mut PgConnection,
        batch: &Batch,
        outcome: &mut Outcome,
        room: usize,
    ) -> Result<Wrote, StoreError> {
        outcome.rejected += batch.rejected;
        outcome.errors.extend_from_slice(&batch.errors);
        outcome.errors.sort_by_key(|error| error.line);
        outcome.errors.truncate(room);
        let wrote = Wrote {
            created: outcome.created,
            updated: outcome.updated,
            skipped: outcome.skipped,
            rejected: outcome.rejected,
        };
        let errors = match outcome.errors.is_empty() {
            true => None,
            false => Some(serde_json::to_value(&outcome.errors).map_err(StoreError::other)?),
        };
        sqlx::query!(
            "update contact_imports set bytes_done = $3, line = $4, rows = rows + $5, created = created + $6,
                 updated = updated + $7, skipped = skipped + $8, rejected = rejected + $9,
                 errors = case when $10::jsonb is null then errors else errors || $10 end,
                 status = case when $11 then 'completed' else status end,
                 finished_at = case when $11 then now() else finished_at end,
                 owner = case when $11 then null else owner end,
                 lease_until = case when $11 then null else clock_timestamp() + make_interval(secs => $12) end
             where tenant_id = $1 and id = $2",
            self.claimed.tenant.0,
            self.claimed.id.0,
            signed(batch.bytes_done),
            signed(batch.line),
            signed(wrote.rows()),
            signed(wrote.created),
            signed(wrote.updated),
            signed(wrote.skipped),
            signed(wrote.rejected),
            errors,
            batch.is_last,
            self.lease.as_secs_f64()
        )
        .execute(connection)
        .await?;
        Ok(wrote)
    }
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
