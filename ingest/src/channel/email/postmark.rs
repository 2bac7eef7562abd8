//! Postmark's webhooks (<https://postmarkapp.com/developer/webhooks/webhooks-overview>): one event a request, in JSON.
//!
//! Postmark signs nothing. It calls the address that it was given, and with that the name and password in it (RFC 7617); the
//! password is the channel's `postmark_secret`, the name may be any.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;
use subtle::ConstantTimeEq;

use super::super::{Refused, Request};

const HEADER: &str = "authorization";
/// Longest header that is read.
const MAX_BYTES: usize = 8 * 1024;

/// What only an event of Postmark has.
#[derive(Deserialize)]
struct Event {
    #[serde(rename = "RecordType")]
    _record: String,
}

/// Whether a body is an event of Postmark, by its form.
pub(super) fn is_event(body: &[u8]) -> bool {
    serde_json::from_slice::<Event>(body).is_ok()
}

pub(super) fn verify(secret: &str, request: &Request<'_, '_>) -> Result<(), Refused> {
    let form = Refused::Form(HEADER);
    let given = request.header(HEADER)?;
    let (scheme, given) = given
        .split_once(' ')
        .filter(|_| given.len() <= MAX_BYTES)
        .ok_or(form)?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(form);
    }
    let given = STANDARD.decode(given.trim()).map_err(|_| form)?;
    let colon = given.iter().position(|byte| *byte == b':').ok_or(form)?;
    let password = given.get(colon + 1..).unwrap_or_default();
    if bool::from(secret.as_bytes().ct_eq(password)) {
        Ok(())
    } else {
        Err(Refused::Mismatch)
    }
}
