//! Order and ticket numbers that stand beside a word for them: `order #12345`, `Bestellnummer 12345`, `pedido nº 123`.
//!
//! With a sign for a number (`#`, `no.`, `nº`, `номер`, or a word that means the number itself) two digits suffice;
//! without, it takes five, or letters and digits together. The value is the number alone. Tenants describe their own
//! forms as patterns, which come first. Deliberately absent: `#123` without a word.

use super::{
    found::Found,
    scan::{Run, Scan},
    word::Word,
};

/// How many words may stand between the word and its number.
const MAX_WORDS: usize = 5;

/// How long a number may be, in bytes.
const MAX_TOKEN: usize = 40;

/// What a word before a number is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    /// An order or ticket, which its number may follow.
    Thing(&'static str),
    /// The number of one.
    Number(&'static str),
    /// A sign that a number follows.
    Sign,
    /// Between the two: `is`, `of`.
    Link,
}

pub(super) fn find(scan: &Scan<'_>, found: &mut Found<'_>) {
    for run in &scan.runs {
        if !found.is_free(run.start, run.end) {
            continue;
        }
        let Some((start, end)) = token(scan, *run) else {
            continue;
        };
        let Some((kind, signed)) = before(scan, start) else {
            continue;
        };
        let written = scan.slice(start, end);
        let digits = written.bytes().filter(u8::is_ascii_digit).count();
        let letters = written.bytes().any(|byte| byte.is_ascii_alphabetic());
        let enough = match (signed, letters) {
            (true, _) => digits >= 2,
            // `so-12345`, not `7-830pm`
            (false, true) => {
                let small = written.bytes().filter(u8::is_ascii_lowercase).count();
                let named = written.starts_with(|c: char| c.is_ascii_alphabetic());
                digits >= 3 && digits > small && (named || small == 0)
            }
            (false, false) => digits >= 5,
        };
        if enough && !is_quantity(scan, end, signed) {
            found.add(kind, start, end, None);
        }
    }
}

/// Letters, digits and hyphens around a run, of which it has the first digits.
fn token(scan: &Scan<'_>, run: Run) -> Option<(usize, usize)> {
    let part = |byte: u8| byte.is_ascii_alphanumeric() || b"-_/".contains(&byte);
    let (mut start, mut end) = (run.start, run.end);
    while run.start - start <= MAX_TOKEN && part(scan.at(start.wrapping_sub(1))) {
        start -= 1;
    }
    while end - run.start <= MAX_TOKEN && part(scan.at(end)) {
        end += 1;
    }
    while matches!(scan.at(start), b'-' | b'_' | b'/') {
        start += 1;
    }
    while end > start && matches!(scan.at(end - 1), b'-' | b'_' | b'/') {
        end -= 1;
    }
    let begins = scan.begins(start) || matches!(scan.before(start), Some('º'));
    // `Nr12345`: the sign touches the number.
    let touching = scan.letters(start);
    let sign = matches!(Word::fold(touching).as_str(), "nr" | "no" | "num" | "nº");
    if sign && start + touching.len() == run.start {
        start = run.start;
    }
    let before = scan.slice(start, run.start);
    let first = before.bytes().all(|byte| !byte.is_ascii_digit());
    let whole = begins && scan.ends(end) && end - start <= MAX_TOKEN;
    // `12.50`, `10:30`, `12,5`: something else.
    let goes_on = matches!(scan.at(end), b'.' | b',' | b':') && scan.at(end + 1).is_ascii_digit();
    let goes_back = match scan.before(start) {
        Some(',' | '+' | '@' | '$' | '€' | '£') => true,
        Some('.') => scan.at(start.wrapping_sub(2)).is_ascii_digit(),
        _ => false,
    };
    (first && whole && !goes_on && !goes_back).then_some((start, end))
}

/// What the words before a number say it is, and whether a sign for a number is among them.
fn before(scan: &Scan<'_>, start: usize) -> Option<(&'static str, bool)> {
    let (mut at, mut signed) = (start, false);
    for _ in 0..MAX_WORDS {
        let (begin, role) = role_before(scan, at)?;
        match role {
            Role::Sign => signed = true,
            Role::Link => {}
            Role::Number(kind) => return Some((kind, true)),
            Role::Thing(kind) => {
                // `numéro de commande`, `номер заказа`
                let mut earlier = begin;
                for _ in 0..3 {
                    match role_before(scan, earlier) {
                        Some((_, Role::Sign)) => return Some((kind, true)),
                        Some((begin, Role::Link)) => earlier = begin,
                        _ => break,
                    }
                }
                return Some((kind, signed));
            }
        }
        at = begin;
    }
    None
}

/// What stands directly before a position, and where it begins.
fn role_before(scan: &Scan<'_>, at: usize) -> Option<(usize, Role)> {
    let end = scan.skip_blanks_back(at);
    let c = scan.before(end)?;
    let begin = end - c.len_utf8();
    match c {
        '#' | '№' | 'º' | '°' => {
            // `nº`, `n°`
            let letters = scan.letters_back(begin);
            let sign = matches!(scan.slice(letters, begin), "n" | "N" | "no" | "nr");
            return Some((if sign { letters } else { begin }, Role::Sign));
        }
        ':' | '=' => return Some((begin, Role::Sign)),
        '-' | '(' | '.' | '\'' | '’' | '"' | '*' => return Some((begin, Role::Link)),
        _ => {}
    }
    let begin = scan.letters_back(end);
    let folded = Word::fold(scan.slice(begin, end));
    role(folded.as_str())
        .filter(|_| scan.begins(begin))
        .map(|role| (begin, role))
}

fn role(word: &str) -> Option<Role> {
    Some(match word {
        "order" | "bestellung" | "auftrag" | "commande" | "pedido" | "orden" | "ordine"
        | "encomenda" | "bestelling" | "zamowienie" | "zamowienia" | "zamowieniu"
        | "zamowieniem" | "заказ" | "заказа" | "заказу" | "заказе" | "заказом" => {
            Role::Thing("order")
        }
        "ticket" | "tickets" | "incident" | "vorgang" | "segnalazione" | "chamado"
        | "zgloszenie" | "zgloszenia" | "zgloszeniu" | "тикет" | "тикета" | "тикету"
        | "обращение" | "обращения" | "обращению" => {
            Role::Thing("ticket")
        }
        "bestellnummer" | "bestellnr" | "bestellnumer" | "auftragsnummer" | "auftragsnr"
        | "ordernummer" | "ordernr" | "bestelnummer" | "bestelnr" | "ordernumber" => {
            Role::Number("order")
        }
        "ticketnummer" | "ticketnr" | "vorgangsnummer" | "vorgangsnr" | "ticketnumber" => {
            Role::Number("ticket")
        }
        "number" | "no" | "nr" | "num" | "nummer" | "numero" | "numer" | "numeru" | "номер"
        | "номером" | "id" | "nº" => Role::Sign,
        "is" | "ist" | "lautet" | "est" | "es" | "e" | "jest" | "to" | "de" | "di" | "d" | "do"
        | "da" | "del" | "mit" | "der" | "die" | "under" | "was" | "with" | "con" | "com"
        | "le" | "la" | "el" | "il" | "о" | "by" => Role::Link,
        _ => return None,
    })
}

/// Whether what follows makes the number an amount, a count or a span.
fn is_quantity(scan: &Scan<'_>, end: usize, signed: bool) -> bool {
    let next = scan.skip_blanks(end);
    match scan.after(next) {
        Some('€' | '$' | '£' | '%' | '₽' | '¥' | '₹') => return true,
        Some(c) if !signed && c.is_alphabetic() => {}
        _ => return false,
    }
    matches!(
        Word::fold(scan.letters(next)).as_str(),
        "eur"
            | "euro"
            | "euros"
            | "usd"
            | "dollars"
            | "units"
            | "pieces"
            | "pcs"
            | "items"
            | "stuck"
            | "stk"
            | "people"
            | "piezas"
            | "unidades"
            | "pezzi"
            | "stuks"
            | "sztuk"
            | "szt"
            | "шт"
            | "штук"
            | "days"
            | "hours"
            | "times"
            | "kg"
            | "mm"
            | "cm"
            | "ml"
            | "meters"
            | "litres"
            | "liters"
            | "copies"
    )
}
