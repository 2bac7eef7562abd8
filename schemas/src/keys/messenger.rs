//! Keys of Messenger events
//! (<https://developers.facebook.com/documentation/business-messaging/messenger-platform/webhooks/webhook-events>).

use super::{Keys, Malformed, meta};

/// The keys of one update: a message is its `mid`, a conversation the person's page-scoped id.
///
/// # Errors
/// [`Malformed`] when it is no JSON object.
pub fn keys(bytes: &[u8]) -> Result<Keys, Malformed> {
    meta::messaging("a Messenger event", bytes)
}
