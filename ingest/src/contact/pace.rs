//! How many rows a batch has: as many as the database writes in about a second.
//!
//! Small ones tell soon how far a file is, and let others at the rows they hold; large ones are written faster, since rows that
//! are neighbours in an index share its pages. The first is small, so that a bar moves at once.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// Most rows of a batch. Three of them are in memory, at two kilobytes a row.
pub(super) const MAX_ROWS: u64 = 16_000;
const MIN_ROWS: u64 = 1_000;
const FIRST_ROWS: u64 = 3_000;
/// Batches that are written faster grow, those that take longer than twice that shrink.
const AIM: Duration = Duration::from_millis(700);

/// Told by who writes, asked by who reads.
#[derive(Debug)]
pub(super) struct Pace(AtomicU64);

impl Default for Pace {
    fn default() -> Self {
        Self(AtomicU64::new(FIRST_ROWS))
    }
}

impl Pace {
    /// Rows of the next batch.
    #[must_use]
    pub(super) fn rows(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// A batch was written in this time.
    pub(super) fn took(&self, time: Duration) {
        let rows = self.rows();
        let next = match time {
            time if time < AIM => rows * 2,
            time if time > AIM * 2 => rows / 2,
            _ => rows,
        };
        self.0
            .store(next.clamp(MIN_ROWS, MAX_ROWS), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_grow_while_they_are_fast_and_shrink_when_they_are_slow() {
        let pace = Pace::default();
        let mut rows = Vec::new();
        for time_ms in [
            10, 100, 699, 200, 800, 1500, 60_000, 1399, 9000, 9000, 9000, 9000,
        ] {
            rows.push(pace.rows());
            pace.took(Duration::from_millis(time_ms));
        }
        assert_eq!(
            rows,
            [
                3000, 6000, 12_000, 16_000, 16_000, 16_000, 8000, 4000, 4000, 2000, 1000, 1000
            ]
        );
    }
}
