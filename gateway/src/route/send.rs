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
    Attachment, ChannelId, Content, ConversationId, Direction, Message, MessageId, MessageType,
    Outbound, Party, PartyType, Priority, Routing, Timestamp, subject,
};
use serde::Deserialize;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use store::{StoreError, conversation::ConversationRow};
use tokio::time::{sleep, timeout};
use utoipa::ToSchema;

use super::{conversation::tags, message_out::MessageOut, optional_text};
use crate::{auth::Caller, directory::Lookup, extract::Json, hub::Hub, problem::ApiError};

/// How long a conversation that this process took a message of is waited for.
const WAIT_YOUNG: Duration = Duration::from_secs(1);
/// How long any other is waited for.
const WAIT: Duration = Duration::from_millis(200);
/// How long the database is asked what an `Idempotency-Key` stands for.
const ASK: Duration = Duration::from_millis(500);
/// HTML beyond this gets no text made from it.
const MAX_HTML_TO_TEXT: usize = 256 * 1024;

/// A message to be sent.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MessageIn {
    #[serde(alias = "conversationId")]
    conversation_id: ConversationId,
    /// Checked against the conversation when given.
    #[serde(default, alias = "channelId")]
    channel_id: Option<ChannelId>,
    content: ContentIn,
    /// `html`: the content is HTML. Found out from the content when absent.
    #[serde(default, alias = "messageType", alias = "type")]
    message_type: Option<MessageType>,
    #[serde(default)]
    #[schema(max_items = 50)]
    attachments: Vec<Attachment>,
    #[serde(default)]
    #[schema(min_length = 1, max_length = 998)]
    subject: Option<String>,
    #[serde(default)]
    /// `normal` when absent.
    priority: Priority,
    #[serde(default)]
    #[schema(max_items = 64)]
    tags: Vec<String>,
    /// The platform's id of the message this one answers.
    #[serde(default, alias = "inReplyTo")]
    #[schema(min_length = 1, max_length = 998)]
    in_reply_to: Option<String>,
    /// Whatever the channel's sender understands, e.g. `subject`, `cc`.
    #[serde(default)]
    #[schema(value_type = Object)]
    metadata: Map<String, Value>,
}

/// A text, or text, HTML and files.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum ContentIn {
    Text(String),
    Parts(PartsIn),
}

/// At least one of the three.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(min_properties = 1)]
pub(crate) struct PartsIn {
    #[serde(default)]
    text: String,
    #[serde(default)]
    html: Option<String>,
    #[serde(default)]
    #[schema(max_items = 50)]
    attachments: Vec<Attachment>,
    #[serde(default)]
    #[schema(value_type = Object)]
    metadata: Map<String, Value>,
}

/// What a send needs of a conversation; it never changes.
pub(crate) struct Known {
    tenant: schemas::TenantId,
    channel: ChannelId,
    platform_conversation_id: String,
    participant_id: String,
    participant_name: Option<String>,
}

impl From<ConversationRow> for Known {
    fn from(row: ConversationRow) -> Self {
        Self {
            tenant: row.tenant_id,
            channel: row.channel_id,
            platform_conversation_id: row.platform_conversation_id,
            participant_id: row.participant_id,
            participant_name: row.participant_name,
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

async fn queue(
    hub: &Hub,
    caller: &Caller,
    headers: &HeaderMap,
    body: MessageIn,
) -> Result<MessageOut, ApiError> {
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
    let message = build(id, caller, &known, body)?;
    if key.is_some()
        && let Some(sent) = repeated(hub, caller, &message).await?
    {
        return Ok(sent);
    }
    let outbound = Outbound {
        tenant: caller.tenant,
        channel: known.channel,
        kind,
        message: Box::new(message),
        cause: None,
        attempt: 0,
        queued_at: Timestamp::now(),
    };
    hub.bus
        .publisher()
        .publish(
            &subject::outbound(kind, known.channel, caller.tenant),
            outbound.encode(),
            hub.settings.publish_deadline,
        )
        .await?;
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

fn check(body: &MessageIn) -> Result<(), ApiError> {
    let (empty, more) = match &body.content {
        ContentIn::Text(text) => (text.is_empty(), 0),
        ContentIn::Parts(parts) => (
            parts.text.is_empty()
                && parts.html.as_ref().is_none_or(String::is_empty)
                && parts.attachments.is_empty(),
            parts.attachments.len(),
        ),
    };
    if empty && body.attachments.is_empty() {
        return Err(ApiError::invalid(
            "/content",
            "There is nothing to send: give a text, HTML or an attachment.",
        ));
    }
    if body.attachments.len() + more > 50 {
        return Err(ApiError::invalid(
            "/attachments",
            "There may be 50 attachments.",
        ));
    }
    optional_text("/subject", body.subject.as_ref(), 998)?;
    optional_text("/in_reply_to", body.in_reply_to.as_ref(), 998)?;
    tags(&body.tags)?;
    if body
        .subject
        .as_ref()
        .is_some_and(|text| text.contains(['\r', '\n']))
    {
        return Err(ApiError::invalid("/subject", "This must be one line."));
    }
    Ok(())
}

/// The conversation, from memory or the database; one that is being projected just now is waited for.
async fn conversation(
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

fn build(
    id: MessageId,
    caller: &Caller,
    known: &Known,
    body: MessageIn,
) -> Result<Message, ApiError> {
    let asked = body.message_type;
    let mut attachments = body.attachments;
    let mut metadata = body.metadata;
    let (text, html) = match body.content {
        ContentIn::Text(html) if asked == Some(MessageType::Html) => (String::new(), Some(html)),
        ContentIn::Text(text) => (text, None),
        ContentIn::Parts(parts) => {
            attachments.extend(parts.attachments);
            for (name, value) in parts.metadata {
                metadata.entry(name).or_insert(value);
            }
            (parts.text, parts.html.filter(|html| !html.is_empty()))
        }
    };
    let text = match &html {
        Some(html) if text.is_empty() => text_of(html),
        _ => text,
    };
    let message_type = asked.unwrap_or_else(|| match (&html, attachments.first()) {
        (Some(_), _) => MessageType::Html,
        (None, Some(file)) if text.is_empty() => file.kind.parse().unwrap_or(MessageType::File),
        _ => MessageType::Text,
    });
    let subject = match (body.subject, metadata.get("subject")) {
        (Some(subject), _) => Some(subject),
        (None, Some(Value::String(subject))) => {
            if subject.contains(['\r', '\n', '\0']) || subject.chars().nth(998).is_some() {
                return Err(ApiError::invalid(
                    "/metadata/subject",
                    "This must be one line of at most 998 characters.",
                ));
            }
            Some(subject.clone())
        }
        (None, _) => None,
    };
    let now = Timestamp::now();
    Ok(Message {
        id,
        conversation_id: body.conversation_id,
        channel_id: known.channel,
        message_type,
        direction: Direction::Outbound,
        content: Content {
            text,
            html,
            attachments,
        },
        sender: Party {
            id: caller.actor.to_string(),
            kind: PartyType::Agent,
            name: caller.name.as_deref().map(str::to_owned),
            metadata: Map::new(),
        },
        recipient: Party {
            id: known.participant_id.clone(),
            kind: PartyType::User,
            name: known.participant_name.clone(),
            metadata: Map::new(),
        },
        priority: body.priority,
        tags: body.tags,
        platform_message_id: None,
        platform_conversation_id: known.platform_conversation_id.clone(),
        in_reply_to: body.in_reply_to,
        subject,
        language: None,
        sentiment: None,
        intent: None,
        routing: Routing::default(),
        created_at: now,
        edited_at: None,
        metadata,
    })
}

/// Plain text for those who do not read HTML.
fn text_of(html: &str) -> String {
    if html.len() > MAX_HTML_TO_TEXT {
        return String::new();
    }
    html2text::config::plain()
        .string_from_read(html.as_bytes(), 78)
        .unwrap_or_default()
        .trim()
        .to_owned()
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
    let found = timeout(
        ASK,
        store::message::get(&hub.store, caller.tenant, message.id),
    )
    .await;
    // Unknown, or the database is down: queue it.
    let Ok(Ok(row)) = found else {
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
mod tests;
