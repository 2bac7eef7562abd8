//! Who answers a person goes first: campaigns hold still for a moment while messages of others are on their way.
//!
//! It is about the processor and the database, which all roles of a process share, as they share the [`Store`](crate::Store)
//! this belongs to; a channel's rate has a gate of its own, in `sinks`. Invariants: a slow platform holds a campaign up
//! for a moment a wave, not for as long as its calls take; however much others send, a campaign goes on every 20 ms. While
//! answers flow ([`Precedence::is_recent`]) campaigns have one chunk in hand and no more, over all channels.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::Notify,
    time::{Instant, sleep_until},
};

/// How long after its begin something is stood aside for.
const MOMENT: Duration = Duration::from_millis(20);
/// Where somebody was answered so lately, more answers are to be expected.
const RECENT: Duration = Duration::from_millis(250);
/// How long one message of a campaign stands aside at most.
const PATIENCE: Duration = Duration::from_millis(20);
/// How long what was handed on takes to be taken up: through the broker.
const HANDED_ON: Duration = Duration::from_millis(3);

/// Of one process.
#[derive(Default)]
pub struct Precedence {
    now: Mutex<Now>,
    left: Notify,
}

#[derive(Default)]
struct Now {
    /// How many go first.
    first: usize,
    /// When the last of them began.
    began: Option<Instant>,
    /// Until when what was handed on is expected.
    expected: Option<Instant>,
}

impl Now {
    /// Until when a campaign stands aside.
    fn until(&self) -> Option<Instant> {
        let first = self.began.filter(|_| self.first > 0);
        first.map(|began| began + MOMENT).max(self.expected)
    }
}

/// Something that people wait for, until dropped.
pub struct First(Arc<Precedence>);

impl First {
    /// It is somebody else's to go on with, of this process or another.
    pub fn hand_on(self) {
        self.0.now().expected = Some(Instant::now() + HANDED_ON);
    }
}

impl Drop for First {
    fn drop(&mut self) {
        let mut now = self.0.now();
        now.first = now.first.saturating_sub(1);
        if now.first == 0 {
            self.0.left.notify_waiters();
        }
    }
}

impl Precedence {
    /// Something is to be sent that people wait for.
    #[must_use]
    pub fn enter(self: &Arc<Self>) -> First {
        let mut now = self.now();
        now.first += 1;
        now.began = Some(Instant::now());
        First(Arc::clone(self))
    }

    /// Whether something that people waited for began a moment ago.
    #[must_use]
    pub fn is_recent(&self) -> bool {
        let began = self.now().began;
        began.is_some_and(|began| began.elapsed() < RECENT)
    }

    /// Stands aside.
    pub async fn give_way(&self) {
        let mut patience = None;
        loop {
            let left = self.left.notified();
            let Some(until) = self.now().until() else {
                return;
            };
            let now = Instant::now();
            let until = until.min(*patience.get_or_insert(now + PATIENCE));
            if now >= until {
                return;
            }
            tokio::select! {
                () = left => {}
                () = sleep_until(until) => {}
            }
        }
    }

    fn now(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
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
    async fn what_was_handed_on_is_waited_for_until_it_could_have_been_taken_up() {
        let precedence = Arc::new(Precedence::default());
        precedence.enter().hand_on();
        assert!((3..=4).contains(&waited(&precedence).await));
        assert_eq!(waited(&precedence).await, 0);
        precedence.enter().hand_on();
        let _taken_up = precedence.enter();
        assert!((20..=21).contains(&waited(&precedence).await));
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
