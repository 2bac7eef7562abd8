//! The hub's own signature of requests: `X-Tidings-Timestamp` (seconds since 1970) and
//! `X-Tidings-Signature: v1=<hex of HMAC-SHA-256(secret, timestamp "." body)>`.
//!
//! Invariants: compared in constant time; a timestamp more than 300 s off is refused, so that a
//! recorded request is of no use later.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::{Refused, Request};

/// Header of the time of signing.
pub(super) const TIMESTAMP: &str = "x-tidings-timestamp";
/// Header of the signature.
pub(super) const SIGNATURE: &str = "x-tidings-signature";
/// How far the signer's clock may be off, in seconds.
const TOLERANCE_S: i64 = 300;

pub(super) fn verify(secret: &str, request: &Request<'_, '_>) -> Result<(), Refused> {
    let timestamp = request.header(TIMESTAMP)?;
    let given = request.header(SIGNATURE)?;
    let at: i64 = timestamp.parse().map_err(|_| Refused::Form(TIMESTAMP))?;
    let off = request.now.0.div_euclid(1_000_000).abs_diff(at);
    if off > TOLERANCE_S.unsigned_abs() {
        return Err(Refused::Expired);
    }
    let given = given
        .strip_prefix("v1=")
        .and_then(decode)
        .ok_or(Refused::Form(SIGNATURE))?;
    let expected = sign(secret, timestamp, request.body);
    if bool::from(expected.ct_eq(&given)) {
        Ok(())
    } else {
        Err(Refused::Mismatch)
    }
}

pub(super) fn sign(secret: &str, timestamp: &str, body: &[u8]) -> [u8; 32] {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of every length");
    mac.update(timestamp.as_bytes());
    mac.update(b".");
    mac.update(body);
    mac.finalize().into_bytes().into()
}

/// 64 hex digits.
fn decode(hex: &str) -> Option<[u8; 32]> {
    let digits = hex.as_bytes();
    if digits.len() != 64 {
        return None;
    }
    let mut out = [0; 32];
    for (byte, pair) in out.iter_mut().zip(digits.chunks_exact(2)) {
        let digit = |index: usize| char::from(*pair.get(index)?).to_digit(16);
        *byte = u8::try_from(digit(0)? * 16 + digit(1)?).ok()?;
    }
    Some(out)
}
