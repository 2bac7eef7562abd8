//! What is wrong with a push.

use serde_json::Value;

/// What is wrong with a push, as (property, message).
pub(super) fn faults(body: &Value) -> Vec<(String, String)> {
    let Some(messages) = body.get("messages").and_then(Value::as_array) else {
        return vec![("messages".into(), "May not be empty".into())];
    };
    if messages.is_empty() || messages.len() > 5 {
        return vec![("messages".into(), "Size must be between 1 and 5".into())];
    }
    messages
        .iter()
        .enumerate()
        .flat_map(|(at, message)| {
            let place = format!("messages[{at}]");
            message_faults(message)
                .into_iter()
                .map(move |(name, said)| (format!("{place}.{name}"), said.to_owned()))
        })
        .collect()
}

fn message_faults(message: &Value) -> Vec<(String, &'static str)> {
    let text = |path: &str| message.pointer(path).and_then(Value::as_str);
    let long = |path: &str, max: usize| {
        text(path).is_none_or(|text| text.is_empty() || text.encode_utf16().count() > max)
    };
    let number = |path: &str| message.pointer(path).and_then(Value::as_f64);
    let mut faults = Vec::new();
    let mut need = |fits: bool, name: &str, said: &'static str| {
        if !fits {
            faults.push((name.to_owned(), said));
        }
    };
    let address = |path: &str| text(path).is_some_and(|url| is_https(url, 2000));
    match text("/type") {
        Some("text") => need(
            !long("/text", 5000),
            "text",
            "Length must be between 1 and 5000",
        ),
        Some("image" | "video") => {
            need(
                address("/originalContentUrl"),
                "originalContentUrl",
                "Must be an https URL",
            );
            need(
                address("/previewImageUrl"),
                "previewImageUrl",
                "Must be an https URL",
            );
        }
        Some("audio") => {
            need(
                address("/originalContentUrl"),
                "originalContentUrl",
                "Must be an https URL",
            );
            need(
                number("/duration").is_some_and(|ms| ms > 0.0),
                "duration",
                "Must be positive",
            );
        }
        Some("location") => {
            need(
                !long("/title", 100),
                "title",
                "Length must be between 1 and 100",
            );
            need(
                !long("/address", 100),
                "address",
                "Length must be between 1 and 100",
            );
            need(
                number("/latitude").is_some(),
                "latitude",
                "May not be empty",
            );
            need(
                number("/longitude").is_some(),
                "longitude",
                "May not be empty",
            );
        }
        Some("sticker") => {
            need(
                text("/packageId").is_some(),
                "packageId",
                "May not be empty",
            );
            need(
                text("/stickerId").is_some(),
                "stickerId",
                "May not be empty",
            );
        }
        Some("template") => {
            need(
                !long("/altText", 400),
                "altText",
                "Length must be between 1 and 400",
            );
            need(
                text("/template/type") == Some("buttons"),
                "template.type",
                "Not played",
            );
            need(
                !long("/template/text", 160),
                "template.text",
                "Length must be between 1 and 160",
            );
            let actions = message
                .pointer("/template/actions")
                .and_then(Value::as_array);
            need(
                actions.is_some_and(|list| (1..=4).contains(&list.len())),
                "template.actions",
                "Size must be between 1 and 4",
            );
            need(
                actions.is_some_and(|list| list.iter().all(is_action)),
                "template.actions",
                "Invalid action",
            );
        }
        _ => need(
            false,
            "type",
            "Must be one of the following values: [text, image, video, audio, location, sticker, template]",
        ),
    }
    if let Some(items) = message.pointer("/quickReply/items") {
        let fits = items.as_array().is_some_and(|items| {
            (1..=13).contains(&items.len())
                && items.iter().all(|item| {
                    item.get("type").and_then(Value::as_str) == Some("action")
                        && item.get("action").is_some_and(is_action)
                })
        });
        need(
            fits,
            "quickReply.items",
            "Size must be between 1 and 13, of actions",
        );
    }
    let quotes =
        message.get("quoteToken").is_none() || matches!(text("/type"), Some("text" | "sticker"));
    need(quotes, "quoteToken", "Only text and stickers may quote");
    faults
}

fn is_action(action: &Value) -> bool {
    let units = |name: &str| {
        let text = action.get(name).and_then(Value::as_str);
        text.map(|text| text.encode_utf16().count())
    };
    let within = |name: &str, max: usize| units(name).is_some_and(|n| (1..=max).contains(&n));
    within("label", 20)
        && match action.get("type").and_then(Value::as_str) {
            Some("postback") => {
                within("data", 300) && units("displayText").is_none_or(|n| n <= 300)
            }
            Some("uri") => {
                let schemes = ["https://", "http://", "line://", "tel:"];
                let uri = action
                    .get("uri")
                    .and_then(Value::as_str)
                    .unwrap_or_default();
                within("uri", 1000) && schemes.iter().any(|scheme| uri.starts_with(scheme))
            }
            Some("message") => within("text", 300),
            _ => false,
        }
}

pub(super) fn is_https(url: &str, max: usize) -> bool {
    url.starts_with("https://") && url.chars().count() <= max
}

/// A letter and 32 digits.
pub(super) fn is_id(id: &str, start: &str) -> bool {
    id.strip_prefix(start).is_some_and(|digits| {
        digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}
