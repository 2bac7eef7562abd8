//! Addresses as they stand in mails and commands.
//!
//! Domains are written as A-labels (RFC 5890), which every server takes; a local part outside ASCII has no other form and
//! needs a relay that offers SMTPUTF8 (RFC 6531).

use lettre::{Address, message::Mailbox};
use schemas::invisible::straight;
use serde_json::Value;

use super::super::Failure;

/// Most addresses of one header.
const MAX_ADDRESSES: usize = 50;

/// An address on the wire.
pub(super) fn wire(address: &str) -> Result<Address, Failure> {
    let refused = || Failure::message("address", "not an e-mail address");
    let (local, domain) = address.trim().rsplit_once('@').ok_or_else(refused)?;
    let domain = if domain.is_ascii() {
        domain.to_owned()
    } else {
        idna::domain_to_ascii(domain).map_err(|_| refused())?
    };
    Address::new(local, domain).map_err(|_| refused())
}

/// A mailbox with its name as [`shown`].
pub(super) fn mailbox(name: Option<&str>, address: &str) -> Result<Mailbox, Failure> {
    let name = name.map(shown).filter(|name| !name.is_empty());
    Ok(Mailbox::new(name, wire(address)?))
}

/// The addresses of a message's metadata: a list, or one text with commas; each `address` or `Name <address>`.
pub(super) fn list(given: Option<&Value>) -> Result<Vec<Mailbox>, Failure> {
    let texts: Vec<&str> = match given {
        Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).collect(),
        Some(Value::String(text)) => text.split([',', ';']).collect(),
        _ => Vec::new(),
    };
    texts
        .into_iter()
        .map(str::trim)
        .filter(|text| !text.is_empty())
        .take(MAX_ADDRESSES)
        .map(|text| match text.rsplit_once('<') {
            Some((name, address)) => mailbox(
                Some(name.trim().trim_matches('"')),
                address.trim_end_matches('>'),
            ),
            None => mailbox(None, text),
        })
        .collect()
}

/// `local+tag@domain` (RFC 5233); `None` when the local part grows too long (RFC 5321, 4.5.3.1.1).
pub(super) fn tagged(address: &Address, tag: &str) -> Option<Address> {
    let local = format!("{}+{tag}", address.user());
    (local.len() <= 64).then(|| Address::new(local, address.domain()).ok())?
}

/// A name as it stands before an address: one line, and nothing that would turn the address around.
pub(super) fn shown(name: &str) -> String {
    one_line(&straight(name))
}

/// Control characters, line ends among them, become spaces.
pub(super) fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect::<String>()
        .trim()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn domains_are_labels_on_the_wire() {
        let on_wire = |address: &str| wire(address).unwrap().to_string();
        assert_eq!(on_wire("ann@bücher.example"), "ann@xn--bcher-kva.example");
        assert_eq!(on_wire("jörg@bücher.example"), "jörg@xn--bcher-kva.example");
        assert_eq!(on_wire(" ann@example.org "), "ann@example.org");
        for none in [
            "",
            "ann",
            "ann@",
            "@example.org",
            "a b@example.org",
            "a@b\r\nRCPT TO:<c@d>",
        ] {
            assert!(wire(none).is_err(), "{none}");
        }
    }

    #[test]
    fn a_name_turns_nothing_around() {
        let written = |name: &str| mailbox(Some(name), "ann@example.org").unwrap().to_string();
        assert_eq!(written("Ann\u{202e}\r\nX"), "Ann  X <ann@example.org>");
        assert_eq!(written("\u{2066}\u{200f}"), "ann@example.org");
    }

    #[test]
    fn lists_are_read_in_either_form() {
        let read = |given: Value| {
            list(Some(&given)).map(|all| all.iter().map(ToString::to_string).collect::<Vec<_>>())
        };
        assert_eq!(
            read(json!("a@b.example, Bob <bob@b.example>")).unwrap(),
            ["a@b.example", "Bob <bob@b.example>"]
        );
        assert_eq!(read(json!(["a@b.example"])).unwrap(), ["a@b.example"]);
        assert!(read(json!("a@b.example\r\nBcc: eve@b.example")).is_err());
        assert!(list(None).unwrap().is_empty());
        assert!(read(json!(5)).unwrap().is_empty());
    }

    #[test]
    fn a_tag_that_makes_an_address_too_long_is_left_out() {
        let address = |local: &str| Address::new(local, "example.org").unwrap();
        let tagged_address = tagged(&address("desk"), "tag").unwrap();
        assert_eq!(tagged_address.to_string(), "desk+tag@example.org");
        assert_eq!(tagged(&address(&"x".repeat(40)), &"t".repeat(34)), None);
    }
}
