//! Files of the hub's own, given to WhatsApp before the message that names them
//! (<https://developers.facebook.com/documentation/business-messaging/whatsapp/business-phone-numbers/media>).

use std::borrow::Cow;

use schemas::Message;
use serde_json::Value;

use super::{
    super::{
        Failure, SendOutcome,
        files::{Loaded, OwnFile},
        upload::Form,
    },
    WhatsApp,
};

const MIB: u64 = 1024 * 1024;
/// What documents may be, beside what pictures, sound and film may be.
const DOCUMENTS: [&str; 8] = [
    "text/plain",
    "application/pdf",
    "application/msword",
    "application/vnd.ms-excel",
    "application/vnd.ms-powerpoint",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation",
];

/// The kind under which WhatsApp takes a file of these bytes, in our words; `None` when it takes it under none.
fn kind(wished: &str, content_type: &str, size_bytes: u64) -> Option<&'static str> {
    let (media, max) = match content_type {
        "image/jpeg" | "image/png" => ("image", 5 * MIB),
        "image/webp" => ("sticker", MIB / 2),
        "video/mp4" | "video/3gpp" => ("video", 16 * MIB),
        "audio/aac" | "audio/amr" | "audio/mpeg" | "audio/mp4" | "audio/ogg" | "audio/opus"
        | "audio/m4a" | "audio/x-m4a" => ("audio", 16 * MIB),
        known if DOCUMENTS.contains(&known) => ("file", 100 * MIB),
        _ => return None,
    };
    let fits = size_bytes <= max;
    match (wished, media) {
        ("voice", "audio") if fits => Some("voice"),
        (_, "sticker") => (fits && wished != "file").then_some("sticker"),
        ("file", _) => (size_bytes <= 100 * MIB).then_some("file"),
        _ if fits => Some(media),
        // Pictures and films that are too large are documents.
        (_, "image" | "video") => (size_bytes <= 100 * MIB).then_some("file"),
        _ => None,
    }
}

fn takes(wished: &str, file: &OwnFile) -> Result<(), String> {
    match kind(wished, &file.content_type, file.size_bytes) {
        Some(_) => Ok(()),
        None => Err(format!(
            "WhatsApp takes no {} of {} bytes",
            file.content_type, file.size_bytes
        )),
    }
}

impl WhatsApp {
    /// The message with its own files as WhatsApp's.
    pub(super) async fn uploaded<'m>(
        &self,
        message: &'m Message,
    ) -> Result<Cow<'m, Message>, SendOutcome> {
        let loaded = self.files.load(message, takes).await?;
        if !loaded.has_own() {
            return Ok(loaded.message);
        }
        let Loaded { message, own } = loaded;
        let mut message = message.into_owned();
        for (given, own) in message.content.attachments.iter_mut().zip(own) {
            let Some(file) = own else { continue };
            given.platform_id = Some(self.upload(&file).await?);
            given.url = None;
            let kind = kind(&given.kind, &file.content_type, file.size_bytes);
            given.kind = kind.unwrap_or("file").to_owned();
            given.name = file.name;
        }
        Ok(Cow::Owned(message))
    }

    async fn upload(&self, file: &OwnFile) -> Result<String, SendOutcome> {
        let mut form = Form::new();
        form.text("messaging_product", "whatsapp");
        form.text("type", &file.content_type);
        form.file("file", file);
        let edge = format!("{}/media", self.number);
        let answer = self.graph.upload(&edge, form.finish(), &self.files).await?;
        let id = answer.get("id").and_then(Value::as_str);
        id.map(str::to_owned).ok_or_else(|| {
            SendOutcome::Permanent(Failure::message("upload", "WhatsApp gave the file no id"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_goes_as_what_whatsapp_takes_it_for() {
        for (wished, content_type, size, expected) in [
            ("image", "image/png", 5 * MIB, Some("image")),
            ("image", "image/png", 5 * MIB + 1, Some("file")),
            ("image", "image/gif", 1, None),
            ("file", "image/png", 1, Some("file")),
            ("image", "application/pdf", 1, Some("file")),
            ("sticker", "image/webp", MIB / 2, Some("sticker")),
            ("file", "image/webp", 1, None),
            ("video", "video/mp4", 17 * MIB, Some("file")),
            ("voice", "audio/ogg", 1, Some("voice")),
            ("audio", "audio/ogg", 17 * MIB, None),
            ("file", "application/pdf", 100 * MIB + 1, None),
            ("file", "application/zip", 1, None),
        ] {
            assert_eq!(
                kind(wished, content_type, size),
                expected,
                "{wished} {content_type} {size}"
            );
        }
    }
}
