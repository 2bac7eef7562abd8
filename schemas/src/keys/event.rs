//! Keys of what is JSON and not understood: the same bytes are the same event, in a conversation of their own.

use serde_json::Value;

use super::{Keys, Malformed, digest};

/// The conversation of events that name none.
pub const CONVERSATION: &str = "event";

/// `what` as in [`Malformed::Json`].
///
/// # Errors
/// [`Malformed`] when the bytes are no JSON object.
pub fn keys(what: &'static str, bytes: &[u8]) -> Result<Keys, Malformed> {
    let object = |value: &Value| value.is_object();
    match serde_json::from_slice::<Value>(bytes) {
        Ok(value) if object(&value) => Ok(Keys {
            platform_id: format!("event:{}", digest(bytes)),
            conversation: CONVERSATION.to_owned(),
        }),
        Ok(_) => Err(Malformed::Json {
            what,
            line: 1,
            column: 1,
        }),
        Err(error) => Err(malformed(what, &error)),
    }
}

/// Where JSON is broken; never what stands there.
#[must_use]
pub fn malformed(what: &'static str, error: &serde_json::Error) -> Malformed {
    Malformed::Json {
        what,
        line: error.line(),
        column: error.column(),
    }
}
