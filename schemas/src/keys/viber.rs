//! Keys of Viber events.

use super::{Keys, Malformed, event};

/// # Errors
/// [`Malformed`] when it is not a Viber event.
pub fn keys(bytes: &[u8]) -> Result<Keys, Malformed> {
    event::keys("a Viber event", bytes)
}
