//! Payment cards: ISO/IEC 7812 numbers, by issuer, length and Luhn digit. Of a number only the last four digits are kept.
//!
//! Two measures: what *is* a card has one of the groupings printed on cards; what *might* be one ([`secrets`]) has any
//! even grouping, and is hidden wherever it stands, also in an address of the web.
//!
//! Deliberately absent: Visa numbers of 13 digits, not issued any more, which one product code (EAN-13) in ten that
//! begins with 4 would be.

use super::{
    found::Found,
    scan::{Run, Scan, is_word},
};

/// A stretch of the text that may be a card's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Secret {
    pub(super) start: usize,
    pub(super) end: usize,
}

/// How digits are grouped on cards: four by four, American Express, Diners Club, and with 19 digits.
const GROUPINGS: [&[usize]; 4] = [&[4, 4, 4, 4], &[4, 6, 5], &[4, 6, 4], &[4, 4, 4, 4, 3]];

/// The fewest and most digits of a number that is looked at.
const DIGITS: std::ops::RangeInclusive<usize> = 12..=19;

/// The most groups of two digits or more that are looked at together.
const MAX_GROUPS: usize = 10;

pub(super) fn find(scan: &Scan<'_>, found: &mut Found<'_>) {
    for (index, first) in scan.runs.iter().enumerate() {
        let before = scan.before(first.start);
        if before.is_some_and(|c| is_word(c) || "+=/&%".contains(c)) || follows_digits(scan, index)
        {
            continue;
        }
        let whole = std::iter::once((1, digits(scan, std::slice::from_ref(first))));
        let grouped = GROUPINGS.iter().filter_map(|lengths| {
            let runs = scan.runs.get(index..index + lengths.len())?;
            let fits = runs
                .iter()
                .zip(*lengths)
                .all(|(run, length)| run.len() == *length)
                && evenly_separated(scan, runs);
            fits.then(|| (runs.len(), digits(scan, runs)))
        });
        for (count, number) in whole.chain(grouped) {
            let Some(last) = scan.runs.get(index + count - 1) else {
                continue;
            };
            let followed = scan.after(last.end).is_some_and(|c| is_word(c) || c == '=');
            if followed || goes_on(scan, index + count) {
                continue;
            }
            if let Some(brand) = brand(&number).filter(|_| luhn(&number)) {
                let value = Some(last_four(&number));
                found.add_as("card", first.start, last.end, value, Some(brand.to_owned()));
                break;
            }
        }
    }
}

/// Every stretch that might be a card's number.
pub(super) fn secrets(scan: &Scan<'_>) -> Vec<Secret> {
    let mut secrets: Vec<Secret> = Vec::new();
    for (index, first) in scan.runs.iter().enumerate() {
        // No issuer begins with another digit, and no grouping with a single one.
        let begins = matches!(scan.at(first.start), b'2'..=b'6' | b'8' | b'9') && first.len() > 1;
        if !begins || scan.before(first.start) == Some('+') {
            continue;
        }
        let (mut number, mut even, mut longest) = (Vec::with_capacity(20), true, None);
        for (count, run) in scan.runs.iter().skip(index).take(MAX_GROUPS).enumerate() {
            let Some(runs) = scan.runs.get(index..=index + count) else {
                break;
            };
            if count > 0 && !closely_separated(scan, runs) {
                break;
            }
            if count > 1 && even {
                even = evenly_separated(scan, runs);
            }
            if number.len() + run.len() > *DIGITS.end() {
                break;
            }
            number.extend(scan.bytes.get(run.start..run.end).unwrap_or_default());
            let printed = GROUPINGS.iter().any(|lengths| {
                lengths.len() == runs.len()
                    && runs
                        .iter()
                        .zip(*lengths)
                        .all(|(run, length)| run.len() == *length)
            });
            let grouped = count == 0
                || printed
                || even && runs.iter().rev().skip(1).all(|run| run.len() >= 2);
            if grouped && luhn(&number) && issued(&number) {
                longest = Some(run.end);
            }
        }
        if let Some(end) = longest {
            let start = first.start;
            secrets.push(Secret { start, end });
        }
    }
    secrets
}

/// What stands there with the numbers hidden; none if there are none.
pub(super) fn mask(text: &str, start: usize, end: usize, secrets: &[Secret]) -> Option<String> {
    let (mut masked, mut at) = (String::new(), start);
    for secret in secrets {
        if secret.end <= at {
            continue;
        }
        let digits: Vec<u8> = text
            .get(secret.start..secret.end)?
            .bytes()
            .filter(u8::is_ascii_digit)
            .collect();
        masked += text.get(at..secret.start.max(at))?;
        masked += &last_four(&digits);
        at = secret.end;
    }
    (at > start).then(|| masked + text.get(at..end).unwrap_or_default())
}

/// Who issues numbers of this beginning and length. The ranges are those of the issuers' published identification
/// numbers (ISO/IEC 7812-1); China Union Pay only from 62.
fn brand(number: &[u8]) -> Option<&'static str> {
    let lead = |count: usize| -> Option<u32> {
        let digits = number.get(..count)?;
        Some(
            digits
                .iter()
                .fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0')),
        )
    };
    let (two, three, four) = (lead(2)?, lead(3)?, lead(4)?);
    let six = lead(6)?;
    match number.len() {
        16 if number.first() == Some(&b'4') => Some("visa"),
        16 if (51..=55).contains(&two) || (2221..=2720).contains(&four) => Some("mastercard"),
        15 if two == 34 || two == 37 => Some("amex"),
        16 if four == 6011 || (644..=649).contains(&three) || two == 65 => Some("discover"),
        14 if (300..=305).contains(&three)
            || four == 3095
            || two == 36
            || two == 38
            || two == 39 =>
        {
            Some("diners")
        }
        16 if (3528..=3589).contains(&four) => Some("jcb"),
        16 if (2200..=2204).contains(&four) => Some("mir"),
        16 if four == 9792 => Some("troy"),
        12..=19
            if matches!(
                four,
                5018 | 5020 | 5038 | 5893 | 6304 | 6759 | 6761 | 6762 | 6763
            ) =>
        {
            Some("maestro")
        }
        16 if (508_500..=508_999).contains(&six)
            || (606_985..=607_984).contains(&six)
            || two == 81
            || two == 82 =>
        {
            Some("rupay")
        }
        16..=19 if two == 62 => Some("unionpay"),
        _ => None,
    }
}

/// As [`brand`], and what is rare or may come: to hide one number too many does less harm than to show one.
fn issued(number: &[u8]) -> bool {
    brand(number).is_some() || number.len() == 19 && number.first() == Some(&b'4')
}

/// The check digit of ISO/IEC 7812-1, annex B.
fn luhn(number: &[u8]) -> bool {
    if !DIGITS.contains(&number.len()) || number.iter().all(|digit| Some(digit) == number.first()) {
        return false;
    }
    let sum: u32 = number
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| {
            let digit = u32::from(digit - b'0');
            match (place % 2, digit) {
                (0, digit) => digit,
                (_, digit @ 0..=4) => digit * 2,
                (_, digit) => digit * 2 - 9,
            }
        })
        .sum();
    sum.is_multiple_of(10)
}

fn last_four(number: &[u8]) -> String {
    let tail = number
        .get(number.len().saturating_sub(4)..)
        .unwrap_or_default();
    std::iter::once('…')
        .chain(tail.iter().map(|digit| char::from(*digit)))
        .collect()
}

fn digits(scan: &Scan<'_>, runs: &[Run]) -> Vec<u8> {
    let total: usize = runs.iter().map(|run| run.len()).sum();
    if !DIGITS.contains(&total) {
        return Vec::new();
    }
    let bytes = runs
        .iter()
        .flat_map(|run| scan.bytes.get(run.start..run.end).unwrap_or_default());
    bytes.copied().collect()
}

/// Whether the same single blank, hyphen or full stop stands between all of them.
fn evenly_separated(scan: &Scan<'_>, runs: &[Run]) -> bool {
    let mut separators = runs.windows(2).map(|pair| match pair {
        [left, right] => scan.slice(left.end, right.start),
        _ => "",
    });
    let Some(first) = separators.next() else {
        return true;
    };
    first.chars().count() == 1 && separators.all(|separator| separator == first)
}

/// Whether one or two characters that are no letters stand between the last two.
fn closely_separated(scan: &Scan<'_>, runs: &[Run]) -> bool {
    let [.., left, right] = runs else {
        return true;
    };
    let between = scan.slice(left.end, right.start);
    (1..=2).contains(&between.chars().count()) && !between.chars().any(char::is_alphanumeric)
}

/// Whether digits stand before, separated as within a number.
fn follows_digits(scan: &Scan<'_>, index: usize) -> bool {
    let pair = index
        .checked_sub(1)
        .and_then(|before| scan.runs.get(before..=index));
    pair.is_some_and(|pair| match pair {
        [left, right] => matches!(
            scan.slice(left.end, right.start),
            " " | "\u{a0}" | "-" | "." | "," | ":"
        ),
        _ => false,
    })
}

/// Whether two more groups of four follow: then this is a part of some longer number.
fn goes_on(scan: &Scan<'_>, next: usize) -> bool {
    let Some([last, first, second]) = next
        .checked_sub(1)
        .and_then(|last| scan.runs.get(last..last + 3))
    else {
        return false;
    };
    first.len() == 4 && second.len() == 4 && evenly_separated(scan, &[*last, *first, *second])
}
