//! Messenger: all is as on Meta's other platforms.

use bytes::Bytes;
use schemas::ChannelKind;

use super::{Account, Answer, Malformed, Refused, Request, Update, meta};

pub(super) fn verify(account: &Account<'_>, request: &Request<'_, '_>) -> Result<(), Refused> {
    meta::verify(account, request)
}

pub(super) fn challenge(account: &Account<'_>, request: &Request<'_, '_>) -> Option<Answer> {
    meta::challenge(account, request)
}

pub(super) fn split(body: Bytes) -> Result<Vec<Update>, Malformed> {
    meta::split(ChannelKind::Messenger, &body)
}
