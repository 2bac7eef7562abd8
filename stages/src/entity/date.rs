//! Dates written with a day and a month: `2026-03-12`, `12.03.2026`, `3/4/2026`, `12 March`, `March 12th, 2026`.
//!
//! With full stops and hyphens the day comes first; with slashes the month does in the United States, unless only the
//! other order is a date. Without a year the nearest such day to the message is meant. The normal form is ISO 8601.
//! Deliberately absent: numbers without a year (`12.3.`, `3/4`), which are fractions and amounts as well; ranges; dates
//! outside of 1900 to 2100.

use super::{
    Settings,
    day::Day,
    found::Found,
    month,
    scan::{Run, Scan, is_word},
    time,
    word::Word,
};

/// A day and where it is written.
struct Written {
    start: usize,
    end: usize,
    day: Day,
}

pub(super) fn find(scan: &Scan<'_>, settings: &Settings<'_>, found: &mut Found<'_>) {
    let today = settings.today();
    for (index, run) in scan.runs.iter().enumerate() {
        if run.len() > 4 || !found.is_free(run.start, run.end) {
            continue;
        }
        let written = numeric(scan, index, settings)
            .or_else(|| day_first(scan, index, today, settings))
            .or_else(|| month_first(scan, index, today));
        let Some(Written { start, end, day }) = written else {
            continue;
        };
        match time::behind_date(scan, end) {
            Some((end, time)) => found.add("date", start, end, Some(format!("{day}{time}"))),
            None => found.add("date", start, end, Some(day.to_string())),
        }
    }
}

/// Three numbers with the same separator between.
fn numeric(scan: &Scan<'_>, index: usize, settings: &Settings<'_>) -> Option<Written> {
    let [first, second, third] = *scan.runs.get(index..index + 3)? else {
        return None;
    };
    let separator = scan.slice(first.end, second.start);
    if separator != scan.slice(second.end, third.start) || !matches!(separator, "." | "-" | "/") {
        return None;
    }
    let before = scan.before(first.start);
    if before.is_some_and(|c| is_word(c) || "-+/.,:#".contains(c) && c != ':' && c != ',') {
        return None;
    }
    let number = |run: Run| scan.slice(run.start, run.end).parse::<u32>().ok();
    let (a, b, c) = (number(first)?, number(second)?, number(third)?);
    let day = match (first.len(), second.len(), third.len()) {
        (4, 1..=2, 1..=2) => of(a, b, c)?,
        (1..=2, 1..=2, 4) => ordered(a, b, c, separator, settings)?,
        (2, 2, 2) | (1..=2, 1..=2, 2) if separator == "/" || first.len() + second.len() == 4 => {
            let year = settings.today().century(i32::try_from(c).ok()?);
            ordered(a, b, u32::try_from(year).ok()?, separator, settings)?
        }
        _ => return None,
    };
    let goes_on = match scan.after(third.end) {
        Some('T') => !scan.at(third.end + 1).is_ascii_digit(),
        Some(c @ ('.' | '-' | '/' | ':' | ',')) => {
            c != ',' && scan.after(third.end + 1).is_some_and(char::is_alphanumeric)
                || scan.at(third.end + 1).is_ascii_digit()
        }
        Some(c) => is_word(c) || c == '%',
        None => false,
    };
    (!goes_on).then_some(Written {
        start: first.start,
        end: third.end,
        day,
    })
}

/// The day of two numbers whose order depends on the separator and the region.
fn ordered(a: u32, b: u32, year: u32, separator: &str, settings: &Settings<'_>) -> Option<Day> {
    let american = settings
        .region
        .is_some_and(|region| region.eq_ignore_ascii_case("US"));
    match separator {
        "." => of(year, b, a),
        _ if american => of(year, a, b).or_else(|| of(year, b, a)),
        _ => of(year, b, a).or_else(|| of(year, a, b)),
    }
}

/// `12 March`, `12. März 2026`, `1er mai`, `12 de marzo de 2026`.
fn day_first(
    scan: &Scan<'_>,
    index: usize,
    today: Day,
    settings: &Settings<'_>,
) -> Option<Written> {
    let run = *scan.runs.get(index)?;
    if run.len() > 2 || in_number(scan, run.start) {
        return None;
    }
    let number = scan.slice(run.start, run.end).parse().ok()?;
    let mut at = run.end;
    let suffix = scan.letters(at);
    let ordinal = matches!(
        suffix,
        "st" | "nd" | "rd" | "th" | "er" | "e" | "го" | "º" | "ª"
    );
    at += if ordinal { suffix.len() } else { 0 };
    if matches!(scan.after(at), Some('.' | '°')) {
        at += scan.after(at).map_or(0, char::len_utf8);
    }
    at = scan.skip_blanks(at);
    if matches!(scan.letters(at), "of" | "de" | "di") {
        at = scan.skip_blanks(at + scan.letters(at).len());
    }
    let word = scan.letters(at);
    let folded = Word::fold(word);
    let month = month::month(folded.as_str())?;
    let end = at + word.len();
    if !scan.ends(end) {
        return None;
    }
    let end =
        year_behind(scan, index + 1, end).map_or((end, None), |(end, year)| (end, Some(year)));
    // `2 may apply`, `2 mars bars`
    let verb = match folded.as_str() {
        "may" => end.1.is_none() && !ordinal && !closes(scan, end.0),
        "mars" => settings.language == Some("en"),
        "mar" | "mai" | "march" => {
            end.1.is_none()
                && !ordinal
                && word.starts_with(char::is_uppercase)
                && word.len() > 5
                && !closes(scan, end.0)
        }
        _ => false,
    };
    let day = match end.1 {
        Some(year) => of(year, month, number),
        None => today.nearest(month, number),
    };
    day.filter(|_| !verb).map(|day| Written {
        start: run.start,
        end: end.0,
        day,
    })
}

/// `March 12`, `Dec. 3rd, 2026`.
fn month_first(scan: &Scan<'_>, index: usize, today: Day) -> Option<Written> {
    let run = *scan.runs.get(index)?;
    if run.len() > 2 {
        return None;
    }
    let number = scan.slice(run.start, run.end).parse().ok()?;
    let mut behind = scan.skip_blanks_back(run.start);
    if behind == run.start {
        return None;
    }
    if scan.before(behind) == Some('.') {
        behind -= 1;
    }
    let start = scan.letters_back(behind);
    let word = scan.slice(start, behind);
    let folded = Word::fold(word);
    let month = month::english(folded.as_str())?;
    let capital = word.starts_with(char::is_uppercase);
    let doubtful = word.len() <= 4 || folded.as_str() == "march";
    if !scan.begins(start) || doubtful && !capital {
        return None;
    }
    let suffix = scan.letters(run.end);
    let ordinal = matches!(suffix, "st" | "nd" | "rd" | "th");
    let end = run.end + if ordinal { suffix.len() } else { 0 };
    let behind = scan.at(end);
    let number_goes_on =
        matches!(behind, b':' | b'.' | b',' | b'/' | b'-') && scan.at(end + 1).is_ascii_digit();
    if !scan.ends(end) || number_goes_on || behind == b'%' {
        return None;
    }
    let (end, year) = match year_behind(scan, index + 1, end) {
        Some((end, year)) => (end, Some(year)),
        None => (end, None),
    };
    if folded.as_str() == "may" && year.is_none() && !ordinal && !closes(scan, end) {
        return None;
    }
    let day = match year {
        Some(year) => of(year, month, number)?,
        None => today.nearest(month, number)?,
    };
    Some(Written { start, end, day })
}

/// A year of four digits behind a month or a day, and where it ends.
fn year_behind(scan: &Scan<'_>, index: usize, end: usize) -> Option<(usize, u32)> {
    let run = *scan.runs.get(index)?;
    let between = scan.slice(end, run.start);
    let linked = matches!(
        between,
        " " | "\u{a0}" | ", " | ". " | "." | "," | " de " | " del " | " do " | " of "
    );
    let alone = scan.ends(run.end) || scan.letters(run.end) == "г";
    if run.len() != 4
        || !linked
        || !alone
        || matches!(scan.at(run.end), b':' | b'-') && scan.at(run.end + 1).is_ascii_digit()
    {
        return None;
    }
    let year = scan.slice(run.start, run.end).parse().ok()?;
    (1900..=2100).contains(&year).then_some((run.end, year))
}

/// Whether a phrase may end here: what follows is no verb to a month that is one.
fn closes(scan: &Scan<'_>, end: usize) -> bool {
    let next = scan.skip_blanks(end);
    match scan.after(next) {
        None => true,
        Some(c) if !c.is_alphabetic() => true,
        Some(_) => matches!(
            scan.letters(next),
            "at" | "on"
                | "for"
                | "from"
                | "to"
                | "by"
                | "is"
                | "was"
                | "and"
                | "or"
                | "until"
                | "till"
                | "in"
                | "but"
                | "please"
        ),
    }
}

/// Whether the run is the end of some other number.
fn in_number(scan: &Scan<'_>, start: usize) -> bool {
    scan.before(start).is_some_and(|c| {
        let further = scan.before(start - c.len_utf8());
        is_word(c)
            || "#$€£+".contains(c)
            || ".,:/-".contains(c) && further.is_some_and(|c| c.is_ascii_digit())
    })
}

/// A day of 1900 to 2100.
fn of(year: u32, month: u32, day: u32) -> Option<Day> {
    let year = i32::try_from(year)
        .ok()
        .filter(|year| (1900..=2100).contains(year))?;
    Day::new(year, month, day)
}
