//! Keys of Instagram events (<https://developers.facebook.com/documentation/instagram-platform/webhooks/examples>).

use super::{Keys, Malformed, meta};

/// The keys of one update: a message is its `mid`, a conversation the person's Instagram-scoped id.
///
/// # Errors
/// [`Malformed`] when it is no JSON object.
pub fn keys(bytes: &[u8]) -> Result<Keys, Malformed> {
    meta::messaging("an Instagram event", bytes)
}
