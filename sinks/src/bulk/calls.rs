//! Calls side by side of a channel's campaigns: all of them, and those to one domain of e-mail addresses.
//!
//! A relay that takes long over one domain would otherwise be waited for with every call there is, and with them by
//! everybody else's mail. So a domain has a part of the calls: [`START`] at first, one more after each quick call, one less
//! after each slow one. And it is waited for a moment only: who would have to wait longer is told when to come again, the
//! later the more of them there are.
//!
//! Invariants: the calls of a domain are never more than the channel allows it; nobody waits longer than [`NEAR`] for it; what is
//! remembered of domains is bounded by [`MAX_DOMAINS`] and those in use.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout},
};

use super::{
    line::NEAR,
    pace::{MAX_DOMAINS, domain},
};

/// Calls to a domain of which nothing is known yet.
const START: usize = 3;
/// A call that takes so long is slow.
const SLOW: Duration = Duration::from_secs(1);
/// The longest anybody is told to stay away: a domain may be well again by then.
const AWAY: Duration = Duration::from_secs(60);
/// Chunks of a channel that are left to themselves while others are worked on.
const LEFT_ALONE: usize = 16;

/// The calls of one channel.
pub(super) struct Calls {
    most: usize,
    most_of_domain: usize,
    all: Arc<Semaphore>,
    domains: Mutex<HashMap<String, Domain>>,
    left_alone: Arc<Semaphore>,
}

struct Domain {
    calls: Arc<Semaphore>,
    /// How many it has, those in use among them.
    part: usize,
    /// Who waits for one of them.
    waiting: usize,
    /// How long calls take lately.
    took: Duration,
    /// Until when those who were told to come again keep the calls busy.
    busy_until: Instant,
}

/// A place among the calls to a domain, until dropped.
pub(super) struct Place<'a> {
    of: Option<(&'a Calls, String, OwnedSemaphorePermit)>,
}

/// When to come again instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Later(pub(super) Duration);

impl Calls {
    pub(super) fn new(most: usize, most_of_domain: usize) -> Self {
        Self {
            most,
            most_of_domain,
            all: Arc::new(Semaphore::new(most.max(1))),
            domains: Mutex::default(),
            left_alone: Arc::new(Semaphore::new(LEFT_ALONE)),
        }
    }

    /// Whether these are so many.
    pub(super) fn are(&self, most: usize, most_of_domain: usize) -> bool {
        (self.most, self.most_of_domain) == (most, most_of_domain)
    }

    /// Waits for one of all the calls.
    pub(super) async fn one(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.all).acquire_owned().await.ok()
    }

    /// Leave for one more chunk to be left to itself.
    pub(super) fn leave_alone(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.left_alone).try_acquire_owned().ok()
    }

    /// A place among the calls to an address's domain, if one is free.
    pub(super) fn free(&self, address: &str) -> Option<Place<'_>> {
        let Some(name) = domain(address) else {
            return Some(Place { of: None });
        };
        let calls = Arc::clone(&self.known(&mut self.domains(), &name).calls);
        let permit = calls.try_acquire_owned().ok()?;
        Some(Place {
            of: Some((self, name, permit)),
        })
    }

    /// Waits for a place among the calls to an address's domain, or says when to come again.
    pub(super) async fn place(&self, address: &str) -> Result<Place<'_>, Later> {
        let Some(name) = domain(address) else {
            return Ok(Place { of: None });
        };
        let calls = {
            let mut domains = self.domains();
            let known = self.known(&mut domains, &name);
            let ahead = u32::try_from(known.waiting).unwrap_or(u32::MAX);
            if known.took.saturating_mul(ahead) / known.parts() > NEAR {
                return Err(known.later());
            }
            known.waiting += 1;
            Arc::clone(&known.calls)
        };
        let waiting = Waiting(self, &name);
        let came = timeout(NEAR, calls.acquire_owned()).await;
        drop(waiting);
        if let Ok(Ok(permit)) = came {
            return Ok(Place {
                of: Some((self, name, permit)),
            });
        }
        let mut domains = self.domains();
        let known = self.known(&mut domains, &name);
        // None of them ended meanwhile.
        known.took = known.took.max(NEAR);
        Err(known.later())
    }

    fn known<'a>(&self, domains: &'a mut HashMap<String, Domain>, name: &str) -> &'a mut Domain {
        let now = Instant::now();
        if domains.len() >= MAX_DOMAINS {
            domains.retain(|_, known| {
                known.waiting > 0
                    || known.busy_until > now
                    || known.calls.available_permits() < known.part
            });
        }
        let part = START.min(self.most_of_domain).max(1);
        domains.entry(name.to_owned()).or_insert_with(|| Domain {
            calls: Arc::new(Semaphore::new(part)),
            part,
            waiting: 0,
            took: Duration::ZERO,
            busy_until: now,
        })
    }

    fn domains(&self) -> MutexGuard<'_, HashMap<String, Domain>> {
        self.domains.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Domain {
    /// How many calls are side by side, to divide by.
    fn parts(&self) -> u32 {
        u32::try_from(self.part).unwrap_or(u32::MAX).max(1)
    }

    /// When one more is to come again, behind those who were told so before.
    fn later(&mut self) -> Later {
        let now = Instant::now();
        let soonest = self.busy_until.max(now + NEAR);
        self.busy_until = (soonest + self.took / self.parts()).min(now + AWAY);
        Later(soonest.min(now + AWAY) - now)
    }
}

impl Place<'_> {
    /// The call is over, and took so long.
    pub(super) fn over(self, took: Duration) {
        let Some((calls, name, permit)) = self.of else {
            return;
        };
        let mut domains = calls.domains();
        let Some(known) = domains.get_mut(&name) else {
            return;
        };
        known.took = (known.took + took) / 2;
        if took >= SLOW && known.part > 1 {
            known.part -= 1;
            permit.forget();
        } else if took < SLOW && known.part < calls.most_of_domain {
            known.part += 1;
            known.calls.add_permits(1);
        }
    }
}

/// Somebody who waits, until dropped.
struct Waiting<'a>(&'a Calls, &'a str);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if let Some(known) = self.0.domains().get_mut(self.1) {
            known.waiting = known.waiting.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn places<'a>(calls: &'a Calls, address: &str, count: usize) -> Vec<Place<'a>> {
        (0..count).map(|_| calls.free(address).unwrap()).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn a_domain_has_its_part_and_no_more() {
        let calls = Calls::new(8, 6);
        let held = places(&calls, "a@x.example", START);
        assert!(calls.free("b@X.example").is_none());
        assert!(calls.free("b@y.example").is_some());
        // What is no e-mail address has no domain.
        assert_eq!(places(&calls, "+15550100", 9).len(), 9);
        drop(held);
        assert!(calls.free("b@x.example").is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_quick_domain_gets_more_and_a_slow_one_less() {
        let calls = Calls::new(16, 12);
        let most = || {
            let mut held = Vec::new();
            while let Some(place) = calls.free("a@x.example") {
                held.push(place);
            }
            held.len()
        };
        for _ in 0..100 {
            let place = calls.free("a@x.example").unwrap();
            place.over(Duration::from_millis(20));
        }
        assert_eq!(most(), 12);
        for place in places(&calls, "a@x.example", 12) {
            place.over(30 * SECOND);
        }
        assert_eq!(most(), 1, "the last one is never taken");
        calls.free("a@x.example").unwrap().over(SECOND / 2);
        assert_eq!(most(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_has_the_next_place() {
        let calls = Calls::new(4, 1);
        let held = places(&calls, "a@x.example", 1);
        let waited = async {
            let began = Instant::now();
            assert!(calls.place("b@x.example").await.is_ok());
            began.elapsed()
        };
        let ends = async {
            tokio::time::sleep(SECOND).await;
            drop(held);
        };
        let (waited, ()) = tokio::join!(waited, ends);
        assert_eq!(waited, SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_domain_is_not_waited_for() {
        let calls = Calls::new(4, 1);
        let held = places(&calls, "a@x.example", 1);
        let began = Instant::now();
        assert_eq!(calls.place("b@x.example").await.err(), Some(Later(NEAR)));
        assert_eq!(began.elapsed(), NEAR);
        // Now it is known: one more waits for it, and who comes then is sent away at once, each later than the one before.
        let more = async { calls.place("c@x.example").await.err() };
        let rest = async {
            tokio::task::yield_now().await;
            let mut later = Vec::new();
            for _ in 0..100 {
                let _one_more_waits = Waiting(&calls, "x.example");
                calls.domains().get_mut("x.example").unwrap().waiting += 1;
                later.extend(calls.place("d@x.example").await.err());
            }
            later
        };
        let (_, later) = tokio::join!(more, rest);
        assert_eq!(began.elapsed(), 2 * NEAR);
        assert!(later.is_sorted_by_key(|later| later.0));
        assert!(later[0].0 >= NEAR);
        assert_eq!(later[99].0, AWAY);
        drop(held);
    }

    #[tokio::test(start_paused = true)]
    async fn a_domain_that_is_well_again_is_waited_for_again() {
        let calls = Calls::new(4, 1);
        calls.free("a@x.example").unwrap().over(600 * SECOND);
        calls.domains().get_mut("x.example").unwrap().waiting = 1;
        assert!(calls.place("b@x.example").await.is_err());
        for _ in 0..12 {
            let place = calls.free("a@x.example").unwrap();
            place.over(Duration::from_millis(1));
        }
        assert!(calls.place("b@x.example").await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_remembered_is_bounded() {
        let calls = Calls::new(4, 2);
        let held = places(&calls, "a@kept.example", 1);
        for number in 0..=MAX_DOMAINS {
            drop(calls.free(&format!("a@d{number}.example")));
        }
        assert!(calls.domains().len() <= MAX_DOMAINS);
        assert!(calls.domains().contains_key("kept.example"));
        drop(held);
    }
}
