//! Twilio: `X-Twilio-Signature` is the Base64 of HMAC-SHA-1 under the account's auth token
//! (<https://www.twilio.com/docs/usage/webhooks/webhooks-security>).
//!
//! Of a form the signed text is the address followed by every field, name and value, sorted by name and each different value
//! once. Of JSON it is the address alone, which then holds the body's SHA-256 as `bodySHA256`. Twilio writes the address with or without its
//! port, so both are tried. Escapes in a form must be in capitals, as Twilio writes them: a form is signed decoded, and one
//! value could else be written in several ways.
//!
//! A form is one update, as a JSON object of its fields; a JSON list (Event Streams) is one update an item. Deliberately
//! absent: a time window, since Twilio signs no time.

mod voice;

use std::collections::BTreeSet;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use schemas::{ChannelKind, keys};
use serde_json::value::RawValue;
use sha1::Sha1;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::{Account, Answer, MAX_UPDATES, Malformed, Refused, Request, Update, form, hex};

const SIGNATURE: &str = "x-twilio-signature";
const JSON: &str = "application/json";

pub(super) fn verify(account: &Account<'_>, request: &Request<'_, '_>) -> Result<(), Refused> {
    let secret = account.secret("auth_token")?;
    let given = request.header(SIGNATURE)?;
    let hash = form::field(form::query(request.url).as_bytes(), "bodySHA256");
    let fields = match &hash {
        Some(hash) => {
            let own = hex::encode(&Sha256::digest(request.body));
            if !bool::from(own.as_bytes().ct_eq(hash.as_bytes())) {
                return Err(Refused::Mismatch);
            }
            BTreeSet::new()
        }
        None if !form::is_canonical(request.body) => return Err(Refused::Mismatch),
        None => form::pairs(request.body).collect(),
    };
    let matches = |url: &str| {
        let mut mac = Hmac::<Sha1>::new_from_slice(secret.as_bytes())
            .expect("HMAC takes keys of every length");
        mac.update(url.as_bytes());
        for (name, value) in &fields {
            mac.update(name.as_bytes());
            mac.update(value.as_bytes());
        }
        let own = STANDARD.encode(mac.finalize().into_bytes());
        bool::from(own.as_bytes().ct_eq(given.as_bytes()))
    };
    let [without, with] = addresses(request.url);
    // Both, whatever the first says: the time tells nothing.
    if matches(&without) | matches(&with) {
        Ok(())
    } else {
        Err(Refused::Mismatch)
    }
}

/// The address without its port, and with it: that given, else the scheme's own.
fn addresses(url: &str) -> [String; 2] {
    let Some((scheme, rest)) = url.split_once("://") else {
        return [url.to_owned(), url.to_owned()];
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.is_empty() && port.bytes().all(|c| c.is_ascii_digit()) => {
            (host, port)
        }
        _ if scheme.eq_ignore_ascii_case("http") => (authority, "80"),
        _ => (authority, "443"),
    };
    [
        format!("{scheme}://{host}{path}"),
        format!("{scheme}://{host}:{port}{path}"),
    ]
}

/// TwiML: an empty answer says that there is nothing to do; a call is told what to do.
pub(super) fn answer(account: &Account<'_>, request: &Request<'_, '_>) -> Option<Answer> {
    let said = match request.body {
        [] => form::query(request.url).as_bytes(),
        body => body,
    };
    if form::is_json(said) {
        return None;
    }
    let fields = form::object(said);
    let twiml = if keys::twilio::what(&fields) == keys::twilio::What::Call
        || fields.contains_key("RecordingUrl")
    {
        voice::twiml(account.settings.get("voice"), &fields, request.url)
    } else {
        voice::NOTHING.to_owned()
    };
    Some(Answer::ok("text/xml; charset=utf-8", twiml))
}

pub(super) fn split(body: Bytes) -> Result<Vec<Update>, Malformed> {
    if !form::is_json(&body) {
        let update = Update::of(ChannelKind::Twilio, JSON, form::json(&body))?;
        return Ok(vec![update]);
    }
    if body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{') {
        return Ok(vec![Update::of(ChannelKind::Twilio, JSON, body)?]);
    }
    let items: Vec<&RawValue> =
        serde_json::from_slice(&body).map_err(|error| Malformed::Batch {
            line: error.line(),
            column: error.column(),
        })?;
    if items.len() > MAX_UPDATES {
        return Err(Malformed::TooMany);
    }
    items
        .into_iter()
        .enumerate()
        .map(|(index, item)| {
            let bytes = Bytes::copy_from_slice(item.get().as_bytes());
            Update::of(ChannelKind::Twilio, JSON, bytes)
                .map_err(|source| Malformed::Item { index, source })
        })
        .collect()
}

#[cfg(test)]
mod tests;
