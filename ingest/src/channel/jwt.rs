//! JSON Web Tokens of one algorithm, HMAC-SHA-256 (RFC 7519; RFC 7518, 3.2), by which platforms sign their requests.
//!
//! Invariants: no other algorithm is taken, `none` least of all; the signature is compared in constant time before
//! anything of the claims is read. Deliberately absent: public keys, and what claims mean.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::{Refused, Request, hex};

#[derive(Deserialize)]
struct Head {
    alg: String,
}

/// The claims of a token that is signed with `secret`; `header` is where it stood.
pub(super) fn claims(token: &str, secret: &str, header: &'static str) -> Result<Value, Refused> {
    let form = || Refused::Form(header);
    let (signed, signature) = token.rsplit_once('.').ok_or_else(form)?;
    let (head, claims) = signed.split_once('.').ok_or_else(form)?;
    let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| form());
    let head: Head = serde_json::from_slice(&decode(head)?).map_err(|_| form())?;
    if head.alg != "HS256" {
        return Err(form());
    }
    let given = decode(signature)?;
    let mut mac =
        Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of every length");
    mac.update(signed.as_bytes());
    if !bool::from(mac.finalize().into_bytes().as_slice().ct_eq(&given)) {
        return Err(Refused::Mismatch);
    }
    serde_json::from_slice(&decode(claims)?).map_err(|_| form())
}

/// Whether the claim is the SHA-256 of these bytes in hex digits.
pub(super) fn is_digest(claims: &Value, name: &str, bytes: &[u8]) -> bool {
    let own = hex::encode(&Sha256::digest(bytes));
    claims
        .get(name)
        .and_then(Value::as_str)
        .is_some_and(|given| bool::from(own.as_bytes().ct_eq(given.as_bytes())))
}

/// A time in seconds since 1970.
pub(super) fn seconds(claims: &Value, name: &str) -> Option<i64> {
    let at = claims.get(name)?;
    at.as_i64().or_else(|| Some(at.as_f64()? as i64))
}

/// The time of a request in seconds since 1970.
pub(super) fn now(request: &Request<'_, '_>) -> i64 {
    request.now.0.div_euclid(1_000_000)
}

#[cfg(test)]
pub(super) fn sign(claims: &Value, secret: &str) -> String {
    let head = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","typ":"JWT"}"#);
    let signed = format!("{head}.{}", URL_SAFE_NO_PAD.encode(claims.to_string()));
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(signed.as_bytes());
    format!(
        "{signed}.{}",
        URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_this_algorithm_and_this_secret() {
        let token = sign(&json!({"iss": "x"}), "secret");
        assert_eq!(claims(&token, "secret", "h").unwrap()["iss"], "x");
        assert_eq!(claims(&token, "other", "h"), Err(Refused::Mismatch));
        let (_, rest) = token.split_once('.').unwrap();
        for head in [r#"{"alg":"none"}"#, r#"{"alg":"HS512"}"#, "{}", "x"] {
            let odd = format!("{}.{rest}", URL_SAFE_NO_PAD.encode(head));
            assert_eq!(
                claims(&odd, "secret", "h"),
                Err(Refused::Form("h")),
                "{head}"
            );
        }
        for odd in ["", ".", "..", "a.b", "a.b.c.d"] {
            assert_eq!(claims(odd, "secret", "h"), Err(Refused::Form("h")));
        }
    }
}
