//! Telephone addresses in one form: E.164 as the numbering plans have it (ITU-T E.164; libphonenumber's metadata).
//!
//! Short codes, names, SIP addresses and whatever is no number stay as they are. A channel before a number (`whatsapp:`,
//! `rcs:`) stays before it, for it is another address than the bare number.
//!
//! Invariant: the form of a form is itself.

use phonenumber::Mode;

/// Longest short code.
const MAX_SHORT: usize = 6;
/// Digits of an E.164 number with its country.
const DIGITS: std::ops::RangeInclusive<usize> = 7..=15;

/// An address where `+` marks a number with its country, and bare digits are a short code (Twilio).
#[must_use]
pub fn canonical(address: &str) -> String {
    let address = address.trim();
    match address.split_once(':') {
        Some((channel, rest)) if rest.trim_start().starts_with('+') => {
            format!("{}:{}", channel.to_ascii_lowercase(), canonical(rest))
        }
        Some(_) => address.to_owned(),
        None => match address.strip_prefix('+').map(digits) {
            Some(Some(digits)) => number(&digits),
            _ => address.to_owned(),
        },
    }
}

/// An address where digits are a number with its country, with or without `+` or `00` (Vonage, MessageBird).
#[must_use]
pub fn international(address: &str) -> String {
    let address = address.trim();
    let bare = address.strip_prefix('+').unwrap_or(address);
    match digits(bare) {
        Some(digits) if digits.len() > MAX_SHORT => {
            number(digits.strip_prefix("00").unwrap_or(&digits))
        }
        _ => address.to_owned(),
    }
}

/// A number with its country (`+`, or `00`), or none: what a person types, refused where [`canonical`] would let it pass.
/// Whether the plan of its country has it is not asked, for plans change; whether there is such a country is.
#[must_use]
pub fn e164(address: &str) -> Option<String> {
    let address = address.trim();
    let rest = address
        .strip_prefix('+')
        .or_else(|| address.strip_prefix("00"))?;
    let digits = digits(rest).filter(|digits| DIGITS.contains(&digits.len()))?;
    let form = number(&digits);
    phonenumber::parse(None, &form).ok().map(|_| form)
}

/// The digits of a number, grouped or not; none when it is no number.
fn digits(text: &str) -> Option<String> {
    let grouping = |c: char| matches!(c, ' ' | '\u{a0}' | '-' | '.' | '(' | ')' | '/');
    let number = text.chars().all(|c| c.is_ascii_digit() || grouping(c));
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    (number && !digits.is_empty()).then_some(digits)
}

fn number(digits: &str) -> String {
    let plain = format!("+{digits}");
    if !DIGITS.contains(&digits.len()) {
        return plain;
    }
    // A trunk's zero (`+49 (0)30`) goes only where the plan then has the number.
    match planned(&plain) {
        Some(form) if form != plain && planned(&form).as_ref() == Some(&form) => form,
        _ => plain,
    }
}

fn planned(number: &str) -> Option<String> {
    let number = phonenumber::parse(None, number).ok()?;
    number
        .is_valid()
        .then(|| number.format().mode(Mode::E164).to_string())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_have_one_form() {
        for (given, form) in [
            ("+4915112345678", "+4915112345678"),
            (" +49 (0) 30 1234567 ", "+49301234567"),
            ("+390612345678", "+390612345678"),
            ("+14158675309", "+14158675309"),
            ("whatsapp:+4915112345678", "whatsapp:+4915112345678"),
            ("WhatsApp:+44 7700 900123", "whatsapp:+447700900123"),
            ("12345", "12345"),
            ("ACME Shop", "ACME Shop"),
            ("rcs:acme_agent", "rcs:acme_agent"),
            ("sip:ann@example.org:5060", "sip:ann@example.org:5060"),
            ("client:ann", "client:ann"),
            ("+266696687", "+266696687"),
        ] {
            assert_eq!(canonical(given), form);
        }
    }

    #[test]
    fn digits_alone_may_be_a_number() {
        for (given, form) in [
            ("447700900123", "+447700900123"),
            ("0031612345678", "+31612345678"),
            ("+31612345678", "+31612345678"),
            ("12345", "12345"),
            ("Acme1", "Acme1"),
            ("107083064136738", "+107083064136738"),
        ] {
            assert_eq!(international(given), form);
        }
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for (given, form) in [
            ("+49 (0) 30 1234567", Some("+49301234567")),
            ("0049 151 12345678", Some("+4915112345678")),
            ("+15550100", Some("+15550100")),
            ("030 1234567", None),
            ("12345", None),
            ("+12", None),
            ("+", None),
            ("+49 call me", None),
            ("", None),
            ("+999999999999", None),
        ] {
            assert_eq!(e164(given).as_deref(), form, "{given}");
        }
    }

    proptest! {
        #[test]
        fn a_number_accepted_is_canonical(text in "(\\+|00)[0-9 ()./-]{0,20}") {
            if let Some(form) = e164(&text) {
                prop_assert_eq!(e164(&form), Some(form.clone()));
                prop_assert_eq!(canonical(&form), form);
            }
        }

        #[test]
        fn the_form_of_a_form_is_itself(address in "(whatsapp:|rcs:|sip:|)(\\+|00|)[0-9 ()./a-z-]{0,18}", number in "\\+[1-9][0-9]{5,15}") {
            for address in [address, number] {
                let form = canonical(&address);
                prop_assert_eq!(canonical(&form), form.clone());
                let form = international(&address);
                prop_assert_eq!(international(&form), form.clone());
            }
        }
    }
}
