//! Keys of Twilio events.

use super::{Keys, Malformed, event};

/// # Errors
/// [`Malformed`] when it is not a Twilio request.
pub fn keys(bytes: &[u8]) -> Result<Keys, Malformed> {
    event::keys("a Twilio request", bytes)
}
