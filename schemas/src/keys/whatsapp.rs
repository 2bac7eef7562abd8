//! Keys of WhatsApp events.

use super::{Keys, Malformed, event};

/// # Errors
/// [`Malformed`] when it is not a WhatsApp event.
pub fn keys(bytes: &[u8]) -> Result<Keys, Malformed> {
    event::keys("a WhatsApp event", bytes)
}
