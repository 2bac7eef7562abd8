//! Telegram: the secret token of `setWebhook` comes back in a header
//! (<https://core.telegram.org/bots/api#setwebhook>); one update a request.

use bytes::Bytes;
use schemas::ChannelKind;
use subtle::ConstantTimeEq;

use super::{Account, Malformed, Refused, Request, Update};

const HEADER: &str = "x-telegram-bot-api-secret-token";

pub(super) fn verify(account: &Account<'_>, request: &Request<'_, '_>) -> Result<(), Refused> {
    let secret = account.secret("secret_token")?;
    let given = request.header(HEADER)?;
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
