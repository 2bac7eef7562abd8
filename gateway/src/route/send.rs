//! Sending: a message is queued when the broker has stored it; the database is not written here.
//!
//! Invariant: the same `Idempotency-Key` of a tenant is the same message, sent once, however often it
//! is asked for. A key with another content is refused as far as that can be known: by what this
//! process took lately and by what is already projected.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
};
use schemas::{
    ChannelId, ChannelKind, ConversationId, Message, MessageId, Outbound, Timestamp, subject,
};
use sha2::{Digest, Sha256};
use store::{StoreError, conversation::ConversationRow};
use tokio::time::{sleep, timeout};

use super::{
    message_in::{MessageIn, build, check},
    message_out::MessageOut,
};
use crate::{auth::Caller, directory::Lookup, extract::Json, hub::Hub, problem::ApiError};

/// How long a conversation that this process took a message of is waited for.
const WAIT_YOUNG: Duration = Duration::from_secs(1);
/// How long any other is waited for.
const WAIT: Duration = Duration::from_millis(200);
/// How long the database is asked what an `Idempotency-Key` stands for.
const ASK: Duration = Duration::from_millis(500);
/// What a send needs of a conversation; it never changes.
pub(crate) struct Known {
    pub(super) tenant: schemas::TenantId,
    pub(super) channel: ChannelId,
    pub(super) platform_conversation_id: String,
    pub(super) participant_id: String,
    pub(super) participant_name: Option<String>,
    pub(super) subject: Option<String>,
}

impl From<ConversationRow> for Known {
    fn from(row: ConversationRow) -> Self {
        Self {
            tenant: row.tenant_id,
            channel: row.channel_id,
            platform_conversation_id: row.platform_conversation_id,
            participant_id: row.participant_id,
            participant_name: row.participant_name,
            subject: row.subject,
        }
    }
}

/// Send a message.
///
/// With an `Idempotency-Key` the same request may be repeated; it is sent once.
#[utoipa::path(
    post, path = "/messages/send", tag = "messages", operation_id = "send_message",
    params(("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, pattern = "^[!-~]+$",
        description = "1 to 255 visible ASCII characters; the same key is the same message")),
    request_body(content = MessageIn, example = json!({
        "conversation_id": "018f3c1e-0000-7000-8000-000000000001", "content": "How can I help you?",
        "message_type": "text", "attachments": [], "metadata": {}})),
    responses((status = 200, description = "Queued: the broker has stored it", body = MessageOut))
)]
pub(crate) async fn send(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    headers: HeaderMap,
    Json(body): Json<MessageIn>,
) -> Result<axum::Json<MessageOut>, ApiError> {
    queue(&hub, &caller, &headers, body).await.map(axum::Json)
}

/// Send a message (the same as `/messages/send`, answered 201).
#[utoipa::path(
    post, path = "/messages", tag = "messages", operation_id = "create_message",
    params(("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, pattern = "^[!-~]+$",
        description = "1 to 255 visible ASCII characters; the same key is the same message")),
    request_body(content = MessageIn, example = json!({
        "conversation_id": "018f3c1e-0000-7000-8000-000000000001",
        "content": {"text": "How can I help you?", "html": "<p>How can I help you?</p>"}})),
    responses((status = 201, description = "Queued: the broker has stored it", body = MessageOut))
)]
pub(crate) async fn create(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    headers: HeaderMap,
    Json(body): Json<MessageIn>,
) -> Result<(StatusCode, axum::Json<MessageOut>), ApiError> {
    let message = queue(&hub, &caller, &headers, body).await?;
    Ok((StatusCode::CREATED, axum::Json(message)))
}

pub(crate) async fn queue(
    hub: &Hub,
    caller: &Caller,
    headers: &HeaderMap,
    body: MessageIn,
) -> Result<MessageOut, ApiError> {
    let first = hub.store.precedence().enter();
    let key = idempotency_key(headers)?;
    check(&body)?;
    let known = conversation(hub, caller, body.conversation_id).await?;
    if body
        .channel_id
        .is_some_and(|channel| channel != known.channel)
    {
        return Err(ApiError::invalid(
            "/channel_id",
            "The conversation belongs to another channel. Leave this out.",
        ));
    }
    let kind = match hub.directory.find(&hub.store, known.channel).await {
        Lookup::Found(entry) if entry.tenant == caller.tenant => entry.kind,
        Lookup::Found(_) | Lookup::Unknown => return Err(ApiError::not_found("conversation")),
        Lookup::Unavailable => return Err(ApiError::unavailable(2)),
    };
    let id = key.map_or_else(MessageId::new, |key| {
        MessageId::idempotent(caller.tenant, key)
    });
    let mut message = build(id, caller, &known, body)?;
    super::media::resolve(hub, caller, &mut message.content.attachments).await?;
    if matches!(kind, ChannelKind::Email | ChannelKind::Gmail) {
        super::thread::stand(hub, caller, &known, &mut message).await;
    }
    if key.is_some()
        && let Some(sent) = repeated(hub, caller, &message).await?
    {
        return Ok(sent);
    }
    let from = super::window::own_address(hub, caller, kind, &message).await?;
    let outbound = Outbound {
        tenant: caller.tenant,
        channel: known.channel,
        kind,
        message: Box::new(message),
        cause: None,
        attempt: 0,
        queued_at: Timestamp::now(),
        from,
        mail: None,
    };
    hub.bus
        .publisher()
        .publish(
            &subject::outbound(kind, known.channel, caller.tenant),
            outbound.encode(),
            hub.settings.publish_deadline,
        )
        .await?;
    first.hand_on();
    metrics::counter!("tidings_queued_total", "kind" => kind.name()).increment(1);
    Ok(MessageOut::queued(*outbound.message))
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<&str>, ApiError> {
    let Some(value) = headers.get("idempotency-key") else {
        return Ok(None);
    };
    match value.to_str() {
        Ok(key)
            if (1..=255).contains(&key.len())
                && key.bytes().all(|byte| byte.is_ascii_graphic()) =>
        {
            Ok(Some(key))
        }
        _ => Err(ApiError::bad_request(
            "Idempotency-Key must have 1 to 255 visible ASCII characters.",
        )),
    }
}

/// The conversation, from memory or the database; one that is being projected just now is waited for.
pub(super) async fn conversation(
    hub: &Hub,
    caller: &Caller,
    id: ConversationId,
) -> Result<Arc<Known>, ApiError> {
    if let Some(known) = hub.conversations.get(&id) {
        return if known.tenant == caller.tenant {
            Ok(known)
        } else {
            Err(ApiError::not_found("conversation"))
        };
    }
    let wait = if hub.young.get(&id).is_some() {
        WAIT_YOUNG
    } else {
        WAIT
    };
    let until = Instant::now() + wait;
    let mut pause = Duration::from_millis(20);
    loop {
        match store::conversation::get(&hub.store, caller.tenant, id).await {
            Ok(row) => {
                let known = Arc::new(Known::from(row));
                hub.conversations.insert(id, Arc::clone(&known));
                return Ok(known);
            }
            Err(StoreError::NotFound) if Instant::now() + pause < until => {
                sleep(pause).await;
                pause = (pause * 2).min(Duration::from_millis(100));
            }
            Err(error) => return Err(ApiError::or_not_found(error, "conversation")),
        }
    }
}

/// What is compared between two sends under one key.
fn digest(message: &Message) -> [u8; 32] {
    let parts = serde_json::json!([
        message.conversation_id,
        message.message_type,
        message.subject,
        message.content.text,
        message.content.html,
        message.content.attachments,
    ]);
    Sha256::digest(parts.to_string().as_bytes()).into()
}

/// The message that was already sent under this key, when it is the same and already projected; an
/// error when it is another. A repetition that is not projected yet is simply queued again: it has
/// the same id and leaves once.
async fn repeated(
    hub: &Hub,
    caller: &Caller,
    message: &Message,
) -> Result<Option<MessageOut>, ApiError> {
    let other = || {
        ApiError::conflict(
            "This Idempotency-Key was used for another message. Use a new key for a new message.",
        )
    };
    let digest = digest(message);
    if hub
        .sent
        .insert_if_absent(message.id, digest)
        .is_some_and(|before| before != digest)
    {
        return Err(other());
    }
    // Unknown, or the database is down: queue it.
    if hub
        .projected
        .holds(&hub.store, caller.tenant, message.id)
        .await
        != Some(true)
    {
        return Ok(None);
    }
    let found = timeout(
        ASK,
        store::message::get(&hub.store, caller.tenant, message.id),
    );
    let Ok(Ok(row)) = found.await else {
        return Ok(None);
    };
    let same = row.conversation_id == message.conversation_id
        && row.message_type == message.message_type
        && row.content == message.content.text.replace('\0', "");
    if same {
        Ok(Some(row.into()))
    } else {
        hub.sent.remove(&message.id);
        Err(other())
    }
}

#[cfg(test)]
#[path = "send_tests.rs"]
pub(super) mod tests;
