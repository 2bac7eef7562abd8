//! Addresses in one form each: what comes from a platform, a file and a form is then one contact.
//!
//! Invariants: pure; the form of a form is itself; where a platform's own spelling is kept ([`phone::canonical`] and
//! `stages`), an address that passes here has the same form there. But for e-mail: who writes is answered at the address as
//! written, and is whom [`identity`] says. Deliberately absent: whether anybody reads what is sent there.

pub mod email;
pub mod phone;

use crate::ChannelKind;

/// Longest address, in bytes.
pub const MAX_BYTES: usize = 1024;

/// Why a text is no address; for people, and without the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    #[error("no kind of address; known are email, phone and the names of the other channel types")]
    Kind,
    #[error("not an e-mail address")]
    Email,
    #[error(
        "an e-mail address has no characters that are invisible or turn the direction of text; type it anew"
    )]
    Invisible,
    #[error("not a telephone number with its country, such as +4915112345678")]
    Phone,
    #[error("an address has 1 to 1024 bytes and no control characters")]
    Text,
}

/// The kind of address that a name stands for: one of [`ChannelKind::address_kind`], or a channel type.
#[must_use]
pub fn kind(name: &str) -> Option<&'static str> {
    ChannelKind::ALL
        .into_iter()
        .find(|kind| kind.name() == name || kind.address_kind() == name)
        .map(ChannelKind::address_kind)
}

/// The one form of an address a person gives.
///
/// # Errors
/// When it is none of its kind.
pub fn canonical(kind: &str, address: &str) -> Result<String, AddressError> {
    let kind = self::kind(kind).ok_or(AddressError::Kind)?;
    let address = address.trim();
    if address.is_empty() || address.len() > MAX_BYTES || address.chars().any(char::is_control) {
        return Err(AddressError::Text);
    }
    match kind {
        "email" if email::has_invisible(address) => Err(AddressError::Invisible),
        "email" => email::canonical(address).ok_or(AddressError::Email),
        "phone" => match address.split_once(':') {
            // Another address than the bare number: see `phone`.
            Some((channel, number)) if channel.bytes().all(|byte| byte.is_ascii_alphabetic()) => {
                phone::e164(number)
                    .filter(|_| !channel.is_empty())
                    .map(|number| format!("{}:{number}", channel.to_ascii_lowercase()))
            }
            _ => phone::e164(address),
        }
        .ok_or(AddressError::Phone),
        // Who hides the number has an id instead: `US.1349…`.
        "whatsapp" if is_scoped_id(address) => Ok(address.to_owned()),
        // The platform's id of a person is the number's digits.
        "whatsapp" => {
            let number = if address.starts_with(['+', '0']) {
                phone::e164(address)
            } else {
                phone::e164(&format!("+{address}"))
            };
            number
                .and_then(|number| number.strip_prefix('+').map(str::to_owned))
                .ok_or(AddressError::Phone)
        }
        _ => Ok(address.to_owned()),
    }
}

/// Who an address is that a platform tells of.
#[must_use]
pub fn identity(kind: &str, address: &str) -> String {
    match kind {
        "email" => email::identity(address),
        _ => address.to_owned(),
    }
}

/// A business-scoped user id
/// (<https://developers.facebook.com/documentation/business-messaging/whatsapp/business-scoped-user-ids>).
fn is_scoped_id(address: &str) -> bool {
    address.split_once('.').is_some_and(|(country, id)| {
        country.len() == 2
            && country.bytes().all(|byte| byte.is_ascii_uppercase())
            && !id.is_empty()
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_kind_has_its_form() {
        for (kind, given, form) in [
            ("email", " Ann@EXAMPLE.Org ", Ok("ann@example.org")),
            (
                "gmail",
                "ann@xn--bcher-kva.example",
                Ok("ann@bücher.example"),
            ),
            ("email", "ann", Err(AddressError::Email)),
            ("email", "a\u{200b}nn@x.org", Err(AddressError::Invisible)),
            ("gmail", "\u{202e}ann@x.org", Err(AddressError::Invisible)),
            ("phone", "+49 (0) 30 1234567", Ok("+49301234567")),
            (
                "twilio",
                "WhatsApp:+44 7700 900123",
                Ok("whatsapp:+447700900123"),
            ),
            ("phone", "030 1234567", Err(AddressError::Phone)),
            ("whatsapp", "+49 151 12345678", Ok("4915112345678")),
            ("whatsapp", "4915112345678", Ok("4915112345678")),
            (
                "whatsapp",
                "US.13491208655302741918",
                Ok("US.13491208655302741918"),
            ),
            ("whatsapp", "ann", Err(AddressError::Phone)),
            ("telegram", " 42 ", Ok("42")),
            ("telegram", "4\u{7}2", Err(AddressError::Text)),
            ("telegram", "  ", Err(AddressError::Text)),
            ("pigeon", "42", Err(AddressError::Kind)),
        ] {
            assert_eq!(
                canonical(kind, given),
                form.map(str::to_owned),
                "{kind} {given}"
            );
        }
    }

    proptest! {
        #[test]
        fn the_form_of_a_form_is_itself(place in 0usize..16, text in "(\\+|00|whatsapp:\\+|.{0,4}@|)[0-9a-z.()ü -]{0,20}") {
            let kind = ChannelKind::ALL[place].address_kind();
            if let Ok(form) = canonical(kind, &text) {
                prop_assert_eq!(canonical(kind, &form), Ok(form.clone()));
            }
        }
    }
}
