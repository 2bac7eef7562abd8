//! A window of the day and the week.

use schemas::{Timestamp, rule};

const MINUTES_OF_DAY: i64 = 24 * 60;

/// A window of the day, in minutes.
pub(super) struct Hours {
    from: i64,
    to: i64,
    offset: i64,
    days: Vec<u8>,
    outside: bool,
}

impl Hours {
    pub(super) fn compile(given: &rule::Hours) -> Result<Self, String> {
        let minutes = |text: &str| -> Option<i64> {
            let (hours, minutes) = text.split_once(':')?;
            let (hours, minutes): (i64, i64) = (hours.parse().ok()?, minutes.parse().ok()?);
            let total = hours * 60 + minutes;
            ((0..=23).contains(&hours) && (0..=59).contains(&minutes) || total == MINUTES_OF_DAY)
                .then_some(total)
        };
        if given.days.iter().any(|day| !(1..=7).contains(day)) {
            return Err("its days are not from 1 to 7".into());
        }
        match (minutes(&given.from), minutes(&given.to)) {
            (Some(from), Some(to)) => Ok(Self {
                from,
                to,
                offset: given.utc_offset_minutes.into(),
                days: given.days.clone(),
                outside: given.outside,
            }),
            _ => Err("its hours are not HH:MM".into()),
        }
    }

    pub(super) fn hold(&self, at: Timestamp) -> bool {
        let minutes = at.0.div_euclid(60_000_000) + self.offset;
        let (day, minute) = (
            minutes.div_euclid(MINUTES_OF_DAY),
            minutes.rem_euclid(MINUTES_OF_DAY),
        );
        // 1970-01-01 was a Thursday; 1 is Monday.
        let on = |day: i64| {
            let weekday = (day + 3).rem_euclid(7) + 1;
            self.days.is_empty() || self.days.iter().any(|on| i64::from(*on) == weekday)
        };
        let inside = if self.from <= self.to {
            on(day) && (self.from..self.to).contains(&minute)
        } else {
            // Past midnight: the small hours belong to the day before.
            (on(day) && minute >= self.from) || (on(day - 1) && minute < self.to)
        };
        inside != self.outside
    }
}
