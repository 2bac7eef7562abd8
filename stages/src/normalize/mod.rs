//! From a platform's bytes to the message all platforms share.
//!
//! One file per kind fills in what its platform said; here everything is made uniform: text is
//! NFC without control characters, names and ids are single lines, all of it is bounded, and what
//! was cut is named in `metadata.truncated`.
//!
//! Invariants: the ids of an envelope are derived from its bytes again and must agree, so who may
//! publish raw updates cannot claim another message's id; replies an envelope arrives with are
//! discarded. Deliberately absent: fetching attachments; they stay references.

mod discord;
pub mod email;
mod generic;
mod html;
mod instagram;
mod keyword;
mod line;
mod look;
mod messagebird;
mod messenger;
mod meta;
mod news;
mod phone;
mod sandbox;
mod slack;
mod stamp;
mod telegram;
mod tidy;
mod twilio;
mod viber;
mod vonage;
mod webchat;
mod whatsapp;

use schemas::{
    Attachment, Body, ChannelKind, Content, ConversationId, DeadReason, Direction, Envelope,
    Message, MessageId, MessageType, Outcome, Party, PartyType, Priority, Raw, Routing,
    keys::{self, Keys},
    subject::stage,
};
use serde_json::{Map, Value};

pub(crate) use self::news::News;
use self::{news::track, tidy::tidy};
use crate::{Cx, Stage};

/// Longest text kept, in bytes of UTF-8.
pub const MAX_TEXT_BYTES: usize = 64 * 1024;
/// Longest HTML kept.
pub const MAX_HTML_BYTES: usize = 256 * 1024;
/// Attachments kept of one message.
pub const MAX_ATTACHMENTS: usize = 50;
/// About the most metadata kept of one message.
pub const MAX_METADATA_BYTES: usize = 64 * 1024;
/// Longest update of an unknown form that is kept in `metadata.raw`.
pub const MAX_RAW_BYTES: usize = 16 * 1024;

/// Key in a message's metadata: a program wrote it, and says so in this word.
pub const AUTOMATIC: &str = "automatic";

/// Key in a message's metadata: by what else than the conversation an answer can be sent for some minutes. A rule's answer
/// carries it on to the sender, which alone reads it.
pub const REPLY_VIA: &str = "reply_via";

/// The stage.
pub struct Normalize;

impl Stage for Normalize {
    fn name(&self) -> &'static str {
        stage::NORMALIZE
    }

    fn apply(&self, _: &Cx, envelope: Envelope) -> Outcome {
        let Body::Raw(raw) = &envelope.body else {
            return Outcome::Dead(DeadReason::new(
                "not-raw",
                "the envelope does not hold the platform's bytes",
            ));
        };
        match message(&envelope, raw) {
            Ok((message, Filled::Message(news))) => {
                let events = track(&envelope, news);
                Outcome::Next(Box::new(Envelope {
                    body: Body::Message(Box::new(message)),
                    replies: Vec::new(),
                    events,
                    ..envelope
                }))
            }
            Ok((_, Filled::News(news))) => Outcome::Track(track(&envelope, news)),
            Err(reason) => Outcome::Dead(reason),
        }
    }
}

/// What an update turned out to be.
pub(crate) enum Filled {
    /// A message, and what it says besides itself ("stop writing to me").
    Message(Vec<News>),
    /// No message: a receipt, or somebody who blocked us.
    News(Vec<News>),
}

impl Filled {
    /// A message and nothing else.
    pub(crate) const MESSAGE: Self = Self::Message(Vec::new());
}

fn message(envelope: &Envelope, raw: &Raw) -> Result<(Message, Filled), DeadReason> {
    let keys = keys::of(envelope.kind, &raw.bytes).map_err(malformed)?;
    let honest = envelope.message == MessageId::inbound(envelope.channel, &keys.platform_id)
        && envelope.conversation == ConversationId::of(envelope.channel, &keys.conversation)
        && envelope.conversation_key == keys.conversation;
    if !honest {
        return Err(DeadReason::new(
            "forged",
            "the envelope's ids are not those of its content",
        ));
    }
    let mut message = blank(envelope, keys);
    let bytes = &raw.bytes;
    let filled = match envelope.kind {
        ChannelKind::Telegram => telegram::fill(&mut message, bytes),
        ChannelKind::WhatsApp => whatsapp::fill(&mut message, bytes),
        ChannelKind::Slack => slack::fill(&mut message, bytes),
        ChannelKind::Discord => discord::fill(&mut message, bytes),
        ChannelKind::Email if raw.content_type == "application/json" => {
            email::event(&message, bytes)
        }
        ChannelKind::Email => email::fill(&mut message, bytes)?,
        ChannelKind::Gmail => email::fill(&mut message, bytes)?,
        ChannelKind::Twilio => twilio::fill(&mut message, bytes),
        ChannelKind::Vonage => vonage::fill(&mut message, bytes),
        ChannelKind::MessageBird => messagebird::fill(&mut message, bytes),
        ChannelKind::Messenger => messenger::fill(&mut message, bytes),
        ChannelKind::Instagram => instagram::fill(&mut message, bytes),
        ChannelKind::Line => line::fill(&mut message, bytes),
        ChannelKind::Viber => viber::fill(&mut message, bytes),
        ChannelKind::Webchat => webchat::fill(&mut message, bytes)?,
        ChannelKind::Generic => generic::fill(&mut message, bytes)?,
        ChannelKind::Sandbox => sandbox::fill(&mut message, bytes)?,
    };
    tidy(&mut message);
    Ok((message, filled))
}

/// An update of a type or form not known: its raw form is kept, so that nothing is lost because a platform added something.
fn unsupported(message: &mut Message, bytes: &[u8]) {
    message.message_type = MessageType::Unsupported;
    if message.sender.id.is_empty() {
        message.sender.id = message.platform_conversation_id.clone();
        message.sender.kind = PartyType::System;
    }
    let raw = Some(bytes)
        .filter(|bytes| bytes.len() <= MAX_RAW_BYTES)
        .and_then(|bytes| serde_json::from_slice::<Value>(bytes).ok());
    match raw {
        Some(raw) => message.metadata.insert("raw".into(), raw),
        None => message
            .metadata
            .insert("raw_size_bytes".into(), bytes.len().into()),
    };
}

fn malformed(error: impl std::fmt::Display) -> DeadReason {
    DeadReason::new("malformed", error.to_string())
}

/// A message of which only the ids are known. Its recipient is the channel itself.
fn blank(envelope: &Envelope, keys: Keys) -> Message {
    Message {
        id: envelope.message,
        conversation_id: envelope.conversation,
        channel_id: envelope.channel,
        message_type: MessageType::Text,
        direction: Direction::Inbound,
        content: Content::default(),
        sender: Party::default(),
        recipient: Party {
            id: envelope.channel.to_string(),
            kind: PartyType::System,
            ..Party::default()
        },
        priority: Priority::Normal,
        tags: Vec::new(),
        platform_message_id: Some(keys.platform_id),
        platform_conversation_id: keys.conversation,
        in_reply_to: None,
        subject: None,
        language: None,
        sentiment: None,
        intent: None,
        topics: Vec::new(),
        category: None,
        routing: Routing::default(),
        created_at: envelope.received_at,
        edited_at: None,
        deleted_at: None,
        metadata: Map::new(),
    }
}

/// The type a message of these attachments has.
fn type_of(attachments: &[Attachment]) -> Option<MessageType> {
    Some(match &*attachments.first()?.kind {
        "image" => MessageType::Image,
        "audio" => MessageType::Audio,
        "video" => MessageType::Video,
        "voice" => MessageType::Voice,
        "sticker" => MessageType::Sticker,
        "location" => MessageType::Location,
        "contact" => MessageType::Contact,
        _ => MessageType::File,
    })
}

/// Notes a bot command, which makes the message one.
fn note_command(message: &mut Message) {
    if let Some((command, args)) = crate::text::command(&message.content.text) {
        message.message_type = MessageType::Command;
        if !args.is_empty() {
            message.metadata.insert("args".into(), args.into());
        }
        message.metadata.insert("command".into(), command.into());
    }
}

#[cfg(test)]
pub(crate) mod tests;
