//! A channel as the API answers it.
//!
//! Invariant: credentials never come out; an answer says only whether there are some.

use schemas::{ChannelId, ChannelKind, ChannelStatus, Timestamp};
use serde::Serialize;
use serde_json::{Map, Value};
use store::channel::ChannelRow;
use utoipa::ToSchema;

use crate::hub::Hub;

/// A channel.
#[derive(Serialize, ToSchema)]
pub(crate) struct ChannelOut {
    id: ChannelId,
    #[serde(rename = "type")]
    kind: ChannelKind,
    name: String,
    provider: Option<String>,
    #[schema(value_type = Object)]
    config: Value,
    credentials: CredentialsOut,
    status: ChannelStatus,
    assigned_agent_id: Option<String>,
    total_messages_received: i64,
    total_messages_sent: i64,
    auto_response_enabled: bool,
    health: ChannelHealthOut,
    /// Why the channel cannot be read, where the hub fetches from its platform; answered by GET.
    #[schema(example = "the server refused the login")]
    health_reason: Option<String>,
    last_check_at: Option<Timestamp>,
    #[schema(value_type = Object)]
    metadata: Map<String, Value>,
    /// Where the platform posts its updates.
    #[schema(example = "/api/v1/webhooks/018f3c1e-0000-7000-8000-000000000001")]
    webhook_url: String,
    /// Where an adapter of one's own publishes over NATS; the last token names the conversation.
    #[schema(example = "ingest.<tenant>.telegram.<channel>.*")]
    ingest_subject: String,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// Where a platform delivers a channel's updates; none while the hub does not know its own address.
pub(super) fn webhook_url(hub: &Hub, channel: ChannelId) -> Option<String> {
    let base = hub.settings.public_url.as_deref()?.trim_end_matches('/');
    (!base.is_empty()).then(|| format!("{base}/api/v1/webhooks/{channel}"))
}

/// Whether there are credentials; nothing of them.
#[derive(Serialize, ToSchema)]
pub(crate) struct CredentialsOut {
    set: bool,
}

/// What the last test found.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ChannelHealthOut {
    Unknown,
    Healthy,
    Degraded,
    Unhealthy,
}

impl ChannelOut {
    pub(crate) fn of(hub: &Hub, row: ChannelRow) -> Self {
        let base = hub.settings.public_url.as_deref().unwrap_or_default();
        Self {
            webhook_url: format!("{}/api/v1/webhooks/{}", base.trim_end_matches('/'), row.id),
            ingest_subject: schemas::subject::ingest(row.tenant_id, row.kind, row.id, "*"),
            id: row.id,
            kind: row.kind,
            name: row.name,
            provider: row.provider,
            config: row.config,
            credentials: CredentialsOut {
                set: row.has_credentials,
            },
            status: row.status,
            assigned_agent_id: row.assigned_agent_id,
            total_messages_received: row.total_messages_received,
            total_messages_sent: row.total_messages_sent,
            auto_response_enabled: row.auto_response_enabled,
            health: match row.health.as_str() {
                "healthy" => ChannelHealthOut::Healthy,
                "degraded" => ChannelHealthOut::Degraded,
                "unhealthy" => ChannelHealthOut::Unhealthy,
                _ => ChannelHealthOut::Unknown,
            },
            health_reason: None,
            last_check_at: row.last_check_at,
            metadata: super::map(row.metadata),
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }

    /// With the reason why it is not read.
    pub(crate) fn troubled(self, reason: Option<String>) -> Self {
        Self {
            health_reason: reason,
            ..self
        }
    }
}
