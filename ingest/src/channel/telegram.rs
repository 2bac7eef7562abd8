//! Telegram: the secret token of `setWebhook` comes back in a header
//! (<https://core.telegram.org/bots/api#setwebhook>); one update a request.

use bytes::Bytes;
use schemas::ChannelKind;
use serde_json::Value;
use subtle::ConstantTimeEq;

use super::{Headers, Malformed, Refused, Update, secret};

const HEADER: &str = "x-telegram-bot-api-secret-token";

pub(super) fn verify(credentials: &Value, headers: Headers<'_, '_>) -> Result<(), Refused> {
    let secret = secret(credentials, "secret_token")?;
    let given = headers(HEADER).ok_or(Refused::Missing(HEADER))?;
    if bool::from(secret.as_bytes().ct_eq(given.as_bytes())) {
        Ok(())
    } else {
        Err(Refused::Mismatch)
    }
}

pub(super) fn split(body: Bytes) -> Result<Vec<Update>, Malformed> {
    Ok(vec![Update::of(
        ChannelKind::Telegram,
        "application/json",
        body,
    )?])
}
