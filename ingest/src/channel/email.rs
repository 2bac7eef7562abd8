//! E-mail by webhook: one raw RFC 5322 mail a request, signed as a generic one.

use bytes::Bytes;
use schemas::ChannelKind;

use super::{Account, Malformed, Refused, Request, Update, signature};

pub(super) fn verify(account: &Account<'_>, request: &Request<'_, '_>) -> Result<(), Refused> {
    signature::verify(account.secret("signing_secret")?, request)
}

pub(super) fn split(body: Bytes) -> Result<Vec<Update>, Malformed> {
    Ok(vec![Update::of(
        ChannelKind::Email,
        "message/rfc822",
        body,
    )?])
}
