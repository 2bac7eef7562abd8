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
mod phone;
mod sandbox;
mod slack;
mod stamp;
mod telegram;
mod twilio;
mod viber;
mod vonage;
mod webchat;
mod whatsapp;

use schemas::{
    About, Attachment, Body, ChannelKind, Content, ConversationId, DeadReason, Direction, Envelope,
    Message, MessageId, MessageType, Outcome, Party, PartyType, Priority, Raw, Routing, Timestamp,
    TrackContext, TrackEvent, TrackKind,
    keys::{self, Keys},
    subject::stage,
};
use serde_json::{Map, Value};

use crate::{
    Cx, Stage,
    text::{clean, clean_line, clean_map, size_bytes},
};

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

const MAX_LINE_BYTES: usize = 998;
const MAX_NAME_BYTES: usize = 256;
const MAX_ID_BYTES: usize = 512;
const MAX_URL_BYTES: usize = 2048;
/// Longest single string within metadata.
const MAX_VALUE_BYTES: usize = 32 * 1024;

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

/// What a platform says about messages we sent or addresses we write to.
pub(crate) struct News {
    pub(crate) kind: TrackKind,
    /// [`About::Sent`] needs `provider_id`; [`About::Message`] is not for updates.
    pub(crate) about: About,
    /// The platform's id of the message we sent.
    pub(crate) provider_id: Option<String>,
    /// The platform's time.
    pub(crate) at: Timestamp,
    /// A code or a reason; never content or addresses.
    pub(crate) detail: Option<String>,
}

impl News {
    /// What became of a message we sent.
    pub(crate) fn receipt(kind: TrackKind, provider_id: impl Into<String>, at: Timestamp) -> Self {
        Self {
            kind,
            about: About::Sent,
            provider_id: Some(provider_id.into()),
            at,
            detail: None,
        }
    }

    /// What an address wants, or can no longer.
    pub(crate) fn address(kind: TrackKind, address: impl Into<String>, at: Timestamp) -> Self {
        Self {
            kind,
            about: About::Address(address.into()),
            provider_id: None,
            at,
            detail: None,
        }
    }

    /// All that was sent in the update's conversation up to `at`.
    pub(crate) fn watermark(kind: TrackKind, at: Timestamp) -> Self {
        Self {
            kind,
            about: About::Conversation,
            provider_id: None,
            at,
            detail: None,
        }
    }

    pub(crate) fn because(self, detail: impl Into<String>) -> Self {
        Self {
            detail: Some(detail.into()),
            ..self
        }
    }
}

/// The tracking events of an update's news. Their ids come of what they say, so an update that comes twice says it once.
fn track(envelope: &Envelope, news: Vec<News>) -> Vec<TrackEvent> {
    news.into_iter()
        .map(|news| {
            let provider_id = news.provider_id.map(|id| clean_line(id, MAX_ID_BYTES));
            let about = match news.about {
                About::Address(address) => About::Address(clean_line(address, MAX_ID_BYTES)),
                other => other,
            };
            // The same update is the same event, however often it comes and whatever time it is taken to have.
            let (message, occurrence) = match (&about, &provider_id) {
                (About::Sent, Some(id)) => {
                    let told = envelope.message.to_string();
                    (MessageId::sent(envelope.channel, id), told)
                }
                (About::Address(address), _) => (envelope.message, address.clone()),
                _ => (envelope.message, String::new()),
            };
            TrackEvent {
                id: TrackEvent::derive_id(message, news.kind, &occurrence),
                tenant: envelope.tenant,
                channel: envelope.channel,
                conversation: envelope.conversation,
                message,
                context: if about == About::Sent || about == About::Conversation {
                    TrackContext::Message
                } else {
                    TrackContext::Inbound
                },
                kind: news.kind,
                at: news.at,
                provider_id,
                detail: news.detail.map(|detail| clean_line(detail, MAX_LINE_BYTES)),
                about,
            }
        })
        .collect()
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

/// Makes uniform what the platforms said.
fn tidy(message: &mut Message) {
    let mut truncated = Vec::new();
    let (text, cut) = clean(std::mem::take(&mut message.content.text), MAX_TEXT_BYTES);
    message.content.text = text;
    if cut {
        truncated.push("text");
    }
    if let Some(html) = message.content.html.take() {
        let (html, cut) = clean(html, MAX_HTML_BYTES);
        message.content.html = Some(html);
        if cut {
            truncated.push("html");
        }
    }
    if message.content.attachments.len() > MAX_ATTACHMENTS {
        message.content.attachments.truncate(MAX_ATTACHMENTS);
        truncated.push("attachments");
    }
    message
        .content
        .attachments
        .iter_mut()
        .for_each(tidy_attachment);
    tidy_party(&mut message.sender);
    tidy_party(&mut message.recipient);
    message.subject = line(message.subject.take(), MAX_LINE_BYTES);
    message.in_reply_to = line(message.in_reply_to.take(), MAX_ID_BYTES);
    let (mut metadata, cut) = bounded_map(std::mem::take(&mut message.metadata));
    if cut {
        truncated.push("metadata");
    }
    if !truncated.is_empty() {
        metadata.insert("truncated".into(), truncated.into());
    }
    message.metadata = metadata;
}

fn tidy_party(party: &mut Party) {
    party.id = clean_line(std::mem::take(&mut party.id), MAX_ID_BYTES);
    party.name = line(party.name.take(), MAX_NAME_BYTES);
    party.metadata = bounded_map(std::mem::take(&mut party.metadata)).0;
}

fn tidy_attachment(attachment: &mut Attachment) {
    attachment.kind = clean_line(std::mem::take(&mut attachment.kind), 32);
    // Marks of direction in a file's name serve to show another ending than it has.
    let name = attachment.name.take().map(|name| name.replace(turns, ""));
    attachment.name = line(name, MAX_NAME_BYTES);
    attachment.content_type = line(attachment.content_type.take(), MAX_NAME_BYTES);
    attachment.platform_id = line(attachment.platform_id.take(), MAX_ID_BYTES);
    // A cut address leads nowhere, or elsewhere.
    attachment.url = attachment
        .url
        .take()
        .filter(|url| url.len() <= MAX_URL_BYTES && !url.chars().any(char::is_control));
    attachment.metadata = bounded_map(std::mem::take(&mut attachment.metadata)).0;
}

/// Characters that turn the direction of what follows.
fn turns(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A clean single line, absent when nothing is left of it.
fn line(text: Option<String>, max_bytes: usize) -> Option<String> {
    text.map(|text| clean_line(text, max_bytes))
        .filter(|text| !text.is_empty())
}

/// Clean metadata of a bounded size: entries that do not fit are left out. True when some were.
fn bounded_map(map: Map<String, Value>) -> (Map<String, Value>, bool) {
    if map.is_empty() {
        return (map, false);
    }
    let (mut room, all) = (MAX_METADATA_BYTES, map.len());
    let kept: Map<String, Value> = clean_map(map, MAX_VALUE_BYTES)
        .into_iter()
        .filter(|(key, value)| {
            let size = key.len() + size_bytes(value);
            let fits = size <= room;
            if fits {
                room -= size;
            }
            fits
        })
        .collect();
    let cut = kept.len() < all;
    (kept, cut)
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
pub(crate) mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;
    use schemas::{ChannelId, TenantId, Timestamp};
    use uuid::Uuid;

    use super::*;

    /// An envelope as the gateway makes it.
    pub(crate) fn raw(kind: ChannelKind, bytes: &[u8]) -> Envelope {
        let channel = ChannelId(Uuid::from_u128(2));
        let keys = keys::of(kind, bytes).unwrap_or(Keys {
            platform_id: "?".into(),
            conversation: "?".into(),
        });
        Envelope {
            tenant: TenantId(Uuid::from_u128(1)),
            channel,
            kind,
            message: MessageId::inbound(channel, &keys.platform_id),
            conversation: ConversationId::of(channel, &keys.conversation),
            conversation_key: keys.conversation,
            received_at: Timestamp::from_seconds(1_736_332_200),
            position: 0,
            body: Body::Raw(Raw {
                content_type: "application/octet-stream".into(),
                bytes: Bytes::copy_from_slice(bytes),
            }),
            context: schemas::Context::default(),
            replies: Vec::new(),
            events: Vec::new(),
            trace: Vec::new(),
        }
    }

    pub(crate) fn sandbox(text: &str) -> Envelope {
        let json = serde_json::json!({"id": "1", "sender": {"id": "ann"}, "text": text});
        raw(ChannelKind::Sandbox, json.to_string().as_bytes())
    }

    pub(crate) fn message_of(envelope: Envelope) -> Message {
        match Normalize.apply(&Cx::default(), envelope) {
            Outcome::Next(envelope) => envelope.message().unwrap().clone(),
            end => panic!("{end:?}"),
        }
    }

    #[test]
    fn what_is_too_long_is_cut_and_said() {
        let message = message_of(sandbox(&"ä".repeat(MAX_TEXT_BYTES)));
        assert_eq!(message.content.text.len(), MAX_TEXT_BYTES);
        assert_eq!(message.metadata["truncated"], serde_json::json!(["text"]));
    }

    #[test]
    fn a_claimed_id_is_refused() {
        let mut envelope = sandbox("hi");
        envelope.message = MessageId(Uuid::from_u128(9));
        let Outcome::Dead(reason) = Normalize.apply(&Cx::default(), envelope) else {
            panic!("passed");
        };
        assert_eq!(reason.code, "forged");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]
        #[test]
        fn any_bytes_have_an_answer(kind in 0usize..ChannelKind::ALL.len(), head in 0usize..6, bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let head: &[u8] = [
                &b""[..],
                b"{\"update_id\":1,\"message\":{\"message_id\":1,\"date\":1,\"chat\":{\"id\":1,\"type\":\"private\"},\"text\":\"",
                b"From: a@b.c\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: text/html\r\n\r\n<",
                b"From: a@b.c\r\nSubject: =?utf-8?q?",
                b"{\"id\":\"1\",\"sender\":{\"id\":\"2\"},\"text\":\"",
                b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n",
            ][head];
            let envelope = raw(ChannelKind::ALL[kind], &[head, &bytes].concat());
            match Normalize.apply(&Cx::default(), envelope) {
                Outcome::Next(envelope) => {
                    let message = envelope.message().unwrap();
                    prop_assert!(message.content.text.len() <= MAX_TEXT_BYTES);
                    let json = serde_json::to_string(message).unwrap();
                    prop_assert!(!json.contains("\\u0000"));
                }
                Outcome::Dead(reason) => prop_assert_eq!(reason.code, "malformed"),
                Outcome::Track(_) => {}
                Outcome::Drop(_) => prop_assert!(false, "normalize never drops"),
            }
        }
    }
}
