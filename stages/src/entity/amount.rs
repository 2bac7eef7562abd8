//! Amounts as people write them, with the separators of their country.
//!
//! A separator before three digits parts thousands, before one or two it begins the decimals: money has no three. What
//! fits neither is no amount.

use super::scan::{Run, Scan};

/// A number without a sign, in hundredths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Amount {
    pub(super) hundredths: u64,
    pub(super) end: usize,
    /// How many runs of digits it is written with.
    pub(super) runs: usize,
}

/// The amount that begins with a run of digits, by its place.
pub(super) fn read(scan: &Scan<'_>, index: usize) -> Option<Amount> {
    let first = *scan.runs.get(index)?;
    let mut runs = vec![(first, '\0')];
    for next in scan.runs.iter().skip(index + 1).take(4) {
        let (last, _) = *runs.last()?;
        let mut between = scan.slice(last.end, next.start).chars();
        let (Some(separator), None) = (between.next(), between.next()) else {
            break;
        };
        let spaced = matches!(
            separator,
            ' ' | '\u{a0}' | '\u{202f}' | '\u{2009}' | '\'' | '’'
        );
        if spaced && (next.len() != 3 || runs.first().is_some_and(|(first, _)| first.len() > 3)) {
            break;
        }
        if !spaced && separator != '.' && separator != ',' {
            break;
        }
        runs.push((*next, separator));
    }
    // A date or an address has more parts than an amount.
    let (last, separator) = *runs.last()?;
    let decimals =
        (last.len() <= 2 && runs.len() > 1 && matches!(separator, '.' | ',')).then_some(last);
    let whole = if decimals.is_some() {
        runs.len() - 1
    } else {
        runs.len()
    };
    let whole = runs.get(..whole)?;
    let mut separators = whole.iter().skip(1);
    let thousands = separators.next().map(|(_, separator)| *separator);
    let even = separators.all(|(_, separator)| Some(*separator) == thousands);
    let threes = whole.iter().skip(1).all(|(run, _)| run.len() == 3);
    let head = first.len() <= 3 && scan.at(first.start) != b'0' || whole.len() == 1;
    let apart = decimals.is_none() || thousands != Some(separator);
    if !(even && threes && head && apart) || first.len() > 9 {
        return None;
    }
    let number = |run: Run| scan.slice(run.start, run.end).parse::<u64>().ok();
    let mut units = 0_u64;
    for (run, _) in whole {
        units = units.checked_mul(1000)?.checked_add(number(*run)?)?;
    }
    let cents = match decimals {
        Some(run) if run.len() == 1 => number(run)? * 10,
        Some(run) => number(run)?,
        None => 0,
    };
    Some(Amount {
        hundredths: units.checked_mul(100)?.checked_add(cents)?,
        end: last.end,
        runs: runs.len(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separators() {
        for (text, expected) in [
            ("20", Some(2000)),
            ("12,50", Some(1250)),
            ("12.5", Some(1250)),
            ("1,299.00", Some(129_900)),
            ("1.299,00", Some(129_900)),
            ("1 299,00", Some(129_900)),
            ("1\u{202f}299\u{202f}000", Some(129_900_000)),
            ("1'299.05", Some(129_905)),
            ("1.299", Some(129_900)),
            ("12,34,56", None),
            ("1.2.3", None),
            ("0.123", None),
            ("1234.567", None),
            ("12.3456", None),
            ("1,299,00", None),
            ("1234567890", None),
        ] {
            let scan = Scan::of(text);
            let amount = read(&scan, 0).filter(|amount| amount.end == text.len());
            assert_eq!(amount.map(|amount| amount.hundredths), expected, "{text}");
        }
    }
}
