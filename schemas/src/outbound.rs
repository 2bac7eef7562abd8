//! A message to be sent: what travels on `out.<kind>.<channel>.<tenant>`.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::{
    ChannelId, ChannelKind, DecodeError, Message, MessageId, TenantId, Timestamp,
    envelope::encode_marked,
};

const MARK: [u8; 3] = [0xC1, b'O', 1];

/// One message on its way to a platform.
///
/// `message.recipient.id` is the platform address, `message.platform_conversation_id` the thread.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outbound {
    pub tenant: TenantId,
    pub channel: ChannelId,
    pub kind: ChannelKind,
    pub message: Box<Message>,
    /// The message that caused an automatic reply.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<MessageId>,
    /// Sends tried before this copy was queued again; the ledger has the last word.
    #[serde(default)]
    pub attempt: u32,
    pub queued_at: Timestamp,
    /// Our own address in the conversation, where the channel has several: the number that was last written to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Of a mail to many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mail: Option<Box<MailFacts>>,
}

/// What a campaign's mail says besides its content; only senders of mail look at it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailFacts {
    /// In place of the channel's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender_name: Option<String>,
    /// In place of the channel's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender_email: Option<String>,
    /// An https address for `List-Unsubscribe`, with `List-Unsubscribe-Post` (RFC 8058).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list_unsubscribe: Option<String>,
    /// `Feedback-ID`: at most four parts with colons between, the last the sender.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feedback_id: Option<String>,
}

impl Outbound {
    #[must_use]
    pub fn encode(&self) -> Bytes {
        encode_marked(MARK, self)
    }

    /// # Errors
    /// When the bytes are not an outbound message of this version.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let packed = bytes
            .strip_prefix(&MARK)
            .ok_or(DecodeError::NotAnEnvelope)?;
        Ok(rmp_serde::from_slice(packed)?)
    }
}
