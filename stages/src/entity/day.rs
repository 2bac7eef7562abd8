//! Days of the Gregorian calendar, as dates are normalized to them.

use std::fmt;

use schemas::Timestamp;

const DAY_US: i64 = 86_400_000_000;

/// A day that exists, of the years 1 to 9999. Shown as ISO 8601.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Day {
    year: i32,
    month: u32,
    day: u32,
}

impl Day {
    pub(super) fn new(year: i32, month: u32, day: u32) -> Option<Self> {
        let exists = (1..=9999).contains(&year)
            && (1..=12).contains(&month)
            && (1..=length(year, month)).contains(&day);
        exists.then_some(Self { year, month, day })
    }

    /// The day it is at a time, so many minutes east of UTC.
    pub(super) fn at(time: Timestamp, offset_minutes: i16) -> Self {
        let local = time
            .0
            .saturating_add(i64::from(offset_minutes) * 60_000_000);
        Self::of_number(local.div_euclid(DAY_US))
    }

    pub(super) fn plus_days(self, days: i64) -> Self {
        Self::of_number(self.number().saturating_add(days))
    }

    /// The same day of another month, or that month's last.
    pub(super) fn plus_months(self, months: i32) -> Option<Self> {
        let count = self
            .year
            .checked_mul(12)?
            .checked_add(self.month.cast_signed() - 1)?
            .checked_add(months)?;
        let (year, month) = (
            count.div_euclid(12),
            count.rem_euclid(12).cast_unsigned() + 1,
        );
        Self::new(year, month, self.day.min(length(year, month)))
    }

    /// 0 is Monday.
    pub(super) fn weekday(self) -> i64 {
        (self.number() + 3).rem_euclid(7)
    }

    /// The first such weekday after it.
    pub(super) fn next(self, weekday: i64) -> Self {
        self.plus_days((weekday - self.weekday() - 1).rem_euclid(7) + 1)
    }

    /// The last such weekday before it.
    pub(super) fn last(self, weekday: i64) -> Self {
        self.plus_days(-((self.weekday() - weekday - 1).rem_euclid(7) + 1))
    }

    /// The day of a month that lies nearest, of the year before, this year and the next.
    pub(super) fn nearest(self, month: u32, day: u32) -> Option<Self> {
        (self.year - 1..=self.year + 1)
            .filter_map(|year| Self::new(year, month, day))
            .min_by_key(|other| (other.number() - self.number()).abs())
    }

    /// Of a year written with two digits: at most 20 years ahead, else in the past.
    pub(super) fn century(self, year: i32) -> i32 {
        let year = self.year - self.year.rem_euclid(100) + year;
        if year > self.year + 20 {
            year - 100
        } else {
            year
        }
    }

    /// Days since 1970-01-01: years counted from March, in cycles of 400 (H. Hinnant, "chrono-compatible low-level date
    /// algorithms").
    fn number(self) -> i64 {
        let year = i64::from(self.year) - i64::from(self.month <= 2);
        let month = i64::from((self.month + 9) % 12);
        let (cycle, rest) = (year.div_euclid(400), year.rem_euclid(400));
        let in_year = (153 * month + 2) / 5 + i64::from(self.day) - 1;
        cycle * 146_097 + rest * 365 + rest / 4 - rest / 100 + in_year - 719_468
    }

    /// Of a number outside of the years 1 to 9999, the first or the last day.
    fn of_number(number: i64) -> Self {
        let first = Self {
            year: 1,
            month: 1,
            day: 1,
        };
        let last = Self {
            year: 9999,
            month: 12,
            day: 31,
        };
        if number <= first.number() || number >= last.number() {
            return if number <= first.number() {
                first
            } else {
                last
            };
        }
        let days = number + 719_468;
        let (cycle, rest) = (days.div_euclid(146_097), days.rem_euclid(146_097));
        let in_cycle = (rest - rest / 1460 + rest / 36_524 - rest / 146_096) / 365;
        let in_year = rest - (365 * in_cycle + in_cycle / 4 - in_cycle / 100);
        let from_march = (5 * in_year + 2) / 153;
        let month = u32::try_from((from_march + 2) % 12 + 1).unwrap_or(1);
        let day = u32::try_from(in_year - (153 * from_march + 2) / 5 + 1).unwrap_or(1);
        let year = cycle * 400 + in_cycle + i64::from(month <= 2);
        Self {
            year: i32::try_from(year).unwrap_or(1),
            month,
            day,
        }
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

fn length(year: i32, month: u32) -> u32 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(year: i32, month: u32, day: u32) -> Day {
        Day::new(year, month, day).unwrap()
    }

    #[test]
    fn numbers_and_days_are_each_others_inverse() {
        assert_eq!(day(1970, 1, 1).number(), 0);
        assert_eq!(day(2000, 3, 1).number(), 11_017);
        for number in (-700_000..2_900_000).step_by(173) {
            let found = Day::of_number(number);
            assert_eq!(found.number(), number, "{found}");
            assert!(Day::new(found.year, found.month, found.day).is_some());
        }
        assert_eq!(Day::of_number(i64::MIN), day(1, 1, 1));
        assert_eq!(Day::of_number(i64::MAX), day(9999, 12, 31));
    }

    #[test]
    fn weeks_and_months() {
        let thursday = day(2026, 3, 12);
        assert_eq!(thursday.weekday(), 3);
        assert_eq!(thursday.next(0), day(2026, 3, 16));
        assert_eq!(thursday.next(3), day(2026, 3, 19));
        assert_eq!(thursday.next(4), day(2026, 3, 13));
        assert_eq!(thursday.last(3), day(2026, 3, 5));
        assert_eq!(thursday.last(4), day(2026, 3, 6));
        assert_eq!(thursday.last(2), day(2026, 3, 11));
        assert_eq!(day(2026, 1, 31).plus_months(1), Day::new(2026, 2, 28));
        assert_eq!(day(2026, 1, 31).plus_months(-2), Day::new(2025, 11, 30));
        assert_eq!(day(2026, 12, 20).nearest(1, 5), Day::new(2027, 1, 5));
        assert_eq!(day(2026, 1, 5).nearest(12, 20), Day::new(2025, 12, 20));
        assert_eq!(day(2026, 1, 5).nearest(2, 29), None);
        assert_eq!(
            (day(2026, 1, 5).century(26), day(2026, 1, 5).century(85)),
            (2026, 1985)
        );
        assert_eq!(Day::at(Timestamp(-1), 0), day(1969, 12, 31));
        assert_eq!(Day::at(Timestamp(0), -60), day(1969, 12, 31));
    }
}
