//! The signature of the older SMS API: over `&name=value` of all other fields, sorted by name, where `&` and `=` within
//! values are `_` (<https://developer.vonage.com/en/getting-started/concepts/signing-messages>).
//!
//! `md5hash` is the MD5 of that text followed by the secret; `md5`, `sha1`, `sha256` and `sha512` are HMACs under it.

use std::collections::BTreeMap;

use hmac::{Hmac, KeyInit, Mac};
use md5::{Digest, Md5};
use serde_json::{Map, Value};
use sha1::Sha1;
use sha2::{Sha256, Sha512};
use subtle::ConstantTimeEq;

use super::{
    super::{Refused, Request, form, hex, jwt},
    TOLERANCE_S,
};

const SIG: &str = "sig";

pub(super) fn verify(secret: &str, method: &str, request: &Request<'_, '_>) -> Result<(), Refused> {
    let fields = fields(request)?;
    let given = fields.get(SIG).ok_or(Refused::Missing(SIG))?;
    let at: i64 = fields
        .get("timestamp")
        .and_then(|at| at.parse().ok())
        .ok_or(Refused::Form(SIG))?;
    if at.abs_diff(jwt::now(request)) > TOLERANCE_S {
        return Err(Refused::Expired);
    }
    let mut text = String::new();
    for (name, value) in fields.iter().filter(|(name, _)| *name != SIG) {
        text += &format!("&{name}={}", value.replace(['&', '='], "_"));
    }
    let own = sign(secret, method, &text).ok_or(Refused::NoSecret)?;
    // In digits of one case or the other, not of both.
    let same = |own: &str| own.as_bytes().ct_eq(given.as_bytes());
    if bool::from(same(&own) | same(&own.to_ascii_uppercase())) {
        Ok(())
    } else {
        Err(Refused::Mismatch)
    }
}

fn fields(request: &Request<'_, '_>) -> Result<BTreeMap<String, String>, Refused> {
    let object: Map<String, Value> = match request.body {
        [] => form::object(form::query(request.url).as_bytes()),
        body if form::is_json(body) => {
            serde_json::from_slice(body).map_err(|_| Refused::Form(SIG))?
        }
        body if form::is_canonical(body) => form::object(body),
        _ => return Err(Refused::Mismatch),
    };
    Ok(object
        .into_iter()
        .map(|(name, value)| match value {
            Value::String(text) => (name, text),
            other => (name, other.to_string()),
        })
        .collect())
}

pub(super) fn sign(secret: &str, method: &str, text: &str) -> Option<String> {
    macro_rules! hmac {
        ($digest:ty) => {{
            let mut mac = Hmac::<$digest>::new_from_slice(secret.as_bytes())
                .expect("HMAC takes keys of every length");
            mac.update(text.as_bytes());
            hex::encode(&mac.finalize().into_bytes())
        }};
    }
    Some(match method {
        "md5hash" => {
            let mut digest = Md5::new();
            digest.update(text.as_bytes());
            digest.update(secret.as_bytes());
            hex::encode(&digest.finalize())
        }
        "md5" => hmac!(Md5),
        "sha1" => hmac!(Sha1),
        "sha256" => hmac!(Sha256),
        "sha512" => hmac!(Sha512),
        _ => return None,
    })
}
