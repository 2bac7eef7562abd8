//! MessageBird: a JSON Web Token under the workspace's signing key, with the digests of address and body
//! (<https://developers.messagebird.com/api/#verifying-http-requests>); of older webhooks an HMAC-SHA-256 of time, sorted query
//! and the body's digest, which is taken when there is no token.
//!
//! A body is one update: JSON, or a form as a JSON object of its fields.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use schemas::ChannelKind;
use serde_json::Value;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use url::form_urlencoded::Serializer;

use super::{Account, Malformed, Refused, Request, Update, form, jwt};

const TOKEN: &str = "messagebird-signature-jwt";
const SIGNATURE: &str = "messagebird-signature";
const TIMESTAMP: &str = "messagebird-request-timestamp";
/// How far the signer's clock may be off, in seconds; of a token's own times only a little.
const TOLERANCE_S: u64 = 300;
const LEEWAY_S: i64 = 5;

pub(super) fn verify(account: &Account<'_>, request: &Request<'_, '_>) -> Result<(), Refused> {
    let secret = account.secret("signing_key")?;
    match (request.headers)(TOKEN) {
        Some(token) => verify_token(secret, token, request),
        None if (request.headers)(SIGNATURE).is_some() => verify_older(secret, request),
        None => Err(Refused::Missing(TOKEN)),
    }
}

fn verify_token(secret: &str, token: &str, request: &Request<'_, '_>) -> Result<(), Refused> {
    let claims = jwt::claims(token, secret, TOKEN)?;
    if claims.get("iss").and_then(Value::as_str) != Some("MessageBird") {
        return Err(Refused::Mismatch);
    }
    let now = jwt::now(request);
    let (Some(from), Some(until)) = (jwt::seconds(&claims, "nbf"), jwt::seconds(&claims, "exp"))
    else {
        return Err(Refused::Form(TOKEN));
    };
    if now < from.saturating_sub(LEEWAY_S) || now > until.saturating_add(LEEWAY_S) {
        return Err(Refused::Expired);
    }
    // A request without a body has no digest of it, and one with a body always.
    let body = if request.body.is_empty() && claims.get("payload_hash").is_none() {
        true
    } else {
        jwt::is_digest(&claims, "payload_hash", request.body)
    };
    if body & jwt::is_digest(&claims, "url_hash", request.url.as_bytes()) {
        Ok(())
    } else {
        Err(Refused::Mismatch)
    }
}

fn verify_older(secret: &str, request: &Request<'_, '_>) -> Result<(), Refused> {
    let given = request.header(SIGNATURE)?;
    let timestamp = request.header(TIMESTAMP)?;
    let at: i64 = timestamp.parse().map_err(|_| Refused::Form(TIMESTAMP))?;
    if at.abs_diff(jwt::now(request)) > TOLERANCE_S {
        return Err(Refused::Expired);
    }
    let query: BTreeMap<_, _> = form::pairs(form::query(request.url).as_bytes()).collect();
    let query = Serializer::new(String::new()).extend_pairs(query).finish();
    let mut mac =
        Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of every length");
    mac.update(format!("{timestamp}\n{query}\n").as_bytes());
    mac.update(&Sha256::digest(request.body));
    let own = STANDARD.encode(mac.finalize().into_bytes());
    if bool::from(own.as_bytes().ct_eq(given.as_bytes())) {
        Ok(())
    } else {
        Err(Refused::Mismatch)
    }
}

pub(super) fn split(body: Bytes) -> Result<Vec<Update>, Malformed> {
    let body = if form::is_json(&body) {
        body
    } else {
        form::json(&body)
    };
    Ok(vec![Update::of(
        ChannelKind::MessageBird,
        "application/json",
        body,
    )?])
}

#[cfg(test)]
mod tests;
