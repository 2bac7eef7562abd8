//! Keys and certificates as text (RFC 7468, or the bare base64 of their DER), looked at from outside: whether all of it is
//! there, and of which kind it is.
//!
//! Deliberately absent: the mathematics; who signs with a key finds out whether it does.

use base64::{Engine as _, engine::general_purpose::STANDARD};

/// `1.2.840.113549.1.1.1`, `rsaEncryption` (RFC 8017), as DER writes it.
const RSA: &[u8] = &[
    0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01,
];
/// `1.3.101.112`, `id-Ed25519` (RFC 8410).
const ED25519: &[u8] = &[0x06, 0x03, 0x2b, 0x65, 0x70];
/// What stands before the point of a public key on P-256: the sequence, `id-ecPublicKey`, `secp256r1` and the string of bits
/// (RFC 5480), and the mark of a point with both coordinates (SEC 1, 2.3.3).
const P256: &[u8] = &[
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04,
];
/// Of both coordinates.
const POINT_BYTES: usize = 64;
/// The fewest bytes of a real one: an RSA key of 512 bits has more.
const LEAST_BYTES: usize = 200;
/// The fewest of an Ed25519 key in PKCS #8.
const LEAST_ED25519_BYTES: usize = 48;
const SEQUENCE: u8 = 0x30;

/// What is written as PEM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pem {
    /// An RSA private key, in PKCS #8 or PKCS #1, not encrypted.
    RsaKey,
    /// What signs mail (DKIM): as [`Pem::RsaKey`], or an Ed25519 key in PKCS #8.
    MailKey,
    Certificate,
}

/// Whether a text is a public key on P-256 as the base64 of its DER in one line.
pub(super) fn is_p256(text: &str) -> bool {
    STANDARD.decode(text.trim()).is_ok_and(|der| {
        let point = der.strip_prefix(P256);
        point.is_some_and(|point| point.len() == POINT_BYTES)
    })
}

impl Pem {
    /// Whether a text is one, from its first line to its last.
    pub(super) fn fits(self, text: &str) -> bool {
        match self {
            Self::RsaKey => {
                let of_kind = |der: Vec<u8>| der.windows(RSA.len()).any(|window| window == RSA);
                block(text, "PRIVATE KEY", LEAST_BYTES).is_some_and(of_kind)
                    || block(text, "RSA PRIVATE KEY", LEAST_BYTES).is_some()
            }
            Self::MailKey => {
                let of_kind =
                    |der: Vec<u8>| der.windows(ED25519.len()).any(|window| window == ED25519);
                Self::RsaKey.fits(text)
                    || block(text, "PRIVATE KEY", LEAST_ED25519_BYTES).is_some_and(of_kind)
            }
            Self::Certificate => block(text, "CERTIFICATE", LEAST_BYTES).is_some(),
        }
    }

    pub(super) const fn wanted(self) -> &'static str {
        match self {
            Self::RsaKey => {
                "an RSA private key as PEM, not encrypted, with its line breaks: all from `-----BEGIN PRIVATE KEY-----` to `-----END PRIVATE KEY-----`"
            }
            Self::MailKey => {
                "an RSA private key of at least 2048 bits or an Ed25519 one (PKCS #8) as PEM, not encrypted, with its line breaks: all from `-----BEGIN PRIVATE KEY-----` to `-----END PRIVATE KEY-----`; `tidings dkim` makes one"
            }
            Self::Certificate => {
                "a certificate as PEM, with its line breaks: all from `-----BEGIN CERTIFICATE-----` to `-----END CERTIFICATE-----`"
            }
        }
    }
}

/// The bytes between the lines, when they are one whole DER sequence.
fn block(text: &str, label: &str, least_bytes: usize) -> Option<Vec<u8>> {
    let (_, rest) = text.split_once(&format!("-----BEGIN {label}-----"))?;
    let (inside, _) = rest.split_once(&format!("-----END {label}-----"))?;
    let base64: String = inside.split_ascii_whitespace().collect();
    let der = STANDARD.decode(base64).ok()?;
    (der.len() >= least_bytes && is_sequence(&der)).then_some(der)
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

    #[test]
    fn what_signs_mail_is_rsa_or_ed25519() {
        let mut small = vec![SEQUENCE, 0x2e];
        small.extend(ED25519);
        small.resize(48, 7);
        for good in [der(RSA), small.clone()] {
            assert!(Pem::MailKey.fits(&pem("PRIVATE KEY", &good)));
        }
        for bad in [
            " ",
            "zz",
            &pem("PUBLIC KEY", &small),
            &pem("PRIVATE KEY", &der(&[])),
        ] {
            assert!(!Pem::MailKey.fits(bad), "{bad}");
        }
    }

    #[test]
    fn a_public_key_on_p256_has_its_head_and_its_point() {
        let key = [P256, &[7; POINT_BYTES]].concat();
        assert!(is_p256(&STANDARD.encode(&key)));
        let short = key.split_at(90).0;
        for bad in [
            "",
            "not a key",
            &STANDARD.encode([7; 91]),
            &STANDARD.encode(short),
            &STANDARD.encode([key.as_slice(), &[7]].concat()),
            &pem("PUBLIC KEY", &key),
        ] {
            assert!(!is_p256(bad), "{bad}");
        }
    }
}
