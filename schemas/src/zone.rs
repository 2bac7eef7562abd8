//! Time zones by their names in the IANA database, as of the version that `chrono-tz` has.

use chrono::{Offset, TimeZone};
use chrono_tz::Tz;

use crate::Timestamp;

/// A zone of the IANA database; cheap to copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Zone(Tz);

impl Zone {
    pub const UTC: Self = Self(Tz::UTC);

    /// The zone of this name, e.g. `Europe/Vienna`, in the database's own spelling.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        name.parse().ok().map(Self)
    }

    /// The name.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.0.name()
    }

    /// By how many seconds its clocks are ahead of UTC at that instant.
    #[must_use]
    pub fn offset_s(self, at: Timestamp) -> i32 {
        let at = at.to_datetime().naive_utc();
        self.0.offset_from_utc_datetime(&at).fix().local_minus_utc()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offset(zone: &str, at: &str) -> i32 {
        let at = chrono::DateTime::parse_from_rfc3339(at).unwrap();
        Zone::named(zone)
            .unwrap()
            .offset_s(Timestamp(at.timestamp_micros()))
    }

    #[test]
    fn clocks_change_when_they_change() {
        // Directive 2000/84/EC: the last Sunday of March and of October, at 01:00 UTC.
        assert_eq!(offset("Europe/Vienna", "2026-03-29T00:59:59Z"), 3600);
        assert_eq!(offset("Europe/Vienna", "2026-03-29T01:00:00Z"), 7200);
        assert_eq!(offset("Europe/Vienna", "2026-10-25T01:00:00Z"), 3600);
        assert_eq!(offset("Asia/Kolkata", "2026-07-01T00:00:00Z"), 19_800);
        assert_eq!(offset("America/New_York", "2026-01-01T00:00:00Z"), -18_000);
        assert_eq!(Zone::UTC.offset_s(Timestamp(0)), 0);
    }

    #[test]
    fn names_are_those_of_the_database() {
        for name in ["Europe/Vienna", "UTC", "America/Argentina/Ushuaia"] {
            assert_eq!(Zone::named(name).unwrap().name(), name);
        }
        for name in [
            "",
            "Vienna",
            "europe/vienna",
            "+02:00",
            "Europe/Vienna ",
            "Mars/Olympus",
        ] {
            assert_eq!(Zone::named(name), None, "{name}");
        }
    }
}
