//! Signing mail: DKIM (RFC 6376) with RSA or Ed25519 (RFC 8463), `relaxed` in head and body.
//!
//! Invariants: a mail is signed as it leaves, and a second try has the same signature; the name of who wrote it, whom it is
//! to, its subject and its date are signed once more than they stand there, so that nobody can add another one; the headers
//! by which people unsubscribe are signed (RFC 8058 asks for it). Deliberately absent: `l=` (a body that may be added to),
//! `x=` (queues may be long), keys of less than 2048 bits (RFC 8301).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ring::{
    rand::SystemRandom,
    signature::{Ed25519KeyPair, RSA_PKCS1_SHA256, RsaKeyPair},
};
use sha2::{Digest, Sha256};

use super::super::{Account, Failure, Misconfigured};

/// What is signed when it is there (RFC 6376, 5.4.1).
const SIGNED: [&str; 19] = [
    "from",
    "to",
    "cc",
    "reply-to",
    "subject",
    "date",
    "message-id",
    "in-reply-to",
    "references",
    "mime-version",
    "content-type",
    "content-transfer-encoding",
    "list-id",
    "list-unsubscribe",
    "list-unsubscribe-post",
    "feedback-id",
    "auto-submitted",
    "sender",
    "resent-from",
];
/// What is signed once more than it is there.
const SEALED: [&str; 7] = [
    "from",
    "to",
    "reply-to",
    "subject",
    "date",
    "message-id",
    "content-type",
];
/// Characters of base64 in a line of the header.
const LINE_CHARS: usize = 72;

/// Signs a channel's mail.
pub(super) struct Signer {
    domain: String,
    selector: String,
    key: Key,
    random: SystemRandom,
}

enum Key {
    Rsa(Box<RsaKeyPair>),
    Ed25519(Ed25519KeyPair),
}

impl Signer {
    /// Of a channel; none when it has no key. The domain is that of `from` unless another one is given.
    pub(super) fn of(account: &Account<'_>, from: &str) -> Result<Option<Self>, Misconfigured> {
        let given = |name| account.credential_text(name).ok();
        let Some(pem) = given("dkim_private_key") else {
            return Ok(None);
        };
        let invalid = |name, problem| Misconfigured::Invalid { name, problem };
        let domain = given("dkim_domain").unwrap_or(from);
        let domain = idna::domain_to_ascii(domain)
            .ok()
            .filter(|domain| is_name(domain))
            .ok_or_else(|| invalid("dkim_domain", "is not a domain"))?;
        let selector = given("dkim_selector")
            .filter(|selector| is_name(selector))
            .ok_or_else(|| invalid("dkim_selector", "must be letters, digits, `-` and dots"))?;
        let key = Key::read(pem).ok_or_else(|| {
            invalid(
                "dkim_private_key",
                "must be PEM: an RSA key of at least 2048 bits, or an Ed25519 key (PKCS #8), as `tidings dkim` makes them",
            )
        })?;
        Ok(Some(Self {
            domain,
            selector: selector.to_owned(),
            key,
            random: SystemRandom::new(),
        }))
    }

    /// The mail with its signature before it. `at` is in seconds since 1970.
    pub(super) fn sign(&self, mail: &[u8], at: u64) -> Result<Vec<u8>, Failure> {
        let (head, body) = parts(mail);
        let fields = fields(head);
        let names = signed_names(&fields);
        let algorithm = match &self.key {
            Key::Rsa(_) => "rsa-sha256",
            Key::Ed25519(_) => "ed25519-sha256",
        };
        let (domain, selector) = (&self.domain, &self.selector);
        let names = names.join(":");
        let listed = folded(&names, ':', LINE_CHARS);
        let body_hash = STANDARD.encode(Sha256::digest(relaxed_body(body)));
        let unsigned = format!(
            "DKIM-Signature: v=1; a={algorithm}; c=relaxed/relaxed;\r\n\td={domain}; s={selector}; t={at};\r\n\th={listed};\r\n\tbh={body_hash};\r\n\tb="
        );
        let signed = signed_bytes(&fields, names.split(':'), unsigned.as_bytes());
        let signature = self.key.sign(&self.random, &signed).ok_or_else(|| {
            Failure::channel("dkim", "the key of `dkim_private_key` does not sign")
        })?;
        let signature = STANDARD.encode(signature);
        let mut out = Vec::with_capacity(unsigned.len() + signature.len() + 32 + mail.len());
        out.extend_from_slice(unsigned.as_bytes());
        for (place, letter) in signature.bytes().enumerate() {
            if place > 0 && place % LINE_CHARS == 0 {
                out.extend_from_slice(b"\r\n\t");
            }
            out.push(letter);
        }
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(mail);
        Ok(out)
    }
}

impl Key {
    fn read(pem: &str) -> Option<Self> {
        if let Some(der) = block(pem, "RSA PRIVATE KEY") {
            return Some(Self::Rsa(Box::new(RsaKeyPair::from_der(&der).ok()?)));
        }
        let der = block(pem, "PRIVATE KEY")?;
        RsaKeyPair::from_pkcs8(&der)
            .map(|key| Self::Rsa(Box::new(key)))
            .or_else(|_| Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der).map(Self::Ed25519))
            .ok()
    }

    fn sign(&self, random: &SystemRandom, bytes: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::Rsa(key) => {
                let mut signature = vec![0; key.public().modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, random, bytes, &mut signature)
                    .ok()?;
                Some(signature)
            }
            // Of the hash, not of the bytes (RFC 8463, section 3).
            Self::Ed25519(key) => Some(key.sign(&Sha256::digest(bytes)).as_ref().to_vec()),
        }
    }
}

/// Labels of letters, digits and hyphens.
fn is_name(text: &str) -> bool {
    (1..=253).contains(&text.len())
        && text.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && label
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        })
}

/// The bytes between the lines of a PEM.
fn block(pem: &str, label: &str) -> Option<Vec<u8>> {
    let (_, rest) = pem.split_once(&format!("-----BEGIN {label}-----"))?;
    let (inside, _) = rest.split_once(&format!("-----END {label}-----"))?;
    let base64: String = inside.split_ascii_whitespace().collect();
    STANDARD.decode(base64).ok()
}

/// Head and body, without the empty line between them.
fn parts(mail: &[u8]) -> (&[u8], &[u8]) {
    let end = mail.windows(4).position(|four| four == b"\r\n\r\n");
    match end.and_then(|end| mail.split_at_checked(end + 2)) {
        Some((head, rest)) => (head, rest.get(2..).unwrap_or_default()),
        None => (mail, &[]),
    }
}

/// The fields of a head, each with its folds: name in lower case, and the whole of it.
fn fields(head: &[u8]) -> Vec<(String, &[u8])> {
    let mut fields = Vec::new();
    let mut rest = head;
    while !rest.is_empty() {
        // To the first line end that no blank follows.
        let mut end = 0;
        loop {
            let line = rest.get(end..).unwrap_or_default();
            let length = line
                .iter()
                .position(|byte| *byte == b'\n')
                .map_or(line.len(), |place| place + 1);
            end += length;
            if length == 0 || !matches!(rest.get(end), Some(b' ' | b'\t')) {
                break;
            }
        }
        let Some((field, after)) = rest.split_at_checked(end) else {
            break;
        };
        if let Some(colon) = field.iter().position(|byte| *byte == b':') {
            let name = String::from_utf8_lossy(field.get(..colon).unwrap_or_default());
            fields.push((name.trim().to_ascii_lowercase(), field));
        }
        rest = after;
    }
    fields
}

fn signed_names(fields: &[(String, &[u8])]) -> Vec<&'static str> {
    SIGNED
        .into_iter()
        .flat_map(|name| {
            let there = fields.iter().filter(|(known, _)| known == name).count();
            let more = usize::from(SEALED.contains(&name));
            std::iter::repeat_n(name, there + more)
        })
        .collect()
}

/// What is hashed: the named fields, of repeated ones the last first, and the signature's own without what it signs.
fn signed_bytes<'n>(
    fields: &[(String, &[u8])],
    names: impl Iterator<Item = &'n str>,
    own: &[u8],
) -> Vec<u8> {
    let mut out = Vec::new();
    let mut used = vec![false; fields.len()];
    for name in names {
        let found = fields
            .iter()
            .zip(&mut used)
            .rev()
            .find(|((known, _), used)| known == name && !**used);
        if let Some(((_, field), used)) = found {
            *used = true;
            relaxed_field(field, &mut out);
            out.extend_from_slice(b"\r\n");
        }
    }
    relaxed_field(own, &mut out);
    out
}

/// RFC 6376, 3.4.2, without the line end.
fn relaxed_field(field: &[u8], out: &mut Vec<u8>) {
    let colon = field.iter().position(|byte| *byte == b':');
    let (name, value) = field.split_at(colon.unwrap_or(field.len()));
    out.extend(name.trim_ascii().iter().map(u8::to_ascii_lowercase));
    out.push(b':');
    let value = value.get(1..).unwrap_or_default().trim_ascii();
    let mut blank = false;
    for byte in value {
        match byte {
            b'\r' | b'\n' => {}
            b' ' | b'\t' => blank = true,
            byte => {
                if std::mem::take(&mut blank) {
                    out.push(b' ');
                }
                out.push(*byte);
            }
        }
    }
}

/// RFC 6376, 3.4.4.
fn relaxed_body(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len() + 2);
    // How much of `out` is more than empty lines at the end.
    let mut kept = 0;
    let mut lines = body.split(|byte| *byte == b'\n').peekable();
    while let Some(line) = lines.next() {
        if lines.peek().is_none() && line.is_empty() {
            break;
        }
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let mut blank = false;
        let start = out.len();
        for byte in line {
            if matches!(byte, b' ' | b'\t') {
                blank = true;
                continue;
            }
            if std::mem::take(&mut blank) {
                out.push(b' ');
            }
            out.push(*byte);
        }
        let is_empty = out.len() == start;
        out.extend_from_slice(b"\r\n");
        if !is_empty {
            kept = out.len();
        }
    }
    out.truncate(kept);
    out
}

/// With line ends behind some of the separators.
fn folded(text: &str, separator: char, chars: usize) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    let mut line = 0;
    for (place, word) in text.split(separator).enumerate() {
        if place > 0 {
            out.push(separator);
            if line + word.len() > chars {
                out.push_str("\r\n\t ");
                line = 0;
            }
        }
        out.push_str(word);
        line += word.len() + 1;
    }
    out
}

#[cfg(test)]
pub(super) use tests::assert_signed;

#[cfg(test)]
#[path = "dkim_tests.rs"]
mod tests;
