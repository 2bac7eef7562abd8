//! A conversation as the API answers it.

use schemas::{
    CampaignId, ChannelId, ChannelKind, ContactId, ConversationId, ConversationStatus, Priority,
    Timestamp,
};
use serde::Serialize;
use serde_json::{Map, Value};
use store::conversation::ConversationRow;
use utoipa::ToSchema;

/// A conversation.
#[derive(Serialize, ToSchema)]
pub(crate) struct ConversationOut {
    id: ConversationId,
    channel_id: ChannelId,
    channel_name: String,
    channel_type: ChannelKind,
    platform_conversation_id: String,
    participant_id: String,
    participant_name: Option<String>,
    /// All who take part, as far as known.
    participants: Vec<String>,
    contact_id: Option<ContactId>,
    /// The campaign that is answered: by mail the one whose mail it began with; in a chat the newest one that the contact
    /// was sent there in the 30 days before somebody last wrote, when the conversation is read.
    campaign_id: Option<CampaignId>,
    subject: Option<String>,
    status: ConversationStatus,
    priority: Priority,
    tags: Vec<String>,
    unread_count: i32,
    message_count: i64,
    last_message_at: Option<Timestamp>,
    last_message_preview: Option<String>,
    assigned_agent_id: Option<String>,
    #[schema(value_type = Object)]
    metadata: Map<String, Value>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl From<ConversationRow> for ConversationOut {
    fn from(row: ConversationRow) -> Self {
        Self {
            id: row.id,
            channel_id: row.channel_id,
            channel_name: row.channel_name,
            channel_type: row.channel_type,
            platform_conversation_id: row.platform_conversation_id,
            participants: vec![row.participant_id.clone()],
            participant_id: row.participant_id,
            participant_name: row.participant_name,
            contact_id: row.contact_id,
            campaign_id: row.campaign_id,
            subject: row.subject,
            status: row.status,
            priority: row.priority,
            tags: row.tags,
            unread_count: row.unread_count,
            message_count: row.message_count,
            last_message_at: row.last_message_at,
            last_message_preview: row.last_message_preview,
            assigned_agent_id: row.assigned_agent_id,
            metadata: super::map(row.metadata),
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}
