//! When a mail was written.
//!
//! RFC 5322 as the parser reads it; else the forms that programs write instead: ISO 8601, `ctime`, dashes between day and
//! month, the year at the end; else when the first server says it had it (the topmost `Received`).

use mail_parser::{DateTime, Message as Mail};
use schemas::Timestamp;

use super::header;

const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];

/// The time, in the order of what is to be believed.
pub(super) fn written(mail: &Mail<'_>) -> Option<Timestamp> {
    mail.date()
        .filter(|date| date.is_valid() && date.year >= 1970)
        .cloned()
        .or_else(|| lenient(&header(mail, "Date")?))
        .or_else(|| mail.received()?.date().filter(DateTime::is_valid))
        .map(|date| Timestamp::from_seconds(date.to_timestamp()))
}

/// A date in no standard's form.
fn lenient(text: &str) -> Option<DateTime> {
    let text = text.split('(').next().unwrap_or(text).to_ascii_lowercase();
    let mut date = DateTime {
        year: 0,
        month: 0,
        day: 0,
        hour: 0,
        minute: 0,
        second: 0,
        tz_before_gmt: false,
        tz_hour: 0,
        tz_minute: 0,
    };
    for word in text
        .split([' ', '\t', ',', 't'])
        .filter(|word| !word.is_empty())
    {
        place(&mut date, word);
    }
    // `t` parts ISO 8601 and no name of a month but October, which is looked for by itself.
    if date.month == 0 {
        let at = MONTHS.iter().position(|month| text.contains(month))?;
        date.month = u8::try_from(at + 1).ok()?;
    }
    (date.year >= 1970 && date.day > 0 && date.is_valid()).then_some(date)
}

fn place(date: &mut DateTime, word: &str) {
    let number = |text: &str| text.parse::<u16>().ok();
    let small = |text: &str| text.parse::<u8>().ok();
    if let Some((time, zone)) = word
        .find(['+', 'z'])
        .or_else(|| word.rfind('-').filter(|at| *at > 4 && word.contains(':')))
        .and_then(|at| word.split_at_checked(at))
    {
        if !time.is_empty() {
            place(date, time);
        }
        zoned(date, zone);
        return;
    }
    if word.contains(':') {
        let mut parts = word.split([':', '.']);
        date.hour = parts.next().and_then(small).unwrap_or(0);
        date.minute = parts.next().and_then(small).unwrap_or(0);
        date.second = parts.next().and_then(small).unwrap_or(0);
    } else if word.starts_with('-') && word.len() == 5 {
        zoned(date, word);
    } else if let Some((first, rest)) = word.split_once(['-', '/']) {
        let Some((second, third)) = rest.split_once(['-', '/']) else {
            return;
        };
        let month = MONTHS
            .iter()
            .position(|month| second.starts_with(month))
            .and_then(|at| u8::try_from(at + 1).ok())
            .or_else(|| small(second));
        // Numbers alone are year first, or nobody knows.
        let (year, day) = if first.len() == 4 {
            (first, third)
        } else if small(second).is_none() {
            (third, first)
        } else {
            return;
        };
        date.year = number(year).map_or(0, whole);
        date.day = small(day).unwrap_or(0);
        date.month = month.unwrap_or(0);
    } else if let Some(value) = number(word) {
        match word.len() {
            1 | 2 if date.day == 0 => date.day = u8::try_from(value).unwrap_or(0),
            2 | 4 if date.year == 0 => date.year = whole(value),
            _ => {}
        }
    }
}

/// Years of two digits as RFC 5322, 4.3 reads them.
fn whole(year: u16) -> u16 {
    match year {
        0..50 => year + 2000,
        50..1000 => year + 1900,
        _ => year,
    }
}

fn zoned(date: &mut DateTime, zone: &str) {
    let digits: String = zone.chars().filter(char::is_ascii_digit).collect();
    if let (Some(hour), minute) = (digits.get(..2), digits.get(2..4)) {
        date.tz_before_gmt = zone.starts_with('-');
        date.tz_hour = hour.parse().unwrap_or(0);
        date.tz_minute = minute.and_then(|minute| minute.parse().ok()).unwrap_or(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_dates_are_read() {
        for text in [
            "2025-01-08T10:30:00Z",
            "2025-01-08T11:30:00.123+01:00",
            "2025-01-08 10:30:00",
            "2025-01-08 05:30:00 -0500",
            "Wed Jan  8 10:30:00 2025",
            "Wed Jan 8 10:30:00 UTC 2025",
            "Wed, 8-Jan-2025 10:30:00 GMT",
            "8 Jan 25 10:30:00",
            "Wednesday, January 8, 2025 10:30:00",
        ] {
            let date = lenient(text).map(|date| date.to_timestamp());
            assert_eq!(date, Some(1_736_332_200), "{text}");
        }
        let october = lenient("Wed Oct 8 10:30:00 2025").unwrap();
        assert_eq!((october.month, october.day), (10, 8));
        for text in [
            "",
            "yesterday",
            "08/01/2025",
            "99 Foo 2025",
            "2025-13-45T99:99:99Z",
        ] {
            assert_eq!(lenient(text), None, "{text}");
        }
    }
}
