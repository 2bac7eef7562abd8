//! Times of the day: `10:30`, `10.30 Uhr`, `10h30`, `9 am`, `10 Uhr`.
//!
//! The normal form is ISO 8601, `10:30` or `10:30:15`. Deliberately absent: hours without anything beside them, and
//! durations, scores and ratios, which is why minutes have two digits.

use super::{
    Settings,
    found::Found,
    scan::{Run, Scan, is_word},
};

pub(super) fn find(scan: &Scan<'_>, settings: &Settings<'_>, found: &mut Found<'_>) {
    for (index, run) in scan.runs.iter().enumerate() {
        if run.len() > 2 || !found.is_free(run.start, run.end) || in_number(scan, run.start) {
            continue;
        }
        if let Some((end, time)) = with_minutes(scan, index).or_else(|| hour(scan, *run, settings))
        {
            found.add("time", run.start, end, Some(time));
        }
    }
}

/// The time that belongs to an ISO 8601 date that ends at a position, as it is appended to it.
pub(super) fn behind_date(scan: &Scan<'_>, end: usize) -> Option<(usize, String)> {
    let rest = scan.text.get(end..)?;
    let clock = rest.strip_prefix('T')?;
    let digits = |at: usize| clock.get(at..at + 2)?.parse::<u32>().ok();
    let colon = |at: usize| clock.as_bytes().get(at) == Some(&b':');
    let (hour, minute) = (digits(0)?, digits(3).filter(|_| colon(2))?);
    let (mut length, second) = match digits(6).filter(|_| colon(5)) {
        Some(second) => (8, second),
        None => (5, 0),
    };
    let mut time = format!("T{hour:02}:{minute:02}:{second:02}");
    if clock.as_bytes().get(length) == Some(&b'.') {
        let fraction = clock
            .get(length + 1..)?
            .bytes()
            .take_while(u8::is_ascii_digit)
            .count();
        length += 1 + fraction;
    }
    let zone = clock.get(length..).unwrap_or_default();
    let offset = zone.get(..6).filter(|zone| {
        zone.starts_with(['+', '-'])
            && zone.bytes().enumerate().skip(1).all(|(at, byte)| {
                if at == 3 {
                    byte == b':'
                } else {
                    byte.is_ascii_digit()
                }
            })
    });
    if zone.starts_with('Z') {
        time.push('Z');
        length += 1;
    } else if let Some(offset) = offset {
        time += offset;
        length += offset.len();
    }
    let end = end + 1 + length;
    (hour < 24 && minute < 60 && second < 60 && scan.ends(end)).then_some((end, time))
}

/// Hours and minutes: a colon, an `h`, or a full stop before a word for the hour.
fn with_minutes(scan: &Scan<'_>, index: usize) -> Option<(usize, String)> {
    let [hours, minutes] = *scan.runs.get(index..index + 2)? else {
        return None;
    };
    let (hour, minute) = (number(scan, hours)?, number(scan, minutes)?);
    if minutes.len() != 2 || minute > 59 || hour > 24 || hour == 24 && minute > 0 {
        return None;
    }
    let separator = scan.slice(hours.end, minutes.start);
    let mut end = minutes.end;
    let mut second = None;
    if separator == ":" && scan.after(end) == Some(':') {
        let run = *scan
            .runs
            .get(index + 2)
            .filter(|run| run.start == end + 1 && run.len() == 2)?;
        second = Some(number(scan, run).filter(|second| *second < 60)?);
        end = run.end;
    }
    let (half, word_end) = half_of_day(scan, end);
    let clock = word_for_hour(scan, end);
    match separator {
        ":" => {}
        "h" | "H" => {}
        "." if clock.is_some() || half.is_some() => {}
        _ => return None,
    }
    let hour = match half {
        Some(half) if (1..=12).contains(&hour) => hour % 12 + half,
        _ => hour % 24,
    };
    let end = match (half, clock) {
        (Some(_), _) => word_end,
        (None, Some(clock)) => clock,
        (None, None) => end,
    };
    let follows = scan.after(end);
    let goes_on = matches!(follows, Some(':' | '.' | ',' | '/'))
        && scan.after(end + 1).is_some_and(|c| c.is_alphanumeric());
    // `10:30-11:00` is two times; `10:30-4` is something else.
    if goes_on && follows != Some(',') && !scan.after(end + 1).is_some_and(char::is_alphabetic)
        || follows == Some(':') && goes_on
        || follows.is_some_and(|c| is_word(c) || "%€$£".contains(c))
    {
        return None;
    }
    // `4:20 left`: of a match, not of the day.
    let rest = scan.letters(scan.skip_blanks(end));
    if half.is_none()
        && matches!(
            rest,
            "left" | "remaining" | "min" | "mins" | "minutes" | "hrs" | "hours"
        )
    {
        return None;
    }
    let time = match second {
        Some(second) => format!("{hour:02}:{minute:02}:{second:02}"),
        None => format!("{hour:02}:{minute:02}"),
    };
    Some((end, time))
}

/// `9 am`, `10 Uhr`, `à 10h`.
fn hour(scan: &Scan<'_>, run: Run, settings: &Settings<'_>) -> Option<(usize, String)> {
    let hour = number(scan, run)?;
    let (half, end) = half_of_day(scan, run.end);
    if let Some(half) = half {
        // German: `um 10 am Bahnhof`
        let preposition = end > run.end + 2
            && scan.slice(end - 2, end) == "am"
            && settings.language.is_some_and(|code| code != "en");
        let good = (1..=12).contains(&hour) && !preposition && scan.ends(end);
        return good.then(|| (end, format!("{:02}:00", hour % 12 + half)));
    }
    if let Some(end) = word_for_hour(scan, run.end) {
        return (hour <= 24).then(|| (end, format!("{:02}:00", hour % 24)));
    }
    // `à 10h`, `às 10h`
    let at = scan.skip_blanks_back(run.start);
    let word = scan.slice(scan.letters_back(at), at);
    let end = run.end + 1;
    let french = matches!(word, "à" | "À" | "às" | "Às" | "vers" | "dès") && at < run.start;
    (french && scan.at(run.end) == b'h' && scan.ends(end) && hour < 24)
        .then(|| (end, format!("{hour:02}:00")))
}

/// `am` or `pm` behind a number: the hours to add, and where it ends.
fn half_of_day(scan: &Scan<'_>, end: usize) -> (Option<u32>, usize) {
    let start = scan.skip_blanks(end);
    if start - end > 2 {
        return (None, end);
    }
    for (written, hours) in [("a.m.", 0), ("p.m.", 12), ("am", 0), ("pm", 12)] {
        let behind = start + written.len();
        if scan.slice(start, behind).eq_ignore_ascii_case(written) && scan.ends(behind) {
            return (Some(hours), behind);
        }
    }
    (None, end)
}

/// A word that makes a number an hour, and where it ends.
fn word_for_hour(scan: &Scan<'_>, end: usize) -> Option<usize> {
    let start = scan.skip_blanks(end);
    let word = scan.letters(start);
    let behind = start + word.len();
    match word {
        "Uhr" | "uhr" | "uur" => scan.ends(behind).then_some(behind),
        "o" if matches!(scan.after(behind), Some('\'' | '’')) => {
            let clock = behind + scan.after(behind).map_or(0, char::len_utf8);
            (scan.letters(clock) == "clock").then_some(clock + 5)
        }
        _ => None,
    }
}

fn number(scan: &Scan<'_>, run: Run) -> Option<u32> {
    scan.slice(run.start, run.end).parse().ok()
}

/// Whether the run is a part of a longer number, an address or a code.
fn in_number(scan: &Scan<'_>, start: usize) -> bool {
    scan.before(start).is_some_and(|c| {
        let further = scan.before(start - c.len_utf8());
        is_word(c)
            || "#$€£+@".contains(c)
            || ".,:/".contains(c) && further.is_some_and(|c| c.is_ascii_alphanumeric())
    })
}
