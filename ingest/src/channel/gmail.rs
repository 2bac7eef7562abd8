//! Gmail: pushes of Google's Pub/Sub (<https://developers.google.com/workspace/gmail/api/guides/push>).
//!
//! A push says that a mailbox has changed and not how: the mail is fetched by the channel's poller, which a push only wakes. So
//! a body has no updates, and nothing of it is believed.
//!
//! A push carries an `OpenID` Connect token of Google (<https://cloud.google.com/pubsub/docs/authenticate-push-subscriptions>):
//! RS256 under one of Google's keys, for our audience, of the service account that the subscription pushes as. Without that
//! account's name nothing is taken: anybody with a project at Google can have tokens for any audience.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use schemas::keys;
use serde::{Deserialize, de::IgnoredAny};
use serde_json::Value;

use super::{Account, Malformed, Refused, Request, Update};

const HEADER: &str = "authorization";
const ISSUERS: [&str; 2] = ["https://accounts.google.com", "accounts.google.com"];
/// How far the clocks may be apart.
const LEEWAY_S: i64 = 60;
/// Google's have about 1 KB.
const MAX_TOKEN_BYTES: usize = 8 * 1024;

#[derive(Deserialize)]
struct Head {
    alg: String,
    kid: String,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    exp: i64,
    #[serde(default)]
    iat: i64,
    email: String,
    #[serde(default)]
    email_verified: bool,
}

pub(super) fn verify(account: &Account<'_>, request: &Request<'_, '_>) -> Result<(), Refused> {
    let pushes_as = account
        .setting("push_service_account")
        .filter(|name| !name.is_empty())
        .ok_or(Refused::NoSecret)?;
    let form = Refused::Form(HEADER);
    let token = request
        .header(HEADER)?
        .strip_prefix("Bearer ")
        .filter(|token| token.len() <= MAX_TOKEN_BYTES)
        .ok_or(form)?;
    let (signed, signature) = token.rsplit_once('.').ok_or(form)?;
    let (head, claims) = signed.split_once('.').ok_or(form)?;
    let bytes = |text: &str| URL_SAFE_NO_PAD.decode(text).map_err(|_| form);
    let head: Head = serde_json::from_slice(&bytes(head)?).map_err(|_| form)?;
    if head.alg != "RS256" {
        return Err(form);
    }
    let key = key(account.public_keys, &head.kid).ok_or(Refused::Mismatch)?;
    key.verify(
        &RSA_PKCS1_2048_8192_SHA256,
        signed.as_bytes(),
        &bytes(signature)?,
    )
    .map_err(|_| Refused::Mismatch)?;
    // From here on it is Google's word; is it about us?
    let claims: Claims = serde_json::from_slice(&bytes(claims)?).map_err(|_| form)?;
    let now = request.now.0.div_euclid(1_000_000);
    if claims.exp.saturating_add(LEEWAY_S) < now || claims.iat.saturating_sub(LEEWAY_S) > now {
        return Err(Refused::Expired);
    }
    let audience = account
        .setting("push_audience")
        .filter(|audience| !audience.is_empty())
        .unwrap_or(request.url);
    let ours = ISSUERS.contains(&claims.iss.as_str())
        && claims.aud == audience
        && claims.email == pushes_as
        && claims.email_verified;
    if ours { Ok(()) } else { Err(Refused::Mismatch) }
}

/// The key of a JSON Web Key Set (RFC 7517) with this id.
fn key(set: &Value, id: &str) -> Option<RsaPublicKeyComponents<Vec<u8>>> {
    let text = |key: &Value, name: &str| key.get(name).and_then(Value::as_str).map(str::to_owned);
    let key = set
        .get("keys")?
        .as_array()?
        .iter()
        .find(|key| key.get("kid").and_then(Value::as_str) == Some(id))?;
    if text(key, "kty").as_deref() != Some("RSA") {
        return None;
    }
    let number = |name| URL_SAFE_NO_PAD.decode(text(key, name)?).ok();
    Some(RsaPublicKeyComponents {
        n: number("n")?,
        e: number("e")?,
    })
}

/// Nothing but a nudge, whatever it says.
pub(super) fn split(body: Bytes) -> Result<Vec<Update>, Malformed> {
    match serde_json::from_slice::<IgnoredAny>(&body) {
        Ok(_) => Ok(Vec::new()),
        Err(error) => Err(keys::Malformed::Json {
            what: "a push of Pub/Sub",
            line: error.line(),
            column: error.column(),
        }
        .into()),
    }
}
