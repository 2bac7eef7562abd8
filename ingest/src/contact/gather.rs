//! Rows gathered into batches: those about one contact become one entry, as if they had come one after the other.

use std::{
    collections::HashMap,
    hash::{BuildHasher as _, RandomState},
    mem,
};

use schemas::OnConflict;
use store::contact::{
    MAX_ADDRESSES,
    import::{Batch, Claimed, Entry, ImportError},
};

use super::{pace::MAX_ROWS, record::Place, row};

/// Bytes of the file that a batch may come from; with [`MAX_ROWS`], what is in memory at a time.
const MAX_BYTES: u64 = 4 * 1024 * 1024;

/// Batches of one import.
pub(super) struct Gather<'a> {
    claimed: &'a Claimed,
    began: Place,
    /// What the database has of the file when it is the next batch's turn.
    after: u64,
    rows: u64,
    entries: Vec<Entry>,
    /// Whose an address or an external id is: a place among the entries.
    owners: HashMap<(&'static str, String), usize>,
    hasher: RandomState,
    rejected: u64,
    errors: Vec<ImportError>,
    /// That may still be kept.
    room: usize,
}

const EXTERNAL: &str = "external_id";

impl<'a> Gather<'a> {
    #[must_use]
    pub(super) fn new(claimed: &'a Claimed, began: Place) -> Self {
        Self {
            claimed,
            began,
            after: claimed.bytes_done,
            rows: 0,
            entries: Vec::new(),
            owners: HashMap::new(),
            hasher: RandomState::new(),
            rejected: 0,
            errors: Vec::new(),
            room: claimed.room,
        }
    }

    /// Whether a batch of so many rows that reaches `place` has enough.
    #[must_use]
    pub(super) fn is_full(&self, rows: u64, place: Place) -> bool {
        self.rows >= rows.min(MAX_ROWS) || place.bytes.saturating_sub(self.began.bytes) >= MAX_BYTES
    }

    pub(super) fn reject(&mut self, error: ImportError) {
        self.rows += 1;
        self.rejected += 1;
        if self.room > 0 {
            self.room -= 1;
            self.errors.push(error);
        }
    }

    pub(super) fn add(&mut self, entry: Entry) {
        let on_conflict = self.claimed.options.on_conflict;
        let owners = keys(&entry).filter_map(|key| self.owners.get(&key).copied());
        let owners: Vec<usize> = owners.collect();
        let owner = owners.first().copied();
        let several = owners.iter().any(|other| Some(*other) != owner);
        if several && on_conflict != OnConflict::Skip {
            self.reject(ImportError {
                line: entry.line,
                column: None,
                reason: "its addresses are those of several contacts".into(),
            });
            return;
        }
        let before = owner.and_then(|owner| self.entries.get(owner));
        let fresh = |known: &Entry| {
            let others = entry.addresses.iter();
            others
                .filter(|one| {
                    !known
                        .addresses
                        .iter()
                        .any(|other| (other.kind, &other.address) == (one.kind, &one.address))
                })
                .count()
        };
        if before.is_some_and(|known| known.addresses.len() + fresh(known) > MAX_ADDRESSES) {
            self.reject(ImportError {
                line: entry.line,
                column: None,
                reason: "its contact would have more than 32 addresses".into(),
            });
            return;
        }
        self.rows += 1;
        let place = owner.unwrap_or(self.entries.len());
        match self.entries.get_mut(place) {
            Some(known) => {
                let before = external(known);
                row::merge(known, entry, on_conflict);
                if before != external(known)
                    && let Some(before) = before
                {
                    self.owners.remove(&(EXTERNAL, before));
                }
            }
            None => self.entries.push(entry),
        }
        let keys: Vec<_> = self.entries.get(place).into_iter().flat_map(keys).collect();
        for key in keys {
            self.owners.insert(key, place);
        }
    }

    /// What was gathered until `place`; the next batch begins there.
    pub(super) fn take(&mut self, place: Place, is_last: bool) -> Batch {
        let options = &self.claimed.options;
        self.began = place;
        self.rows = 0;
        let keys = self
            .owners
            .drain()
            .map(|(key, _)| self.hasher.hash_one(key));
        let keys = keys.collect();
        let source = options.consent_source.clone();
        Batch {
            entries: mem::take(&mut self.entries),
            on_conflict: options.on_conflict,
            lists: options.lists.clone(),
            consent_source: source.or_else(|| Some(format!("import:{}", self.claimed.id))),
            is_confirmed: options.consent == schemas::Consent::Given,
            dry_run: options.dry_run,
            rejected: mem::take(&mut self.rejected),
            errors: mem::take(&mut self.errors),
            after: mem::replace(&mut self.after, place.bytes),
            bytes_done: place.bytes,
            line: place.line,
            is_last,
            keys,
        }
    }
}

fn external(entry: &Entry) -> Option<String> {
    entry.external_id.clone().flatten()
}

fn keys(entry: &Entry) -> impl Iterator<Item = (&'static str, String)> {
    let addresses = entry.addresses.iter();
    addresses
        .map(|one| (one.kind, one.address.clone()))
        .chain(external(entry).map(|id| (EXTERNAL, id)))
}

#[cfg(test)]
mod tests {
    use schemas::{ImportId, TenantId};
    use store::contact::import::{Address, Options};
    use uuid::Uuid;

    use super::*;

    fn claimed(on_conflict: OnConflict) -> Claimed {
        Claimed {
            id: ImportId::new(),
            tenant: TenantId(Uuid::nil()),
            options: Options {
                on_conflict,
                ..Options::default()
            },
            bytes: 0,
            bytes_done: 0,
            line: 0,
            room: 2,
        }
    }

    fn entry(line: u64, addresses: &[&str], external_id: Option<&str>) -> Entry {
        Entry {
            line,
            rows: 1,
            external_id: external_id.map(|id| Some(id.to_owned())),
            addresses: addresses
                .iter()
                .map(|address| Address {
                    kind: "email",
                    address: (*address).to_owned(),
                    consent: None,
                })
                .collect(),
            ..Entry::default()
        }
    }

    #[test]
    fn rows_of_one_contact_are_one_entry() {
        let claimed = claimed(OnConflict::Update);
        let mut gather = Gather::new(&claimed, Place::START);
        gather.add(entry(2, &["a"], Some("1")));
        gather.add(entry(3, &["b"], None));
        gather.add(entry(4, &["a", "c"], None));
        gather.add(entry(5, &["c"], Some("2")));
        // By its external id, which is 2 now; 1 is nobody's.
        gather.add(entry(6, &["d"], Some("2")));
        gather.add(entry(7, &["e"], Some("1")));
        gather.add(entry(8, &["a", "b"], None));
        let place = Place { bytes: 99, line: 9 };
        let batch = gather.take(place, true);
        let entries: Vec<_> = batch
            .entries
            .iter()
            .map(|one| (one.line, one.rows, one.addresses.len()))
            .collect();
        assert_eq!(entries, [(2, 4, 3), (3, 1, 1), (7, 1, 1)]);
        assert_eq!(
            (batch.rejected, batch.errors.len(), batch.bytes_done),
            (1, 1, 99)
        );
        gather.add(entry(9, &["f"], Some("2")));
        let end = Place {
            bytes: 120,
            line: 10,
        };
        let next = gather.take(end, true);
        assert_eq!((batch.after, next.after, next.bytes_done), (0, 99, 120));
        assert!(next.meets(&batch), "by the external id 2");
        gather.add(entry(10, &["g"], Some("3")));
        let other = gather.take(end, true);
        assert!(!other.meets(&batch) && !other.meets(&next));
        assert!(gather.take(end, true).entries.is_empty());
    }

    #[test]
    fn batches_are_bounded() {
        let claimed = claimed(OnConflict::Skip);
        let mut gather = Gather::new(&claimed, Place::START);
        for line in 0..MAX_ROWS {
            assert!(!gather.is_full(u64::MAX, Place::START));
            gather.reject(ImportError {
                line,
                column: None,
                reason: String::new(),
            });
        }
        assert!(gather.is_full(u64::MAX, Place::START));
        let batch = gather.take(Place::START, false);
        assert_eq!((batch.rejected, batch.errors.len()), (MAX_ROWS, 2));
        let far = Place {
            bytes: MAX_BYTES,
            line: 2,
        };
        assert!(gather.is_full(u64::MAX, far));
        gather.add(entry(1, &["a"], None));
        assert!(gather.is_full(1, Place::START) && !gather.is_full(2, Place::START));
    }
}
