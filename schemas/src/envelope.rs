//! The envelope: what travels through the pipeline.
//!
//! Wire form: `0xC1 'E' 0x01`, then MessagePack with named fields. `0xC1` never begins MessagePack
//! or JSON, so an envelope is told from an adapter's own payload by its first bytes.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::{
    ChannelId, ChannelKind, ConversationId, Message, MessageId, Outbound, TenantId, Timestamp,
    TrackEvent,
};

const MARK: [u8; 3] = [0xC1, b'E', 1];

/// One update on its way through the stages.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Envelope {
    pub tenant: TenantId,
    pub channel: ChannelId,
    pub kind: ChannelKind,
    pub message: MessageId,
    pub conversation: ConversationId,
    /// The platform's own conversation key, from which `conversation` is derived.
    pub conversation_key: String,
    /// When the hub took it. Stages take this for "now", so a replay is exact.
    pub received_at: Timestamp,
    /// Place in the conversation: see [`crate::partition::position`]. Zero until the broker has
    /// stored it; set by the pipeline worker.
    #[serde(default)]
    pub position: i64,
    pub body: Body,
    /// What was known about the sender before this message.
    #[serde(default, skip_serializing_if = "Context::is_empty")]
    pub context: Context,
    /// Messages the rules want sent because of this one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub replies: Vec<Outbound>,
    /// What this message says besides itself, such as "stop writing to me"; published with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<TrackEvent>,
    /// Written by the worker loop, never by a stage; not part of any comparison of outcomes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trace: Vec<Hop>,
}

/// What was known about a sender before the message. The worker writes it down once, before the first stage that
/// reads it, so that a replay sees what the stage saw.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Context {
    /// Languages of the conversation's earlier messages, the most frequent first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub spoken: Vec<Spoken>,
}

impl Context {
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.spoken.is_empty()
    }
}

/// A language and how many of the earlier messages were in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spoken {
    /// As [`crate::Language::code`].
    pub code: String,
    pub messages: u32,
}

/// Before `normalize` the platform's own bytes, after it the message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Body {
    Raw(Raw),
    Message(Box<Message>),
}

/// One update as the platform wrote it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Raw {
    /// Media type of `bytes`, e.g. `application/json`, `application/msgpack`, `message/rfc822`.
    pub content_type: String,
    pub bytes: Bytes,
}

/// One step of a message's journey.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Hop {
    /// `ingest`, a stage's name, `project`, `deliver`, …
    pub stage: String,
    pub worker: String,
    pub at: Timestamp,
    /// Microseconds the step took for this message (its share of the batch).
    pub took_us: u32,
    /// What was decided, e.g. `language=de`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub decision: String,
}

/// Bytes that are no envelope.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    #[error("not an envelope")]
    NotAnEnvelope,
    #[error("an envelope of another form")]
    Form(#[from] rmp_serde::decode::Error),
}

impl Envelope {
    /// Whether these bytes claim to be an envelope.
    #[must_use]
    pub fn is_envelope(bytes: &[u8]) -> bool {
        bytes.starts_with(&MARK)
    }

    #[must_use]
    pub fn encode(&self) -> Bytes {
        encode_marked(MARK, self)
    }

    /// # Errors
    /// When the bytes are not an envelope of this version.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let packed = bytes
            .strip_prefix(&MARK)
            .ok_or(DecodeError::NotAnEnvelope)?;
        Ok(rmp_serde::from_slice(packed)?)
    }

    /// The message, once `normalize` has made it.
    #[must_use]
    pub fn message(&self) -> Option<&Message> {
        match &self.body {
            Body::Message(message) => Some(message),
            Body::Raw(_) => None,
        }
    }

    pub fn message_mut(&mut self) -> Option<&mut Message> {
        match &mut self.body {
            Body::Message(message) => Some(message),
            Body::Raw(_) => None,
        }
    }
}

/// Encodes a value as MessagePack with named fields behind three marker bytes.
pub(crate) fn encode_marked<T: Serialize>(mark: [u8; 3], value: &T) -> Bytes {
    let mut out = Vec::with_capacity(1024);
    out.extend_from_slice(&mark);
    let mut serializer = rmp_serde::Serializer::new(&mut out).with_struct_map();
    value
        .serialize(&mut serializer)
        .expect("our types have string keys and known lengths, and a Vec takes every byte");
    Bytes::from(out)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn round_trip_and_mark() {
        let envelope = Envelope {
            tenant: TenantId(Uuid::from_u128(1)),
            channel: ChannelId(Uuid::from_u128(2)),
            kind: ChannelKind::Sandbox,
            message: MessageId(Uuid::from_u128(3)),
            conversation: ConversationId(Uuid::from_u128(4)),
            conversation_key: "alice".into(),
            received_at: Timestamp(5),
            position: 0,
            body: Body::Raw(Raw {
                content_type: "application/json".into(),
                bytes: Bytes::from_static(b"{}"),
            }),
            context: Context::default(),
            replies: Vec::new(),
            events: Vec::new(),
            trace: Vec::new(),
        };
        let bytes = envelope.encode();
        assert!(Envelope::is_envelope(&bytes));
        assert_eq!(Envelope::decode(&bytes).unwrap(), envelope);
        assert!(Envelope::decode(b"{}").is_err());
        assert!(Envelope::decode(&bytes[..bytes.len() - 1]).is_err());
    }
}
