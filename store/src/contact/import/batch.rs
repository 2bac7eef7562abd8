//! A batch: some thousands of rows of a file, and how far the file is with them.

use schemas::{Consent, ListId, OnConflict, TenantId, Timestamp};
use serde_json::{Map, Value};
use sqlx::{Connection, PgConnection};

use super::{Claimed, Guess, ImportError, fresh, plan, put};
use crate::{Store, StoreError};

/// A file that changes what is to be expected of the tables, in bytes.
const LARGE: u64 = 64 * 1024;

/// A contact as a file has it. No two of a batch share an address or an `external_id`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Entry {
    /// Where it begins.
    pub line: u64,
    /// Rows that are about it, one at least.
    pub rows: u64,
    /// `None` leaves a field of a contact that is there, `Some(None)` empties it.
    pub external_id: Option<Option<String>>,
    pub name: Option<Option<String>>,
    pub language: Option<Option<String>>,
    pub time_zone: Option<Option<String>>,
    pub preferred_channel: Option<Option<&'static str>>,
    /// Those given are put in, null takes one out, the others stay.
    pub attributes: Map<String, Value>,
    /// One at least; the first names a new contact.
    pub addresses: Vec<Address>,
}

/// An address in its one form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    pub kind: &'static str,
    pub address: String,
    /// None: as it was; unknown for a new one.
    pub consent: Option<Consent>,
}

/// Rows of a file that are written together.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    pub entries: Vec<Entry>,
    pub on_conflict: OnConflict,
    pub lists: Vec<ListId>,
    /// Where consents were given.
    pub consent_source: Option<String>,
    /// Whether the entries have agreed to be on the lists, so that those with double opt-in need not ask.
    pub is_confirmed: bool,
    pub dry_run: bool,
    /// Rows that were refused when they were read, and why the first of them.
    pub rejected: u64,
    pub errors: Vec<ImportError>,
    /// How far the file is once this is written.
    pub bytes_done: u64,
    pub line: u64,
    /// Whether that is its end.
    pub is_last: bool,
}

/// What became of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wrote {
    pub created: u64,
    pub updated: u64,
    pub skipped: u64,
    pub rejected: u64,
    /// Errors that were kept.
    pub errors: usize,
}

impl Wrote {
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.created + self.updated + self.skipped + self.rejected
    }
}

/// Why a batch was not written, and will not be.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// It was cancelled, or is another worker's by now.
    #[error("the import is not this worker's any more")]
    Gone,
    /// A list it puts contacts on was deleted.
    #[error("a list was deleted")]
    List,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What rows came to.
#[derive(Clone, Debug, Default)]
pub(super) struct Outcome {
    pub(super) created: u64,
    pub(super) updated: u64,
    pub(super) skipped: u64,
    pub(super) rejected: u64,
    /// Entries about contacts that were there.
    pub(super) known: u64,
    pub(super) errors: Vec<ImportError>,
}

impl Outcome {
    pub(super) fn reject(&mut self, entry: &Entry, reason: &str) {
        self.rejected += entry.rows;
        self.errors.push(ImportError {
            line: entry.line,
            column: None,
            reason: reason.to_owned(),
        });
    }
}

/// How a batch is written. Each way is slower than the one before it, and gets along with more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// Everybody is new. Who is not is run into: an address, an external id or a contact's id is there.
    New,
    /// Everybody is looked up, and who is new is written by COPY.
    Copied,
    /// The same without COPY, which cannot give way to what is written at the same time.
    Inserted,
}

/// Writes a batch and how far its import is, in one transaction.
///
/// # Errors
/// [`Refused`]; nothing was written then.
pub async fn write(
    store: &Store,
    owner: &str,
    claimed: &Claimed,
    lease: std::time::Duration,
    batch: &Batch,
    guess: &mut Guess,
) -> Result<Wrote, Refused> {
    let mut left = crate::RETRIES;
    let mut way = guess.way();
    loop {
        match tried(store, owner, claimed, lease, batch, way).await {
            Err(Refused::Store(StoreError::Conflict { .. })) if left > 0 => {
                left -= 1;
                way = match way {
                    Way::New => {
                        guess.was_wrong();
                        Way::Copied
                    }
                    // Somebody else made a contact of an address in between, or an id is taken.
                    Way::Copied | Way::Inserted => Way::Inserted,
                };
            }
            Err(Refused::Store(error)) if left > 0 && error.lost_race() => left -= 1,
            Ok((wrote, known)) => {
                guess.found(way, known);
                return Ok(wrote);
            }
            Err(refused) => return Err(refused),
        }
    }
}

/// What became of the batch, and how many of its entries were about contacts that are there.
async fn tried(
    store: &Store,
    owner: &str,
    claimed: &Claimed,
    lease: std::time::Duration,
    batch: &Batch,
    way: Way,
) -> Result<(Wrote, u64), Refused> {
    let mut transaction = store.pool.begin().await.map_err(StoreError::from)?;
    // A batch is small beside what it is looked up in. Tables that were just filled do not tell that yet, and then they would
    // be read from end to end, for every batch.
    sqlx::query_scalar!(
        "select set_config(name, 'off', true)
         from unnest('{enable_seqscan,enable_hashjoin,enable_mergejoin}'::text[]) as name"
    )
    .fetch_all(&mut *transaction)
    .await
    .map_err(StoreError::from)?;
    let own = sqlx::query!(
        r#"select owner = $3 and status = 'running' and bytes_done <= $4 as "own!", now() as "now!" from contact_imports
           where tenant_id = $1 and id = $2 for update"#,
        claimed.tenant.0,
        claimed.id.0,
        owner,
        signed(batch.bytes_done)
    )
    .fetch_optional(&mut *transaction)
    .await
    .map_err(StoreError::from)?;
    let Some(now) = own.filter(|row| row.own).map(|row| row.now.into()) else {
        return Err(Refused::Gone);
    };
    let mut outcome = if batch.dry_run {
        let mut tried = transaction.begin().await.map_err(StoreError::from)?;
        let outcome = contacts(&mut tried, claimed.tenant, batch, way, now).await?;
        tried.rollback().await.map_err(StoreError::from)?;
        outcome
    } else {
        contacts(&mut transaction, claimed.tenant, batch, way, now).await?
    };
    // Until their next turn tables that were just filled have no estimates, and to find one contact takes seconds.
    if batch.is_last && batch.bytes_done > LARGE && !batch.dry_run {
        sqlx::query!("analyze contacts, contact_addresses, contact_list_members")
            .execute(&mut *transaction)
            .await
            .map_err(StoreError::from)?;
    }
    outcome.rejected += batch.rejected;
    outcome.errors.extend_from_slice(&batch.errors);
    outcome.errors.sort_by_key(|error| error.line);
    outcome.errors.truncate(claimed.room);
    let wrote = Wrote {
        created: outcome.created,
        updated: outcome.updated,
        skipped: outcome.skipped,
        rejected: outcome.rejected,
        errors: outcome.errors.len(),
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
        claimed.tenant.0,
        claimed.id.0,
        signed(batch.bytes_done),
        signed(batch.line),
        signed(wrote.rows()),
        signed(wrote.created),
        signed(wrote.updated),
        signed(wrote.skipped),
        signed(wrote.rejected),
        errors,
        batch.is_last,
        lease.as_secs_f64()
    )
    .execute(&mut *transaction)
    .await
    .map_err(StoreError::from)?;
    transaction.commit().await.map_err(StoreError::from)?;
    Ok((wrote, outcome.known))
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Makes and changes the contacts, and puts them on the lists.
async fn contacts(
    connection: &mut PgConnection,
    tenant: TenantId,
    batch: &Batch,
    way: Way,
    now: Timestamp,
) -> Result<Outcome, Refused> {
    let mut outcome = Outcome::default();
    let source = batch.consent_source.as_deref();
    let lists = put::lists(connection, tenant, &batch.lists, batch.is_confirmed).await?;
    let mut members = Vec::new();
    let mut entries: Vec<&Entry> = batch.entries.iter().collect();
    // Entries without a common address may still be about one contact; such come one after the other.
    while !entries.is_empty() {
        let (look, on_conflict) = (way != Way::New, batch.on_conflict);
        let mut round =
            plan::of(connection, tenant, entries, on_conflict, look, &mut outcome).await?;
        outcome.known += round.known.len() as u64;
        if way != Way::Inserted {
            fresh::write(connection, tenant, &mut round.new, &lists, source, now).await?;
        } else {
            put::create(connection, tenant, &mut round.new).await?;
            put::addresses(connection, tenant, &round.new, &[], source).await?;
            members.extend(round.new.iter().map(|named| named.id));
        }
        put::update(connection, tenant, &mut round.known, &mut outcome).await?;
        put::addresses(connection, tenant, &[], &round.known, source).await?;
        members.extend(round.known.iter().map(|known| known.named.id));
        outcome.created += round.new.len() as u64;
        // What a file says of a contact again is a change of it.
        let again: u64 = round.new.iter().map(|new| new.entry.rows - 1).sum();
        let known: u64 = round.known.iter().map(|known| known.named.entry.rows).sum();
        match batch.on_conflict {
            OnConflict::Skip => outcome.skipped += again + known,
            OnConflict::Update | OnConflict::Overwrite => outcome.updated += again + known,
        }
        entries = round.later;
    }
    put::members(connection, tenant, &lists, &members, batch.is_confirmed).await?;
    Ok(outcome)
}
