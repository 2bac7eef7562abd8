//! What new messages tell of who wrote them, and to which of our addresses.

use std::collections::BTreeMap;

use schemas::{Direction, Message, MessageType, PartyType};
use uuid::Uuid;

use super::{Line, summary::ADDRESS_BYTES};
use crate::suppression::Heard;

/// Whether a person wrote it: what a window for answers opens with.
pub(super) fn is_from_person(message: &Message) -> bool {
    message.direction == Direction::Inbound
        && message.sender.kind == PartyType::User
        && message.message_type != MessageType::Event
}

/// Who wrote, each once with their newest message.
pub(super) fn heard<'a>(new: &[Line<'a>]) -> Vec<Heard<'a>> {
    let mut newest: BTreeMap<(Uuid, &str), Heard<'a>> = BTreeMap::new();
    for line in new {
        let message = line.message;
        let address = message.sender.id.as_str();
        if !is_from_person(message) || address.is_empty() {
            continue;
        }
        let heard = Heard {
            tenant: line.tenant,
            channel: line.channel,
            kind: line.kind,
            address,
            at: message.created_at,
        };
        newest
            .entry((line.channel.0, address))
            .and_modify(|known| known.at = known.at.max(heard.at))
            .or_insert(heard);
    }
    newest.into_values().collect()
}

/// Which of our addresses a message was written to.
pub(super) fn own_address<'a>(line: &Line<'a>) -> Option<&'a str> {
    let recipient = &line.message.recipient;
    let ours = matches!(recipient.kind, PartyType::Bot | PartyType::System)
        && !recipient.id.is_empty()
        && recipient.id.len() <= ADDRESS_BYTES
        && recipient.id.parse() != Ok(line.channel);
    ours.then_some(&recipient.id)
}
