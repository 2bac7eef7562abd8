//! Viber: `X-Viber-Content-Signature` is the hex of HMAC-SHA-256 over the body under the bot's token
//! (<https://developers.viber.com/docs/api/rest-bot-api/#callbacks>); one callback a request.
//!
//! Invariants: the digits are compared as Viber writes them, in lower case; the callback by which Viber tries an address has
//! no updates. Viber signs no time apart from the body, so there is no window.

use std::fmt::Write;

use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use schemas::ChannelKind;
use serde::Deserialize;
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::{Account, Malformed, Refused, Request, Update};

const HEADER: &str = "x-viber-content-signature";

pub(super) fn verify(account: &Account<'_>, request: &Request<'_, '_>) -> Result<(), Refused> {
    let secret = account.secret("auth_token")?;
    let given = request.header(HEADER)?;
    let mut mac =
        Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of every length");
    mac.update(request.body);
    let mut expected = String::with_capacity(64);
    for byte in mac.finalize().into_bytes() {
        write!(expected, "{byte:02x}").expect("writing to a String cannot fail");
    }
    if bool::from(expected.as_bytes().ct_eq(given.as_bytes())) {
        Ok(())
    } else {
        Err(Refused::Mismatch)
    }
}

#[derive(Deserialize)]
struct Callback {
    event: String,
}

pub(super) fn split(body: Bytes) -> Result<Vec<Update>, Malformed> {
    let is_trial =
        serde_json::from_slice::<Callback>(&body).is_ok_and(|callback| callback.event == "webhook");
    if is_trial {
        return Ok(Vec::new());
    }
    Ok(vec![Update::of(
        ChannelKind::Viber,
        "application/json",
        body,
    )?])
}
