//! The loop guard: what a rule never answers.

use schemas::{Direction, Message, MessageType, PartyType};

use crate::normalize::AUTOMATIC;

/// Why this message is not answered automatically, if it is not.
#[must_use]
pub fn unanswerable(message: &Message) -> Option<&'static str> {
    if message.direction == Direction::Outbound {
        return Some("it is our own");
    }
    if message.deleted_at.is_some() {
        return Some("it was taken back");
    }
    if message.edited_at.is_some() {
        return Some("it is an edit");
    }
    if matches!(
        message.message_type,
        MessageType::Event | MessageType::Reaction | MessageType::Unsupported
    ) {
        return Some("it is an event of the platform");
    }
    if message.metadata.contains_key(AUTOMATIC) {
        return Some("a program wrote it");
    }
    match message.sender.kind {
        PartyType::User => {}
        PartyType::Agent => return Some("an agent wrote it"),
        PartyType::Bot | PartyType::System | PartyType::Group | PartyType::Channel => {
            return Some("no person wrote it");
        }
    }
    if message.sender.id.is_empty() || message.sender.id == message.recipient.id {
        return Some("it has no other sender");
    }
    None
}
