//! A circuit breaker: a service that fails is left alone for a while, then tried with one request.
//!
//! Invariant: while it is open, nobody waits for the service; of the requests after the pause one goes through, and
//! its fate decides. The clock is the caller's.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

pub(super) struct Breaker {
    most_failures: u32,
    pause: Duration,
    state: Mutex<State>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Closed { failures: u32 },
    Open { until: Instant },
    Trying,
}

/// What somebody may want to read in a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Opened,
    Closed,
}

impl Breaker {
    /// Opens after `most_failures` in a row, and lets one request through after each `pause`.
    pub(super) fn new(most_failures: u32, pause: Duration) -> Self {
        Self {
            most_failures,
            pause,
            state: Mutex::new(State::Closed { failures: 0 }),
        }
    }

    /// Whether asking makes no sense now.
    pub(super) fn is_open(&self, now: Instant) -> bool {
        match self.state() {
            State::Closed { .. } => false,
            State::Open { until } => now < until,
            State::Trying => true,
        }
    }

    /// Whether a request may go out. One that may must be followed by [`note`](Self::note).
    pub(super) fn admits(&self, now: Instant) -> bool {
        self.with(|state| match *state {
            State::Closed { .. } => true,
            State::Open { until } if now >= until => {
                *state = State::Trying;
                true
            }
            State::Open { .. } | State::Trying => false,
        })
    }

    /// How a request went.
    pub(super) fn note(&self, now: Instant, well: bool) -> Option<Change> {
        self.with(|state| match (*state, well) {
            (State::Closed { .. }, true) => {
                *state = State::Closed { failures: 0 };
                None
            }
            (State::Closed { failures }, false) if failures + 1 < self.most_failures => {
                *state = State::Closed {
                    failures: failures + 1,
                };
                None
            }
            (State::Closed { .. }, false) => {
                *state = State::Open {
                    until: now + self.pause,
                };
                Some(Change::Opened)
            }
            // A request from before it opened.
            (State::Open { .. }, _) => None,
            (State::Trying, true) => {
                *state = State::Closed { failures: 0 };
                Some(Change::Closed)
            }
            (State::Trying, false) => {
                *state = State::Open {
                    until: now + self.pause,
                };
                None
            }
        })
    }

    fn state(&self) -> State {
        self.with(|state| *state)
    }

    fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAUSE: Duration = Duration::from_secs(5);

    fn opened(now: Instant) -> Breaker {
        let breaker = Breaker::new(3, PAUSE);
        assert_eq!(breaker.note(now, false), None);
        assert_eq!(breaker.note(now, false), None);
        assert_eq!(breaker.note(now, false), Some(Change::Opened));
        breaker
    }

    #[test]
    fn only_failures_in_a_row_open_it() {
        let (now, breaker) = (Instant::now(), Breaker::new(2, PAUSE));
        for _ in 0..10 {
            assert_eq!(breaker.note(now, false), None);
            assert_eq!(breaker.note(now, true), None);
        }
        assert!(breaker.admits(now) && !breaker.is_open(now));
    }

    #[test]
    fn open_it_admits_nothing_and_after_the_pause_one() {
        let now = Instant::now();
        let breaker = opened(now);
        assert!(breaker.is_open(now) && !breaker.admits(now));
        // An answer to an older request says nothing new.
        assert_eq!(breaker.note(now, true), None);
        assert!(!breaker.admits(now));
        let later = now + PAUSE;
        assert!(!breaker.is_open(later));
        assert!(breaker.admits(later));
        assert!(breaker.is_open(later) && !breaker.admits(later));
    }

    #[test]
    fn the_one_request_decides() {
        let now = Instant::now();
        let breaker = opened(now);
        let later = now + PAUSE;
        assert!(breaker.admits(later));
        assert_eq!(breaker.note(later, false), None);
        assert!(!breaker.admits(later));
        let much_later = later + PAUSE;
        assert!(breaker.admits(much_later));
        assert_eq!(breaker.note(much_later, true), Some(Change::Closed));
        assert!(breaker.admits(much_later) && breaker.admits(much_later));
    }
}
