//! Clicks of the last seconds, by message: who opens several links of one mail at once is a machine that follows them all.
//!
//! The first of such clicks was told already, as a person's; it is told again under its id, and the machine's verdict wins
//! where it is written. Bounded: of more clicks than it holds the older ones are forgotten, and stay a person's.

use std::{
    collections::HashMap,
    hash::{BuildHasher as _, RandomState},
    sync::{Mutex, PoisonError},
};

use schemas::{
    CampaignId, ContactId, Timestamp,
    campaign::{CampaignEvent, Verdict},
};

use super::verdict::BURST;

/// How close two clicks must be, in microseconds.
const CLOSE_US: i64 = 2_000_000;
/// Messages that are remembered, in each half.
const HALF: usize = 16_384;

#[derive(Default)]
pub(super) struct Window {
    inner: Mutex<Inner>,
    hasher: RandomState,
}

#[derive(Default)]
struct Inner {
    /// When the younger half was begun.
    since: i64,
    young: HashMap<(CampaignId, ContactId), Seen>,
    old: HashMap<(CampaignId, ContactId), Seen>,
}

struct Seen {
    at: Timestamp,
    url: u64,
    /// The click, until it is taken back.
    first: Option<Box<CampaignEvent>>,
}

impl Window {
    /// Judges a click that seems a person's. What is answered is an earlier one that was not.
    pub(super) fn judge(&self, click: &mut CampaignEvent) -> Option<CampaignEvent> {
        let url = self.hasher.hash_one(&click.url);
        let key = (click.campaign, click.contact);
        let now = click.at;
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let inner = &mut *inner;
        if inner.young.len() >= HALF || now.0.abs_diff(inner.since) > CLOSE_US.unsigned_abs() {
            inner.old = std::mem::take(&mut inner.young);
            inner.since = now.0;
        }
        let seen = match inner.young.get_mut(&key) {
            Some(seen) => Some(seen),
            None => inner.old.get_mut(&key),
        };
        if let Some(seen) = seen
            && now.0.abs_diff(seen.at.0) <= CLOSE_US.unsigned_abs()
        {
            if seen.url == url {
                return None;
            }
            seen.at = now;
            mark(click);
            let mut first = *seen.first.take()?;
            mark(&mut first);
            return Some(first);
        }
        let seen = Seen {
            at: now,
            url,
            first: Some(Box::new(click.clone())),
        };
        inner.young.insert(key, seen);
        None
    }
}

fn mark(click: &mut CampaignEvent) {
    click.verdict = Some(Verdict::Machine);
    click.detail = Some(BURST.to_owned());
}

#[cfg(test)]
mod tests {
    use schemas::{TenantId, campaign::CampaignEventType};
    use uuid::Uuid;

    use super::*;

    fn click(contact: u128, url: &str, second: f64) -> CampaignEvent {
        #[expect(clippy::cast_possible_truncation, reason = "seconds of a test")]
        let at = Timestamp(1_800_000_000_000_000 + (second * 1e6) as i64);
        CampaignEvent {
            id: Uuid::now_v7(),
            tenant: TenantId(Uuid::from_u128(1)),
            campaign: CampaignId(Uuid::from_u128(2)),
            contact: ContactId(Uuid::from_u128(contact)),
            event: CampaignEventType::Click,
            at,
            verdict: Some(Verdict::Human),
            detail: None,
            url: Some(url.to_owned()),
            ip_address: None,
            user_agent: None,
        }
    }

    #[test]
    fn several_links_at_once_are_a_machines_also_the_first() {
        let window = Window::default();
        let mut first = click(1, "a", 0.0);
        assert_eq!(window.judge(&mut first), None);
        assert_eq!(first.verdict, Some(Verdict::Human));
        let mut second = click(1, "b", 0.4);
        let corrected = window.judge(&mut second).unwrap();
        assert_eq!(
            (corrected.id, corrected.url.as_deref()),
            (first.id, Some("a"))
        );
        assert_eq!(corrected.verdict, Some(Verdict::Machine));
        assert_eq!(second.verdict, Some(Verdict::Machine));
        assert_eq!(second.detail.as_deref(), Some(BURST));
        // Each further one prolongs it.
        let mut third = click(1, "c", 2.2);
        assert_eq!(window.judge(&mut third), None);
        assert_eq!(third.verdict, Some(Verdict::Machine));
    }

    #[test]
    fn people_click_again_later_or_elsewhere() {
        let window = Window::default();
        for (contact, url, second) in [
            (1, "a", 0.0),
            (1, "a", 0.2),
            (2, "b", 0.3),
            (1, "b", 5.0),
            (2, "a", 9.0),
        ] {
            let mut one = click(contact, url, second);
            assert_eq!(window.judge(&mut one), None, "{contact} {url} {second}");
            assert_eq!(
                one.verdict,
                Some(Verdict::Human),
                "{contact} {url} {second}"
            );
        }
    }

    #[test]
    fn it_never_holds_more_than_its_bound() {
        let window = Window::default();
        for contact in 0..(3 * HALF as u128) {
            window.judge(&mut click(contact, "a", 0.0));
            let inner = window.inner.lock().unwrap();
            assert!(inner.young.len() <= HALF && inner.old.len() <= HALF);
        }
    }
}
