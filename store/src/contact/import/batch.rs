//! A batch: some thousands of rows of a file, and what becomes of them.

use std::collections::HashSet;

use schemas::{Consent, ListId, OnConflict, TenantId, Timestamp};
use serde_json::{Map, Value};
use sqlx::PgConnection;

use super::{ImportError, fresh, plan, put};
use crate::StoreError;

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
    /// How far the file is before: `bytes_done` of the batch before it, or of what was claimed.
    pub after: u64,
    /// How far the file is once this is written.
    pub bytes_done: u64,
    pub line: u64,
    /// Whether that is its end.
    pub is_last: bool,
    /// Of its addresses and external ids, by which it is known whether another batch has the same.
    pub keys: HashSet<u64>,
}

impl Batch {
    /// Whether both say something of one address or external id, so that one has to wait for the other.
    #[must_use]
    pub fn meets(&self, other: &Self) -> bool {
        !self.keys.is_disjoint(&other.keys)
    }
}

/// What became of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wrote {
    pub created: u64,
    pub updated: u64,
    pub skipped: u64,
    pub rejected: u64,
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
    /// The batch before it is not written, or needs what this one holds.
    #[error("it is not this batch's turn")]
    Early,
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

/// Makes and changes the contacts, and puts them on the lists.
pub(super) async fn contacts(
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
