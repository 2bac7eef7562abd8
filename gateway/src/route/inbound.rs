//! Bodies that are trusted, split into updates and stored by the broker.

use axum::http::{HeaderMap, header};
use bytes::Bytes;
use schemas::{ChannelId, ChannelStatus, ConversationId, MessageId, Timestamp, partition, subject};
use serde::Serialize;
use utoipa::ToSchema;

use super::owner::{Owner, Owners, bury};
use crate::{directory::Entry, hub::Hub, problem::ApiError};

/// What was accepted. The ids are those of the first update.
#[derive(Serialize, ToSchema)]
pub(crate) struct WebhookOut {
    #[schema(example = true)]
    success: bool,
    /// Null when there was nothing to store in the body.
    message_id: Option<MessageId>,
    conversation_id: Option<ConversationId>,
    /// Every update of the body, when there are several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    messages: Vec<AcceptedOut>,
}

/// One update that was stored.
#[derive(Clone, Serialize, ToSchema)]
pub(crate) struct AcceptedOut {
    message_id: MessageId,
    conversation_id: ConversationId,
}

/// Who says to which channel a body goes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Says {
    /// The body itself, where an address serves several accounts.
    Platform,
    /// Who hands it in, and may do so for that channel alone.
    Adapter,
}

/// Takes a body of a webhook or an adapter, and says what became of it.
pub(super) async fn accept(
    hub: &Hub,
    channel: ChannelId,
    entry: &Entry,
    headers: &HeaderMap,
    body: Bytes,
    now: Timestamp,
    says: Says,
) -> Result<axum::Json<WebhookOut>, ApiError> {
    let content_type = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let accepted = store(hub, channel, entry, content_type, body, now, says).await?;
    let first = accepted.first();
    Ok(axum::Json(WebhookOut {
        success: true,
        message_id: first.map(|one| one.message_id),
        conversation_id: first.map(|one| one.conversation_id),
        messages: if accepted.len() > 1 {
            accepted
        } else {
            Vec::new()
        },
    }))
}

/// Takes one update from somebody else than a webhook; the message it became.
pub(crate) async fn take(
    hub: &Hub,
    channel: ChannelId,
    entry: &Entry,
    content_type: Option<&str>,
    body: Bytes,
) -> Result<Option<MessageId>, ApiError> {
    let now = Timestamp::now();
    let accepted = store(hub, channel, entry, content_type, body, now, Says::Adapter).await?;
    Ok(accepted.first().map(|one| one.message_id))
}

/// Splits a trusted body into updates and has the broker store them.
async fn store(
    hub: &Hub,
    channel: ChannelId,
    entry: &Entry,
    content_type: Option<&str>,
    body: Bytes,
    now: Timestamp,
    says: Says,
) -> Result<Vec<AcceptedOut>, ApiError> {
    if entry.status == ChannelStatus::Inactive {
        return Err(ApiError::conflict(
            "The channel is switched off. Switch it on to receive messages.",
        ));
    }
    let updates = ingest::channel::split(entry.kind, content_type, body).map_err(|malformed| {
        ApiError::bad_request(format!("The body is malformed: {malformed}."))
    })?;
    let mut accepted = Vec::with_capacity(updates.len());
    let mut items = Vec::with_capacity(updates.len());
    let mut owners = Owners::new(hub, channel, entry);
    let mut strays = Vec::new();
    for update in updates {
        let owner = match says {
            Says::Platform => owners.of(&update),
            Says::Adapter => Owner::Channel(channel),
        };
        let (channel, stray) = match owner {
            Owner::Channel(owner) => (owner, None),
            Owner::Nobody(reason) => (channel, Some(reason)),
        };
        let envelope = ingest::channel::envelope(entry.tenant, channel, entry.kind, update, now);
        let partition = partition::of(&partition::token(&envelope.conversation_key));
        let subject = subject::inbound(partition, entry.tenant, entry.kind, channel);
        if let Some(reason) = stray {
            strays.push((envelope, subject, reason));
            continue;
        }
        accepted.push(AcceptedOut {
            message_id: envelope.message,
            conversation_id: envelope.conversation,
        });
        items.push((subject, envelope.encode()));
    }
    bury(hub, strays).await?;
    let count = items.len() as u64;
    hub.bus
        .publisher()
        .publish_all(items, hub.settings.publish_deadline)
        .await?;
    metrics::counter!("tidings_received_total", "kind" => entry.kind.name()).increment(count);
    for one in &accepted {
        hub.young.insert_if_absent(one.conversation_id, ());
    }
    Ok(accepted)
}
