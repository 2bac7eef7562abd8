//! One file per resource: its API types, its handlers, and what they answer.

pub(crate) mod api_key;
pub(crate) mod audience;
pub(crate) mod audit;
pub(crate) mod campaign;
pub(crate) mod channel;
pub(crate) mod channel_check;
pub(crate) mod channel_out;
#[cfg(test)]
mod channel_tests;
pub(crate) mod chat_page;
pub(crate) mod contact;
pub(crate) mod contact_export;
pub(crate) mod contact_import;
mod contact_import_in;
mod contact_in;
mod contact_out;
pub(crate) mod conversation;
pub(crate) mod conversation_out;
pub(crate) mod dlq;
pub(crate) mod docs;
pub(crate) mod health;
pub(crate) mod inbound;
pub(crate) mod journey;
pub(crate) mod label;
pub(crate) mod limit;
pub(crate) mod list;
mod list_confirm;
pub(crate) mod list_member;
pub(crate) mod media;
pub(crate) mod message;
pub(crate) mod message_in;
pub(crate) mod message_out;
pub(crate) mod model;
mod opened;
pub(crate) mod outbox;
mod owner;
#[cfg(test)]
mod owner_tests;
mod platform_template;
#[cfg(test)]
mod refusal_tests;
pub(crate) mod resolve;
pub(crate) mod rule;
pub(crate) mod segment;
pub(crate) mod send;
pub(crate) mod setting;
pub(crate) mod stats;
pub(crate) mod suppression;
pub(crate) mod template;
pub(crate) mod template_check;
mod template_in;
pub(crate) mod template_preview;
pub(crate) mod template_variant;
mod thread;
pub(crate) mod typing;
pub(crate) mod understanding;
pub(crate) mod webhook;
mod window;

use schemas::platform::check::escaped;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::problem::ApiError;

/// That it was done.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SuccessOut {
    #[schema(example = true)]
    pub(crate) success: bool,
}

pub(crate) const SUCCESS: axum::Json<SuccessOut> = axum::Json(SuccessOut { success: true });

/// A text of 1 to `max` characters, none of them NUL.
pub(crate) fn text(pointer: &'static str, value: &str, max: usize) -> Result<(), ApiError> {
    if value.is_empty() {
        let detail = format!("This is empty or blank. Give 1 to {max} characters.");
        return Err(ApiError::invalid(pointer, detail));
    }
    if value.chars().nth(max).is_some() || value.contains('\0') {
        return Err(ApiError::invalid(
            pointer,
            format!("This must have 1 to {max} characters, none of them NUL."),
        ));
    }
    Ok(())
}

/// The same, where there is one.
pub(crate) fn optional_text(
    pointer: &'static str,
    value: Option<&String>,
    max: usize,
) -> Result<(), ApiError> {
    value.map_or(Ok(()), |value| text(pointer, value, max))
}

/// That no text in an object is one that the database cannot keep: with NUL.
pub(crate) fn without_nul(pointer: &str, map: &Map<String, Value>) -> Result<(), ApiError> {
    fn has_nul(value: &Value) -> bool {
        match value {
            Value::String(text) => text.contains('\0'),
            Value::Array(items) => items.iter().any(has_nul),
            Value::Object(map) => map
                .iter()
                .any(|(name, value)| name.contains('\0') || has_nul(value)),
            _ => false,
        }
    }
    ApiError::all(map.iter().map(|(name, value)| {
        if name.contains('\0') || has_nul(value) {
            let name = escaped(&name.replace('\0', ""));
            let detail = "There is a NUL character in here, which cannot be kept. Leave it out.";
            return Err(ApiError::invalid(format!("{pointer}/{name}"), detail));
        }
        Ok(())
    }))
}

/// An object kept as one; nothing when it is empty.
pub(crate) fn object(map: Map<String, Value>) -> Option<Value> {
    (!map.is_empty()).then_some(Value::Object(map))
}

/// A stored object as it is answered.
pub(crate) fn map(value: Option<Value>) -> Map<String, Value> {
    match value {
        Some(Value::Object(map)) => map,
        _ => Map::new(),
    }
}
