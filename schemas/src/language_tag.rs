//! Language tags (BCP 47, RFC 5646): whether a text is well-formed as one, and its recommended case (2.1.1).
//!
//! Deliberately absent: the registry. `xx-XX` is well-formed, and nobody's.

/// Longest tag.
pub const MAX_BYTES: usize = 35;

/// The tag as it is recommended to be written (`de-AT`, `zh-Hant-TW`), or none where it is not well-formed.
#[must_use]
pub fn canonical(tag: &str) -> Option<String> {
    if tag.len() > MAX_BYTES {
        return None;
    }
    let mut form = String::with_capacity(tag.len());
    let mut singleton = false;
    for (place, part) in tag.split('-').enumerate() {
        let letters = part.bytes().all(|byte| byte.is_ascii_alphabetic());
        let alphanumeric = part.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if place == 0 {
            if !letters || !(2..=8).contains(&part.len()) {
                return None;
            }
            form.push_str(&part.to_ascii_lowercase());
            continue;
        }
        if !alphanumeric || !(1..=8).contains(&part.len()) {
            return None;
        }
        form.push('-');
        match part.len() {
            2 if !singleton => form.push_str(&part.to_ascii_uppercase()),
            4 if !singleton && letters => {
                let (first, rest) = part.split_at_checked(1)?;
                form.push_str(&first.to_ascii_uppercase());
                form.push_str(&rest.to_ascii_lowercase());
            }
            _ => form.push_str(&part.to_ascii_lowercase()),
        }
        singleton |= part.len() == 1;
    }
    // A singleton says what follows; nothing may not.
    let is_open = form.len() >= 2 && form.as_bytes().iter().rev().nth(1) == Some(&b'-');
    (!is_open).then_some(form)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn tags_have_a_recommended_case() {
        for (given, form) in [
            ("DE", Some("de")),
            ("de-at", Some("de-AT")),
            ("zh-hant-tw", Some("zh-Hant-TW")),
            ("es-419", Some("es-419")),
            ("en-u-CA-gregory", Some("en-u-ca-gregory")),
            ("de-CH-1996", Some("de-CH-1996")),
            ("", None),
            ("d", None),
            ("de_AT", None),
            ("de-", None),
            ("-de", None),
            ("de-x", None),
            ("deutsch sprache", None),
            ("dé", None),
            ("de-abcdefghi", None),
        ] {
            assert_eq!(canonical(given).as_deref(), form, "{given}");
        }
    }

    proptest! {
        #[test]
        fn the_form_of_a_form_is_itself(tag in "[a-zA-Z]{1,4}(-[a-zA-Z0-9]{1,9}){0,4}") {
            if let Some(form) = canonical(&tag) {
                prop_assert_eq!(canonical(&form), Some(form.clone()));
            }
        }
    }
}
