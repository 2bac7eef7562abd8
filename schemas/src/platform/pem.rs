//! Keys and certificates as text (RFC 7468), looked at from outside: whether all of it is there, and of which kind it is.
//!
//! Deliberately absent: the mathematics; who signs with a key finds out whether it does.

use base64::{Engine as _, engine::general_purpose::STANDARD};

/// `1.2.840.113549.1.1.1`, `rsaEncryption` (RFC 8017), as DER writes it.
const RSA: &[u8] = &[
    0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01,
];
/// The fewest bytes of a real one: an RSA key of 512 bits has more.
const LEAST_BYTES: usize = 200;
const SEQUENCE: u8 = 0x30;

/// What is written as PEM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pem {
    /// An RSA private key, in PKCS #8 or PKCS #1, not encrypted.
    RsaKey,
    Certificate,
}

impl Pem {
    /// Whether a text is one, from its first line to its last.
    pub(super) fn fits(self, text: &str) -> bool {
        match self {
            Self::RsaKey => {
                let of_kind = |der: Vec<u8>| der.windows(RSA.len()).any(|window| window == RSA);
                block(text, "PRIVATE KEY").is_some_and(of_kind)
                    || block(text, "RSA PRIVATE KEY").is_some()
            }
            Self::Certificate => block(text, "CERTIFICATE").is_some(),
        }
    }

    pub(super) const fn wanted(self) -> &'static str {
        match self {
            Self::RsaKey => {
                "an RSA private key as PEM, not encrypted, with its line breaks: all from `-----BEGIN PRIVATE KEY-----` to `-----END PRIVATE KEY-----`"
            }
            Self::Certificate => {
                "a certificate as PEM, with its line breaks: all from `-----BEGIN CERTIFICATE-----` to `-----END CERTIFICATE-----`"
            }
        }
    }
}

/// The bytes between the lines, when they are one whole DER sequence.
fn block(text: &str, label: &str) -> Option<Vec<u8>> {
    let (_, rest) = text.split_once(&format!("-----BEGIN {label}-----"))?;
    let (inside, _) = rest.split_once(&format!("-----END {label}-----"))?;
    let base64: String = inside.split_ascii_whitespace().collect();
    let der = STANDARD.decode(base64).ok()?;
    (der.len() >= LEAST_BYTES && is_sequence(&der)).then_some(der)
}

/// Whether the bytes are one sequence of exactly their length.
fn is_sequence(der: &[u8]) -> bool {
    let [SEQUENCE, first, rest @ ..] = der else {
        return false;
    };
    let length = match first {
        short @ 0..0x80 => return usize::from(*short) == rest.len(),
        long => usize::from(long & 0x7f),
    };
    let Some((length, content)) = rest.split_at_checked(length) else {
        return false;
    };
    length.len() <= 4
        && length
            .iter()
            .fold(0, |sum, byte| sum << 8 | usize::from(*byte))
            == content.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pem(label: &str, der: &[u8]) -> String {
        let base64 = STANDARD.encode(der);
        format!("-----BEGIN {label}-----\n{base64}\n-----END {label}-----\n")
    }

    fn der(inside: &[u8]) -> Vec<u8> {
        let mut content = inside.to_vec();
        content.resize(300, 7);
        [&[SEQUENCE, 0x82, 0x01, 0x2c], content.as_slice()].concat()
    }

    #[test]
    fn a_key_is_whole_and_of_its_kind() {
        let good = pem("PRIVATE KEY", &der(RSA));
        assert!(Pem::RsaKey.fits(&good));
        assert!(Pem::RsaKey.fits(&good.replace('\n', "\r\n")));
        assert!(Pem::RsaKey.fits(&pem("RSA PRIVATE KEY", &der(&[]))));
        assert!(Pem::Certificate.fits(&pem("CERTIFICATE", &der(&[]))));
        let cut = good.replace("-----END PRIVATE KEY-----", "");
        let short = der(RSA).split_at(250).0.to_vec();
        for bad in [
            "",
            "zz",
            "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----",
            "-----BEGIN PRIVATE KEY-----\nnot base64\n-----END PRIVATE KEY-----",
            &cut,
            // Of another algorithm, of another kind, and a part of one.
            &pem("PRIVATE KEY", &der(&[])),
            &pem("PUBLIC KEY", &der(RSA)),
            &pem("PRIVATE KEY", &short),
            &pem("CERTIFICATE", &der(&[])),
        ] {
            assert!(!Pem::RsaKey.fits(bad), "{bad}");
        }
    }
}
