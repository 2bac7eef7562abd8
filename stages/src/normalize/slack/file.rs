//! Files of Slack messages (<https://docs.slack.dev/reference/objects/file-object/>), and pictures in blocks.

use schemas::Attachment;
use serde_json::Value;

use super::super::look::{first, list, named, text};

/// A file; `url_private` opens with the bot's token. One that was deleted, or is hidden by the plan's limit, has no address.
pub(super) fn file(file: &Value) -> Attachment {
    let media = text(file, "/mimetype");
    let voice = text(file, "/subtype") == Some("slack_audio");
    let kind = match media.and_then(|media| media.split('/').next()) {
        Some("image") => "image",
        Some("video") if text(file, "/subtype") == Some("slack_audio") => "voice",
        Some("video") => "video",
        Some("audio") if voice => "voice",
        Some("audio") => "audio",
        _ => "file",
    };
    Attachment {
        kind: kind.to_owned(),
        name: first(file, &["/name", "/title"]).map(str::to_owned),
        content_type: media.map(str::to_owned),
        size_bytes: file.get("size").and_then(Value::as_u64),
        url: first(file, &["/url_private", "/url_private_download"]).map(str::to_owned),
        platform_id: text(file, "/id").map(str::to_owned),
        metadata: named(
            file,
            &[
                "title",
                "filetype",
                "mode",
                "permalink",
                "external_type",
                "file_access",
                "original_w",
                "original_h",
                "duration_ms",
                "alt_txt",
            ],
        ),
    }
}

/// Pictures that stand in blocks by their address.
pub(super) fn pictures(blocks: &[Value]) -> impl Iterator<Item = Attachment> + '_ {
    let images = blocks
        .iter()
        .filter(|block| text(block, "/type") == Some("image"));
    images.filter_map(|block| {
        let url = text(block, "/image_url").map(str::to_owned);
        let platform_id = text(block, "/slack_file/id").map(str::to_owned);
        (url.is_some() || platform_id.is_some()).then(|| Attachment {
            kind: "image".to_owned(),
            name: first(block, &["/title/text", "/alt_text"]).map(str::to_owned),
            url,
            platform_id,
            ..Attachment::default()
        })
    })
}

/// Pictures of the older `attachments`; what Slack shows of a link belongs to the link.
pub(super) fn of_attachments(message: &Value) -> impl Iterator<Item = Attachment> + '_ {
    let own = list(message, "/attachments")
        .iter()
        .filter(|given| first(given, &["/from_url", "/original_url"]).is_none());
    own.filter_map(|given| {
        Some(Attachment {
            kind: "image".to_owned(),
            name: first(given, &["/title", "/fallback"]).map(str::to_owned),
            url: Some(text(given, "/image_url")?.to_owned()),
            ..Attachment::default()
        })
    })
}
