//! Figures that take long to count, kept while they are young.
//!
//! Invariants: of one thing nobody counts twice at a time, and counting takes at most a fifth of the time, however many
//! ask: what took a second is looked at again four seconds later. What is answered is never older than [`OLD`] and the
//! time of one count. A count goes on when who asked for it has gone.

use std::{sync::Arc, time::Duration};

use arc_swap::ArcSwapOption;
use store::StoreError;
use tokio::{sync::Mutex, time::Instant};

use crate::problem::ApiError;

/// Figures so young are answered as they are.
const YOUNG: Duration = Duration::from_secs(1);
/// How much longer than counting took the figures stay young.
const REST: u32 = 4;
/// Figures so old are counted before they are answered.
const OLD: Duration = Duration::from_secs(10);

/// Figures of one thing.
pub(crate) struct Counted<T> {
    latest: ArcSwapOption<Figures<T>>,
    turn: Mutex<()>,
}

/// What was counted, when, and how long it took.
struct Figures<T> {
    value: Arc<T>,
    begun: Instant,
    took: Duration,
}

impl<T> Figures<T> {
    fn is_young(&self) -> bool {
        self.begun.elapsed() < self.took + YOUNG.max(self.took * REST)
    }

    fn is_old(&self) -> bool {
        self.begun.elapsed() > self.took * (REST + 1) + OLD
    }
}

impl<T> Default for Counted<T> {
    fn default() -> Self {
        Self {
            latest: ArcSwapOption::empty(),
            turn: Mutex::default(),
        }
    }
}

impl<T: Send + Sync + 'static> Counted<T> {
    /// The figures: those there are, while they are young and `fits`; old ones while new ones are counted; new ones.
    pub(crate) async fn get<F>(
        self: &Arc<Self>,
        fits: impl Fn(&T) -> bool,
        count: impl FnOnce() -> F + Send + 'static,
    ) -> Result<Arc<T>, ApiError>
    where
        F: Future<Output = Result<T, StoreError>> + Send,
    {
        let known = self.latest.load_full().filter(|known| fits(&known.value));
        if let Some(known) = &known
            && known.is_young()
        {
            return Ok(Arc::clone(&known.value));
        }
        let (asked, has_known) = (Instant::now(), known.is_some());
        let this = Arc::clone(self);
        let counting = tokio::spawn(async move {
            let turn = this.turn.lock().await;
            // Somebody may have counted while this one waited for its turn.
            if let Some(latest) = this.latest.load_full()
                && (latest.begun >= asked || has_known && latest.is_young())
            {
                return Ok(Arc::clone(&latest.value));
            }
            let begun = Instant::now();
            let value = Arc::new(count().await?);
            this.latest.store(Some(Arc::new(Figures {
                value: Arc::clone(&value),
                begun,
                took: begun.elapsed(),
            })));
            drop(turn);
            Ok::<_, StoreError>(value)
        });
        if let Some(known) = known
            && !known.is_old()
        {
            return Ok(Arc::clone(&known.value));
        }
        match counting.await {
            Ok(counted) => Ok(counted?),
            Err(error) => Err(ApiError::internal(&error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test]
    async fn many_ask_and_one_counts() {
        let counted: Arc<Counted<u32>> = Arc::default();
        let counts = Arc::new(AtomicU32::new(0));
        let ask = || {
            let (counted, counts) = (Arc::clone(&counted), Arc::clone(&counts));
            async move {
                let count = move || async move {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    Ok(counts.fetch_add(1, Ordering::Relaxed) + 1)
                };
                *counted.get(|_| true, count).await.unwrap()
            }
        };
        let first = futures::future::join_all((0..50).map(|_| ask())).await;
        assert_eq!(first, [1; 50]);
        assert_eq!(ask().await, 1, "young ones are answered");
        assert_eq!(counts.load(Ordering::Relaxed), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn who_asks_all_the_time_has_it_counted_a_fifth_of_the_time() {
        let counted: Arc<Counted<u32>> = Arc::default();
        let counts = Arc::new(AtomicU32::new(0));
        let begun = Instant::now();
        let took = Duration::from_millis(400);
        while begun.elapsed() < took * 11 {
            let counts = Arc::clone(&counts);
            let count = move || async move {
                tokio::time::sleep(took).await;
                Ok(counts.fetch_add(1, Ordering::Relaxed))
            };
            counted.get(|_| true, count).await.unwrap();
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let counts = counts.load(Ordering::Relaxed);
        assert!((2..=3).contains(&counts), "{counts} counts");
    }

    #[tokio::test]
    async fn what_does_not_fit_is_counted_anew() {
        let counted: Arc<Counted<u32>> = Arc::default();
        for value in [7, 8] {
            let found = counted.get(|known| *known == value, move || async move { Ok(value) });
            assert_eq!(*found.await.unwrap(), value);
        }
    }

    #[tokio::test]
    async fn a_count_that_fails_is_told_and_not_kept() {
        let counted: Arc<Counted<u32>> = Arc::default();
        let failed = counted.get(|_| true, || async { Err(StoreError::NotFound) });
        assert_eq!(failed.await.unwrap_err().status(), 404);
        let found = counted.get(|_| true, || async { Ok(3) });
        assert_eq!(*found.await.unwrap(), 3);
    }
}
