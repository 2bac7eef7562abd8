//! A campaign's own rates: all of it, and to each domain of e-mail addresses.
//!
//! Invariant: exact for what this process sends; a campaign by several channels has an equal share of its rate for each.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use schemas::{ChannelId, address::email, campaign::Pace};
use tokio::time::Instant;

use super::line::{self, Line, Place, Queue};

/// Domains whose places are remembered before those are forgotten that need not be.
pub(super) const MAX_DOMAINS: usize = 10_000;

pub(super) struct Paces {
    whole: Option<Duration>,
    domain: Option<Duration>,
    lines: Mutex<Lines>,
}

#[derive(Default)]
struct Lines {
    channels: HashMap<ChannelId, Line>,
    domains: HashMap<String, Line>,
}

/// The domain of an address, in its one form; none where it is no e-mail address.
pub(super) fn domain(address: &str) -> Option<String> {
    address
        .rsplit_once('@')
        .map(|(_, domain)| email::domain(domain))
}

impl Paces {
    /// `shares`: among how many channels the rate is divided.
    pub(super) fn new(pace: &Pace, shares: usize) -> Self {
        Self {
            whole: line::period(pace.per_second, shares),
            domain: line::period(pace.per_second_and_domain, 1),
            lines: Mutex::default(),
        }
    }

    /// When a message by that channel to that address may leave, which stands in `others` too. A place further than
    /// [`line::NEAR`] is not taken: ask again then.
    pub(super) fn place(
        &self,
        channel: ChannelId,
        address: &str,
        others: Queue<'_>,
        now: Instant,
    ) -> Place {
        if self.whole.is_none() && self.domain.is_none() {
            return others.place(now);
        }
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let Lines { channels, domains } = &mut *lines;
        let mut queue = others;
        if let Some(period) = self.whole {
            let new = || Line::new(period, now);
            queue
                .shared
                .push(channels.entry(channel).or_insert_with(new));
        }
        if let Some(period) = self.domain
            && let Some(domain) = domain(address)
        {
            make_room(domains, now);
            let new = || Line::new(period, now);
            queue.own.push(domains.entry(domain).or_insert_with(new));
        }
        queue.place(now)
    }
}

/// Forgets the lines in which nobody stands, when there are many.
pub(super) fn make_room(lines: &mut HashMap<String, Line>, now: Instant) {
    if lines.len() >= MAX_DOMAINS {
        lines.retain(|_, line| !line.is_over(now));
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const ONE: ChannelId = ChannelId(Uuid::from_u128(1));
    const OTHER: ChannelId = ChannelId(Uuid::from_u128(2));

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
        let by = |channel| {
            (whole
                .place(channel, "a@x.example", Queue::default(), now)
                .at
                - now)
                .as_millis()
        };
        assert_eq!((by(ONE), by(ONE), by(ONE)), (0, 200, 400));
        // Each channel has its own share, also where one process has both.
        assert_eq!((by(OTHER), by(OTHER)), (0, 200));
        let domains = paces(None, Some(1.0), 1);
        let wait =
            |address| (domains.place(ONE, address, Queue::default(), now).at - now).as_secs();
        assert_eq!((wait("a@x.example"), wait("b@X.example")), (0, 1));
        assert_eq!(wait("c@y.example"), 0);
        assert_eq!(wait("+15550100"), 0);
        assert_eq!(wait("+15550100"), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_far_place_is_not_taken() {
        let now = Instant::now();
        let slow = paces(None, Some(0.1), 1);
        let at = || slow.place(ONE, "a@x.example", Queue::default(), now).at;
        assert_eq!(at(), now);
        for _ in 0..3 {
            assert_eq!((at() - now).as_secs(), 10);
        }
    }
}
