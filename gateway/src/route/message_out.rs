//! A message as the API answers it: flat for inboxes, with sender and recipient as objects besides.
//!
//! Invariant: the status of an outbound message is what the delivery ledger says, `queued` before it
//! says anything; an inbound one is `received`.

use schemas::{
    ChannelId, ConversationId, DeliveryState, Direction, Intent, Language, Message, MessageId,
    MessageType, Party, PartyType, Priority, Routing, Sentiment, TenantId, Timestamp, sms::SmsSize,
};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::media::{AttachmentOut, locate};
use crate::hub::Hub;

/// A message.
#[derive(Serialize, ToSchema)]
pub(crate) struct MessageOut {
    pub(crate) id: MessageId,
    pub(crate) conversation_id: ConversationId,
    pub(crate) channel_id: ChannelId,
    pub(crate) direction: Direction,
    /// The same as `message_type`.
    #[serde(rename = "type")]
    pub(crate) kind: MessageType,
    pub(crate) message_type: MessageType,
    pub(crate) sender_id: String,
    pub(crate) sender_name: Option<String>,
    pub(crate) sender: PartyOut,
    pub(crate) recipient: PartyOut,
    pub(crate) subject: Option<String>,
    /// The text.
    pub(crate) content: String,
    pub(crate) html: Option<String>,
    pub(crate) attachments: Vec<AttachmentOut>,
    #[schema(value_type = Object)]
    pub(crate) metadata: Map<String, Value>,
    pub(crate) status: StatusOut,
    /// Why it is in this state, when there is something to say.
    pub(crate) status_detail: Option<String>,
    pub(crate) priority: Priority,
    pub(crate) tags: Vec<String>,
    pub(crate) language: Option<Language>,
    pub(crate) sentiment: Option<Sentiment>,
    pub(crate) intent: Option<Intent>,
    /// Key phrases, the weightiest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) topics: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) category: Option<String>,
    pub(crate) routing: Option<Routing>,
    pub(crate) platform_message_id: Option<String>,
    pub(crate) in_reply_to: Option<String>,
    /// The message an automatic reply answers.
    pub(crate) cause_id: Option<MessageId>,
    pub(crate) sent_at: Option<Timestamp>,
    pub(crate) delivered_at: Option<Timestamp>,
    pub(crate) read_at: Option<Timestamp>,
    pub(crate) edited_at: Option<Timestamp>,
    /// When its sender took it back; what it said is gone.
    pub(crate) deleted_at: Option<Timestamp>,
    /// How large it was, where it left as SMS: operators bill by segment.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(crate) sms: Option<SmsSize>,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
}

/// Who speaks or is spoken to.
#[derive(Serialize, ToSchema)]
pub(crate) struct PartyOut {
    pub(crate) id: String,
    #[serde(rename = "type")]
    pub(crate) kind: PartyType,
    pub(crate) name: Option<String>,
}

/// Where a message stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StatusOut {
    /// An inbound message.
    Received,
    Queued,
    Claimed,
    Sending,
    /// Whether it left cannot be known; a person decides.
    Unknown,
    Failed,
    Sent,
    Bounced,
    Delivered,
    Read,
}

impl From<DeliveryState> for StatusOut {
    fn from(state: DeliveryState) -> Self {
        match state {
            DeliveryState::Queued => Self::Queued,
            DeliveryState::Claimed => Self::Claimed,
            DeliveryState::Sending => Self::Sending,
            DeliveryState::Unknown => Self::Unknown,
            DeliveryState::Failed => Self::Failed,
            DeliveryState::Sent => Self::Sent,
            DeliveryState::Bounced => Self::Bounced,
            DeliveryState::Delivered => Self::Delivered,
            DeliveryState::Read => Self::Read,
        }
    }
}

impl From<Party> for PartyOut {
    fn from(party: Party) -> Self {
        Self {
            id: party.id,
            kind: party.kind,
            name: party.name,
        }
    }
}

impl MessageOut {
    /// With the addresses of the hub's copies of its files.
    pub(crate) fn located(mut self, hub: &Hub, tenant: TenantId) -> Self {
        if self.direction == Direction::Inbound {
            locate(hub, tenant, self.id, &mut self.attachments);
        }
        self
    }

    /// A message that was just queued.
    pub(crate) fn queued(message: Message) -> Self {
        Self {
            id: message.id,
            conversation_id: message.conversation_id,
            channel_id: message.channel_id,
            direction: message.direction,
            kind: message.message_type,
            message_type: message.message_type,
            sender_id: message.sender.id.clone(),
            sender_name: message.sender.name.clone(),
            sender: message.sender.into(),
            recipient: message.recipient.into(),
            subject: message.subject,
            content: message.content.text,
            html: message.content.html,
            attachments: message
                .content
                .attachments
                .into_iter()
                .map(AttachmentOut::from)
                .collect(),
            metadata: message.metadata,
            status: StatusOut::Queued,
            status_detail: None,
            priority: message.priority,
            tags: message.tags,
            language: message.language,
            sentiment: message.sentiment,
            intent: message.intent,
            topics: message.topics,
            category: message.category,
            routing: None,
            platform_message_id: message.platform_message_id,
            in_reply_to: message.in_reply_to,
            cause_id: None,
            sent_at: None,
            delivered_at: None,
            read_at: None,
            edited_at: message.edited_at,
            deleted_at: None,
            sms: None,
            created_at: message.created_at,
            updated_at: message.created_at,
        }
    }
}
