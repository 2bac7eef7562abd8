//! The documented message of external adapters ([`GenericMessage`]).
//!
//! `metadata.automatic` set to anything but `false` says that a program wrote it: no rule answers it.

use schemas::{DeadReason, Message, MessageType, generic::GenericMessage};
use serde_json::Value;

use super::{AUTOMATIC, Filled, html, malformed, note_command, type_of};

pub(super) fn fill(message: &mut Message, bytes: &[u8]) -> Result<Filled, DeadReason> {
    let given = GenericMessage::parse(bytes).map_err(malformed)?;
    message.sender.id = given.sender.id;
    message.sender.name = given.sender.name;
    message.content.text = given.text;
    message.content.attachments = given.attachments;
    message.subject = given.subject;
    message.in_reply_to = given.in_reply_to;
    message.metadata = given.metadata;
    if let Some(automatic) = message.metadata.get_mut(AUTOMATIC) {
        match automatic {
            Value::Bool(false) | Value::Null => {
                message.metadata.remove(AUTOMATIC);
            }
            Value::String(_) => {}
            other => *other = "adapter".into(),
        }
    }
    if let Some(at) = given.sent_at {
        message.created_at = at;
    }
    let mut guess = MessageType::Text;
    if let Some(source) = given.html {
        if message.content.text.is_empty() {
            message.content.text = html::to_text(&source);
            guess = MessageType::Html;
        }
        message.content.html = Some(source);
    }
    if message.content.text.is_empty() {
        guess = type_of(&message.content.attachments).unwrap_or(guess);
    }
    message.message_type = guess;
    match given.message_type {
        Some(given) => message.message_type = given,
        None => note_command(message),
    }
    if message.message_type == MessageType::Command {
        note_command(message);
    }
    Ok(Filled::MESSAGE)
}
