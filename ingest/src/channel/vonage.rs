//! Vonage.

use bytes::Bytes;
use schemas::ChannelKind;

use super::{Account, Answer, Malformed, Refused, Request, Update};

pub(super) fn verify(_account: &Account<'_>, _request: &Request<'_, '_>) -> Result<(), Refused> {
    Err(Refused::NoSecret)
}

pub(super) fn answer(_account: &Account<'_>, _request: &Request<'_, '_>) -> Option<Answer> {
    None
}

pub(super) fn split(body: Bytes) -> Result<Vec<Update>, Malformed> {
    Ok(vec![Update::of(
        ChannelKind::Vonage,
        "application/json",
        body,
    )?])
}
