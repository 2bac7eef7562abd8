//! The rate of a channel: exact, because one owner sends for it (GCRA).
//!
//! Invariant: a message passes the gate before it leaves; in any stretch of time `t` no more than
//! `burst + t * per_second` do, and nobody passes while the platform asked for silence. Those who wait
//! pass in the order they came. A burst below ten milliseconds' worth counts as ten milliseconds' worth
//! (which makes a difference from 100 a second on): who sleeps may wake some milliseconds late, and a
//! channel that could not catch up would never reach its rate.
//!
//! The chats of a channel have rates of their own (`chat`). Campaigns pass behind everybody else ([`Gate::pass_behind`]);
//! their limits by destination domain are theirs (`bulk`).

use std::{
    num::NonZeroU32,
    ops::Add,
    sync::{
        Mutex as StdMutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use governor::{
    Quota, RateLimiter,
    clock::{Clock, Reference},
    middleware::NoOpMiddleware,
    nanos::Nanos,
    state::{InMemoryState, NotKeyed},
};
use tokio::{sync::Mutex, time::Instant};

pub use super::limit::Limit;

impl Limit {
    /// Sleepers wake a few milliseconds late; this much may be caught up.
    const LATE: Duration = Duration::from_millis(10);

    fn quota(self) -> Quota {
        let period = Duration::from_secs_f64(1.0 / self.per_second);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "above zero, and at most a million a second: ten thousand"
        )]
        let late = (self.per_second * Self::LATE.as_secs_f64()) as u32;
        let burst = NonZeroU32::new(late).map_or(self.burst, |late| late.max(self.burst));
        Quota::with_period(period)
            .expect("the rate is at most a million a second, so the period is not zero")
            .allow_burst(burst)
    }
}

/// Where a channel's messages wait for their turn.
pub struct Gate {
    limit: Option<Limit>,
    limiter: Option<Limiter>,
    /// First come, first served.
    turn: Mutex<()>,
    /// Where campaigns wait: one at a time of them stands among the others.
    behind: Mutex<()>,
    silent_until: StdMutex<Option<Instant>>,
    /// Calls in a row that failed because of the channel.
    away: AtomicU32,
    health: StdMutex<&'static str>,
}

/// So many failures in a row mean that the channel as a whole is away.
const AWAY_AFTER: u32 = 5;
const AWAY: Duration = Duration::from_secs(15);
const LONGEST_AWAY: Duration = Duration::from_secs(60);

type Limiter = RateLimiter<NotKeyed, InMemoryState, TokioClock, NoOpMiddleware<At>>;

impl Gate {
    #[must_use]
    pub fn new(limit: Option<Limit>) -> Self {
        Self {
            limit,
            limiter: limit.map(|limit| RateLimiter::direct_with_clock(limit.quota(), TokioClock)),
            turn: Mutex::new(()),
            behind: Mutex::new(()),
            silent_until: StdMutex::new(None),
            away: AtomicU32::new(0),
            health: StdMutex::new(""),
        }
    }

    #[must_use]
    pub fn limit(&self) -> Option<Limit> {
        self.limit
    }

    /// Waits until so many messages may leave, one after the other; answers how long that took.
    pub async fn pass(&self, count: usize) -> Duration {
        let came = Instant::now();
        let _turn = self.turn.lock().await;
        for _ in 0..count {
            self.pass_one().await;
        }
        came.elapsed()
    }

    /// As [`Gate::pass`], behind everybody who passes that way: at most one message is waited for.
    pub async fn pass_behind(&self, count: usize) -> Duration {
        let came = Instant::now();
        let _behind = self.behind.lock().await;
        for _ in 0..count {
            self.pass(1).await;
        }
        came.elapsed()
    }

    async fn pass_one(&self) {
        loop {
            if let Some(until) = self.silent_until() {
                tokio::time::sleep_until(until).await;
                continue;
            }
            let Some(limiter) = &self.limiter else { break };
            match limiter.check() {
                Ok(()) => break,
                Err(not_yet) => {
                    tokio::time::sleep(not_yet.wait_time_from(TokioClock.now())).await;
                }
            }
        }
    }

    /// The platform asked for silence: nobody passes before it is over.
    pub fn silence(&self, duration: Duration) {
        let until = Instant::now() + duration;
        let mut silent = self.silent();
        *silent = Some(silent.map_or(until, |before| before.max(until)));
    }

    /// How much longer nobody passes.
    #[must_use]
    pub fn silent_for(&self) -> Duration {
        self.silent_until().map_or(Duration::ZERO, |until| {
            until.saturating_duration_since(Instant::now())
        })
    }

    /// A call failed because of the channel, not of the message. After some in a row everybody waits,
    /// so that a platform that is away does not use up the tries of all its messages.
    pub fn away(&self, asked: Option<Duration>) {
        let failures = self.away.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        if failures >= AWAY_AFTER {
            self.silence(asked.unwrap_or(AWAY).clamp(AWAY, LONGEST_AWAY));
        }
    }

    /// The platform answered.
    pub fn back(&self) {
        self.away.store(0, Ordering::Relaxed);
    }

    /// Remembers the channel's health; true when it was another before.
    pub fn health_changed(&self, health: &'static str) -> bool {
        let mut known = self.health.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *known, health) != health
    }

    fn silent_until(&self) -> Option<Instant> {
        let mut silent = self.silent();
        if silent.is_some_and(|until| until <= Instant::now()) {
            *silent = None;
        }
        *silent
    }

    fn silent(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.silent_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// The runtime's clock, which tests can stop.
#[derive(Clone, Copy, Debug)]
struct TokioClock;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct At(Instant);

impl Add<Nanos> for At {
    type Output = Self;

    fn add(self, nanos: Nanos) -> Self {
        Self(self.0 + Duration::from(nanos))
    }
}

impl Reference for At {
    fn duration_since(&self, earlier: Self) -> Nanos {
        self.0.saturating_duration_since(earlier.0).into()
    }

    fn saturating_sub(&self, duration: Nanos) -> Self {
        Self(self.0.checked_sub(duration.into()).unwrap_or(self.0))
    }
}

impl Clock for TokioClock {
    type Instant = At;

    fn now(&self) -> At {
        At(Instant::now())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn limit(per_second: f64, burst: u32) -> Option<Limit> {
        Some(Limit {
            per_second,
            burst: NonZeroU32::new(burst).unwrap(),
        })
    }

    async fn times(gate: Arc<Gate>, count: usize) -> Vec<u128> {
        let start = Instant::now();
        let waiting = (0..count).map(|_| {
            let gate = Arc::clone(&gate);
            tokio::spawn(async move {
                gate.pass(1).await;
                start.elapsed().as_millis()
            })
        });
        let mut times: Vec<u128> = futures::future::join_all(waiting)
            .await
            .into_iter()
            .map(Result::unwrap)
            .collect();
        times.sort_unstable();
        times
    }

    #[tokio::test(start_paused = true)]
    async fn the_rate_is_exact() {
        let times = times(Arc::new(Gate::new(limit(10.0, 1))), 21).await;
        // One at once, then one every 100 ms: never early, and not later than the timer's 1 ms each.
        for (at, time) in times.iter().enumerate() {
            let due = 100 * at as u128;
            assert!((due..=due + at as u128 + 1).contains(time), "{times:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_goes_at_once() {
        let times = times(Arc::new(Gate::new(limit(2.0, 5))), 7).await;
        assert_eq!(times[..5], [0; 5]);
        assert!(
            times[5] >= 500 && times[6] >= 1000 && times[6] <= 1010,
            "{times:?}"
        );
    }

    #[tokio::test]
    async fn a_high_rate_is_reached_although_sleepers_wake_late() {
        let gate = Gate::new(limit(20_000.0, 1));
        let took = gate.pass(10_000).await;
        assert!(
            (Duration::from_millis(480)..Duration::from_millis(2_000)).contains(&took),
            "{took:?}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn who_answers_a_person_waits_for_one_message_of_a_campaign_at_most() {
        let gate = Arc::new(Gate::new(limit(1.0, 1)));
        for _ in 0..50 {
            let gate = Arc::clone(&gate);
            tokio::spawn(async move { gate.pass_behind(1).await });
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        let waited = gate.pass(1).await;
        assert!(waited <= Duration::from_millis(2_000), "{waited:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn silence_holds_everybody_and_the_longest_wins() {
        let gate = Arc::new(Gate::new(None));
        assert_eq!(times(Arc::clone(&gate), 3).await, [0; 3]);
        gate.silence(Duration::from_secs(3));
        gate.silence(Duration::from_secs(1));
        let times = times(gate, 2).await;
        assert!(times.iter().all(|time| *time >= 3000), "{times:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_platform_that_is_away_gets_a_rest() {
        let gate = Gate::new(None);
        for _ in 1..AWAY_AFTER {
            gate.away(None);
        }
        assert_eq!(gate.silent_for(), Duration::ZERO);
        gate.back();
        for _ in 0..AWAY_AFTER {
            gate.away(None);
        }
        assert_eq!(gate.silent_for(), AWAY);
        gate.away(Some(Duration::from_secs(3600)));
        assert_eq!(gate.silent_for(), LONGEST_AWAY);
    }
}
