//! What has the form of an entity and is none: IP addresses, numbers of versions, coordinates.
//!
//! It is taken out of the text before numbers are looked for.

use super::{
    found::Found,
    scan::{Run, Scan},
    word::Word,
};

pub(super) fn take(scan: &Scan<'_>, found: &mut Found<'_>) {
    for (index, run) in scan.runs.iter().enumerate() {
        if index > 0 && dotted(scan, index - 1) {
            continue;
        }
        let mut last = index;
        while dotted(scan, last) {
            last += 1;
        }
        let (Some(runs), Some(end)) = (
            scan.runs.get(index..=last),
            scan.runs.get(last).map(|run| run.end),
        ) else {
            continue;
        };
        let neutral = match runs.len() {
            1 => false,
            2 => is_version(scan, run.start) || is_coordinate(scan, runs),
            4 => is_address(scan, runs) || is_version(scan, run.start),
            _ => is_version(scan, run.start),
        };
        if neutral {
            found.take(run.start, end);
        }
    }
}

/// Whether a full stop joins a run to the next.
fn dotted(scan: &Scan<'_>, index: usize) -> bool {
    match scan.runs.get(index..index + 2) {
        Some([left, right]) => scan.slice(left.end, right.start) == ".",
        _ => false,
    }
}

fn is_address(scan: &Scan<'_>, runs: &[Run]) -> bool {
    runs.iter().all(|run| {
        let part = scan.slice(run.start, run.end);
        part.len() <= 3
            && (part == "0" || !part.starts_with('0'))
            && part.parse::<u16>().is_ok_and(|part| part <= 255)
    })
}

/// `v1.2`, `version 1.2.3`.
fn is_version(scan: &Scan<'_>, start: usize) -> bool {
    if matches!(scan.before(start), Some('v' | 'V')) {
        return true;
    }
    let end = scan.skip_blanks_back(start);
    let end = if scan.before(end) == Some('.') {
        end - 1
    } else {
        end
    };
    let word = Word::fold(scan.slice(scan.letters_back(end), end));
    matches!(
        word.as_str(),
        "version"
            | "versione"
            | "versao"
            | "versie"
            | "wersja"
            | "wersji"
            | "версия"
            | "версии"
            | "v"
            | "ver"
            | "vers"
            | "release"
            | "build"
            | "firmware"
            | "ios"
            | "ipados"
            | "macos"
            | "android"
            | "windows"
            | "chrome"
            | "firefox"
            | "safari"
            | "python"
            | "node"
            | "java"
            | "php"
            | "kernel"
    )
}

/// Degrees with four decimals or more.
fn is_coordinate(scan: &Scan<'_>, runs: &[Run]) -> bool {
    let [degrees, decimals] = runs else {
        return false;
    };
    let degrees = scan.slice(degrees.start, degrees.end).parse::<u16>();
    degrees.is_ok_and(|degrees| degrees <= 180) && decimals.len() >= 4
}
