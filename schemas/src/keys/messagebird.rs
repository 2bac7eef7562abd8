//! Keys of MessageBird events.

use super::{Keys, Malformed, event};

/// # Errors
/// [`Malformed`] when it is not a MessageBird event.
pub fn keys(bytes: &[u8]) -> Result<Keys, Malformed> {
    event::keys("a MessageBird event", bytes)
}
