//! Keys of Vonage events.

use super::{Keys, Malformed, event};

/// # Errors
/// [`Malformed`] when it is not a Vonage event.
pub fn keys(bytes: &[u8]) -> Result<Keys, Malformed> {
    event::keys("a Vonage event", bytes)
}
