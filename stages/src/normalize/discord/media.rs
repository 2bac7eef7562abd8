//! Files, stickers and pictures of Discord messages
//! (<https://docs.discord.com/developers/resources/message#attachment-object>).

use schemas::Attachment;
use serde_json::Value;

use super::super::look::{first, list, named, text};

/// Flag of a message that is a voice message.
const IS_VOICE: u64 = 1 << 13;

/// All files of a message, in its order.
pub(super) fn of(message: &Value) -> Vec<Attachment> {
    let flags = message.get("flags").and_then(Value::as_u64).unwrap_or(0);
    let is_voice = flags & IS_VOICE != 0;
    let files = list(message, "/attachments")
        .iter()
        .map(|given| file(given, is_voice));
    let mut stickers = list(message, "/sticker_items");
    if stickers.is_empty() {
        stickers = list(message, "/stickers");
    }
    files.chain(stickers.iter().map(sticker)).collect()
}

pub(super) fn file(given: &Value, is_voice: bool) -> Attachment {
    let media = text(given, "/content_type");
    let name = text(given, "/filename");
    let kind = match media.and_then(|media| media.split('/').next()) {
        _ if is_voice || text(given, "/waveform").is_some() => "voice",
        Some(kind @ ("image" | "video" | "audio")) => kind,
        Some(_) => "file",
        None => by_ending(name.unwrap_or_default()),
    };
    Attachment {
        kind: kind.to_owned(),
        name: name.map(str::to_owned),
        content_type: media.map(str::to_owned),
        size_bytes: given.get("size").and_then(Value::as_u64),
        url: first(given, &["/url", "/proxy_url"]).map(str::to_owned),
        platform_id: text(given, "/id").map(str::to_owned),
        metadata: named(
            given,
            &[
                "title",
                "description",
                "width",
                "height",
                "duration_secs",
                "ephemeral",
            ],
        ),
    }
}

/// For older messages, which say no type.
fn by_ending(name: &str) -> &'static str {
    let ending = name
        .rsplit_once('.')
        .map(|(_, end)| end.to_ascii_lowercase());
    match ending.as_deref() {
        Some("png" | "jpg" | "jpeg" | "gif" | "webp" | "avif") => "image",
        Some("mp4" | "mov" | "webm") => "video",
        Some("mp3" | "ogg" | "wav" | "flac" | "m4a") => "audio",
        _ => "file",
    }
}

/// <https://docs.discord.com/developers/resources/sticker>; pictures lie where the reference on images says.
fn sticker(given: &Value) -> Attachment {
    let (host, end, media) = match given.get("format_type").and_then(Value::as_u64) {
        Some(3) => ("cdn.discordapp.com", "json", "application/json"),
        Some(4) => ("media.discordapp.net", "gif", "image/gif"),
        Some(2) => ("cdn.discordapp.com", "png", "image/apng"),
        _ => ("cdn.discordapp.com", "png", "image/png"),
    };
    let id = text(given, "/id");
    Attachment {
        kind: "sticker".to_owned(),
        name: text(given, "/name").map(str::to_owned),
        content_type: Some(media.to_owned()),
        url: id.map(|id| format!("https://{host}/stickers/{id}.{end}")),
        platform_id: id.map(str::to_owned),
        ..Attachment::default()
    }
}
