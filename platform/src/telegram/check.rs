//! Whether a call is as Telegram documents it. What is wrong is said in Telegram's manner.

use serde_json::Value;

/// Of what is uploaded (<https://core.telegram.org/bots/api#sending-files>).
const MAX_PHOTO_BYTES: u64 = 10 * 1024 * 1024;
const MAX_FILE_BYTES: u64 = 50 * 1024 * 1024;
const MAX_TEXT: usize = 4096;
const MAX_CAPTION: usize = 1024;
const TAGS: [&str; 16] = [
    "b",
    "strong",
    "i",
    "em",
    "u",
    "ins",
    "s",
    "strike",
    "del",
    "tg-spoiler",
    "span",
    "a",
    "code",
    "pre",
    "blockquote",
    "tg-emoji",
];

fn text<'a>(body: &'a Value, path: &str) -> Option<&'a str> {
    body.pointer(path).and_then(Value::as_str)
}

fn need(fits: bool, said: &str) -> Result<(), String> {
    if fits { Ok(()) } else { Err(said.to_owned()) }
}

/// The call as if it had come as JSON: in a form everything but texts is written as JSON.
pub(super) fn unfolded(body: &Value) -> Value {
    const NOT_TEXT: [&str; 6] = [
        "chat_id",
        "message_thread_id",
        "direct_messages_topic_id",
        "reply_parameters",
        "reply_markup",
        "media",
    ];
    let mut body = body.clone();
    for name in NOT_TEXT {
        if let Some(Value::String(text)) = body.get(name)
            && let Ok(read) = serde_json::from_str::<Value>(text)
            && let Some(field) = body.get_mut(name)
        {
            *field = read;
        }
    }
    body
}

/// Whether a part of the form is a file of at most so many bytes.
fn is_uploaded(part: Option<&Value>, max_bytes: u64) -> bool {
    part.and_then(|part| part.get("size_bytes")?.as_u64())
        .is_some_and(|size| (1..=max_bytes).contains(&size))
}

pub(super) fn webhook(body: &Value) -> Result<(), String> {
    let url = text(body, "/url").unwrap_or_default();
    need(
        url.starts_with("https://"),
        "bad webhook: An HTTPS URL must be provided for webhook",
    )?;
    let secret = text(body, "/secret_token").unwrap_or_default();
    let form = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    need(
        secret.len() <= 256 && secret.bytes().all(form),
        "secret token contains unallowed characters",
    )?;
    let connections = body.get("max_connections").map_or(Some(40), Value::as_u64);
    need(
        connections.is_some_and(|count| (1..=100).contains(&count)),
        "max_connections is not valid",
    )?;
    let updates = body.get("allowed_updates").and_then(Value::as_array);
    need(
        updates.is_none_or(|list| list.iter().all(Value::is_string)),
        "allowed_updates is not valid",
    )
}

pub(super) fn action(body: &Value) -> Result<(), String> {
    const ACTIONS: [&str; 10] = [
        "typing",
        "upload_photo",
        "record_video",
        "upload_video",
        "record_voice",
        "upload_voice",
        "upload_document",
        "choose_sticker",
        "find_location",
        "record_video_note",
    ];
    let known = text(body, "/action").is_some_and(|action| ACTIONS.contains(&action));
    need(
        known && body.get("direct_messages_topic_id").is_none(),
        "wrong parameter action in request",
    )
}

/// How many messages an album makes.
pub(super) fn album(body: &Value) -> Result<usize, String> {
    let media = body.get("media").and_then(Value::as_array);
    let media = media.ok_or("media is empty")?;
    need((2..=10).contains(&media.len()), "media has 2 to 10 items")?;
    need(
        body.get("reply_markup").is_none(),
        "an album has no buttons",
    )?;
    for one in media {
        let kind = text(one, "/type").unwrap_or_default();
        need(matches!(kind, "photo" | "video"), "media type is not valid")?;
        let media = text(one, "/media").ok_or("media not found")?;
        if let Some(name) = media.strip_prefix("attach://") {
            let max = if kind == "photo" {
                MAX_PHOTO_BYTES
            } else {
                MAX_FILE_BYTES
            };
            need(is_uploaded(body.get(name), max), "file must be non-empty")?;
        }
        worded(one, "/caption", MAX_CAPTION, true)?;
    }
    place(body)?;
    Ok(media.len())
}

/// `None` stands for a method there is none of.
pub(super) fn message(name: &str, body: &Value) -> Result<(), Option<String>> {
    let number = |path: &str| body.pointer(path).and_then(Value::as_f64).is_some();
    let file = |field: &str| text(body, &format!("/{field}")).is_some_and(|file| !file.is_empty());
    let media = |field: &str| {
        let max = if field == "photo" {
            MAX_PHOTO_BYTES
        } else {
            MAX_FILE_BYTES
        };
        file(field) || is_uploaded(body.get(field), max)
    };
    let captioned = |field: &str| {
        need(media(field), "file is empty")?;
        worded(body, "/caption", MAX_CAPTION, true)
    };
    let checked = match name {
        "sendMessage" => worded(body, "/text", MAX_TEXT, false),
        "sendPhoto" => captioned("photo"),
        "sendVideo" => captioned("video"),
        "sendAnimation" => captioned("animation"),
        "sendAudio" => captioned("audio"),
        "sendVoice" => captioned("voice"),
        "sendDocument" => captioned("document"),
        "sendSticker" => need(
            media("sticker") && body.get("caption").is_none(),
            "sticker is empty",
        ),
        "sendLocation" => need(number("/latitude") && number("/longitude"), "location"),
        "sendVenue" => need(
            number("/latitude") && number("/longitude") && file("title") && file("address"),
            "venue",
        ),
        "sendContact" => need(file("phone_number") && file("first_name"), "contact"),
        _ => return Err(None),
    };
    checked
        .and_then(|()| place(body))
        .and_then(|()| keyboard(body))
        .map_err(Some)
}

/// Where in a chat.
fn place(body: &Value) -> Result<(), String> {
    let whole = |name: &str| body.get(name).is_none_or(Value::is_i64);
    need(whole("message_thread_id"), "message thread not found")?;
    need(
        whole("direct_messages_topic_id"),
        "direct messages topic not found",
    )?;
    let reply = body.get("reply_parameters");
    need(
        reply.is_none_or(|reply| reply.get("message_id").is_some_and(Value::is_i64)),
        "message to be replied not found",
    )
}

fn keyboard(body: &Value) -> Result<(), String> {
    let Some(markup) = body.get("reply_markup") else {
        return Ok(());
    };
    let rows = markup.get("inline_keyboard").and_then(Value::as_array);
    let rows = rows.ok_or("object expected as reply markup")?;
    for row in rows {
        let keys = row.as_array().ok_or("row of keys expected")?;
        for key in keys {
            need(
                text(key, "/text").is_some_and(|text| !text.is_empty()),
                "text buttons are unallowed in the inline keyboard",
            )?;
            let fits = match (text(key, "/callback_data"), text(key, "/url")) {
                (Some(data), None) => (1..=64).contains(&data.len()),
                (None, Some(url)) => url.contains("://"),
                _ => false,
            };
            need(fits, "BUTTON_DATA_INVALID")?;
        }
    }
    Ok(())
}

/// A text of 1 to so many units, its markup taken off.
fn worded(body: &Value, path: &str, max: usize, may_lack: bool) -> Result<(), String> {
    let Some(text) = body.pointer(path).and_then(Value::as_str) else {
        return need(may_lack, "message text is empty");
    };
    let seen = match body.get("parse_mode").and_then(Value::as_str) {
        None => text.to_owned(),
        Some("HTML") => unmarked(text)?,
        Some(_) => return Err("unsupported parse_mode".into()),
    };
    need(!seen.trim().is_empty(), "message text is empty")?;
    need(seen.encode_utf16().count() <= max, "message is too long")
}

/// The text of Telegram's HTML: known tags, each closed where it was opened, and entities.
fn unmarked(html: &str) -> Result<String, String> {
    let cannot = |what: &str| format!("can't parse entities: {what}");
    let (mut seen, mut open) = (String::new(), Vec::new());
    let mut rest = html;
    while let Some(at) = rest.find(['<', '>', '&']) {
        let (before, from) = rest.split_at(at);
        seen.push_str(before);
        if let Some(entity) = from.strip_prefix('&') {
            let end = entity.find(';').ok_or_else(|| cannot("entity"))?;
            let (name, after) = entity.split_at(end);
            seen.push(match name {
                "lt" => '<',
                "gt" => '>',
                "amp" => '&',
                "quot" => '"',
                _ => return Err(cannot("unknown entity")),
            });
            rest = after.trim_start_matches(';');
            continue;
        }
        let tag = from.strip_prefix('<').ok_or_else(|| cannot("a bare >"))?;
        let end = tag.find('>').ok_or_else(|| cannot("unclosed start tag"))?;
        let (inside, after) = tag.split_at(end);
        rest = after.strip_prefix('>').unwrap_or(after);
        match inside.strip_prefix('/') {
            Some(name) if open.pop() == Some(name) => {}
            Some(_) => return Err(cannot("unmatched end tag")),
            None => {
                let name = inside.split_whitespace().next().unwrap_or_default();
                if !TAGS.contains(&name) {
                    return Err(cannot("unsupported start tag"));
                }
                open.push(name);
            }
        }
    }
    if !open.is_empty() {
        return Err(cannot("a tag is not closed"));
    }
    seen.push_str(rest);
    Ok(seen)
}
