//! The documented message of external adapters and of `generic` and `sandbox` channels, as JSON or
//! MessagePack (a map with the same names).
//!
//! This is the public contract of adapter authors; a field is never removed or given another meaning.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{Attachment, MessageType, Timestamp};

/// Longest `id` and `conversation`, in bytes.
pub const MAX_KEY_BYTES: usize = 512;

/// One message as an adapter writes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct GenericMessage {
    /// The platform's id of the message: the same id twice is the same message.
    pub id: String,
    /// The platform's conversation; the sender's id when absent.
    #[serde(
        default,
        alias = "conversationId",
        alias = "conversation_id",
        skip_serializing_if = "Option::is_none"
    )]
    pub conversation: Option<String>,
    pub sender: GenericSender,
    #[serde(default)]
    pub text: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub html: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    #[serde(
        default,
        alias = "messageType",
        skip_serializing_if = "Option::is_none"
    )]
    pub message_type: Option<MessageType>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment>,
    /// The platform's id of the message this one answers.
    #[serde(default, alias = "inReplyTo", skip_serializing_if = "Option::is_none")]
    pub in_reply_to: Option<String>,
    /// RFC 3339 in JSON, microseconds since the epoch in MessagePack; when it was received if absent.
    #[serde(default, alias = "sentAt", skip_serializing_if = "Option::is_none")]
    pub sent_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    #[schema(value_type = Object)]
    pub metadata: Map<String, Value>,
}

/// Who wrote it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct GenericSender {
    pub id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// What is wrong with an adapter's message.
#[derive(Debug, thiserror::Error)]
pub enum Malformed {
    #[error("not a JSON message: {0}")]
    Json(#[from] serde_json::Error),
    #[error("not a MessagePack message: {0}")]
    MessagePack(#[from] rmp_serde::decode::Error),
    #[error("`{0}` is empty, longer than 512 bytes, or has control characters")]
    Key(&'static str),
}

impl GenericMessage {
    /// Parses JSON or MessagePack; JSON begins with `{` or white space.
    ///
    /// # Errors
    /// [`Malformed`] says what is wrong, without quoting the content.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let json = bytes
            .first()
            .is_none_or(|byte| *byte == b'{' || *byte == b'[' || byte.is_ascii_whitespace());
        let message: Self = if json {
            serde_json::from_slice(bytes)?
        } else {
            rmp_serde::from_slice(bytes)?
        };
        let fits = |key: &str| {
            !key.is_empty() && key.len() <= MAX_KEY_BYTES && !key.chars().any(char::is_control)
        };
        if !fits(&message.id) {
            return Err(Malformed::Key("id"));
        }
        if !fits(&message.sender.id) {
            return Err(Malformed::Key("sender.id"));
        }
        if !fits(message.conversation_key()) {
            return Err(Malformed::Key("conversation"));
        }
        Ok(message)
    }

    /// The conversation, or the sender when none is given.
    #[must_use]
    pub fn conversation_key(&self) -> &str {
        self.conversation.as_deref().unwrap_or(&self.sender.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_and_messagepack_agree() {
        let json = br#"{"id":"m1","sender":{"id":"bob","name":"Bob"},"text":"hi","sent_at":"2025-01-08T10:30:00Z"}"#;
        let from_json = GenericMessage::parse(json).unwrap();
        let packed = rmp_serde::to_vec_named(&from_json).unwrap();
        assert_eq!(GenericMessage::parse(&packed).unwrap(), from_json);
        assert_eq!(from_json.conversation_key(), "bob");
    }

    #[test]
    fn bad_input_is_named() {
        assert!(matches!(
            GenericMessage::parse(b"{"),
            Err(Malformed::Json(_))
        ));
        assert!(matches!(
            GenericMessage::parse(b""),
            Err(Malformed::Json(_))
        ));
        assert!(matches!(
            GenericMessage::parse(&[0x93, 1]),
            Err(Malformed::MessagePack(_))
        ));
        assert!(matches!(
            GenericMessage::parse(br#"{"id":"","sender":{"id":"b"}}"#),
            Err(Malformed::Key("id"))
        ));
        assert!(matches!(
            GenericMessage::parse(br#"{"id":"1","sender":{"id":"b\u0000"}}"#),
            Err(Malformed::Key("sender.id"))
        ));
    }
}
