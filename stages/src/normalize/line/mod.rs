//! LINE's events (<https://developers.line.biz/en/reference/messaging-api/#webhook-event-objects>).
//!
//! Names of people are not in them; an id is all there is. A file lies at LINE under its message's id unless the event gives
//! an address. Positions of emoji and mentions are LINE's own: UTF-16 units of the text as it was sent.
//!
//! Invariant: what arrives while another channel has the word (`mode` is `standby`) is kept and never answered by a rule.

mod event;

use schemas::{Attachment, Message, MessageType, PartyType, Timestamp, TrackKind};
use serde_json::{Map, Value};

use self::event::{Content, Event, Postback, Wrapped};
use super::{AUTOMATIC, Filled, News, note_command, unsupported};

/// Events about the chat or the account; what each says stands under its own name.
const EVENTS: [&str; 17] = [
    "follow",
    "unfollow",
    "join",
    "leave",
    "memberJoined",
    "memberLeft",
    "videoPlayComplete",
    "beacon",
    "accountLink",
    "things",
    "membership",
    "module",
    "activated",
    "deactivated",
    "botSuspended",
    "botResumed",
    "delivery",
];

pub(super) fn fill(message: &mut Message, bytes: &[u8]) -> Filled {
    let Ok(Wrapped {
        destination,
        mut event,
    }) = serde_json::from_slice(bytes)
    else {
        unsupported(message, bytes);
        return Filled::MESSAGE;
    };
    frame(message, destination, &event);
    match event.kind.as_str() {
        "message" => {
            let known = event
                .message
                .take()
                .is_some_and(|content| fill_content(message, content));
            if !known {
                unsupported(message, bytes);
            }
        }
        "postback" => match event.postback.take() {
            Some(postback) => fill_postback(message, postback),
            None => unsupported(message, bytes),
        },
        "unsend" => message.deleted_at = Some(message.created_at),
        kind if EVENTS.contains(&kind) => return Filled::Message(fill_event(message, event)),
        _ => unsupported(message, bytes),
    }
    Filled::MESSAGE
}

/// When, by whom, to whom, and under which circumstances.
fn frame(message: &mut Message, destination: Option<String>, event: &Event) {
    if let Some(at) = event.timestamp {
        message.created_at = Timestamp(at.saturating_mul(1000));
    }
    message.recipient.kind = PartyType::Bot;
    if let Some(destination) = destination {
        message.recipient.id = destination;
    }
    if let Some(source) = &event.source {
        if let Some(group) = source.group() {
            message.recipient.id = group.to_owned();
            message.recipient.kind = PartyType::Group;
        }
        match (&source.user_id, source.group()) {
            (Some(user), _) => message.sender.id.clone_from(user),
            // Who has not agreed to be known stays the group to us.
            (None, Some(group)) => {
                message.sender.id = group.to_owned();
                message.sender.kind = PartyType::Group;
            }
            (None, None) => {}
        }
    }
    if message.sender.id.is_empty() {
        message
            .sender
            .id
            .clone_from(&message.platform_conversation_id);
        message.sender.kind = PartyType::System;
    }
    if event.mode.as_deref() == Some("standby") {
        message.metadata.insert("mode".into(), "standby".into());
        message.metadata.insert(AUTOMATIC.into(), "standby".into());
    }
    if event
        .delivery_context
        .as_ref()
        .is_some_and(|context| context.is_redelivery)
    {
        message.metadata.insert("redelivery".into(), true.into());
    }
}

/// False when it is a message of a type not known.
fn fill_content(message: &mut Message, content: Content) -> bool {
    message.in_reply_to = content.quoted_message_id.clone();
    let tokens = [
        ("quote_token", content.quote_token.clone()),
        ("mark_as_read_token", content.mark_as_read_token.clone()),
    ];
    for (name, token) in tokens {
        if let Some(token) = token {
            message.metadata.insert(name.into(), token.into());
        }
    }
    match content.kind.as_str() {
        "text" => text(message, content),
        "image" => file(message, MessageType::Image, "image", content),
        "video" => file(message, MessageType::Video, "video", content),
        "audio" => file(message, MessageType::Audio, "audio", content),
        "file" => file(message, MessageType::File, "file", content),
        "location" => location(message, content),
        "sticker" => sticker(message, content),
        _ => return false,
    }
    true
}

fn text(message: &mut Message, content: Content) {
    message.content.text = content.text.unwrap_or_default();
    if let Some(emojis) = content.emojis {
        message.metadata.insert("emojis".into(), emojis);
    }
    if let Some(mention) = content.mention {
        message
            .metadata
            .insert("mentions".into(), mention.mentionees);
    }
    note_command(message);
}

fn file(message: &mut Message, message_type: MessageType, kind: &str, content: Content) {
    message.message_type = message_type;
    let (url, preview) = match content.content_provider {
        Some(provider) => (provider.original_content_url, provider.preview_image_url),
        None => (None, None),
    };
    let platform_id = url.is_none().then_some(content.id);
    if let Some(set) = content.image_set {
        message.metadata.insert("image_set".into(), set);
    }
    message.content.attachments.push(Attachment {
        kind: kind.to_owned(),
        name: content.file_name,
        size_bytes: content.file_size,
        url,
        platform_id,
        metadata: given([
            ("duration_ms", content.duration.map(Value::from)),
            ("preview_url", preview.map(Value::from)),
        ]),
        ..Attachment::default()
    });
}

fn location(message: &mut Message, content: Content) {
    message.message_type = MessageType::Location;
    message.content.attachments.push(Attachment {
        kind: "location".to_owned(),
        name: content.title,
        metadata: given([
            ("latitude", content.latitude.map(Value::from)),
            ("longitude", content.longitude.map(Value::from)),
            ("address", content.address.map(Value::from)),
        ]),
        ..Attachment::default()
    });
}

fn sticker(message: &mut Message, content: Content) {
    message.message_type = MessageType::Sticker;
    message.content.text = content.text.unwrap_or_default();
    message.content.attachments.push(Attachment {
        kind: "sticker".to_owned(),
        platform_id: content.sticker_id.clone(),
        metadata: given([
            ("package_id", content.package_id.map(Value::from)),
            ("sticker_id", content.sticker_id.map(Value::from)),
            (
                "resource_type",
                content.sticker_resource_type.map(Value::from),
            ),
            ("keywords", content.keywords),
        ]),
        ..Attachment::default()
    });
}

/// A button or a date that was picked: LINE gives back its data, not what stood on it.
fn fill_postback(message: &mut Message, postback: Postback) {
    message.message_type = MessageType::Callback;
    let mut note = Map::new();
    note.insert("value".into(), postback.data.clone().into());
    if let Some(params) = postback.params {
        note.insert("params".into(), params);
    }
    message.content.text = postback.data;
    message.metadata.insert("callback".into(), note.into());
}

fn fill_event(message: &mut Message, event: Event) -> Vec<News> {
    message.message_type = MessageType::Event;
    message
        .metadata
        .insert("event".into(), event.kind.clone().into());
    let said = event
        .rest
        .into_iter()
        .filter(|(_, value)| value.is_object());
    message.metadata.extend(said);
    let source = event.source.as_ref();
    let address = source.and_then(|source| match event.kind.as_str() {
        "follow" | "unfollow" => source.user_id.as_deref(),
        "join" | "leave" => source.group(),
        _ => None,
    });
    let kind = match event.kind.as_str() {
        "follow" | "join" => TrackKind::Resubscribed,
        _ => TrackKind::Blocked,
    };
    address
        .map(|address| News::address(kind, address, message.created_at).because(event.kind.clone()))
        .into_iter()
        .collect()
}

/// The entries that have a value.
fn given<const N: usize>(entries: [(&str, Option<Value>); N]) -> Map<String, Value> {
    entries
        .into_iter()
        .filter_map(|(key, value)| Some((key.to_owned(), value?)))
        .collect()
}
