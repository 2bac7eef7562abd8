//! Keys of Messenger events.

use super::{Keys, Malformed, event};

/// # Errors
/// [`Malformed`] when it is not a Messenger event.
pub fn keys(bytes: &[u8]) -> Result<Keys, Malformed> {
    event::keys("a Messenger event", bytes)
}
