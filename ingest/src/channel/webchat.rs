//! Web chat: what visitors write, as the gateway's socket hands it in.

use bytes::Bytes;
use schemas::ChannelKind;

use super::{Account, Malformed, Refused, Request, Update};

/// Visitors come by their socket; there is nobody who could post for them.
pub(super) fn verify(_account: &Account<'_>, _request: &Request<'_, '_>) -> Result<(), Refused> {
    Err(Refused::NoSecret)
}

pub(super) fn split(content_type: Option<&str>, body: Bytes) -> Result<Vec<Update>, Malformed> {
    super::generic::split(ChannelKind::Webchat, content_type, body)
}
