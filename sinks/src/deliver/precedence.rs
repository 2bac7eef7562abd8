//! Who answers a person goes first: campaigns hold still for a moment while messages of others are being sent.
//!
//! It is about the processor and the database, which both share; the channel's rate has a gate of its own
//! ([`Gate::pass_behind`](super::rate::Gate::pass_behind)). Invariants: a slow platform holds a campaign up for a moment a
//! wave, not for as long as its calls take; however much others send, a campaign goes on every 20 ms. While answers
//! flow ([`Precedence::is_recent`]) campaigns have one chunk in hand and no more, over all channels.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{sync::Notify, time::Instant};

/// How long after its begin a wave is stood aside for.
const MOMENT: Duration = Duration::from_millis(20);
/// Where somebody was answered so lately, more answers are to be expected.
const RECENT: Duration = Duration::from_millis(250);
/// How long one message of a campaign stands aside at most.
const PATIENCE: Duration = Duration::from_millis(20);

/// Of one process.
#[derive(Default)]
pub struct Precedence {
    waves: AtomicUsize,
    last: Mutex<Option<Instant>>,
    left: Notify,
}

/// A wave that is being sent, until dropped.
pub struct Wave(Arc<Precedence>);

impl Drop for Wave {
    fn drop(&mut self) {
        if self.0.waves.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.left.notify_waiters();
        }
    }
}

impl Precedence {
    /// Something is to be sent that people wait for.
    #[must_use]
    pub fn enter(self: &Arc<Self>) -> Wave {
        self.waves.fetch_add(1, Ordering::AcqRel);
        *self.last() = Some(Instant::now());
        Wave(Arc::clone(self))
    }

    /// Whether a wave began a moment ago.
    #[must_use]
    pub fn is_recent(&self) -> bool {
        let last = *self.last();
        last.is_some_and(|last| last.elapsed() < RECENT)
    }

    /// Stands aside.
    pub async fn give_way(&self) {
        if self.waves.load(Ordering::Acquire) == 0 {
            return;
        }
        let patience = Instant::now() + PATIENCE;
        loop {
            let left = self.left.notified();
            let Some(last) = *self.last() else { return };
            let until = patience.min(last + MOMENT);
            if self.waves.load(Ordering::Acquire) == 0 || Instant::now() >= until {
                return;
            }
            tokio::select! {
                () = left => {}
                () = tokio::time::sleep_until(until) => {}
            }
        }
    }

    fn last(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn waited(precedence: &Precedence) -> u128 {
        let began = Instant::now();
        precedence.give_way().await;
        began.elapsed().as_millis()
    }

    #[tokio::test(start_paused = true)]
    async fn a_campaign_stands_aside_until_the_wave_is_out() {
        let precedence = Arc::new(Precedence::default());
        assert_eq!(waited(&precedence).await, 0);
        let wave = precedence.enter();
        let waiting = tokio::spawn({
            let precedence = Arc::clone(&precedence);
            async move { waited(&precedence).await }
        });
        tokio::time::sleep(Duration::from_millis(5)).await;
        drop(wave);
        assert!(precedence.is_recent());
        assert_eq!(waiting.await.unwrap(), 5);
        assert_eq!(waited(&precedence).await, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_wave_is_not_waited_for() {
        let precedence = Arc::new(Precedence::default());
        assert!(!precedence.is_recent());
        let _slow = precedence.enter();
        assert!((20..=21).contains(&waited(&precedence).await));
        assert_eq!(waited(&precedence).await, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn however_many_waves_a_campaign_goes_on() {
        let precedence = Arc::new(Precedence::default());
        let busy = tokio::spawn({
            let precedence = Arc::clone(&precedence);
            async move {
                loop {
                    let _one = precedence.enter();
                    tokio::time::sleep(Duration::from_millis(3)).await;
                    let _next = precedence.enter();
                }
            }
        });
        tokio::time::sleep(Duration::from_millis(1)).await;
        for _ in 0..5 {
            assert!(waited(&precedence).await <= 21);
        }
        busy.abort();
    }
}
