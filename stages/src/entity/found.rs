//! What was found so far: which part of the text belongs to what, and what must not be shown.
//!
//! Invariants: entities do not overlap; no entity shows more of a card's number than its last four digits, wherever
//! that number stands.

use schemas::Entity;

use super::{
    card::{self, Secret},
    scan::{MAX_BYTES, Scan},
};

/// The entities of one text, and the text that is spoken for.
pub(super) struct Found<'a> {
    text: &'a str,
    taken: [u64; MAX_BYTES / 64],
    secrets: Vec<Secret>,
    entities: Vec<Entity>,
}

impl<'a> Found<'a> {
    pub(super) fn new(scan: &Scan<'a>) -> Self {
        Self {
            text: scan.text,
            taken: [0; MAX_BYTES / 64],
            secrets: card::secrets(scan),
            entities: Vec::new(),
        }
    }

    /// Whether nothing was found there yet.
    pub(super) fn is_free(&self, start: usize, end: usize) -> bool {
        (start..end).all(|at| {
            self.taken
                .get(at / 64)
                .is_some_and(|word| word & (1 << (at % 64)) == 0)
        })
    }

    /// Nothing more is found there.
    pub(super) fn take(&mut self, start: usize, end: usize) {
        for at in start..end {
            if let Some(word) = self.taken.get_mut(at / 64) {
                *word |= 1 << (at % 64);
            }
        }
    }

    /// Adds what stands there, as written; not where something was found before, nor where it would cut a card's
    /// number in two. A card's number within is masked, and such an entity has no normal form.
    pub(super) fn add(&mut self, kind: &str, start: usize, end: usize, normalized: Option<String>) {
        if !self.is_free(start, end) {
            return;
        }
        let touched: Vec<Secret> = self
            .secrets
            .iter()
            .filter(|secret| secret.start < end && start < secret.end)
            .copied()
            .collect();
        if touched
            .iter()
            .any(|secret| secret.start < start || secret.end > end)
        {
            return;
        }
        match card::mask(self.text, start, end, &touched) {
            None => self.add_as(
                kind,
                start,
                end,
                self.text.get(start..end).map(str::to_owned),
                normalized,
            ),
            Some(masked) => self.add_as(kind, start, end, Some(masked), None),
        }
    }

    /// Adds a text whose own check says that it is no card, whatever digits it has.
    pub(super) fn add_checked(&mut self, kind: &str, start: usize, end: usize, normalized: String) {
        let value = self.text.get(start..end).map(str::to_owned);
        self.add_as(kind, start, end, value, Some(normalized));
    }

    /// Adds with a value that is not what is written there.
    pub(super) fn add_as(
        &mut self,
        kind: &str,
        start: usize,
        end: usize,
        value: Option<String>,
        normalized: Option<String>,
    ) {
        let (Some(value), Ok(from), Ok(to)) = (value, u32::try_from(start), u32::try_from(end))
        else {
            return;
        };
        if start >= end || !self.is_free(start, end) {
            return;
        }
        self.take(start, end);
        self.entities.push(Entity {
            kind: kind.to_owned(),
            value,
            normalized,
            start: from,
            end: to,
        });
    }

    /// In the order of the text, at most `limit`.
    pub(super) fn into_entities(mut self, limit: usize) -> Vec<Entity> {
        self.entities.sort_unstable_by_key(|entity| entity.start);
        self.entities.truncate(limit);
        self.entities
    }
}
