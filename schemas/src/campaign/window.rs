//! When a contact may be written to.

use super::Pace;
use crate::Timestamp;
use chrono::{DateTime, Datelike, Days, LocalResult, NaiveTime, TimeZone, Utc};
use chrono_tz::Tz;

/// `window_zone` of a window in each contact's own time.
const CONTACT: &str = "contact";
/// Days looked ahead: a window that opens on one day of the week opens within them.
const AHEAD: u64 = 8;

impl Pace {
    /// When the sending window opens for somebody in that time zone; none when it is open, or there is none.
    #[must_use]
    pub fn opens(&self, contact_zone: Option<&str>, now: Timestamp) -> Option<Timestamp> {
        let from = time(self.window_from.as_deref())?;
        let to = time(self.window_to.as_deref())?;
        let zone = match self.window_zone.as_deref() {
            Some(CONTACT) => contact_zone,
            named => named,
        };
        let zone: Tz = zone.and_then(|zone| zone.parse().ok()).unwrap_or(Tz::UTC);
        let now = now.to_datetime();
        let today = now.with_timezone(&zone).date_naive();
        let allowed = |day: chrono::NaiveDate| {
            self.window_days.is_empty()
                || self
                    .window_days
                    .iter()
                    .any(|of| u32::from(*of) == day.weekday().number_from_monday())
        };
        // From yesterday on: a window over midnight may still be open.
        let first = today.checked_sub_days(Days::new(1))?;
        (0..=AHEAD).find_map(|ahead| {
            let day = first.checked_add_days(Days::new(ahead))?;
            if !allowed(day) {
                return None;
            }
            let last = if to <= from {
                day.checked_add_days(Days::new(1))?
            } else {
                day
            };
            let (begins, ends) = (moment(zone, day, from)?, moment(zone, last, to)?);
            (now < ends).then(|| (now < begins).then(|| Timestamp::from(begins)))
        })?
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
}
