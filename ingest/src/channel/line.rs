//! Line.

use bytes::Bytes;
use schemas::ChannelKind;

use super::{Account, Malformed, Refused, Request, Update};

pub(super) fn verify(_account: &Account<'_>, _request: &Request<'_, '_>) -> Result<(), Refused> {
    Err(Refused::NoSecret)
}

pub(super) fn split(body: Bytes) -> Result<Vec<Update>, Malformed> {
    Ok(vec![Update::of(
        ChannelKind::Line,
        "application/json",
        body,
    )?])
}
