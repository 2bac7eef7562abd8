//! Files, places and contacts of a Telegram message.

use schemas::{Attachment, MessageType};
use serde_json::{Map, Value};

use super::update::{Contact, File, Location, Message, Paid};

/// What the message carries besides text, and the type that makes it.
pub(super) fn of(message: &mut Message) -> Option<(MessageType, Attachment)> {
    if let Some(photos) = message.photo.take() {
        return photo(photos);
    }
    // An animation also comes as a document, for clients that do not know animations.
    let files = [
        (MessageType::Video, "video", message.animation.take()),
        (MessageType::Video, "video", message.video.take()),
        (MessageType::Video, "video", message.video_note.take()),
        (MessageType::Voice, "voice", message.voice.take()),
        (MessageType::Audio, "audio", message.audio.take()),
        (MessageType::Sticker, "sticker", message.sticker.take()),
        (MessageType::File, "file", message.document.take()),
    ];
    for (message_type, kind, given) in files {
        if let Some(given) = given {
            return Some((message_type, file(kind, given)));
        }
    }
    // A venue also comes as a location.
    if let Some(venue) = message.venue.take() {
        let mut attachment = place(&venue.location);
        attachment.name = venue.title;
        if let Some(address) = venue.address {
            attachment.metadata.insert("address".into(), address.into());
        }
        return Some((MessageType::Location, attachment));
    }
    if let Some(location) = message.location.take() {
        return Some((MessageType::Location, place(&location)));
    }
    message
        .contact
        .take()
        .map(|contact| (MessageType::Contact, person(contact)))
}

/// What can be seen of media that is paid for; a preview has nothing to fetch.
pub(super) fn paid(media: Vec<Paid>) -> Vec<Attachment> {
    media
        .into_iter()
        .filter_map(|one| match (one.photo, one.video) {
            (Some(sizes), _) => photo(sizes).map(|(_, attachment)| attachment),
            (None, Some(video)) => Some(file("video", video)),
            (None, None) => None,
        })
        .collect()
}

/// The largest of the sizes that Telegram made of a photo.
fn photo(sizes: Vec<File>) -> Option<(MessageType, Attachment)> {
    let area = |photo: &File| {
        photo
            .width
            .unwrap_or(0)
            .saturating_mul(photo.height.unwrap_or(0))
    };
    let mut largest = sizes
        .into_iter()
        .max_by_key(|photo| (area(photo), photo.file_size))?;
    // Telegram keeps every photo as JPEG and does not say so.
    largest.mime_type.get_or_insert_with(|| "image/jpeg".into());
    Some((MessageType::Image, file("image", largest)))
}

fn file(kind: &str, file: File) -> Attachment {
    let text = |text: Option<String>| text.map(Value::from);
    let number = |number: Option<i64>| number.map(Value::from);
    let metadata = [
        ("file_unique_id", text(file.file_unique_id)),
        ("width", number(file.width)),
        ("height", number(file.height)),
        ("duration_s", number(file.duration)),
        ("emoji", text(file.emoji)),
        ("set_name", text(file.set_name)),
        ("performer", text(file.performer)),
        ("title", text(file.title)),
    ];
    Attachment {
        kind: kind.to_owned(),
        name: file.file_name,
        content_type: file.mime_type,
        size_bytes: file.file_size,
        platform_id: Some(file.file_id),
        metadata: given(metadata),
        ..Attachment::default()
    }
}

fn place(location: &Location) -> Attachment {
    Attachment {
        kind: "location".to_owned(),
        metadata: given([
            ("latitude", Some(location.latitude.into())),
            ("longitude", Some(location.longitude.into())),
            ("live_period_s", location.live_period.map(Into::into)),
        ]),
        ..Attachment::default()
    }
}

fn person(contact: Contact) -> Attachment {
    let name = [contact.first_name.clone(), contact.last_name.clone()]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(" ");
    Attachment {
        kind: "contact".to_owned(),
        name: Some(name),
        metadata: given([
            ("phone_number", Some(contact.phone_number.into())),
            ("first_name", contact.first_name.map(Into::into)),
            ("last_name", contact.last_name.map(Into::into)),
            ("vcard", contact.vcard.map(Into::into)),
            ("user_id", contact.user_id.map(Into::into)),
        ]),
        ..Attachment::default()
    }
}

/// The entries that have a value.
pub(super) fn given<const N: usize>(entries: [(&str, Option<Value>); N]) -> Map<String, Value> {
    entries
        .into_iter()
        .filter_map(|(key, value)| Some((key.to_owned(), value?)))
        .collect()
}
