//! Keys of Line events.

use super::{Keys, Malformed, event};

/// # Errors
/// [`Malformed`] when it is not a LINE event.
pub fn keys(bytes: &[u8]) -> Result<Keys, Malformed> {
    event::keys("a LINE event", bytes)
}
