//! How fast single items come, which says whether waiting for more of them pays.

use std::time::Duration;

use tokio::time::Instant;

/// So many single items within [`FAST_WITHIN`] are fast.
const FAST_ITEMS: u32 = 16;
const FAST_WITHIN: Duration = Duration::from_millis(10);

/// How fast single items come.
pub(super) struct Singles {
    since: Instant,
    count: u32,
    fast: bool,
}

impl Default for Singles {
    fn default() -> Self {
        Self {
            since: Instant::now(),
            count: 0,
            fast: false,
        }
    }
}

impl Singles {
    pub(super) fn count(&mut self) {
        self.look();
        self.count += 1;
        self.fast |= self.count >= FAST_ITEMS;
    }

    /// Whether they come fast now.
    pub(super) fn look(&mut self) -> bool {
        let age = self.since.elapsed();
        if age >= FAST_WITHIN {
            self.fast = self.count >= FAST_ITEMS && age < FAST_WITHIN * 2;
            self.since = Instant::now();
            self.count = 0;
        }
        self.fast
    }
}
