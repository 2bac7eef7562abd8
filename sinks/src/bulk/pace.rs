//! A campaign's own rates: all of it, and to each domain of e-mail addresses.
//!
//! Invariant: exact for what this process sends; a campaign by several channels has an equal share of its rate for each.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use schemas::campaign::Pace;
use tokio::time::Instant;

/// A place so near is waited for; for a later one the recipient is put back.
pub(super) const NEAR: Duration = Duration::from_secs(2);
/// Domains whose places are remembered.
const MAX_DOMAINS: usize = 10_000;

pub(super) struct Paces {
    whole: Option<Duration>,
    domain: Option<Duration>,
    places: Mutex<Places>,
}

#[derive(Default)]
struct Places {
    whole: Option<Instant>,
    domains: HashMap<String, Instant>,
}

impl Paces {
    /// `shares`: among how many channels the rate is divided.
    pub(super) fn new(pace: &Pace, shares: usize) -> Self {
        let shares = u32::try_from(shares.max(1)).unwrap_or(u32::MAX);
        let period = |rate: Option<f64>| {
            rate.filter(|rate| rate.is_finite() && *rate > 0.0)
                .and_then(|rate| Duration::try_from_secs_f64(1.0 / rate).ok())
        };
        Self {
            whole: period(pace.per_second).map(|period| period.saturating_mul(shares)),
            domain: period(pace.per_second_and_domain),
            places: Mutex::default(),
        }
    }

    /// When a message to that address may leave. A place further than [`NEAR`] is not taken: ask again then.
    pub(super) fn place(&self, address: &str, now: Instant) -> Instant {
        if self.whole.is_none() && self.domain.is_none() {
            return now;
        }
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        let domain = self
            .domain
            .and_then(|period| Some((address.rsplit_once('@')?.1.to_ascii_lowercase(), period)));
        let mut at = now;
        if let Some(next) = places.whole {
            at = at.max(next);
        }
        if let Some((domain, _)) = &domain
            && let Some(next) = places.domains.get(domain)
        {
            at = at.max(*next);
        }
        if at > now + NEAR {
            return at;
        }
        if let Some(period) = self.whole {
            places.whole = Some(at + period);
        }
        if let Some((domain, period)) = domain {
            if places.domains.len() >= MAX_DOMAINS {
                places.domains.retain(|_, next| *next > now);
            }
            places.domains.insert(domain, at + period);
        }
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paces(per_second: Option<f64>, per_domain: Option<f64>, shares: usize) -> Paces {
        let pace = Pace {
            per_second,
            per_second_and_domain: per_domain,
            ..Pace::default()
        };
        Paces::new(&pace, shares)
    }

    #[tokio::test(start_paused = true)]
    async fn a_rate_for_all_and_a_rate_for_each_domain() {
        let now = Instant::now();
        let whole = paces(Some(10.0), None, 2);
        let waits: Vec<u128> = (0..3)
            .map(|_| (whole.place("a@x.example", now) - now).as_millis())
            .collect();
        assert_eq!(waits, [0, 200, 400]);
        let domains = paces(None, Some(1.0), 1);
        let wait = |address| (domains.place(address, now) - now).as_secs();
        assert_eq!((wait("a@x.example"), wait("b@X.example")), (0, 1));
        assert_eq!(wait("c@y.example"), 0);
        assert_eq!(wait("+15550100"), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_far_place_is_not_taken() {
        let now = Instant::now();
        let slow = paces(None, Some(0.1), 1);
        assert_eq!(slow.place("a@x.example", now), now);
        for _ in 0..3 {
            let next = slow.place("b@x.example", now);
            assert_eq!((next - now).as_secs(), 10);
        }
    }
}
