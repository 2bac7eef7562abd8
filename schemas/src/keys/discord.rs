//! Keys of Discord events.

use super::{Keys, Malformed, event};

/// # Errors
/// [`Malformed`] when it is not a Discord event.
pub fn keys(bytes: &[u8]) -> Result<Keys, Malformed> {
    event::keys("a Discord event", bytes)
}
