//! A message as the API takes it, and the message of the hub that is made of it.

use std::fmt;

use schemas::{
    Attachment, Button, ChannelId, Content, ConversationId, Direction, Format, Message, MessageId,
    MessageType, Party, PartyType, PlatformTemplate, Priority, Routing, Timestamp,
};
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor, value::MapAccessDeserializer},
};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::{conversation::tags, optional_text, send::Known};
use crate::{auth::Caller, problem::ApiError};

/// Metadata of what has no column.
pub(crate) const FORMAT: &str = "format";
pub(crate) const BUTTONS: &str = "buttons";
const TEMPLATE: &str = "template";

/// HTML beyond this gets no text made from it.
const MAX_HTML_TO_TEXT: usize = 256 * 1024;

/// A message to be sent.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MessageIn {
    #[serde(alias = "conversationId")]
    pub(super) conversation_id: ConversationId,
    /// Checked against the conversation when given.
    #[serde(default, alias = "channelId")]
    pub(super) channel_id: Option<ChannelId>,
    #[serde(deserialize_with = "content")]
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
    /// How the text is written.
    #[serde(default)]
    format: Format,
    /// What the reader may press.
    #[serde(default)]
    #[schema(max_items = 13)]
    buttons: Vec<Button>,
    /// A message the platform has approved, sent instead of the text.
    #[serde(default)]
    template: Option<PlatformTemplate>,
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
// Read by [`content`], which says what is wrong with it; derived for the API's document.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum ContentIn {
    Text(String),
    Parts(PartsIn),
}

/// Reads a content by what it is, so that a refusal names the part that is wrong.
fn content<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ContentIn, D::Error> {
    struct Reader;

    impl<'de> Visitor<'de> for Reader {
        type Value = ContentIn;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a text, or an object of `text`, `html`, `attachments` and `metadata`")
        }

        fn visit_str<E>(self, text: &str) -> Result<ContentIn, E> {
            Ok(ContentIn::Text(text.to_owned()))
        }

        fn visit_string<E>(self, text: String) -> Result<ContentIn, E> {
            Ok(ContentIn::Text(text))
        }

        fn visit_map<A: MapAccess<'de>>(self, parts: A) -> Result<ContentIn, A::Error> {
            PartsIn::deserialize(MapAccessDeserializer::new(parts)).map(ContentIn::Parts)
        }
    }

    deserializer.deserialize_any(Reader)
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

/// What the types alone cannot say.
pub(super) fn check(body: &MessageIn) -> Result<(), ApiError> {
    let (empty, more) = match &body.content {
        ContentIn::Text(text) => (text.is_empty(), 0),
        ContentIn::Parts(parts) => (
            parts.text.is_empty()
                && parts.html.as_ref().is_none_or(String::is_empty)
                && parts.attachments.is_empty(),
            parts.attachments.len(),
        ),
    };
    if empty && body.attachments.is_empty() && body.template.is_none() {
        return Err(ApiError::invalid(
            "/content",
            "There is nothing to send: give a text, HTML, an attachment or a template.",
        ));
    }
    if body.attachments.len() + more > 50 {
        return Err(ApiError::invalid(
            "/attachments",
            "There may be 50 attachments.",
        ));
    }
    let given = match &body.content {
        ContentIn::Text(_) => &[],
        ContentIn::Parts(parts) => parts.attachments.as_slice(),
    };
    for (place, attachment) in body.attachments.iter().chain(given).enumerate() {
        let fetched = ["https://", "http://", "media:"];
        let strange = |url: &str| {
            let start = url.get(..8).unwrap_or(url).to_ascii_lowercase();
            !fetched.iter().any(|scheme| start.starts_with(scheme))
        };
        if attachment.url.as_deref().is_some_and(strange) {
            return Err(ApiError::invalid(
                format!("/attachments/{place}/url"),
                "This must be an https:// or http:// address, or the `media:…` of an upload.",
            ));
        }
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

/// The message that is sent.
pub(super) fn build(
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
    let content = Content {
        text,
        html,
        attachments,
        format: body.format,
        buttons: body.buttons,
        template: body.template,
    };
    metadata.extend(kept(&content));
    Ok(Message {
        id,
        conversation_id: body.conversation_id,
        channel_id: known.channel,
        message_type,
        direction: Direction::Outbound,
        content,
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
        topics: Vec::new(),
        category: None,
        routing: Routing::default(),
        created_at: now,
        edited_at: None,
        deleted_at: None,
        metadata,
    })
}

/// What of a content has no column of its own, as metadata: see [`restored`].
fn kept(content: &Content) -> Map<String, Value> {
    let mut kept = Map::new();
    if !content.format.is_plain() {
        kept.insert(FORMAT.into(), content.format.name().into());
    }
    if !content.buttons.is_empty() {
        kept.insert(BUTTONS.into(), serde_json::json!(content.buttons));
    }
    if let Some(template) = &content.template {
        kept.insert(TEMPLATE.into(), serde_json::json!(template));
    }
    kept
}

/// A content with what its message's metadata keeps of it.
pub(super) fn restored(content: Content, metadata: &Map<String, Value>) -> Content {
    let of = |name: &str| metadata.get(name).cloned().unwrap_or_default();
    Content {
        format: serde_json::from_value(of(FORMAT)).unwrap_or_default(),
        buttons: serde_json::from_value(of(BUTTONS)).unwrap_or_default(),
        template: serde_json::from_value(of(TEMPLATE)).unwrap_or_default(),
        ..content
    }
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
