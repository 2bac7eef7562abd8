//! E-mail by webhook: one raw RFC 5322 mail a request, signed as a generic one.

use bytes::Bytes;
use schemas::{ChannelKind, Timestamp};
use serde_json::Value;

use super::{Headers, Malformed, Refused, Update, secret, signature};

pub(super) fn verify(
    credentials: &Value,
    headers: Headers<'_, '_>,
    body: &[u8],
    now: Timestamp,
) -> Result<(), Refused> {
    signature::verify(secret(credentials, "signing_secret")?, headers, body, now)
}

pub(super) fn split(body: Bytes) -> Result<Vec<Update>, Malformed> {
    Ok(vec![Update::of(
        ChannelKind::Email,
        "message/rfc822",
        body,
    )?])
}
