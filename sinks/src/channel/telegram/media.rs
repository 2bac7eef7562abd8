//! Attachments as Telegram takes them: uploaded, by its own handle of a file, or by an address it fetches from.

use schemas::Attachment;
use serde_json::{Map, Value, json};

use super::super::{Failure, files::OwnFile};

/// Pictures and videos of one album.
pub(super) const MAX_ALBUM: usize = 10;
/// What is uploaded may have so many bytes, and pictures so many
/// (<https://core.telegram.org/bots/api#sending-files>).
pub(super) const MAX_UPLOAD_BYTES: u64 = 50_000_000;
const MAX_PHOTO_BYTES: u64 = 10_000_000;

/// One attachment, ready to be sent.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Item {
    pub(super) method: &'static str,
    pub(super) fields: Map<String, Value>,
    /// Whether a text may go with it.
    pub(super) captioned: bool,
    /// What it is called in an album, and its file; none when it cannot be in one with others.
    album: Option<(&'static str, String)>,
    /// What is uploaded with it, and the name of its part: alone, and in an album.
    upload: Option<(&'static str, String, OwnFile)>,
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
            upload: None,
        }
    }

    /// What is uploaded when it is sent alone, by the name of its part.
    pub(super) fn upload(&self) -> Option<(String, OwnFile)> {
        let (field, _, file) = self.upload.as_ref()?;
        Some(((*field).to_owned(), file.clone()))
    }

    /// What is uploaded when it is one of an album.
    pub(super) fn upload_in_album(&self) -> Option<(String, OwnFile)> {
        let (_, name, file) = self.upload.as_ref()?;
        Some((name.clone(), file.clone()))
    }

    pub(super) fn upload_bytes(&self) -> u64 {
        self.upload
            .as_ref()
            .map_or(0, |(_, _, file)| file.size_bytes)
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

/// The attachment at this place; `own` is what is uploaded.
pub(super) fn item(at: usize, given: &Attachment, own: Option<&OwnFile>) -> Result<Item, Failure> {
    match given.kind.as_str() {
        "location" => return place(given),
        "contact" => return contact(given),
        _ => {}
    }
    let content_type = own.map(|file| file.content_type.as_str());
    let content_type = content_type.or(given.content_type.as_deref());
    let (method, field, album) = match given.kind.as_str() {
        "image" | "video" if content_type == Some("image/gif") => {
            ("sendAnimation", "animation", false)
        }
        "image" if own.is_none_or(is_photo) => ("sendPhoto", "photo", true),
        "video" => ("sendVideo", "video", true),
        "audio" => ("sendAudio", "audio", false),
        "voice" => ("sendVoice", "voice", false),
        "sticker" => ("sendSticker", "sticker", false),
        _ => ("sendDocument", "document", false),
    };
    let (mut item, media) = match own {
        Some(file) => {
            let name = format!("file{at}");
            let media = format!("attach://{name}");
            let mut item = Item::new(method, json!({}));
            item.upload = Some((field, name, file.clone()));
            (item, media)
        }
        None => {
            let file = given
                .platform_id
                .as_deref()
                .or(given.url.as_deref())
                .ok_or_else(|| Failure::message("attachment", "neither `url` nor `platform_id`"))?;
            (Item::new(method, json!({ field: file })), file.to_owned())
        }
    };
    item.captioned = field != "sticker";
    item.album = album.then_some((field, media));
    Ok(item)
}

/// Whether Telegram takes it as a picture; what it does not is a document.
fn is_photo(file: &OwnFile) -> bool {
    file.size_bytes <= MAX_PHOTO_BYTES
        && matches!(
            file.content_type.as_str(),
            "image/jpeg" | "image/png" | "image/webp"
        )
}

/// Whether a file can be uploaded.
pub(super) fn takes(_kind: &str, file: &OwnFile) -> Result<(), String> {
    if file.size_bytes <= MAX_UPLOAD_BYTES {
        Ok(())
    } else {
        Err("Telegram takes files of up to 50 MB".into())
    }
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
