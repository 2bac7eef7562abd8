//! Attachments of Messenger and Instagram
//! (<https://developers.facebook.com/documentation/business-messaging/messenger-platform/webhooks/webhook-events/messages>).

use schemas::{Attachment, Message};
use serde_json::{Map, Value};

use super::{field, given, keep, text};

/// Fills in what a message carries; a template says its text.
pub(super) fn fill(message: &mut Message, given: &[Value]) {
    // For a while a sticker comes as an image as well.
    let sticker = given
        .iter()
        .filter(|one| text(one, "type") == "sticker")
        .find_map(sticker_id);
    for one in given {
        let twice = text(one, "type") == "image" && sticker.is_some() && sticker_id(one) == sticker;
        if twice {
            continue;
        }
        if text(one, "type") == "template" {
            template(message, one);
            continue;
        }
        message.content.attachments.push(attachment(one));
    }
}

fn sticker_id(one: &Value) -> Option<String> {
    field(payload(one), "sticker_id")
}

fn payload(one: &Value) -> &Value {
    one.get("payload").unwrap_or(&Value::Null)
}

fn attachment(one: &Value) -> Attachment {
    let about = payload(one);
    let given_kind = text(one, "type");
    let kind = match given_kind {
        "image" if sticker_id(one).is_some() => "sticker",
        "image" | "audio" | "video" | "file" | "location" => given_kind,
        "sticker" | "like_heart" | "animated_image" => "sticker",
        "reel" | "ig_reel" => "video",
        _ => "file",
    };
    let url = field(about, "url").or_else(|| field(one, "url"));
    let name = field(about, "title").or_else(|| field(one, "title"));
    let mut metadata = Map::new();
    if kind != given_kind {
        metadata.insert("type".into(), given_kind.into());
    }
    if kind == "location" {
        let place = about.get("coordinates").unwrap_or(&Value::Null);
        metadata.extend(given([
            ("latitude", place.get("lat").cloned()),
            ("longitude", place.get("long").cloned()),
            ("name", name.clone().map(Into::into)),
        ]));
    }
    for name in [
        "sticker_id",
        "attachment_id",
        "reel_video_id",
        "ig_post_media_id",
        "id",
        "product",
    ] {
        keep(&mut metadata, name, about.get(name).cloned());
    }
    Attachment {
        kind: kind.to_owned(),
        name,
        url,
        metadata,
        ..Attachment::default()
    }
}

/// A template is known by its words; its form is kept.
fn template(message: &mut Message, one: &Value) {
    let about = payload(one);
    let elements = ["/elements/0", "/generic/elements/0", "/product/elements/0"];
    let first = elements
        .into_iter()
        .find_map(|path| about.pointer(path))
        .unwrap_or(&Value::Null);
    let words = field(about, "text")
        .or_else(|| field(first, "title"))
        .or_else(|| field(one, "title"));
    if let Some(words) = words.filter(|_| message.content.text.is_empty()) {
        message.content.text = words;
    }
    keep(&mut message.metadata, "template", Some(about.clone()));
}
