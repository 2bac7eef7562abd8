//! What identifies an update on its platform: its id, and the conversation it belongs to.
//!
//! Derived here once from the platform's own bytes, so that who lets a message in (and chooses its
//! partition and ids) and who understands it can never disagree.
//!
//! Invariants: pure; never panics on any bytes; keys are 1 to [`MAX_KEY_BYTES`] bytes long and hold
//! no control characters. Deliberately absent: the content of the update (`stages`).

pub mod discord;
pub mod email;
pub mod event;
pub mod instagram;
pub mod line;
pub mod messagebird;
pub mod messenger;
pub mod meta;
pub mod slack;
pub mod telegram;
pub mod twilio;
pub mod viber;
pub mod vonage;
pub mod whatsapp;

use uuid::Uuid;

use crate::{ChannelKind, generic, generic::MAX_KEY_BYTES};

/// The platform's names of a message and of its conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keys {
    pub platform_id: String,
    pub conversation: String,
}

/// Bytes that are no update of their platform.
#[derive(Debug, thiserror::Error)]
pub enum Malformed {
    /// Position only: the library's own words may quote the content.
    #[error("not a Telegram update (line {line}, column {column})")]
    Telegram { line: usize, column: usize },
    #[error("not an RFC 5322 message: it has no header")]
    Email,
    #[error("not {what} (line {line}, column {column})")]
    Json {
        /// E.g. `a WhatsApp event`.
        what: &'static str,
        line: usize,
        column: usize,
    },
    #[error(transparent)]
    Generic(#[from] generic::Malformed),
}

/// The keys of one update.
///
/// # Errors
/// [`Malformed`] when the bytes are no update of this kind.
pub fn of(kind: ChannelKind, bytes: &[u8]) -> Result<Keys, Malformed> {
    match kind {
        ChannelKind::Telegram => telegram::keys(bytes),
        ChannelKind::Email | ChannelKind::Gmail => email::keys(bytes),
        ChannelKind::WhatsApp => whatsapp::keys(bytes),
        ChannelKind::Slack => slack::keys(bytes),
        ChannelKind::Discord => discord::keys(bytes),
        ChannelKind::Twilio => twilio::keys(bytes),
        ChannelKind::Vonage => vonage::keys(bytes),
        ChannelKind::MessageBird => messagebird::keys(bytes),
        ChannelKind::Messenger => messenger::keys(bytes),
        ChannelKind::Instagram => instagram::keys(bytes),
        ChannelKind::Line => line::keys(bytes),
        ChannelKind::Viber => viber::keys(bytes),
        ChannelKind::Generic | ChannelKind::Webchat | ChannelKind::Sandbox => {
            let message = generic::GenericMessage::parse(bytes)?;
            Ok(Keys {
                conversation: message.conversation_key().to_owned(),
                platform_id: message.id,
            })
        }
    }
}

/// A key without control characters; one that is too long is replaced by a digest of itself.
pub(crate) fn bounded(key: &str) -> Option<String> {
    let key: String = key.chars().filter(|c| !c.is_control()).collect();
    match key.len() {
        0 => None,
        1..=MAX_KEY_BYTES => Some(key),
        _ => Some(digest(key.as_bytes())),
    }
}

/// The hex digits of a UUIDv5 of the bytes.
pub(crate) fn digest(bytes: &[u8]) -> String {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, bytes)
        .simple()
        .to_string()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_bytes_have_an_answer(bytes in proptest::collection::vec(any::<u8>(), 0..300), head in 0usize..4) {
            let head: &[u8] = [&b""[..], b"{\"update_id\":1,\"message\":{", b"Message-ID: <", b"References:"][head];
            let bytes = [head, &bytes].concat();
            for kind in ChannelKind::ALL {
                if let Ok(keys) = of(kind, &bytes) {
                    for key in [keys.platform_id, keys.conversation] {
                        prop_assert!((1..=MAX_KEY_BYTES).contains(&key.len()));
                        prop_assert!(!key.chars().any(char::is_control));
                    }
                }
            }
        }
    }
}
