//! Numbers of parcels and letters on their way.
//!
//! Two sorts. Unmistakable ones are found anywhere: UPS `1Z`, the S10 of the Universal Postal Union, DHL's `JJD`, `JVGL`
//! and `00340434`, the 22 digits of USPS that begin with 91 to 95. Of the others, which are digits only, one random
//! number in seven to eleven has a good check digit, so they are found only where the carrier or tracking is spoken of
//! shortly before. The normal form is the carrier.
//!
//! Deliberately absent: numbers without a check digit and without a beginning of their own (GLS, Hermes, Colissimo).

use super::{
    country::is_country,
    found::Found,
    scan::{Scan, is_blank},
    word::Word,
};

/// How far back the carrier may be named, in bytes.
const CONTEXT_BYTES: usize = 64;

pub(super) fn find(scan: &Scan<'_>, found: &mut Found<'_>) {
    for (index, run) in scan.runs.iter().enumerate() {
        lettered(scan, run.start, found);
        if digits_begin(scan, index) && scan.before(run.start).is_none_or(starts_number) {
            numeric(scan, run.start, found);
        }
    }
}

/// Numbers with letters in front.
fn lettered(scan: &Scan<'_>, digit: usize, found: &mut Found<'_>) {
    if scan.at(digit) == b'1'
        && scan.at(digit + 1).eq_ignore_ascii_case(&b'Z')
        && scan.begins(digit)
        && let Some((end, number)) = read(scan, digit, 18)
        && is_ups(&number)
    {
        found.add_checked("parcel", digit, end, "ups".into());
        return;
    }
    let before = if scan.before(digit) == Some(' ') {
        digit - 1
    } else {
        digit
    };
    let start = scan.letters_back(before);
    let letters = scan.slice(start, before);
    if !scan.begins(start) {
        return;
    }
    if letters.len() == 2
        && let Some((end, number)) = read(scan, start, 13)
        && is_s10(&number)
    {
        found.add_checked("parcel", start, end, "post".into());
    } else if matches!(letters, "JJD" | "JVGL" | "jjd" | "jvgl") {
        let digits = scan
            .text
            .get(digit..)
            .unwrap_or_default()
            .bytes()
            .take_while(u8::is_ascii_digit)
            .count();
        if (9..=20).contains(&digits) && scan.ends(digit + digits) {
            found.add_checked("parcel", start, digit + digits, "dhl".into());
        }
    }
}

/// Numbers of digits only, in groups or not.
fn numeric(scan: &Scan<'_>, start: usize, found: &mut Found<'_>) {
    let (mut number, mut at, mut end) = (String::new(), start, start);
    while number.len() < 23 {
        match scan.after(at) {
            Some(c) if c.is_ascii_digit() => {
                number.push(c);
                at += 1;
                end = at;
            }
            Some(c) if is_blank(c) && scan.at(at + c.len_utf8()).is_ascii_digit() => {
                at += c.len_utf8()
            }
            _ => break,
        }
    }
    if !scan.ends(end) {
        return dpd_with_check(scan, start, end, &number, found);
    }
    if scan.after(end).is_some_and(|c| "-/%".contains(c)) {
        return;
    }
    match number.len() {
        22 if number.starts_with('9')
            && matches!(number.as_bytes().get(1), Some(b'1'..=b'5'))
            && is_gs1(&number) =>
        {
            // Some of FedEx's are handed over to USPS and numbered alike.
            let fedex = matches!(context(scan, start), Some(Context::Fedex));
            let carrier = if fedex { "fedex" } else { "usps" };
            found.add_checked("parcel", start, end, carrier.into());
            return;
        }
        20 if number.starts_with("00340434") && is_gs1(&number) => {
            found.add_checked("parcel", start, end, "dhl".into());
            return;
        }
        10 | 12 | 14 | 15 | 20 => {}
        _ => return,
    }
    let Some(context) = context(scan, start) else {
        return;
    };
    let carrier = match (context, number.len()) {
        (Context::Dhl | Context::Tracking, 10) if is_dhl_express(&number) => "dhl",
        (Context::Fedex | Context::Tracking, 12) if is_fedex_express(&number) => "fedex",
        (Context::Fedex | Context::Tracking, 15) if is_gs1(&number) => "fedex",
        (Context::Usps | Context::Tracking, 20) if is_gs1(&number) => "usps",
        (Context::Dhl, 20) if is_gs1(&number) => "dhl",
        (Context::Dhl, 12) if number.starts_with("00") || number.starts_with("34") => "dhl",
        (Context::Dpd, 14) if number.starts_with(['0', '1']) => "dpd",
        _ => return,
    };
    found.add("parcel", start, end, Some(carrier.into()));
}

/// Fourteen digits and the character that checks them (ISO/IEC 7064, mod 37,36), as DPD prints them.
fn dpd_with_check(scan: &Scan<'_>, start: usize, end: usize, number: &str, found: &mut Found<'_>) {
    let check = scan.at(end).to_ascii_uppercase();
    if number.len() != 14 || !check.is_ascii_uppercase() || !scan.ends(end + 1) {
        return;
    }
    let sum = number
        .chars()
        .filter_map(|c| c.to_digit(10))
        .fold(36, |sum, digit| {
            let sum = (sum + digit) % 36;
            (if sum == 0 { 36 } else { sum }) * 2 % 37
        });
    let expected = char::from_digit((37 - sum) % 36, 36).map(|c| c.to_ascii_uppercase());
    if expected == Some(char::from(check))
        && matches!(context(scan, start), Some(Context::Dpd | Context::Tracking))
    {
        found.add_checked("parcel", start, end + 1, "dpd".into());
    }
}

/// Who is spoken of before a number.
#[derive(Clone, Copy)]
enum Context {
    Tracking,
    Dhl,
    Dpd,
    Fedex,
    Usps,
}

/// The nearest carrier before; else whether a parcel is spoken of at all.
fn context(scan: &Scan<'_>, start: usize) -> Option<Context> {
    let from = scan
        .text
        .floor_char_boundary(start.saturating_sub(CONTEXT_BYTES));
    let mut tracking = None;
    for word in scan
        .slice(from, start)
        .rsplit(|c: char| !c.is_alphabetic())
        .filter(|word| !word.is_empty())
    {
        match Word::fold(word).as_str() {
            "dhl" => return Some(Context::Dhl),
            "dpd" => return Some(Context::Dpd),
            "fedex" => return Some(Context::Fedex),
            "usps" => return Some(Context::Usps),
            "tracking"
            | "track"
            | "trackingnummer"
            | "trackingnumber"
            | "sendung"
            | "sendungsnummer"
            | "sendungsnr"
            | "sendungsverfolgung"
            | "paketnummer"
            | "parcel"
            | "waybill"
            | "awb"
            | "shipment"
            | "suivi"
            | "colis"
            | "seguimiento"
            | "rastreo"
            | "rastreio"
            | "rastreamento"
            | "spedizione"
            | "tracciamento"
            | "zending"
            | "przesylki"
            | "przesylka"
            | "отслеживания"
            | "отправления"
            | "трек" => {
                tracking = Some(Context::Tracking);
            }
            // Another sort of number follows.
            "tel" | "phone" | "telefon" | "order" | "invoice" | "imei" | "isbn" | "ean" => {
                return None;
            }
            _ => {}
        }
    }
    tracking
}

/// A letter, an `=` and the like before digits make them a part of something else.
fn starts_number(c: char) -> bool {
    !(c.is_alphanumeric() || "_=+-/%&.,".contains(c))
}

/// Whether no digits stand before, with one blank between.
fn digits_begin(scan: &Scan<'_>, index: usize) -> bool {
    match index
        .checked_sub(1)
        .and_then(|before| scan.runs.get(before..=index))
    {
        Some([left, right]) => {
            let between = scan.slice(left.end, right.start);
            !(between.chars().count() == 1 && between.chars().all(is_blank))
        }
        _ => true,
    }
}

/// So many letters and digits in capitals, with single blanks between.
fn read(scan: &Scan<'_>, start: usize, length: usize) -> Option<(usize, String)> {
    let (mut number, mut at) = (String::with_capacity(length), start);
    while number.len() < length {
        match scan.after(at)? {
            c if c.is_ascii_alphanumeric() => {
                number.push(c.to_ascii_uppercase());
                at += 1;
            }
            c if is_blank(c) && scan.at(at + c.len_utf8()).is_ascii_alphanumeric() => {
                at += c.len_utf8()
            }
            _ => return None,
        }
    }
    scan.ends(at).then_some((at, number))
}

/// UPS: letters count by their place, every second character twice, mod 10.
fn is_ups(number: &str) -> bool {
    let Some((body, check)) = number.get(2..).and_then(|rest| rest.split_at_checked(15)) else {
        return false;
    };
    let sum: u32 = body
        .bytes()
        .zip([1, 2].into_iter().cycle())
        .map(|(byte, weight)| {
            let value = if byte.is_ascii_digit() {
                byte - b'0'
            } else {
                (byte - b'A' + 2) % 10
            };
            u32::from(value) * weight
        })
        .sum();
    check.parse() == Ok((10 - sum % 10) % 10)
}

/// UPU S10-12: a service, eight digits, their check (mod 11), the country.
fn is_s10(number: &str) -> bool {
    let (Some(service), Some(digits), Some(country)) =
        (number.get(..2), number.get(2..11), number.get(11..))
    else {
        return false;
    };
    if !service.bytes().all(|byte| byte.is_ascii_uppercase()) || !is_country(country) {
        return false;
    }
    let digits: Vec<u32> = digits.chars().filter_map(|c| c.to_digit(10)).collect();
    let [body @ .., check] = digits.as_slice() else {
        return false;
    };
    let sum: u32 = body
        .iter()
        .zip([8, 6, 4, 2, 3, 5, 9, 7])
        .map(|(digit, weight)| digit * weight)
        .sum();
    let expected = match 11 - sum % 11 {
        10 => 0,
        11 => 5,
        digit => digit,
    };
    body.len() == 8 && *check == expected
}

/// GS1 General Specifications, 7.9: weights 3 and 1 from the right, mod 10. USPS (Publication 199), SSCC, the ground service of Federal Express.
fn is_gs1(number: &str) -> bool {
    let sum: u32 = number
        .chars()
        .rev()
        .filter_map(|c| c.to_digit(10))
        .zip([1, 3].into_iter().cycle())
        .map(|(digit, weight)| digit * weight)
        .sum();
    sum.is_multiple_of(10) && number.bytes().any(|byte| byte != b'0')
}

/// The express service of Federal Express: weights 3, 1, 7 from the left, mod 11, then mod 10.
fn is_fedex_express(number: &str) -> bool {
    let digits: Vec<u32> = number.chars().filter_map(|c| c.to_digit(10)).collect();
    let [body @ .., check] = digits.as_slice() else {
        return false;
    };
    let sum: u32 = body
        .iter()
        .zip([3, 1, 7].into_iter().cycle())
        .map(|(digit, weight)| digit * weight)
        .sum();
    sum % 11 % 10 == *check
}

/// DHL Express waybills: nine digits mod 7.
fn is_dhl_express(number: &str) -> bool {
    let (body, check) = number.split_at_checked(9).unwrap_or_default();
    body.parse::<u64>()
        .is_ok_and(|body| check.parse() == Ok(body % 7))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_digits_of_published_examples() {
        assert!(is_ups("1Z999AA10123456784") && !is_ups("1Z999AA10123456785"));
        assert!(is_s10("RA123456785DE") && is_s10("RR473124829GB") && !is_s10("RA123456784DE"));
        assert!(!is_s10("RA123456785ZZ"));
        for number in [
            "9400111201080805483016",
            "9361289878700317633795",
            "03071790000523483741",
            "041441760228964",
        ] {
            assert!(is_gs1(number), "{number}");
        }
        assert!(!is_gs1("9400111201080805483017"));
        assert!(
            is_fedex_express("986578788855")
                && is_fedex_express("477179081230")
                && !is_fedex_express("996578788855")
        );
        assert!(is_dhl_express("3318810025") && !is_dhl_express("3318810010"));
    }
}
