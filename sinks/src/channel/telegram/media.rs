//! Attachments as Telegram takes them: by its own handle of a file, or by an address it fetches from.

use schemas::Attachment;
use serde_json::{Map, Value, json};

use super::super::Failure;

/// Pictures and videos of one album.
pub(super) const MAX_ALBUM: usize = 10;

/// One attachment, ready to be sent.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Item {
    pub(super) method: &'static str,
    pub(super) fields: Map<String, Value>,
    /// Whether a text may go with it.
    pub(super) captioned: bool,
    /// What it is called in an album, and its file; none when it cannot be in one with others.
    album: Option<(&'static str, String)>,
}

impl Item {
    fn new(method: &'static str, fields: Value) -> Self {
        let fields = match fields {
            Value::Object(fields) => fields,
            _ => Map::new(),
        };
        Self {
            method,
            fields,
            captioned: false,
            album: None,
        }
    }

    pub(super) fn fits_album(&self) -> bool {
        self.album.is_some()
    }

    /// As an item of an album.
    pub(super) fn in_album(&self) -> Option<Map<String, Value>> {
        let (kind, file) = self.album.as_ref()?;
        let fields = [("type", (*kind).to_owned()), ("media", file.clone())];
        let fields = fields.map(|(name, value)| (name.to_owned(), value.into()));
        Some(Map::from_iter(fields))
    }
}

pub(super) fn item(given: &Attachment) -> Result<Item, Failure> {
    match given.kind.as_str() {
        "location" => return place(given),
        "contact" => return contact(given),
        _ => {}
    }
    let is_gif = given.content_type.as_deref() == Some("image/gif");
    let (method, field, album) = match given.kind.as_str() {
        "image" | "video" if is_gif => ("sendAnimation", "animation", false),
        "image" => ("sendPhoto", "photo", true),
        "video" => ("sendVideo", "video", true),
        "audio" => ("sendAudio", "audio", false),
        "voice" => ("sendVoice", "voice", false),
        "sticker" => ("sendSticker", "sticker", false),
        _ => ("sendDocument", "document", false),
    };
    let file = given
        .platform_id
        .as_deref()
        .or(given.url.as_deref())
        .ok_or_else(|| Failure::message("attachment", "neither `url` nor `platform_id`"))?;
    let mut item = Item::new(method, json!({ field: file }));
    item.captioned = field != "sticker";
    item.album = album.then(|| (field, file.to_owned()));
    Ok(item)
}

/// A place with a name and an address is a venue.
fn place(given: &Attachment) -> Result<Item, Failure> {
    let number = |name: &str| given.metadata.get(name).and_then(Value::as_f64);
    let (Some(latitude), Some(longitude)) = (number("latitude"), number("longitude")) else {
        return Err(Failure::message(
            "attachment",
            "a location without `latitude` and `longitude`",
        ));
    };
    let address = given.metadata.get("address").and_then(Value::as_str);
    Ok(match (&given.name, address) {
        (Some(title), Some(address)) => Item::new(
            "sendVenue",
            json!({
                "latitude": latitude, "longitude": longitude, "title": title, "address": address,
            }),
        ),
        _ => Item::new(
            "sendLocation",
            json!({ "latitude": latitude, "longitude": longitude }),
        ),
    })
}

fn contact(given: &Attachment) -> Result<Item, Failure> {
    let text = |name: &str| given.metadata.get(name).and_then(Value::as_str);
    let (Some(phone), Some(name)) = (
        text("phone_number"),
        text("first_name").or(given.name.as_deref()),
    ) else {
        return Err(Failure::message(
            "attachment",
            "a contact without `phone_number` and `first_name`",
        ));
    };
    let mut item = Item::new(
        "sendContact",
        json!({ "phone_number": phone, "first_name": name }),
    );
    for name in ["last_name", "vcard"] {
        if let Some(value) = text(name) {
            item.fields.insert(name.into(), value.into());
        }
    }
    Ok(item)
}
