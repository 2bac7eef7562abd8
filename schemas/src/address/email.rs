//! E-mail addresses: in lower case, the domain in Unicode (UTS 46), so that `xn--` labels and what they stand for are one
//! address. A host may tell `Ann` from `ann` (RFC 5321, 2.4), but none that people write to does, and two mails to one
//! person are worse than one to nobody. Of the part before `@` the letters A to Z alone have a case, as they do in the
//! database's queries.
//!
//! Deliberately absent: quoted local parts and address literals, which nobody's list of contacts needs.

use unicode_normalization::UnicodeNormalization;

use crate::invisible::is_invisible;

/// RFC 5321, 4.5.3.1.
const MAX_LOCAL: usize = 64;
const MAX_DOMAIN: usize = 253;

/// The one form of an address, or none where it is no address.
#[must_use]
pub fn canonical(address: &str) -> Option<String> {
    let (local, domain) = address.trim().rsplit_once('@')?;
    if has_invisible(address) {
        return None;
    }
    let local = self::local(local);
    let domain = self::domain(&domain.nfc().collect::<String>());
    (is_local(&local) && is_domain(&domain)).then(|| format!("{local}@{domain}"))
}

/// Who an address that a platform tells is, be it one that [`canonical`] refuses: the same for every spelling.
#[must_use]
pub fn identity(address: &str) -> String {
    let address = address.trim();
    canonical(address).unwrap_or_else(|| address.to_ascii_lowercase())
}

/// Whether an address has characters that nobody sees. Joiners are letters' business in names of domains, and IDNA's.
#[must_use]
pub fn has_invisible(address: &str) -> bool {
    let (local, domain) = address.rsplit_once('@').unwrap_or((address, ""));
    let in_domain = |c: char| is_invisible(c) && !matches!(c, '\u{200c}' | '\u{200d}');
    local.contains(is_invisible) || domain.contains(in_domain)
}

fn local(local: &str) -> String {
    // Composed before, for the sign of the Kelvin is a K; and after, for only small letters have some of their marks.
    let composed: String = local.nfc().collect();
    composed.to_ascii_lowercase().nfc().collect()
}

/// The one form of a domain. One that no label of DNS can hold is merely in lower case.
#[must_use]
pub fn domain(domain: &str) -> String {
    let lower = domain.to_lowercase();
    if lower.is_ascii() && !lower.contains("xn--") {
        return lower;
    }
    // Only what comes back as the same labels is another spelling of them.
    let labels = idna::domain_to_ascii(&lower).ok();
    let shown = labels.as_deref().and_then(|labels| {
        let (shown, valid) = idna::domain_to_unicode(labels);
        let same = idna::domain_to_ascii(&shown).ok().as_deref() == Some(labels);
        let bare = !shown.contains(char::is_whitespace);
        (valid.is_ok() && same && bare).then_some(shown)
    });
    shown.unwrap_or(lower)
}

/// A dot-atom (RFC 5322, 3.2.3), in any script (RFC 6532).
fn is_local(local: &str) -> bool {
    let is_atext = |c: char| {
        c.is_ascii_alphanumeric()
            || "!#$%&'*+-/=?^_`{|}~".contains(c)
            || (!c.is_ascii() && !c.is_control() && !c.is_whitespace())
    };
    (1..=MAX_LOCAL).contains(&local.len())
        && local
            .split('.')
            .all(|atom| !atom.is_empty() && atom.chars().all(is_atext))
}

/// Two labels or more that DNS can hold.
fn is_domain(domain: &str) -> bool {
    let Ok(labels) = idna::domain_to_ascii(domain) else {
        return false;
    };
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    labels.len() <= MAX_DOMAIN && labels.contains('.') && labels.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn addresses() {
        for (given, form) in [
            (" Ann.B@EXAMPLE.Org ", Some("ann.b@example.org")),
            ("JOE+News@x.org", Some("joe+news@x.org")),
            ("\u{212a}@x.org", Some("k@x.org")),
            ("H\u{331}@x.org", Some("\u{1e96}@x.org")),
            ("ann@BÜCHER.example", Some("ann@bücher.example")),
            ("ann@XN--BCHER-KVA.example", Some("ann@bücher.example")),
            ("ann@BU\u{308}CHER。example", Some("ann@bücher.example")),
            ("用户@例子.测试", Some("用户@例子.测试")),
            (
                "o'hara+news@mail.example.co",
                Some("o'hara+news@mail.example.co"),
            ),
            ("nobody", None),
            ("@example.org", None),
            ("ann@", None),
            ("ann@localhost", None),
            ("ann@example..org", None),
            ("ann@-example.org", None),
            ("ann@exa_mple.org", None),
            ("ann@[192.0.2.1]", None),
            (".ann@example.org", None),
            ("an n@example.org", None),
            ("Ann <ann@example.org>", None),
            ("ann@b@example.org", None),
            ("jo\u{202e}e@example.org", None),
            ("joe\u{200b}@example.org", None),
            ("joe@exam\u{ad}ple.org", None),
            ("joe@example\u{2060}.org", None),
            (
                "joe@نامه\u{200c}ای.example",
                Some("joe@نامه\u{200c}ای.example"),
            ),
        ] {
            assert_eq!(canonical(given).as_deref(), form, "{given}");
        }
        assert_eq!(identity(" Ann@[192.0.2.1] "), "ann@[192.0.2.1]");
        assert_eq!(identity("ANN@XN--BCHER-KVA.example"), "ann@bücher.example");
        assert_eq!(canonical(&format!("{}@a.example", "x".repeat(65))), None);
        assert_eq!(canonical(&format!("a@{}.example", "x".repeat(64))), None);
    }

    proptest! {
        #[test]
        fn the_form_of_a_form_is_itself(local in "[a-zA-ZäÄ\u{212a}\u{331}.+]{1,6}", text in any::<String>(), known in 0usize..5) {
            let domain = ["xn--bcher-kva.de", "faß.de", "XN--", "ÉCOLE.fr", ""][known];
            for address in [format!("{local}@{domain}{text}"), format!("{local}@{text}.{domain}"), text] {
                if let Some(form) = canonical(&address) {
                    prop_assert_eq!(canonical(&form), Some(form.clone()));
                }
            }
        }
    }
}
