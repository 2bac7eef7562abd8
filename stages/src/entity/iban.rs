//! Bank accounts: ISO 13616, by country, length and the check of ISO/IEC 7064 (mod 97-10).
//!
//! Written without spaces or with single ones. The normal form has none, in capitals. Deliberately absent: the
//! countries' own checks within the number.

use super::{
    found::Found,
    scan::{Scan, is_blank},
};

/// Countries and how long their numbers are (SWIFT, IBAN registry).
const LENGTHS: &[(&str, usize)] = &[
    ("AD", 24),
    ("AE", 23),
    ("AL", 28),
    ("AT", 20),
    ("AZ", 28),
    ("BA", 20),
    ("BE", 16),
    ("BG", 22),
    ("BH", 22),
    ("BI", 27),
    ("BR", 29),
    ("BY", 28),
    ("CH", 21),
    ("CR", 22),
    ("CY", 28),
    ("CZ", 24),
    ("DE", 22),
    ("DJ", 27),
    ("DK", 18),
    ("DO", 28),
    ("EE", 20),
    ("EG", 29),
    ("ES", 24),
    ("FI", 18),
    ("FK", 18),
    ("FO", 18),
    ("FR", 27),
    ("GB", 22),
    ("GE", 22),
    ("GI", 23),
    ("GL", 18),
    ("GR", 27),
    ("GT", 28),
    ("HN", 28),
    ("HR", 21),
    ("HU", 28),
    ("IE", 22),
    ("IL", 23),
    ("IQ", 23),
    ("IS", 26),
    ("IT", 27),
    ("JO", 30),
    ("KW", 30),
    ("KZ", 20),
    ("LB", 28),
    ("LC", 32),
    ("LI", 21),
    ("LT", 20),
    ("LU", 20),
    ("LV", 21),
    ("LY", 25),
    ("MC", 27),
    ("MD", 24),
    ("ME", 22),
    ("MK", 19),
    ("MN", 20),
    ("MR", 27),
    ("MT", 31),
    ("MU", 30),
    ("NI", 28),
    ("NL", 18),
    ("NO", 15),
    ("OM", 23),
    ("PK", 24),
    ("PL", 28),
    ("PS", 29),
    ("PT", 25),
    ("QA", 29),
    ("RO", 24),
    ("RS", 22),
    ("RU", 33),
    ("SA", 24),
    ("SC", 31),
    ("SD", 18),
    ("SE", 24),
    ("SI", 19),
    ("SK", 24),
    ("SM", 27),
    ("SO", 23),
    ("ST", 25),
    ("SV", 28),
    ("TL", 23),
    ("TN", 24),
    ("TR", 26),
    ("UA", 29),
    ("VA", 22),
    ("VG", 24),
    ("XK", 20),
    ("YE", 30),
];

pub(super) fn find(scan: &Scan<'_>, found: &mut Found<'_>) {
    for run in &scan.runs {
        // The country stands directly before its two check digits, or with one space between.
        let letters = match scan.before(run.start) {
            Some(' ') if run.len() == 2 => run.start - 1,
            _ => run.start,
        };
        let Some(start) = letters.checked_sub(2).filter(|start| scan.begins(*start)) else {
            continue;
        };
        let country = scan.slice(start, letters);
        let spaced = letters < run.start;
        if spaced && country.bytes().any(|byte| byte.is_ascii_lowercase()) {
            continue;
        }
        let country = country.to_ascii_uppercase();
        let Ok(known) = LENGTHS.binary_search_by_key(&&*country, |(country, _)| country) else {
            continue;
        };
        let length = LENGTHS.get(known).map_or(0, |(_, length)| *length);
        if let Some((end, number)) = read(scan, start, length).filter(|(end, _)| scan.ends(*end))
            && mod_97(&number) == Some(1)
        {
            found.add_checked("iban", start, end, number);
        }
    }
}

/// So many letters and digits from a position on, in capitals; with single blanks or hyphens between them only if there
/// is no small letter.
fn read(scan: &Scan<'_>, start: usize, length: usize) -> Option<(usize, String)> {
    let (mut number, mut at, mut separated, mut small) =
        (String::with_capacity(length), start, false, false);
    while number.len() < length {
        match scan.after(at)? {
            c if c.is_ascii_alphanumeric() => {
                small |= c.is_ascii_lowercase();
                number.push(c.to_ascii_uppercase());
                at += 1;
            }
            c if (is_blank(c) || c == '-')
                && scan.at(at + c.len_utf8()).is_ascii_alphanumeric() =>
            {
                separated = true;
                at += c.len_utf8();
            }
            _ => return None,
        }
    }
    (!(separated && small)).then_some((at, number))
}

/// The remainder of the number with its first four characters moved to the end and letters as 10 to 35.
fn mod_97(number: &str) -> Option<u32> {
    let (head, tail) = number.split_at_checked(4)?;
    tail.chars().chain(head.chars()).try_fold(0, |rest, c| {
        let digit = c.to_digit(36)?;
        Some((rest * if digit < 10 { 10 } else { 100 } + digit) % 97)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn countries_are_sorted_for_the_search() {
        assert!(LENGTHS.is_sorted());
        assert!(LENGTHS.iter().all(|(_, length)| (15..=34).contains(length)));
    }
}
