//! Days named by their distance from the message's: `tomorrow`, `next Monday`, `in 3 days`, `vor 2 Wochen`.
//!
//! "Next" and "last" mean the nearest such weekday after and before the message's day. Words that are a day in one
//! language and something else in another, or in the same (`morgen`, `mañana`, `hier`, `jutro`), are days only where
//! what stands beside them, or the text's language, says so. Deliberately absent: bare weekdays, numbers in words,
//! parts of a day, years, which are too coarse to be a day.

use super::{
    Settings,
    day::Day,
    found::Found,
    scan::{Run, Scan},
    span::{self, Unit},
    word::Word,
};

pub(super) fn find(scan: &Scan<'_>, settings: &Settings<'_>, found: &mut Found<'_>) {
    let (mut at, length) = (0, scan.text.len());
    while at < length {
        let Some(c) = scan.after(at) else { break };
        if !c.is_alphabetic() {
            at += c.len_utf8();
            continue;
        }
        let written = scan.letters(at);
        let end = at + written.len();
        // The shortest is "hoy", the longest "послезавтра".
        if (3..=22).contains(&written.len())
            && let Some((start, end, day)) = named(scan, at, end, settings)
        {
            found.add("date", start, end, Some(day.to_string()));
        }
        at = end;
    }
    for run in &scan.runs {
        if let Some((start, end, day)) = counted(scan, *run, settings.today()) {
            found.add("date", start, end, Some(day.to_string()));
        }
    }
}

/// A day by its name.
fn named(
    scan: &Scan<'_>,
    start: usize,
    end: usize,
    settings: &Settings<'_>,
) -> Option<(usize, usize, Day)> {
    let folded = Word::fold(scan.slice(start, end));
    let word = folded.as_str();
    if !scan.begins(start) {
        return None;
    }
    if let Some(weekday) = span::weekday(word) {
        let (start, end, next) = beside_weekday(scan, start, end)?;
        let today = settings.today();
        return Some((
            start,
            end,
            if next {
                today.next(weekday)
            } else {
                today.last(weekday)
            },
        ));
    }
    let plain = |days: i64| Some((start, end, days));
    let (start, end, days) = match word {
        "today" | "heute" | "hoy" | "oggi" | "hoje" | "vandaag" | "dzisiaj" | "dzis"
        | "сегодня" | "сьогодні" => plain(0),
        "tomorrow" | "tmrw" | "tomorow" => after_phrase(scan, start, &["after", "day"])
            .map_or(plain(1), |start| Some((start, end, 2))),
        "yesterday" => after_phrase(scan, start, &["before", "day"])
            .map_or(plain(-1), |start| Some((start, end, -2))),
        "demain" => {
            after_phrase(scan, start, &["apres"]).map_or(plain(1), |start| Some((start, end, 2)))
        }
        "hier"
            if settings.language == Some("fr")
                || after_phrase(scan, start, &["avant"]).is_some() =>
        {
            after_phrase(scan, start, &["avant"]).map_or(plain(-1), |start| Some((start, end, -2)))
        }
        "aujourd" => {
            let hui = end
                + scan
                    .after(end)
                    .filter(|c| matches!(c, '\'' | '’'))
                    .map_or(0, char::len_utf8);
            (hui > end && scan.letters(hui) == "hui").then_some((start, hui + 3, 0))
        }
        "domani" | "завтра" | "amanha" => after_phrase(scan, start, &["de", "depois"])
            .map_or(plain(1), |start| Some((start, end, 2))),
        "gestern" | "gisteren" | "ayer" | "ieri" | "ontem" | "wczoraj" | "вчера" | "вчора" => {
            plain(-1)
        }
        "ubermorgen" | "overmorgen" | "dopodomani" | "pojutrze" | "послезавтра" | "післязавтра" => {
            plain(2)
        }
        "vorgestern" | "eergisteren" | "anteayer" | "antier" | "anteontem" | "przedwczoraj"
        | "позавчера" => plain(-2),
        "jutro" => {
            let south_slavic = matches!(settings.language, Some("hr" | "sr" | "bs" | "sl"));
            let greeting = previous(scan, start).is_some_and(|(_, word)| word.as_str() == "dobro");
            (!south_slavic && !greeting).then_some((start, end, 1))
        }
        "morgen" => is_tomorrow(scan, start, end).then_some((start, end, 1)),
        "manana"
            if settings.language == Some("es") || scan.slice(start, end).contains(['ñ', 'Ñ']) =>
        {
            manana(scan, start).map(|(start, days)| (start, end, days))
        }
        _ => None,
    }?;
    scan.ends(end)
        .then(|| (start, end, settings.today().plus_days(days)))
}

/// German and Dutch: tomorrow, or the morning?
fn is_tomorrow(scan: &Scan<'_>, start: usize, end: usize) -> bool {
    let before = previous(scan, start);
    let greets = before.as_ref().is_some_and(|(_, word)| {
        matches!(
            word.as_str(),
            "guten"
                | "gute"
                | "goede"
                | "goeden"
                | "schonen"
                | "heute"
                | "gestern"
                | "am"
                | "vom"
                | "zum"
                | "jeden"
                | "diesen"
                | "dieser"
                | "einen"
                | "ein"
                | "eines"
                | "der"
                | "den"
                | "dem"
                | "des"
                | "an"
                | "s"
                | "n"
                | "nachsten"
                | "selben"
                | "die"
                | "elke"
                | "deze"
                | "vandaag"
                | "gisteren"
                | "jedem"
                | "mein"
                | "hallo"
                | "hi"
                | "hey"
                | "moin"
        )
    });
    // `Montag morgen`
    let day = before.as_ref().is_some_and(|(_, word)| {
        ["tag", "tags", "dag", "dags", "woch", "abend", "abends"]
            .iter()
            .any(|ending| word.as_str().ends_with(ending))
    });
    if day {
        return false;
    }
    if greets {
        return false;
    }
    let next = scan.skip_blanks(end);
    let following = Word::fold(scan.letters(next));
    let verb = matches!(
        following.as_str(),
        "kommt"
            | "komme"
            | "kommen"
            | "ist"
            | "bin"
            | "habe"
            | "hat"
            | "haben"
            | "wird"
            | "werde"
            | "werden"
            | "muss"
            | "kann"
            | "konnen"
            | "soll"
            | "sollte"
            | "geht"
            | "fruh"
            | "vormittag"
            | "mittag"
            | "nachmittag"
            | "abend"
            | "um"
            | "gegen"
            | "ab"
            | "oder"
            | "ben"
            | "heb"
            | "kom"
            | "komt"
            | "moet"
            | "wordt"
            | "om"
            | "ochtend"
            | "middag"
            | "avond"
    );
    let first = before.is_none()
        || scan
            .before(scan.skip_blanks_back(start))
            .is_some_and(|c| ".!?\n".contains(c));
    let capital = scan.after(start) == Some('M');
    match (capital, first) {
        (_, true) => verb,
        (true, false) => false,
        (false, false) => !matches!(following.as_str(), "zusammen" | "allerseits"),
    }
}

/// Spanish: tomorrow, or the morning? Where it begins, and in how many days it is.
fn manana(scan: &Scan<'_>, start: usize) -> Option<(usize, i64)> {
    let Some((begin, word)) = previous(scan, start) else {
        return Some((start, 1));
    };
    match word.as_str() {
        "pasado" => Some((begin, 2)),
        "la" | "esta" | "buena" | "cada" | "una" | "toda" | "misma" | "media" | "aquella"
        | "otra" => None,
        _ => Some((start, 1)),
    }
}

/// `next Monday`, `lundi prochain`, `el lunes que viene`: where it begins and ends, and whether it lies ahead.
fn beside_weekday(scan: &Scan<'_>, start: usize, end: usize) -> Option<(usize, usize, bool)> {
    // `segunda-feira`
    let feira = end + 1;
    let end = if scan.at(end) == b'-' && scan.letters(feira).eq_ignore_ascii_case("feira") {
        feira + 5
    } else {
        end
    };
    if !scan.ends(end) {
        return None;
    }
    if let Some((begin, word)) = previous(scan, start)
        && let Some(next) = span::direction_before(word.as_str())
    {
        return Some((begin, end, next));
    }
    let first = scan.skip_blanks(end);
    let word = scan.letters(first);
    let behind = first + word.len();
    let folded = Word::fold(word);
    if matches!(folded.as_str(), "que") {
        let second = scan.skip_blanks(behind);
        let verb = scan.letters(second);
        return matches!(verb, "viene" | "vem").then_some((start, second + verb.len(), true));
    }
    let next = span::direction_behind(folded.as_str())?;
    (first > end && scan.ends(behind)).then_some((start, behind, next))
}

/// `in 3 days`, `3 days ago`, `il y a 3 jours`.
fn counted(scan: &Scan<'_>, run: Run, today: Day) -> Option<(usize, usize, Day)> {
    let count: i64 = scan
        .slice(run.start, run.end)
        .parse()
        .ok()
        .filter(|count| (1..=999).contains(count))?;
    let unit_start = scan.skip_blanks(run.end);
    if run.len() > 3 || unit_start == run.end || !scan.begins(run.start) {
        return None;
    }
    let unit_end = unit_start + scan.letters(unit_start).len();
    let folded = Word::fold(scan.slice(unit_start, unit_end));
    let (unit, languages) = span::unit(folded.as_str())?;
    if !scan.ends(unit_end) {
        return None;
    }
    let next = scan.skip_blanks(unit_end);
    let following = Word::fold(scan.letters(next));
    let (start, end, ahead) = if span::past_behind(following.as_str()) & languages != 0 {
        (run.start, next + scan.letters(next).len(), false)
    } else {
        let (begin, word) = previous(scan, run.start)?;
        if span::future_before(word.as_str()) & languages != 0 {
            let dentro = after_phrase(scan, begin, &["dentro"]);
            let begin = if word.as_str() == "de" {
                dentro?
            } else {
                begin
            };
            (begin, unit_end, true)
        } else if span::past_before(word.as_str()) & languages != 0 {
            (begin, unit_end, false)
        } else if word.as_str() == "a" && languages & span::FR != 0 {
            (after_phrase(scan, begin, &["y", "il"])?, unit_end, false)
        } else {
            return None;
        }
    };
    let count = if ahead { count } else { -count };
    let day = match unit {
        Unit::Day => today.plus_days(count),
        Unit::Week => today.plus_days(7 * count),
        Unit::Month => today.plus_months(i32::try_from(count).ok()?)?,
    };
    Some((start, end, day))
}

/// The word before, and where it begins; only blanks or one hyphen may stand between.
fn previous(scan: &Scan<'_>, start: usize) -> Option<(usize, Word)> {
    let mut end = scan.skip_blanks_back(start);
    if end == start && matches!(scan.before(end), Some('-' | '\'' | '’')) {
        end -= scan.before(end).map_or(0, char::len_utf8);
    }
    let begin = scan.letters_back(end);
    (begin < end).then(|| (begin, Word::fold(scan.slice(begin, end))))
}

/// Where a phrase begins that stands before, given from its last word to its first.
fn after_phrase(scan: &Scan<'_>, start: usize, words: &[&str]) -> Option<usize> {
    let mut start = start;
    for expected in words {
        let (begin, word) = previous(scan, start)?;
        if word.as_str() != *expected {
            return None;
        }
        start = begin;
    }
    Some(start)
}
