//! Keys of Slack events.

use super::{Keys, Malformed, event};

/// # Errors
/// [`Malformed`] when it is not a Slack event.
pub fn keys(bytes: &[u8]) -> Result<Keys, Malformed> {
    event::keys("a Slack event", bytes)
}
