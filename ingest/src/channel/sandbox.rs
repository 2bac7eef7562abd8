//! Sandbox channels have no platform, hence nothing to verify: whoever may post is its user.

use bytes::Bytes;
use schemas::ChannelKind;

use super::{Malformed, Refused, Update, generic};

#[expect(
    clippy::unnecessary_wraps,
    reason = "the same form as the other platforms'"
)]
pub(super) fn verify() -> Result<(), Refused> {
    Ok(())
}

pub(super) fn split(content_type: Option<&str>, body: Bytes) -> Result<Vec<Update>, Malformed> {
    generic::split(ChannelKind::Sandbox, content_type, body)
}
