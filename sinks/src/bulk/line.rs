//! A line of places in time: one message a place, a place every period.
//!
//! Places may be taken out of order: whoever must wait for another line as well takes a later place here, and those between
//! stay free for others. So no limit keeps anybody waiting but those whom it limits.
//!
//! Invariants: in any stretch of time no more leave than it has places, and one; memory is bounded by the places of
//! [`NEAR`], for none further is taken. Deliberately absent: who stands in which line.

use std::{collections::BTreeSet, time::Duration};

use tokio::time::Instant;

/// A place so near is waited for; for a later one the recipient is put back.
pub(super) const NEAR: Duration = Duration::from_secs(2);
/// A rate higher than one message in this time is none.
const SHORTEST: Duration = Duration::from_micros(1);

pub(super) struct Line {
    period: Duration,
    /// When place 0 begins.
    epoch: Instant,
    /// All places before it are taken or over.
    first: u64,
    /// Those taken behind it.
    taken: BTreeSet<u64>,
}

impl Line {
    pub(super) fn new(period: Duration, now: Instant) -> Self {
        Self {
            period,
            epoch: now,
            first: 0,
            taken: BTreeSet::new(),
        }
    }

    /// Keeps another period from now on, beginning with the next free place.
    pub(super) fn keep(&mut self, period: Duration, now: Instant) {
        if self.period != period {
            // A slower line's next place may be far away; the new period bounds the wait.
            let next = self.begin(self.first).min(now + period);
            *self = Self::new(period, next.max(now));
        }
    }

    /// Whether the line is as if it were new.
    pub(super) fn is_over(&self, now: Instant) -> bool {
        self.taken.is_empty() && self.begin(self.first) <= now
    }

    /// The first time not before `from` for which there is a place.
    fn free(&self, from: Instant) -> Instant {
        let mut place = self.place(from).max(self.first);
        while self.taken.contains(&place) {
            place = place.saturating_add(1);
        }
        from.max(self.begin(place))
    }

    fn take(&mut self, at: Instant, now: Instant) {
        if self.is_over(now) && at <= now {
            // After a rest the places begin anew, so that two that follow each other are a period apart.
            self.epoch = at;
            self.first = 1;
            return;
        }
        let past = self.place(now);
        if past > self.first {
            self.first = past;
            self.taken = self.taken.split_off(&past);
        }
        self.taken.insert(self.place(at));
        while self.taken.remove(&self.first) {
            self.first = self.first.saturating_add(1);
        }
    }

    /// The place that a time is in.
    fn place(&self, at: Instant) -> u64 {
        let since = at.saturating_duration_since(self.epoch).as_nanos();
        let period = self.period.as_nanos().max(1);
        u64::try_from(since / period).unwrap_or(u64::MAX)
    }

    fn begin(&self, place: u64) -> Instant {
        let period = u64::try_from(self.period.as_nanos()).unwrap_or(u64::MAX);
        let since = Duration::from_nanos(period.saturating_mul(place));
        // What is past the end of time is far enough away.
        self.epoch
            .checked_add(since)
            .unwrap_or_else(|| self.epoch + Duration::from_secs(u64::from(u32::MAX)))
    }
}

/// The time between two messages, `shares` of which have this rate together; none where that is no limit.
pub(super) fn period(rate: Option<f64>, shares: usize) -> Option<Duration> {
    let rate = rate.filter(|rate| rate.is_finite() && *rate > 0.0)?;
    let alone = Duration::try_from_secs_f64(1.0 / rate).ok()?;
    let shares = u32::try_from(shares.max(1)).unwrap_or(u32::MAX);
    let period = alone.saturating_mul(shares);
    (period >= SHORTEST).then_some(period)
}

/// The lines that a message stands in.
#[derive(Default)]
pub(super) struct Queue<'a> {
    /// Those in which every message of its campaign stands by that channel.
    pub(super) shared: Vec<&'a mut Line>,
    /// Those of its recipient's domain.
    pub(super) own: Vec<&'a mut Line>,
}

/// When a message may leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) at: Instant,
    /// Another one of its campaign could leave sooner.
    pub(super) is_own: bool,
}

impl Queue<'_> {
    /// When the message may leave that stands in all these lines; its places are taken, unless that is further than
    /// [`NEAR`].
    pub(super) fn place(self, now: Instant) -> Place {
        let Self {
            shared: mut lines,
            own,
        } = self;
        let common = fit(&lines, now, now + NEAR);
        lines.extend(own);
        let at = fit(&lines, common, now + NEAR);
        if at <= now + NEAR {
            for line in &mut lines {
                line.take(at, now);
            }
        }
        Place {
            at,
            is_own: at > common,
        }
    }
}

/// The first time not before `from` for which there is a place in every line; one past `until` may have none yet.
fn fit(lines: &[&mut Line], from: Instant, until: Instant) -> Instant {
    let mut at = from;
    loop {
        let free = lines.iter().fold(at, |at, line| line.free(at));
        if free == at || free > until {
            return free;
        }
        at = free;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn line(per_second: f64, now: Instant) -> Line {
        Line::new(period(Some(per_second), 1).unwrap(), now)
    }

    fn place(lines: &mut [&mut Line], now: Instant) -> Instant {
        let shared = lines.iter_mut().map(|line| &mut **line).collect();
        let own = Vec::new();
        Queue { shared, own }.place(now).at
    }

    fn waits(lines: &mut [&mut Line], now: Instant, count: usize) -> Vec<u128> {
        (0..count)
            .map(|_| (place(lines, now) - now).as_millis())
            .collect()
    }

    #[tokio::test(start_paused = true)]
    async fn a_place_every_period() {
        let now = Instant::now();
        let mut ten = line(10.0, now);
        assert_eq!(waits(&mut [&mut ten], now, 4), [0, 100, 200, 300]);
        // After a rest nothing was saved up.
        let later = now + 10 * SECOND + Duration::from_millis(50);
        assert_eq!(waits(&mut [&mut ten], later, 3), [0, 100, 200]);
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_elsewhere_leaves_the_places_between_to_others() {
        let now = Instant::now();
        let (mut whole, mut slow) = (line(10.0, now), line(1.0, now));
        let mut both = [&mut whole, &mut slow];
        assert_eq!(waits(&mut both, now, 3), [0, 1000, 2000]);
        let alone = waits(&mut [&mut whole], now, 20);
        assert_eq!(
            alone[..10],
            [100, 200, 300, 400, 500, 600, 700, 800, 900, 1100]
        );
        // The place at two seconds is taken too, and the one after it is too far.
        assert_eq!(alone[17..], [1900, 2100, 2100]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_far_place_is_not_taken() {
        let now = Instant::now();
        let (mut whole, mut slow) = (line(10.0, now), line(0.1, now));
        let mut both = [&mut whole, &mut slow];
        assert_eq!(waits(&mut both, now, 3), [0, 10_000, 10_000]);
        assert_eq!(waits(&mut [&mut whole], now, 1), [100]);
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_for_a_line_of_their_own_is_told_from_who_waits_with_all() {
        let now = Instant::now();
        let (mut whole, mut slow) = (line(10.0, now), line(1.0, now));
        let mut told = |own: bool| {
            let own = if own { vec![&mut slow] } else { Vec::new() };
            let shared = vec![&mut whole];
            let place = Queue { shared, own }.place(now);
            ((place.at - now).as_millis(), place.is_own)
        };
        assert_eq!(told(true), (0, false));
        assert_eq!(told(false), (100, false));
        assert_eq!(told(true), (1000, true));
    }

    #[tokio::test(start_paused = true)]
    async fn no_second_has_more_than_the_rate_and_one() {
        let start = Instant::now();
        let (mut whole, mut slow) = (line(7.0, start), line(3.0, start));
        let mut left = Vec::new();
        for step in 0..4000_u32 {
            let now = start + Duration::from_millis(u64::from(step) * 5);
            for number in 0..2 {
                let lines: &mut [&mut Line] = if (step + number) % 3 == 0 {
                    &mut [&mut whole, &mut slow]
                } else {
                    &mut [&mut whole]
                };
                let at = place(lines, now);
                if at <= now + NEAR {
                    left.push(at);
                }
            }
        }
        left.sort_unstable();
        let crowd = |at: Instant| {
            left.iter()
                .filter(|left| (at..at + SECOND).contains(left))
                .count()
        };
        assert!(left.iter().all(|at| crowd(*at) <= 8));
        // And nearly all that may leave does.
        assert!((130..=155).contains(&left.len()), "{}", left.len());
        assert!(whole.taken.len() <= 15);
    }

    #[tokio::test(start_paused = true)]
    async fn another_period_holds_at_once() {
        let now = Instant::now();
        let mut one = line(0.5, now);
        assert_eq!(waits(&mut [&mut one], now, 2), [0, 2000]);
        one.keep(Duration::from_millis(100), now);
        assert_eq!(waits(&mut [&mut one], now, 3), [100, 200, 300]);
        one.keep(SECOND, now);
        assert_eq!(waits(&mut [&mut one], now, 2), [400, 1400]);
    }

    #[test]
    fn what_is_no_rate_is_no_limit() {
        for rate in [
            None,
            Some(0.0),
            Some(-1.0),
            Some(f64::NAN),
            Some(f64::INFINITY),
            Some(1e9),
        ] {
            assert_eq!(period(rate, 1), None, "{rate:?}");
        }
        assert_eq!(period(Some(10.0), 3), Some(Duration::from_millis(300)));
    }
}
