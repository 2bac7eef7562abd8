//! Vonage: webhooks carry a JSON Web Token under the account's signature secret, with the body's digest
//! (<https://developer.vonage.com/en/getting-started/concepts/webhooks>).
//!
//! Webhooks of the older SMS API carry a field `sig` instead
//! (<https://developer.vonage.com/en/getting-started/concepts/signing-messages>); they are taken only where the channel's
//! setting `signature_method` says how they are signed. Either is refused when it is more than 300 seconds off.
//!
//! A body is one update: JSON, or a form as a JSON object of its fields. A call is answered with what it shall hear.

mod legacy;
mod voice;

use bytes::Bytes;
use schemas::ChannelKind;
use serde_json::Value;

use super::{Account, Answer, Malformed, Refused, Request, Update, form, jwt};

const AUTHORIZATION: &str = "authorization";
/// How far the signer's clock may be off, in seconds.
const TOLERANCE_S: u64 = 300;

pub(super) fn verify(account: &Account<'_>, request: &Request<'_, '_>) -> Result<(), Refused> {
    let secret = account.secret("signature_secret")?;
    let given = match (
        request.header(AUTHORIZATION),
        account.setting("signature_method"),
    ) {
        (Ok(given), _) => given,
        (Err(_), Some(method)) => return legacy::verify(secret, method, request),
        (Err(missing), None) => return Err(missing),
    };
    let token = given
        .strip_prefix("Bearer ")
        .ok_or(Refused::Form(AUTHORIZATION))?;
    let claims = jwt::claims(token, secret, AUTHORIZATION)?;
    let issued = jwt::seconds(&claims, "iat").ok_or(Refused::Form(AUTHORIZATION))?;
    let now = jwt::now(request);
    let over = jwt::seconds(&claims, "exp").is_some_and(|end| end < now);
    if over || issued.abs_diff(now) > TOLERANCE_S {
        return Err(Refused::Expired);
    }
    // Of a request without a body nothing is signed: its query could be anybody's.
    if request.body.is_empty() || !jwt::is_digest(&claims, "payload_hash", request.body) {
        return Err(Refused::Mismatch);
    }
    for name in ["application_id", "api_key"] {
        let own = account.credentials.get(name).and_then(Value::as_str);
        let theirs = claims.get(name).and_then(Value::as_str);
        if let (Some(own), Some(theirs)) = (own, theirs)
            && own != theirs
        {
            return Err(Refused::Mismatch);
        }
    }
    Ok(())
}

pub(super) fn answer(account: &Account<'_>, request: &Request<'_, '_>) -> Option<Answer> {
    let asked = serde_json::from_slice(request.body).ok()?;
    let ncco = voice::ncco(account.settings.get("voice"), &asked, request.url)?;
    Some(Answer::ok("application/json", ncco.to_string()))
}

pub(super) fn split(body: Bytes) -> Result<Vec<Update>, Malformed> {
    let body = if form::is_json(&body) {
        body
    } else {
        form::json(&body)
    };
    Ok(vec![Update::of(
        ChannelKind::Vonage,
        "application/json",
        body,
    )?])
}

#[cfg(test)]
mod tests;
