//! Viber's callbacks (<https://developers.viber.com/docs/api/rest-bot-api/#callbacks>).
//!
//! A receipt names a message by its token, 64 bits that are kept digit by digit. A pressed button of a keyboard comes as the
//! text that stands behind it; Viber does not tell it from one that was typed.

use schemas::{
    Attachment, Message, MessageType, PartyType, Timestamp, TrackKind, keys::viber::token,
};
use serde::Deserialize;
use serde_json::{Map, Value, value::RawValue};

use super::{Filled, News, note_command, unsupported};

#[derive(Deserialize)]
struct Callback<'a> {
    event: String,
    /// Milliseconds.
    timestamp: Option<i64>,
    #[serde(borrow)]
    message_token: &'a RawValue,
    sender: Option<User>,
    user: Option<User>,
    user_id: Option<String>,
    message: Option<Given>,
    /// Of a conversation that was started: what the link that led here said.
    context: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    subscribed: Option<bool>,
    /// Of a failure.
    desc: Option<String>,
    silent: Option<bool>,
}

#[derive(Deserialize)]
struct User {
    id: String,
    name: Option<String>,
    avatar: Option<String>,
    country: Option<String>,
    language: Option<String>,
    api_version: Option<u64>,
}

/// What all types of messages have among them.
#[derive(Deserialize)]
struct Given {
    #[serde(rename = "type")]
    kind: String,
    text: Option<String>,
    media: Option<String>,
    thumbnail: Option<String>,
    file_name: Option<String>,
    size: Option<u64>,
    /// Of a file, as some of Viber's own clients name it.
    file_size: Option<u64>,
    /// Of a video, in milliseconds.
    duration: Option<u64>,
    contact: Option<Contact>,
    location: Option<Location>,
    sticker_id: Option<Value>,
    /// What we attached to the last message the person saw.
    tracking_data: Option<String>,
}

#[derive(Deserialize)]
struct Contact {
    name: Option<String>,
    phone_number: Option<String>,
    avatar: Option<String>,
}

#[derive(Deserialize)]
struct Location {
    lat: f64,
    lon: f64,
    address: Option<String>,
}

pub(super) fn fill(message: &mut Message, bytes: &[u8]) -> Filled {
    let Ok(callback) = serde_json::from_slice::<Callback<'_>>(bytes) else {
        unsupported(message, bytes);
        return Filled::MESSAGE;
    };
    if let Some(at) = callback.timestamp {
        message.created_at = Timestamp(at.saturating_mul(1000));
    }
    if let Some(kind) = receipt(&callback.event) {
        return Filled::News(receipt_news(&callback, kind, message.created_at));
    }
    message.recipient.kind = PartyType::Bot;
    match callback.event.as_str() {
        "message" => fill_message(message, callback, bytes),
        "subscribed" | "unsubscribed" | "conversation_started" => {
            return Filled::Message(fill_event(message, callback));
        }
        _ => {
            fill_sender(message, callback.sender.or(callback.user), callback.user_id);
            unsupported(message, bytes);
        }
    }
    Filled::MESSAGE
}

fn receipt(event: &str) -> Option<TrackKind> {
    Some(match event {
        "delivered" => TrackKind::Delivered,
        "seen" => TrackKind::Read,
        "failed" => TrackKind::Failed,
        _ => return None,
    })
}

fn receipt_news(callback: &Callback<'_>, kind: TrackKind, at: Timestamp) -> Vec<News> {
    let Some(token) = token(callback.message_token) else {
        return Vec::new();
    };
    let news = News::receipt(kind, token, at);
    vec![match &callback.desc {
        Some(desc) if kind == TrackKind::Failed => news.because(format!("failed: {desc}")),
        _ => news,
    }]
}

fn fill_sender(message: &mut Message, user: Option<User>, id: Option<String>) {
    let sender = &mut message.sender;
    let Some(user) = user else {
        sender.id = id.unwrap_or_default();
        if sender.id.is_empty() {
            sender.id.clone_from(&message.platform_conversation_id);
            sender.kind = PartyType::System;
        }
        return;
    };
    sender.id = user.id;
    sender.name = user.name;
    sender.metadata = given([
        ("avatar_url", user.avatar.map(Value::from)),
        ("country", user.country.map(Value::from)),
        ("language_code", user.language.map(Value::from)),
        ("api_version", user.api_version.map(Value::from)),
    ]);
}

fn fill_message(message: &mut Message, callback: Callback<'_>, bytes: &[u8]) {
    fill_sender(message, callback.sender.or(callback.user), callback.user_id);
    let Some(said) = callback.message else {
        return unsupported(message, bytes);
    };
    let notes = given([
        (
            "tracking_data",
            said.tracking_data
                .clone()
                .filter(|data| !data.is_empty())
                .map(Value::from),
        ),
        (
            "silent",
            callback.silent.filter(|silent| *silent).map(Value::from),
        ),
    ]);
    message.metadata.extend(notes);
    message.content.text = said.text.clone().unwrap_or_default();
    match said.kind.as_str() {
        "text" => note_command(message),
        "url" => {
            // The address is what was said.
            if let Some(url) = &said.media {
                message.content.text.clone_from(url);
            }
        }
        "picture" => file(message, MessageType::Image, "image", said),
        "video" => file(message, MessageType::Video, "video", said),
        "file" => file(message, MessageType::File, "file", said),
        "sticker" => {
            let id = said.sticker_id.as_ref().map(|id| match id {
                Value::String(id) => id.clone(),
                id => id.to_string(),
            });
            file(message, MessageType::Sticker, "sticker", said);
            if let Some(attachment) = message.content.attachments.last_mut() {
                attachment.platform_id = id;
            }
        }
        "contact" => contact(message, said.contact),
        "location" => location(message, said.location),
        _ => unsupported(message, bytes),
    }
}

fn file(message: &mut Message, message_type: MessageType, kind: &str, said: Given) {
    message.message_type = message_type;
    message.content.attachments.push(Attachment {
        kind: kind.to_owned(),
        name: said.file_name,
        size_bytes: said.size.or(said.file_size),
        url: said.media.filter(|url| !url.is_empty()),
        metadata: given([
            ("preview_url", said.thumbnail.map(Value::from)),
            ("duration_ms", said.duration.map(Value::from)),
        ]),
        ..Attachment::default()
    });
}

fn contact(message: &mut Message, contact: Option<Contact>) {
    message.message_type = MessageType::Contact;
    let Some(contact) = contact else { return };
    message.content.attachments.push(Attachment {
        kind: "contact".to_owned(),
        name: contact.name.clone(),
        metadata: given([
            ("phone_number", contact.phone_number.map(Value::from)),
            ("name", contact.name.map(Value::from)),
            ("avatar_url", contact.avatar.map(Value::from)),
        ]),
        ..Attachment::default()
    });
}

fn location(message: &mut Message, location: Option<Location>) {
    message.message_type = MessageType::Location;
    let Some(location) = location else { return };
    message.content.attachments.push(Attachment {
        kind: "location".to_owned(),
        metadata: given([
            ("latitude", Some(location.lat.into())),
            ("longitude", Some(location.lon.into())),
            ("address", location.address.map(Value::from)),
        ]),
        ..Attachment::default()
    });
}

fn fill_event(message: &mut Message, callback: Callback<'_>) -> Vec<News> {
    message.message_type = MessageType::Event;
    let at = message.created_at;
    fill_sender(message, callback.user.or(callback.sender), callback.user_id);
    let event = callback.event;
    message
        .metadata
        .insert("event".into(), event.clone().into());
    let notes = given([
        ("subscribed", callback.subscribed.map(Value::from)),
        ("conversation_type", callback.kind.map(Value::from)),
    ]);
    message.metadata.extend(notes);
    if let Some(context) = callback.context.filter(|context| !context.is_empty()) {
        let referral = given([("ref", Some(context.into()))]);
        message.metadata.insert("referral".into(), referral.into());
    }
    let kind = match event.as_str() {
        "subscribed" => TrackKind::Resubscribed,
        "unsubscribed" => TrackKind::Blocked,
        _ => return Vec::new(),
    };
    vec![News::address(kind, message.sender.id.clone(), at).because(event)]
}

/// The entries that have a value.
fn given<const N: usize>(entries: [(&str, Option<Value>); N]) -> Map<String, Value> {
    entries
        .into_iter()
        .filter_map(|(key, value)| Some((key.to_owned(), value?)))
        .collect()
}
