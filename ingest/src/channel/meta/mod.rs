//! What WhatsApp, Messenger and Instagram share
//! (<https://developers.facebook.com/docs/graph-api/webhooks/getting-started>).
//!
//! A request is signed by `X-Hub-Signature-256: sha256=<hex of HMAC-SHA-256(app secret, body)>`. An address is checked by a
//! GET with `hub.mode=subscribe`, the channel's `hub.verify_token` and a `hub.challenge` to be answered with itself.
//!
//! Deliberately absent: a time window, since Meta signs no time, and a second app secret.

mod addressee;
mod split;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

pub(super) use self::{
    addressee::{of_channel, of_part},
    split::split,
};
use super::{Account, Answer, Refused, Request, form, hex};

const SIGNATURE: &str = "x-hub-signature-256";
/// Longest challenge that is repeated; Meta's have ten digits.
const MAX_CHALLENGE_BYTES: usize = 256;

pub(super) fn verify(account: &Account<'_>, request: &Request<'_, '_>) -> Result<(), Refused> {
    let secret = account.secret("app_secret")?;
    let given = request
        .header(SIGNATURE)?
        .strip_prefix("sha256=")
        .ok_or(Refused::Form(SIGNATURE))?;
    let mut mac =
        Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of every length");
    mac.update(request.body);
    // As text, so that a digit has one writing.
    let own = hex::encode(&mac.finalize().into_bytes());
    if bool::from(own.as_bytes().ct_eq(given.as_bytes())) {
        Ok(())
    } else {
        Err(Refused::Mismatch)
    }
}

pub(super) fn challenge(account: &Account<'_>, request: &Request<'_, '_>) -> Option<Answer> {
    let token = account.secret("verify_token").ok()?;
    let query = form::query(request.url).as_bytes();
    let given = form::field(query, "hub.verify_token")?;
    let asked = form::field(query, "hub.mode").as_deref() == Some("subscribe")
        && bool::from(token.as_bytes().ct_eq(given.as_bytes()));
    let challenge = form::field(query, "hub.challenge")?;
    (asked && challenge.len() <= MAX_CHALLENGE_BYTES)
        .then(|| Answer::ok("text/plain", challenge.into_owned()))
}
