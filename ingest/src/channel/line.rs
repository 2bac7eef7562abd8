//! LINE: `X-Line-Signature` is the base64 of HMAC-SHA-256 over the body under the channel secret
//! (<https://developers.line.biz/en/docs/messaging-api/verify-webhook-signature/>); a body has any number of events
//! (<https://developers.line.biz/en/reference/messaging-api/#webhooks>).
//!
//! Invariants: an event travels as `{"destination": …, "event": …}`, so it says by itself which account it is for; a body
//! without events, by which LINE tries an address, has no updates. LINE signs no time, so there is no window.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use schemas::ChannelKind;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::{Account, MAX_UPDATES, Malformed, Refused, Request, Update};

const HEADER: &str = "x-line-signature";
const JSON: &str = "application/json";

pub(super) fn verify(account: &Account<'_>, request: &Request<'_, '_>) -> Result<(), Refused> {
    let secret = account.secret("channel_secret")?;
    let given = request.header(HEADER)?;
    let mut mac =
        Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of every length");
    mac.update(request.body);
    let expected = STANDARD.encode(mac.finalize().into_bytes());
    if bool::from(expected.as_bytes().ct_eq(given.as_bytes())) {
        Ok(())
    } else {
        Err(Refused::Mismatch)
    }
}

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    destination: Option<&'a RawValue>,
    #[serde(borrow)]
    events: Vec<&'a RawValue>,
}

/// An event with the account it is for.
#[derive(Serialize)]
struct Wrapped<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    destination: Option<&'a RawValue>,
    event: &'a RawValue,
}

pub(super) fn split(body: Bytes) -> Result<Vec<Update>, Malformed> {
    let Ok(Body {
        destination,
        events,
    }) = serde_json::from_slice(&body)
    else {
        // Another object than the documented one is an update that nobody understands yet.
        return Ok(vec![Update::of(ChannelKind::Line, JSON, body)?]);
    };
    if events.len() > MAX_UPDATES {
        return Err(Malformed::TooMany);
    }
    events
        .into_iter()
        .map(|event| {
            let wrapped = Wrapped { destination, event };
            let bytes = serde_json::to_vec(&wrapped).expect("raw JSON is JSON already");
            Ok(Update::of(ChannelKind::Line, JSON, bytes.into())?)
        })
        .collect()
}
