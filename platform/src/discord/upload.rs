//! Messages with files (<https://docs.discord.com/developers/reference#uploading-files>).

use axum::http::StatusCode;
use serde_json::Value;

use super::{invalid, refused, text};
use crate::exchange::Reply;

/// Of one file, where nobody has paid for more.
const MAX_FILE_BYTES: u64 = 10 * 1024 * 1024;

/// The message of a form, whose files are `files[n]` and named by its `attachments`; what is no form is the message.
pub(super) fn unfolded(form: &Value) -> Result<Value, Reply> {
    let Some(json) = form.get("payload_json").and_then(Value::as_str) else {
        return Ok(form.clone());
    };
    let body: Value = serde_json::from_str(json).map_err(|_| invalid("payload_json"))?;
    let named = body.get("attachments").and_then(Value::as_array);
    let named = named.map_or(&[][..], Vec::as_slice);
    let parts: Vec<(&String, &Value)> = form
        .as_object()
        .map(|form| {
            form.iter()
                .filter(|(name, _)| *name != "payload_json")
                .collect()
        })
        .unwrap_or_default();
    if parts.is_empty() || parts.len() != named.len() || parts.len() > 10 {
        return Err(invalid("attachments"));
    }
    for attachment in named {
        let name = format!("files[{}]", attachment["id"]);
        let size = form.get(&name).and_then(|part| part["size_bytes"].as_u64());
        match size {
            Some(0) | None => return Err(invalid("attachments")),
            Some(size) if size > MAX_FILE_BYTES => {
                let why = "Request entity too large";
                return Err(refused(StatusCode::PAYLOAD_TOO_LARGE, 40005, why));
            }
            Some(_) if text(attachment, "/filename").is_empty() => return Err(invalid("filename")),
            Some(_) => {}
        }
    }
    Ok(body)
}
