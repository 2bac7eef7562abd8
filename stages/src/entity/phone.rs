//! Phone numbers, as valid by the numbering plan of their country.
//!
//! Candidates are groups of digits as phone numbers are written; each is put to the metadata of libphonenumber (the
//! `phonenumber` crate), at most [`MAX_CHECKS`] in a text, since a check takes some microseconds. International numbers
//! (`+`, or `00` or `011` before the country) need no region; national ones need the tenant's, and have to look like
//! one: to begin with the region's trunk prefix, or to be grouped as phone numbers are there, or to follow a word that
//! speaks of phones. After a word for some other number (`invoice`, `Kundennummer`) only `+` is believed. The normal
//! form is E.164.
//!
//! Deliberately absent: extensions, short numbers, numbers in words.

use phonenumber::{Mode, country, metadata::DATABASE};

use super::{
    Settings,
    found::Found,
    scan::{Run, Scan, is_blank, is_word},
    word::Word,
};

/// How many candidates of a text are validated.
const MAX_CHECKS: usize = 12;
/// Digits of a number as written (E.164 has at most 15, `00` before them).
const DIGITS: std::ops::RangeInclusive<usize> = 7..=17;
/// How far back a word is looked for that says what a number is, in words.
const CONTEXT_WORDS: usize = 4;

pub(super) fn find(scan: &Scan<'_>, settings: &Settings<'_>, found: &mut Found<'_>) {
    let (mut checks, mut next) = (0, 0);
    for index in 0..scan.runs.len() {
        if index < next || checks >= MAX_CHECKS {
            continue;
        }
        let count = chain(scan, index, found);
        next = index + count;
        let mut runs = scan.runs.get(index..next).unwrap_or_default();
        if runs.iter().map(|run| run.len()).sum::<usize>() < *DIGITS.start() {
            continue;
        }
        // What follows after a blank may be no part of it: `0171 2345678 3 times`.
        for _ in 0..2 {
            let Some(candidate) = Candidate::of(scan, runs) else {
                break;
            };
            if candidate.fits(scan) && found.is_free(candidate.start, candidate.end) {
                checks += 1;
                if let Some(number) = candidate.check(scan, settings) {
                    found.add("phone", candidate.start, candidate.end, Some(number));
                    break;
                }
            }
            let [kept @ .., _, last] = runs else { break };
            let kept = kept.len() + 1;
            let loose = runs
                .get(kept - 1)
                .is_some_and(|run| scan.slice(run.end, last.start) == " ");
            if !loose || last.len() > 2 {
                break;
            }
            runs = runs.get(..kept).unwrap_or_default();
        }
    }
}

/// Loads the numbering plans, which takes tens of milliseconds once in a process; else the first text with a number
/// that may be a phone's pays for it.
pub(super) fn warm() {
    let _known = DATABASE.by_code(&1).is_some();
}

/// How many runs from one on belong together as the groups of a phone number do.
fn chain(scan: &Scan<'_>, index: usize, found: &Found<'_>) -> usize {
    let mut count = 1;
    while let Some([left, right]) = scan.runs.get(index + count - 1..=index + count) {
        let between = scan.slice(left.end, right.start);
        let joined = (1..=3).contains(&between.chars().count())
            && between
                .chars()
                .all(|c| is_blank(c) || "-./()‑–".contains(c))
            && between.chars().filter(|c| is_blank(*c)).count() <= 2;
        // `0171 2345678 / 030 1234567` is two.
        let two = matches!(between, " / " | " - " | " – ") && scan.at(right.start) == b'0';
        if !joined || two || !found.is_free(right.start, right.end) {
            break;
        }
        count += 1;
    }
    count
}

struct Candidate<'r> {
    runs: &'r [Run],
    start: usize,
    end: usize,
    plus: bool,
    digits: String,
}

impl<'r> Candidate<'r> {
    fn of(scan: &Scan<'_>, runs: &'r [Run]) -> Option<Self> {
        let (first, last) = (runs.first()?, runs.last()?);
        let (mut start, mut plus) = (first.start, false);
        if scan.before(start) == Some('(') {
            start -= 1;
        }
        if scan.before(start) == Some('+') {
            (start, plus) = (start - 1, true);
        }
        if start < first.start && scan.before(start) == Some('(') {
            start -= 1;
        }
        let open = scan.slice(start, last.end);
        // `(call 030 1234567` opens a remark, not the number.
        if open.starts_with('(') && open.matches(')').count() != open.matches('(').count() {
            start += 1;
        }
        let mut digits = String::with_capacity(18);
        for (place, run) in runs.iter().enumerate() {
            // `+49 (0)30`
            let trunk =
                plus && place > 0 && scan.slice(run.start.saturating_sub(1), run.end + 1) == "(0)";
            if !trunk {
                digits += scan.slice(run.start, run.end);
            }
        }
        Some(Self {
            runs,
            start,
            end: last.end,
            plus,
            digits,
        })
    }

    /// Whether it stands alone and is not too long or short.
    fn fits(&self, scan: &Scan<'_>) -> bool {
        let attached = scan.before(self.start).is_some_and(|c| {
            let further = scan.before(self.start - c.len_utf8());
            is_word(c) && c <= '\u{2e80}'
                || "#$€£=@%&\\+*".contains(c)
                || "-/".contains(c) && further.is_some_and(is_word)
                || ".,:".contains(c) && further.is_some_and(|c| c.is_ascii_digit())
        });
        let goes_on = scan.after(self.end).is_some_and(|c| {
            let further = scan.after(self.end + c.len_utf8());
            is_word(c) && c <= '\u{2e80}'
                || "%°€$£@#=".contains(c)
                || "-/.,:–".contains(c) && further.is_some_and(|c| c.is_ascii_alphanumeric())
        });
        // No plan ends in a group of one digit.
        let ends = self.runs.last().is_some_and(|run| run.len() > 1);
        DIGITS.contains(&self.digits.len()) && ends && !attached && !goes_on
    }

    /// The number in E.164, if it is valid.
    fn check(&self, scan: &Scan<'_>, settings: &Settings<'_>) -> Option<String> {
        if self.plus {
            return valid(None, &format!("+{}", self.digits));
        }
        let spoken = context(scan, self.start);
        if spoken == Some(false) {
            return None;
        }
        if let Some(rest) = self
            .digits
            .strip_prefix("00")
            .filter(|rest| rest.len() >= 9)
        {
            return valid(None, &format!("+{rest}"));
        }
        let region: country::Id = settings.region?.to_ascii_uppercase().parse().ok()?;
        let plan = DATABASE.by_id(region.as_ref())?;
        if let Some(rest) = self
            .digits
            .strip_prefix("011")
            .filter(|rest| rest.len() >= 9 && plan.country_code() == 1)
        {
            return valid(None, &format!("+{rest}"));
        }
        let shaped = match plan.national_prefix() {
            Some("0") => {
                self.digits.starts_with('0')
                    && self.digits.len() >= if self.runs.len() > 1 { 8 } else { 9 }
            }
            _ if spoken == Some(true) => true,
            Some("1") => self.is_american(),
            Some(prefix) if self.digits.starts_with(prefix) && self.digits.len() == 11 => true,
            _ => {
                self.digits.len() >= 9
                    && self.runs.len() >= 3
                    && self.runs.iter().all(|run| run.len() >= 2)
            }
        };
        (shaped && self.is_evenly_written(scan, spoken == Some(true)))
            .then(|| valid(Some(region), &self.digits))
            .flatten()
    }

    /// `415 555 2671`, with a `1` before or without.
    fn is_american(&self) -> bool {
        let lengths: Vec<usize> = self.runs.iter().map(|run| run.len()).collect();
        matches!(lengths.as_slice(), [3, 3, 4] | [1, 3, 3, 4] | [3, 7])
    }

    /// Whether its separators are those of a phone number: one slash or bracket after the area, then blanks and hyphens
    /// alone, or full stops alone but not as in `12.345.678`.
    fn is_evenly_written(&self, scan: &Scan<'_>, spoken: bool) -> bool {
        let mut dots = 0;
        for (place, pair) in self.runs.windows(2).enumerate() {
            let [left, right] = pair else { return false };
            let between = scan.slice(left.end, right.start);
            if place > 0 && between.contains(['/', '(']) {
                return false;
            }
            dots += usize::from(between.contains('.'));
        }
        let thousands = self.runs.iter().skip(1).all(|run| run.len() == 3);
        dots == 0 || dots + 1 == self.runs.len() && (spoken || !thousands)
    }
}

/// The number in E.164, if the plan of its country has it.
fn valid(region: Option<country::Id>, digits: &str) -> Option<String> {
    let number = phonenumber::parse(region, digits).ok()?;
    number
        .is_valid()
        .then(|| number.format().mode(Mode::E164).to_string())
}

/// Whether the words before speak of a phone, or of some other number.
fn context(scan: &Scan<'_>, start: usize) -> Option<bool> {
    let from = scan.text.floor_char_boundary(start.saturating_sub(64));
    let line = scan
        .slice(from, start)
        .rsplit(['\n', ';'])
        .next()
        .unwrap_or_default();
    let words = line
        .rsplit(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty());
    for word in words.take(CONTEXT_WORDS) {
        let folded = Word::fold(word);
        let word = folded.as_str();
        if is_phone_word(word) {
            return Some(true);
        }
        if is_other_number(word) {
            return Some(false);
        }
    }
    None
}

fn is_phone_word(word: &str) -> bool {
    let part = [
        "phone",
        "telefon",
        "telef",
        "handy",
        "mobil",
        "rufnummer",
        "whatsapp",
        "телефон",
        "звон",
        "chiama",
    ];
    matches!(
        word,
        "tel"
            | "cell"
            | "call"
            | "calling"
            | "sms"
            | "fax"
            | "anrufen"
            | "ruf"
            | "rufen"
            | "movil"
            | "celular"
            | "llama"
            | "llame"
            | "llamar"
            | "llamame"
            | "cellulare"
            | "chiamare"
            | "ligue"
            | "ligar"
            | "telemovel"
            | "bel"
            | "bellen"
            | "appelez"
            | "appeler"
            | "portable"
            | "joindre"
            | "zadzwonic"
            | "dzwonic"
            | "komorka"
            | "тел"
            | "моб"
            | "signal"
            | "hotline"
            | "ring"
    ) || part.iter().any(|part| word.contains(part))
}

fn is_other_number(word: &str) -> bool {
    let ending = ["nummer", "nr", "number"];
    matches!(
        word,
        "order"
            | "invoice"
            | "customer"
            | "account"
            | "ref"
            | "reference"
            | "id"
            | "isbn"
            | "ean"
            | "gtin"
            | "imei"
            | "sku"
            | "serial"
            | "article"
            | "artikel"
            | "case"
            | "ticket"
            | "contract"
            | "tracking"
            | "passport"
            | "ssn"
            | "vat"
            | "code"
            | "pin"
            | "otp"
            | "zip"
            | "plz"
            | "rechnung"
            | "kunde"
            | "konto"
            | "vertrag"
            | "auftrag"
            | "bestellung"
            | "factura"
            | "facture"
            | "fattura"
            | "fatura"
            | "faktura"
            | "faktury"
            | "client"
            | "cliente"
            | "commande"
            | "pedido"
            | "ordine"
            | "siret"
            | "siren"
            | "nif"
            | "dni"
            | "cif"
            | "cpf"
            | "cnpj"
            | "pesel"
            | "nip"
            | "regon"
            | "bsn"
            | "kvk"
            | "инн"
            | "счет"
            | "счета"
            | "договор"
            | "заказ"
            | "заказа"
            | "zamowienie"
            | "zamowienia"
            | "postnumber"
            | "barcode"
            | "tracker"
            | "parcel"
            | "sendung"
            | "paket"
            | "colis"
            | "hrb"
            | "iban"
            | "bic"
    ) || ending
        .iter()
        .any(|ending| word.len() > ending.len() && word.ends_with(ending))
}
