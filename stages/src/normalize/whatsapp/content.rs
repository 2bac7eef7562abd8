//! What a message says, by its type.

use schemas::{Attachment, MessageType};
use serde_json::{Map, Value};

use super::super::meta::{field, flag, given, keep, list};

/// A message's own content.
pub(super) struct Content {
    pub(super) message_type: MessageType,
    pub(super) text: String,
    pub(super) attachments: Vec<Attachment>,
    pub(super) metadata: Map<String, Value>,
    /// The message it is about, where its content says so.
    pub(super) in_reply_to: Option<String>,
}

impl Content {
    fn new(message_type: MessageType, text: Option<String>) -> Self {
        Self {
            message_type,
            text: text.unwrap_or_default(),
            attachments: Vec::new(),
            metadata: Map::new(),
            in_reply_to: None,
        }
    }

    fn with(mut self, attachment: Attachment) -> Self {
        self.attachments.push(attachment);
        self
    }

    fn noting(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.metadata.insert(key.to_owned(), value.into());
        self
    }
}

/// The content of a message of type `kind`; none when the type is not one of these.
pub(super) fn of(kind: &str, item: &Value) -> Option<Content> {
    let about = item.get(kind)?;
    let text = |name: &str| field(about, name);
    Some(match kind {
        "text" => Content::new(MessageType::Text, text("body")),
        "image" => file(MessageType::Image, "image", about),
        "video" => file(MessageType::Video, "video", about),
        "audio" if flag(about, "voice") => file(MessageType::Voice, "voice", about),
        "audio" => file(MessageType::Audio, "audio", about),
        "voice" => file(MessageType::Voice, "voice", about),
        "document" => file(MessageType::File, "file", about),
        "sticker" => file(MessageType::Sticker, "sticker", about),
        "location" => Content::new(MessageType::Location, None).with(place(about)),
        "contacts" => {
            let mut content = Content::new(MessageType::Contact, None);
            content.attachments = list(item, kind).iter().map(person).collect();
            content
        }
        "reaction" => {
            let emoji = text("emoji");
            let what = if emoji.is_some() { "added" } else { "removed" };
            let mut content = Content::new(MessageType::Reaction, emoji).noting("reaction", what);
            content.in_reply_to = text("message_id");
            content
        }
        "button" => Content::new(MessageType::Callback, text("text")).noting(
            "callback",
            given([
                ("type", Some("button".into())),
                ("id", text("payload").map(Into::into)),
                ("title", text("text").map(Into::into)),
            ]),
        ),
        "interactive" => interactive(about)?,
        "order" => {
            let mut order = about.clone();
            let text = text("text");
            if let Some(fields) = order.as_object_mut() {
                fields.remove("text");
            }
            Content::new(MessageType::Text, text).noting("order", order)
        }
        _ => return None,
    })
}

/// An answer to buttons, a list or a form of ours.
fn interactive(about: &Value) -> Option<Content> {
    let kind = field(about, "type")?;
    let reply = about.get(&kind).unwrap_or(&Value::Null);
    let part = |name: &str| field(reply, name);
    let mut callback = given([("type", Some(kind.clone().into()))]);
    let mut note = |names: &[&str]| {
        for name in names {
            keep(&mut callback, name, reply.get(name).cloned());
        }
    };
    let text = match &*kind {
        "button_reply" | "list_reply" => {
            note(&["id", "title", "description"]);
            part("title")
        }
        "nfm_reply" => {
            note(&["name", "body"]);
            let response = part("response_json")
                .map(|json| serde_json::from_str(&json).unwrap_or(Value::String(json)));
            keep(&mut callback, "response", response);
            part("body")
        }
        "call_permission_reply" => {
            note(&[
                "response",
                "is_permanent",
                "expiration_timestamp",
                "response_source",
            ]);
            part("response")
        }
        "product" | "product_list" => {
            let text = about.pointer("/body/text").and_then(Value::as_str);
            let product = about.get("action").cloned().unwrap_or_default();
            let content = Content::new(MessageType::Text, text.map(str::to_owned));
            return Some(content.noting("product", product));
        }
        _ => return None,
    };
    Some(Content::new(MessageType::Callback, text).noting("callback", callback))
}

fn file(message_type: MessageType, kind: &str, about: &Value) -> Content {
    let mut metadata = Map::new();
    for name in ["sha256", "animated", "voice"] {
        keep(&mut metadata, name, about.get(name).cloned());
    }
    Content::new(message_type, field(about, "caption")).with(Attachment {
        kind: kind.to_owned(),
        name: field(about, "filename"),
        content_type: field(about, "mime_type"),
        size_bytes: about.get("file_size").and_then(Value::as_u64),
        url: field(about, "url").or_else(|| field(about, "link")),
        platform_id: field(about, "id"),
        metadata,
    })
}

fn place(about: &Value) -> Attachment {
    let value = |name: &str| about.get(name).cloned();
    Attachment {
        kind: "location".to_owned(),
        name: field(about, "name"),
        url: field(about, "url"),
        metadata: given([
            ("latitude", value("latitude")),
            ("longitude", value("longitude")),
            ("name", value("name")),
            ("address", value("address")),
        ]),
        ..Attachment::default()
    }
}

fn person(card: &Value) -> Attachment {
    let name = card.get("name").unwrap_or(&Value::Null);
    let value = |name: &str| card.get(name).cloned();
    let phone = list(card, "phones").first().unwrap_or(&Value::Null);
    let number = field(phone, "phone").or_else(|| field(phone, "wa_id"));
    let email = list(card, "emails")
        .first()
        .and_then(|email| field(email, "email"));
    Attachment {
        kind: "contact".to_owned(),
        name: field(name, "formatted_name").or_else(|| field(name, "first_name")),
        metadata: given([
            ("phone_number", number.map(Into::into)),
            ("wa_id", field(phone, "wa_id").map(Into::into)),
            ("user_id", field(phone, "user_id").map(Into::into)),
            ("first_name", field(name, "first_name").map(Into::into)),
            ("last_name", field(name, "last_name").map(Into::into)),
            ("email", email.map(Into::into)),
            ("organization", card.pointer("/org/company").cloned()),
            ("phones", value("phones")),
            ("emails", value("emails")),
            ("addresses", value("addresses")),
            ("urls", value("urls")),
            ("birthday", value("birthday")),
            ("vcard", value("vcard")),
        ]),
        ..Attachment::default()
    }
}
