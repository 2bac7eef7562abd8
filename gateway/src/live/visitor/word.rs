//! What a visitor's page says, and how it is spoken to.

use schemas::{Attachment, MessageId};
use serde::Deserialize;
use serde_json::{Value, json};
use store::message::MessageRow;

use crate::route::message_in::{BUTTONS, FORMAT};

/// What a visitor's page says.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Said {
    Start {
        /// Of an earlier visit.
        token: Option<String>,
        name: Option<String>,
    },
    Message {
        /// The page's own id of the message: the same twice is one message.
        id: String,
        #[serde(default)]
        text: String,
        #[serde(default)]
        attachments: Vec<Attachment>,
    },
    Typing {
        is_typing: bool,
    },
    Delivered {
        message_id: MessageId,
    },
    Read {
        message_id: MessageId,
    },
}

pub(super) fn error(code: &str, detail: &str) -> Value {
    json!({"type": "error", "code": code, "detail": detail})
}

/// A message as a visitor sees it: who of the team wrote it is not told, only their name.
pub(super) fn shown(row: &MessageRow) -> Value {
    let of = |name: &str| {
        row.metadata
            .as_ref()
            .and_then(|metadata| metadata.get(name))
    };
    json!({
        "id": row.id,
        "direction": row.direction,
        "text": row.content,
        "html": row.content_html,
        "format": of(FORMAT),
        "buttons": of(BUTTONS),
        "attachments": row.attachments,
        "name": row.sender_name,
        "created_at": row.created_at,
        "edited_at": row.edited_at,
        "deleted_at": row.deleted_at,
    })
}
