//! Amounts of money: a symbol, a code or a name of a currency directly before or behind a number.
//!
//! `$` is the dollar of the tenant's region, or the American one; what is ambiguous without a region (`kr`, `pesos`,
//! `pounds`) is not money without one. A multiplier counts only beside a currency (`€1.5k`, `2 Mio. €`). The normal form
//! has a full stop and as many decimals as the currency. Deliberately absent: signs, ranges (the end beside the currency
//! is found), amounts in words, coins.

use super::{
    amount, currency,
    found::Found,
    scan::{Scan, is_word},
    word::Word,
};

pub(super) fn find(scan: &Scan<'_>, region: Option<&str>, found: &mut Found<'_>) {
    let mut next = 0;
    for index in 0..scan.runs.len() {
        if index < next {
            continue;
        }
        let Some(amount) = amount::read(scan, index) else {
            continue;
        };
        let Some(first) = scan.runs.get(index).copied() else {
            continue;
        };
        if in_number(scan, first.start) || !found.is_free(first.start, amount.end) {
            continue;
        }
        let Some((plain, linked, factor)) = multiplied(scan, amount.end) else {
            continue;
        };
        let before = leading(scan, first.start, region)
            .filter(|_| !scan.after(plain).is_some_and(|c| is_word(c) || c == '%'));
        // `$2 mil` is two thousand in Spanish and two million in English.
        let unclear = before.is_some()
            && factor == 1000
            && scan.slice(plain.saturating_sub(3), plain) == "mil";
        let known = before
            .map(|(code, start)| (code, start, plain))
            .or_else(|| trailing(scan, linked, region).map(|(code, end)| (code, first.start, end)));
        let Some((code, start, mut end)) =
            known.filter(|(_, _, end)| !unclear && !goes_on(scan, *end))
        else {
            continue;
        };
        // `1.299,-`
        if scan.slice(end, end + 1) == "," && matches!(scan.after(end + 1), Some('-' | '–' | '—'))
        {
            end += 1 + scan.after(end + 1).map_or(0, char::len_utf8);
        }
        let Some(hundredths) = amount.hundredths.checked_mul(factor) else {
            continue;
        };
        found.add(
            "money",
            start,
            end,
            Some(currency::normal(hundredths, code)),
        );
        next = index + amount.runs;
    }
}

/// Whether a number goes on to the left: then this is not where it begins.
fn in_number(scan: &Scan<'_>, start: usize) -> bool {
    let Some(before) = scan.before(start) else {
        return false;
    };
    let further = scan.before(start - before.len_utf8());
    before == '_'
        || matches!(before, '.' | ',' | ':' | '/' | '\'')
            && further.is_some_and(|c| c.is_ascii_digit())
}

/// Whether a number goes on to the right.
fn goes_on(scan: &Scan<'_>, end: usize) -> bool {
    let next = scan.after(end).map_or(0, char::len_utf8);
    matches!(scan.after(end), Some('.' | ',' | ':' | '/'))
        && scan.before(end).is_some_and(|c| c.is_ascii_digit())
        && scan.at(end + next).is_ascii_digit()
}

/// A currency before an amount, and where it begins.
fn leading(scan: &Scan<'_>, start: usize, region: Option<&str>) -> Option<(&'static str, usize)> {
    let sign = scan.skip_blanks_back(start);
    if start - sign > 2 {
        return None;
    }
    if let Some((length, code)) = currency::symbol_back(scan.slice(0, sign), region) {
        let begin = sign - length;
        // `12€ 50` belongs to what stands before; `A$AP` and `$$5` are none.
        let behind_amount = start > sign
            && scan
                .before(scan.skip_blanks_back(begin))
                .is_some_and(|c| c.is_ascii_digit());
        let clear = scan
            .before(begin)
            .is_none_or(|c| !is_word(c) && c != '$' && c != '#');
        return (clear && !behind_amount).then_some((code, begin));
    }
    let begin = scan.letters_back(sign);
    let code = currency::leading(scan.slice(begin, sign))?;
    let behind_amount = scan
        .before(scan.skip_blanks_back(begin))
        .is_some_and(|c| c.is_ascii_digit());
    (scan.begins(begin) && !behind_amount).then_some((code, begin))
}

/// A currency behind an amount, and where it ends.
fn trailing(scan: &Scan<'_>, end: usize, region: Option<&str>) -> Option<(&'static str, usize)> {
    let sign = scan.skip_blanks(end);
    if sign - end > 3 {
        return None;
    }
    let rest = scan.text.get(sign..)?;
    if let Some((length, code)) = currency::symbol(rest, region) {
        let behind = sign + length;
        // `2019 $5`: the symbol belongs to the amount it touches.
        let touches_next = scan.at(behind).is_ascii_digit();
        return (scan.ends(behind) && !touches_next || is_east_asian(rest))
            .then_some((code, behind));
    }
    let word = scan.letters(sign);
    let behind = sign + word.len();
    let code = currency::trailing(word, region)?;
    scan.ends(behind).then_some((code, behind))
}

/// Symbols that are letters, with sentences going on behind.
fn is_east_asian(text: &str) -> bool {
    text.starts_with(['元', '円', '원'])
}

/// What stands between a number and its currency: where it ends, with what links it, and its factor. None for a
/// multiplier that means one thing here and another there.
fn multiplied(scan: &Scan<'_>, end: usize) -> Option<(usize, usize, u64)> {
    if matches!(scan.at(end), b'k' | b'K') && scan.ends(end + 1) {
        return Some((end + 1, end + 1, 1000));
    }
    let start = scan.skip_blanks(end);
    let word = scan.letters(start);
    let mut behind = start + word.len();
    let factor = match Word::fold(word).as_str() {
        "тыс" | "tys" | "mille" | "thousand" | "tausend" => 1000,
        "mil" => {
            let next = scan.skip_blanks(behind);
            let millions = scan.letters(next);
            if matches!(Word::fold(millions).as_str(), "millones" | "milhoes") {
                behind = next + millions.len();
                1_000_000_000
            } else {
                1000
            }
        }
        "million" | "millions" | "millionen" | "mio" | "mln" | "млн" | "millones" | "milhoes"
        | "milioni" | "miljoen" | "milliony" | "миллион" | "миллиона" | "миллионов" => {
            1_000_000
        }
        "bn"
        | "bln"
        | "mrd"
        | "mld"
        | "млрд"
        | "milliarden"
        | "milliards"
        | "miliardi"
        | "miljard"
        | "miliardow"
        | "миллиардов"
        | "milliarde"
        | "milliard" => 1_000_000_000,
        "billion" | "billions" | "billionen" | "billones" | "trillion" | "trillions" | "crore"
        | "lakh" | "m" | "b" | "bilhoes" | "miljoner" | "miljarder" => return None,
        _ => return Some((end, end, 1)),
    };
    // `Mio. €`
    let dot = scan.at(behind) == b'.' && word.len() <= 6 && scan.after(behind + 1) == Some(' ');
    let linked = scan.skip_blanks(behind + usize::from(dot));
    // `1 million d'euros`
    let link = scan.letters(linked);
    let length = match link {
        "de" | "di" => link.len(),
        "d" => {
            1 + scan
                .after(linked + 1)
                .filter(|c| matches!(c, '\'' | '’'))
                .map_or(0, char::len_utf8)
        }
        _ => return Some((behind, behind + usize::from(dot), factor)),
    };
    Some((behind, linked + length, factor))
}
