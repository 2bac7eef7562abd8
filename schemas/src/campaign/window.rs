//! When a contact may be written to.

use std::time::Duration;

use super::Pace;
use crate::Timestamp;
use chrono::{DateTime, Datelike, Days, LocalResult, NaiveTime, TimeZone, Utc};
use chrono_tz::Tz;

/// `window_zone` of a window in each contact's own time.
const CONTACT: &str = "contact";
/// Days looked ahead: a window that opens on one day of the week opens within them.
const AHEAD: u64 = 8;

/// Days looked ahead for the end of a campaign: what takes longer has none that is worth telling.
const YEAR: u64 = 366;

/// A daily window in one time zone.
struct Window<'a> {
    from: NaiveTime,
    to: NaiveTime,
    zone: Tz,
    days: &'a [u8],
}

impl Window<'_> {
    /// When it begins and ends, from yesterday on: a window over midnight may still be open.
    fn times(
        &self,
        now: DateTime<Utc>,
        ahead: u64,
    ) -> impl Iterator<Item = (DateTime<Utc>, DateTime<Utc>)> {
        let today = now.with_timezone(&self.zone).date_naive();
        let first = today.checked_sub_days(Days::new(1));
        (0..=ahead).filter_map(move |ahead| {
            let day = first?.checked_add_days(Days::new(ahead))?;
            let of_week = day.weekday().number_from_monday();
            if !self.days.is_empty() && !self.days.iter().any(|of| u32::from(*of) == of_week) {
                return None;
            }
            let last = if self.to <= self.from {
                day.checked_add_days(Days::new(1))?
            } else {
                day
            };
            Some((
                moment(self.zone, day, self.from)?,
                moment(self.zone, last, self.to)?,
            ))
        })
    }
}

impl Pace {
    /// The sending window for somebody in that time zone; none where there is none.
    fn window(&self, contact_zone: Option<&str>) -> Option<Window<'_>> {
        let zone = match self.window_zone.as_deref() {
            Some(CONTACT) => contact_zone,
            named => named,
        };
        Some(Window {
            from: time(self.window_from.as_deref())?,
            to: time(self.window_to.as_deref())?,
            zone: zone.and_then(|zone| zone.parse().ok()).unwrap_or(Tz::UTC),
            days: &self.window_days,
        })
    }

    /// The window, where it is the same for everybody.
    fn common_window(&self) -> Option<Window<'_>> {
        (self.window_zone.as_deref() != Some(CONTACT)).then(|| self.window(None))?
    }

    /// When the sending window opens for somebody in that time zone; none when it is open, or there is none.
    #[must_use]
    pub fn opens(&self, contact_zone: Option<&str>, now: Timestamp) -> Option<Timestamp> {
        let now = now.to_datetime();
        let (begins, _) = self
            .window(contact_zone)?
            .times(now, AHEAD)
            .find(|(_, ends)| now < *ends)?;
        (now < begins).then(|| Timestamp::from(begins))
    }

    /// When so much sending that begins at `from` is over, if nothing leaves outside the window; none when that is more than
    /// a year away. A window in each contact's own time is always open for somebody, and holds nothing up here.
    #[must_use]
    pub fn ends(&self, from: Timestamp, sending: Duration) -> Option<Timestamp> {
        let Some(window) = self.common_window() else {
            return (sending < Duration::from_secs(YEAR * 86_400)).then(|| from.plus(sending));
        };
        let from = from.to_datetime();
        let mut left = sending;
        window.times(from, YEAR).find_map(|(begins, ends)| {
            let begins = begins.max(from);
            let open = (ends - begins).to_std().ok()?;
            if left <= open {
                return Some(Timestamp::from(begins).plus(left));
            }
            left -= open;
            None
        })
    }

    /// For how long the window was open between two moments, as far as it is the same for everybody.
    #[must_use]
    pub fn open_between(&self, from: Timestamp, to: Timestamp) -> Duration {
        let Some(window) = self.common_window() else {
            return to.since(from);
        };
        let (from, to) = (from.to_datetime(), to.to_datetime());
        window
            .times(from, YEAR)
            .take_while(|(begins, _)| *begins < to)
            .filter_map(|(begins, ends)| (ends.min(to) - begins.max(from)).to_std().ok())
            .sum()
    }
}

fn time(text: Option<&str>) -> Option<NaiveTime> {
    NaiveTime::parse_from_str(text?, "%H:%M").ok()
}

/// A local time as a moment; where the clock leaves it out, an hour later.
fn moment(zone: Tz, day: chrono::NaiveDate, at: NaiveTime) -> Option<DateTime<Utc>> {
    let local = day.and_time(at);
    let found = match zone.from_local_datetime(&local) {
        LocalResult::Single(at) => at,
        LocalResult::Ambiguous(first, _) => first,
        LocalResult::None => zone
            .from_local_datetime(&(local + chrono::Duration::hours(1)))
            .earliest()?,
    };
    Some(found.with_timezone(&Utc))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pace(from: &str, to: &str, zone: &str, days: &[u8]) -> Pace {
        Pace {
            window_from: Some(from.into()),
            window_to: Some(to.into()),
            window_zone: Some(zone.into()),
            window_days: days.to_vec(),
            ..Pace::default()
        }
    }

    fn at(text: &str) -> Timestamp {
        Timestamp::from(
            DateTime::parse_from_rfc3339(text)
                .unwrap()
                .with_timezone(&Utc),
        )
    }

    #[test]
    fn without_a_window_at_once() {
        assert_eq!(
            Pace::default().opens(None, at("2026-11-21T12:00:00Z")),
            None
        );
    }

    #[test]
    fn in_the_contacts_own_time() {
        let pace = pace("09:00", "18:00", CONTACT, &[]);
        let now = at("2026-11-21T12:00:00Z");
        assert_eq!(pace.opens(Some("Europe/Vienna"), now), None);
        assert_eq!(
            pace.opens(Some("America/New_York"), now),
            Some(at("2026-11-21T14:00:00Z"))
        );
        assert_eq!(
            pace.opens(Some("Asia/Tokyo"), now),
            Some(at("2026-11-22T00:00:00Z"))
        );
        assert_eq!(pace.opens(None, now), None, "UTC");
        assert_eq!(pace.opens(Some("Nowhere"), now), None, "UTC");
    }

    #[test]
    fn on_some_days_and_over_midnight() {
        // 2026-11-21 is a Saturday.
        let workdays = pace("09:00", "18:00", "UTC", &[1, 2, 3, 4, 5]);
        let saturday = at("2026-11-21T12:00:00Z");
        assert_eq!(
            workdays.opens(None, saturday),
            Some(at("2026-11-23T09:00:00Z"))
        );
        let night = pace("22:00", "06:00", "UTC", &[]);
        assert_eq!(night.opens(None, at("2026-11-21T05:00:00Z")), None);
        assert_eq!(
            night.opens(None, saturday),
            Some(at("2026-11-21T22:00:00Z"))
        );
        let fridays = pace("22:00", "06:00", "UTC", &[5]);
        assert_eq!(fridays.opens(None, at("2026-11-21T05:00:00Z")), None);
        assert_eq!(
            fridays.opens(None, at("2026-11-21T07:00:00Z")),
            Some(at("2026-11-27T22:00:00Z"))
        );
    }

    #[test]
    fn a_time_the_clock_leaves_out() {
        let pace = pace("02:30", "03:30", "Europe/Vienna", &[]);
        let found = pace.opens(None, at("2026-03-29T00:30:00Z"));
        assert_eq!(found, Some(at("2026-03-29T01:30:00Z")));
    }

    #[test]
    fn sending_goes_on_in_the_next_window() {
        let pace = pace("09:00", "18:00", "UTC", &[1, 2, 3, 4, 5]);
        let hours = |hours: u64| Duration::from_secs(hours * 3600);
        // 2026-11-20 is a Friday.
        let friday = at("2026-11-20T16:00:00Z");
        for (sending, ends) in [
            (0, "2026-11-20T16:00:00Z"),
            (2, "2026-11-20T18:00:00Z"),
            (3, "2026-11-23T10:00:00Z"),
            (12, "2026-11-24T10:00:00Z"),
        ] {
            assert_eq!(
                pace.ends(friday, hours(sending)),
                Some(at(ends)),
                "{sending} h"
            );
        }
        assert_eq!(pace.ends(friday, hours(100_000)), None);
        let monday = at("2026-11-23T10:00:00Z");
        assert_eq!(pace.open_between(friday, monday), hours(3));
        assert_eq!(pace.open_between(monday, friday), hours(0));
    }

    #[test]
    fn a_window_of_each_contacts_own_holds_up_no_end() {
        let own = pace("09:00", "18:00", CONTACT, &[]);
        let now = at("2026-11-20T03:00:00Z");
        let hour = Duration::from_secs(3600);
        for pace in [own, Pace::default()] {
            assert_eq!(pace.ends(now, hour), Some(now.plus(hour)));
            assert_eq!(pace.open_between(now, now.plus(hour)), hour);
        }
    }
}
