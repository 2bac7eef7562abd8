//! What a credential or a setting means, and so what it may be.
//!
//! Only what can be told from the value alone is told here: whether a key is the platform's is for the platform to say, in a
//! channel test. Invariants: pure; nothing here repeats a value; what is wanted reads the same in the page, the refusal and
//! the check, since all three come from the same [`Form`].

use std::net::IpAddr;

use serde_json::Value;
use url::Url;

use crate::address::email::has_invisible;

use super::{
    Field,
    pem::{self, Pem},
    shape::{self, Part},
};

/// Longest text, in bytes.
const MAX_BYTES: usize = 4096;
/// Of addresses that are called and posted to.
const HTTP: [&str; 2] = ["https", "http"];
/// Longest list.
const MAX_ITEMS: usize = 1000;
/// Messages per second that can be kept to.
const RATES: std::ops::RangeInclusive<f64> = 0.0001..=1_000_000.0;
const MAX_BURST: u64 = u32::MAX as u64;

/// What a field may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// One line, without blanks at its ends.
    Text,
    /// One line of at most so many characters, for people.
    Line(usize),
    /// At most so many characters in any number of lines, for people.
    Words(usize),
    /// As [`Form::Text`], of at least so many bytes.
    Secret(usize),
    /// One line, which may have blanks anywhere.
    Password,
    /// What goes into a header: visible ASCII.
    Token,
    /// The parts one after the other.
    Like(&'static [Part]),
    Uuid,
    /// A key or certificate (RFC 7468).
    Pem(Pem),
    /// A public key on P-256: the base64 of its DER, as `SendGrid` shows it.
    P256Key,
    /// An `http` or `https` address.
    Url,
    /// As [`Form::Url`], to which paths are added: without a query.
    Base,
    /// A `wss` or `ws` address.
    Socket,
    /// A page's origin as browsers send it (RFC 6454).
    Origin,
    /// A name (RFC 1123, or an internationalized one) or an IP address.
    Host,
    /// `local@domain`.
    Email,
    /// An address, or `Name <address>`.
    Mailbox,
    /// Who a text message is from: a number, a short code or a name, after a channel such as `whatsapp:` where there is one.
    Sender,
    /// A language tag (RFC 5646).
    Language,
    Flag,
    /// Whole, between the two.
    Number(u64, u64),
    OneOf(&'static [&'static str]),
    /// Messages per second, `{"per_second", "burst"}`, or null for none.
    Rate,
    List(&'static Form),
    Fields(&'static [Field]),
}

impl Form {
    /// Whether a value is of this form. Of lists and objects, whether it is one: their parts are checked one by one.
    #[must_use]
    pub fn fits(self, value: &Value) -> bool {
        match self {
            Self::Flag => value.is_boolean(),
            Self::Number(least, most) => value
                .as_u64()
                .is_some_and(|number| (least..=most).contains(&number)),
            Self::Rate => rate(value),
            Self::List(_) => value.as_array().is_some_and(|list| list.len() <= MAX_ITEMS),
            Self::Fields(_) => value.is_object(),
            _ => value.as_str().is_some_and(|text| self.is_written(text)),
        }
    }

    /// Whether a text is of this form; of forms that are texts.
    fn is_written(self, text: &str) -> bool {
        match self {
            Self::Words(most) => {
                let plain = |c: char| !c.is_control() || matches!(c, '\n' | '\r' | '\t');
                has_most(text, most) && !text.trim().is_empty() && text.chars().all(plain)
            }
            Self::Line(most) => has_most(text, most) && is_line(text),
            Self::Pem(pem) => text.len() <= 4 * MAX_BYTES && pem.fits(text),
            _ if text.len() > MAX_BYTES => false,
            Self::Text => is_line(text),
            Self::Secret(least) => text.len() >= least && is_line(text),
            Self::Password => !text.is_empty() && !text.contains(['\0', '\r', '\n']),
            Self::Token => !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic()),
            Self::Like(parts) => shape::fits(parts, text),
            Self::P256Key => pem::is_p256(text),
            Self::Uuid => text.len() == 36 && text.parse::<uuid::Uuid>().is_ok(),
            Self::Url => address(text, HTTP).is_some(),
            Self::Base => address(text, HTTP).is_some_and(|url| url.query().is_none()),
            Self::Socket => address(text, ["wss", "ws"]).is_some(),
            Self::Origin => is_origin(text),
            Self::Host => is_host(text),
            Self::Email => is_email(text),
            Self::Mailbox => is_mailbox(text),
            Self::Sender => is_sender(text),
            Self::Language => is_language(text),
            Self::OneOf(words) => words.contains(&text),
            Self::Flag | Self::Number(..) | Self::Rate | Self::List(_) | Self::Fields(_) => false,
        }
    }

    /// What it must be, to be read after "this must be".
    #[must_use]
    pub fn wanted(self) -> String {
        match self {
            Self::Text => "a text of one line, without blanks at its ends".into(),
            Self::Line(most) => format!("1 to {most} characters in one line, without blanks at its ends"),
            Self::Words(most) => format!("a text of 1 to {most} characters"),
            Self::Secret(least) => {
                format!("{least} to {MAX_BYTES} bytes in one line, without blanks at its ends")
            }
            Self::Password => "a text of one line".into(),
            Self::Token => "letters, digits and signs without blanks".into(),
            Self::Like(parts) => shape::wanted(parts),
            Self::Uuid => "a UUID with its four hyphens".into(),
            Self::Pem(pem) => pem.wanted().into(),
            Self::P256Key => {
                "a public key on P-256 as one line of base64 without `-----BEGIN …-----`: 124 characters, `MFkwEwYHKoZIzj0C…` as the platform shows it".into()
            }
            Self::Url => "an `https://` or `http://` address without user, password and fragment".into(),
            Self::Base => {
                "an `https://` or `http://` address without user, password, query and fragment".into()
            }
            Self::Socket => "a `wss://` or `ws://` address without user, password and fragment".into(),
            Self::Origin => {
                "an origin as browsers send it: `https://` or `http://`, a host (in ASCII, no `*`), a port unless it is the usual one, and no path".into()
            }
            Self::Host => "a host's name or IP address, without protocol, port and path".into(),
            Self::Email => "an e-mail address, `local@domain`".into(),
            Self::Mailbox => "an e-mail address, `local@domain` or `Name <local@domain>`".into(),
            Self::Sender => {
                "a number (`+` and 7 to 15 digits), a short code or id (3 to 20 digits), a name of at most 64 letters, digits, blanks and `.-_&`, or one of these after its channel, as in `whatsapp:+4930123456`".into()
            }
            Self::Language => "a language tag such as `en-US`".into(),
            Self::Flag => "`true` or `false`".into(),
            Self::Number(least, most) => format!("a whole number from {least} to {most}"),
            Self::OneOf(words) => {
                let words: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
                match words.as_slice() {
                    [rest @ .., last] if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
                    words => words.join(", "),
                }
            }
            Self::Rate => {
                "messages per second (above zero), `{\"per_second\": 5, \"burst\": 10}` with a whole burst from 1, or `null` for none".into()
            }
            Self::List(of) => format!("a list of at most {MAX_ITEMS}, each {}", of.wanted()),
            Self::Fields(fields) => {
                let names: Vec<String> = fields.iter().map(|field| format!("`{}`", field.name)).collect();
                format!("an object of {}", names.join(", "))
            }
        }
    }
}

fn has_most(text: &str, most: usize) -> bool {
    text.chars().nth(most).is_none()
}

fn is_line(text: &str) -> bool {
    !text.is_empty() && text.trim() == text && !text.chars().any(char::is_control)
}

fn rate(value: &Value) -> bool {
    let per_second = |value: &Value| value.as_f64().is_some_and(|rate| RATES.contains(&rate));
    let burst = |value: &Value| {
        value
            .as_u64()
            .is_some_and(|burst| (1..=MAX_BURST).contains(&burst))
    };
    match value {
        Value::Null => true,
        Value::Object(fields) => {
            fields.get("per_second").is_some_and(per_second)
                && fields.get("burst").is_none_or(burst)
                && fields
                    .keys()
                    .all(|name| matches!(name.as_str(), "per_second" | "burst"))
        }
        number => per_second(number),
    }
}

fn address(text: &str, schemes: [&str; 2]) -> Option<Url> {
    // The parser would leave such characters out.
    if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return None;
    }
    let url = Url::parse(text).ok()?;
    let is_plain = schemes.contains(&url.scheme())
        && url.has_host()
        && url.username().is_empty()
        && url.password().is_none()
        && url.fragment().is_none();
    // The parser takes `https:host` as well, which others do not.
    let written = text.get(..url.scheme().len() + 3)?;
    (is_plain && written.to_ascii_lowercase().ends_with("://")).then_some(url)
}

fn is_origin(text: &str) -> bool {
    let Some(url) = address(text, HTTP) else {
        return false;
    };
    let origin = url.origin().ascii_serialization();
    let given = text.strip_suffix('/').unwrap_or(text);
    origin.eq_ignore_ascii_case(given) && !text.contains('*')
}

fn is_host(text: &str) -> bool {
    text.parse::<IpAddr>().is_ok() || is_domain(text)
}

fn is_domain(text: &str) -> bool {
    let letter = |c: char| match c {
        '-' | '_' => true,
        c if c.is_ascii() => c.is_ascii_alphanumeric(),
        c => !c.is_control() && !c.is_whitespace(),
    };
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(letter)
    };
    let name = text.strip_suffix('.').unwrap_or(text);
    // All digits: an IP address with a mistake in it.
    let is_named = name
        .rsplit('.')
        .next()
        .is_some_and(|last| !last.bytes().all(|byte| byte.is_ascii_digit()));
    text.len() <= 253 && is_named && name.split('.').all(label)
}

fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else {
        return false;
    };
    let quoted = local.len() > 2 && local.starts_with('"') && local.ends_with('"');
    let atoms = local.split('.').all(|atom| !atom.is_empty())
        && !local.contains(['<', '>', '(', ')', '[', ']', ':', ';', ',', '@', '\\', '"']);
    let literal = domain
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .map(|rest| rest.strip_prefix("IPv6:").unwrap_or(rest));
    !text.chars().any(|c| c.is_control() || c.is_whitespace())
        && !has_invisible(text)
        && local.len() <= 64
        && (quoted || atoms)
        && literal.map_or_else(
            || is_domain(domain),
            |address| address.parse::<IpAddr>().is_ok(),
        )
}

fn is_mailbox(text: &str) -> bool {
    if !is_line(text) {
        return false;
    }
    match text
        .strip_suffix('>')
        .and_then(|rest| rest.rsplit_once('<'))
    {
        Some((name, address)) => !name.contains(['<', '>']) && is_email(address.trim()),
        None => is_email(text),
    }
}

fn is_sender(text: &str) -> bool {
    if !is_line(text) {
        return false;
    }
    if let Some((channel, rest)) = text.split_once(':') {
        let is_channel = (2..=16).contains(&channel.len())
            && channel
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        let is_rest =
            (1..=256).contains(&rest.len()) && rest.bytes().all(|byte| byte.is_ascii_graphic());
        return is_channel && is_rest && (!rest.starts_with('+') || is_number(rest));
    }
    if text.starts_with('+') {
        return is_number(text);
    }
    if text.chars().all(|c| c.is_ascii_digit()) {
        return (3..=20).contains(&text.len());
    }
    let in_name = |c: char| c.is_alphanumeric() || matches!(c, ' ' | '.' | '-' | '_' | '&');
    has_most(text, 64) && text.chars().all(in_name) && text.chars().any(char::is_alphabetic)
}

/// E.164, which people group by blanks, hyphens and brackets.
fn is_number(text: &str) -> bool {
    let Some(rest) = text.strip_prefix('+') else {
        return false;
    };
    let digits = rest.chars().filter(char::is_ascii_digit).count();
    let grouping = |c: char| c.is_ascii_digit() || matches!(c, ' ' | '-' | '.' | '(' | ')');
    (7..=15).contains(&digits) && rest.chars().all(grouping)
}

fn is_language(text: &str) -> bool {
    let mut subtags = text.split('-');
    let first = subtags.next().unwrap_or_default();
    (2..=8).contains(&first.len())
        && first.bytes().all(|byte| byte.is_ascii_alphabetic())
        && subtags.all(|tag| {
            (1..=8).contains(&tag.len()) && tag.bytes().all(|byte| byte.is_ascii_alphanumeric())
        })
}

#[cfg(test)]
#[path = "form_tests.rs"]
mod tests;
