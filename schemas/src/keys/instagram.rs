//! Keys of Instagram events.

use super::{Keys, Malformed, event};

/// # Errors
/// [`Malformed`] when it is not an Instagram event.
pub fn keys(bytes: &[u8]) -> Result<Keys, Malformed> {
    event::keys("an Instagram event", bytes)
}
