//! The lines of a channel's chats: who waits, in which order, and until when. Memory only; `store::delivery::waiting` is
//! where they survive.

use std::collections::{BTreeMap, HashMap};

use schemas::{MessageId, Timestamp};
use store::delivery::Waiting;

/// Messages that are kept in lines.
pub(super) const MOST: usize = 65_536;

/// Where a message stands in its line: by when it was accepted.
pub(super) type Stand = (i64, MessageId);

/// The lines of a channel.
#[derive(Default)]
pub(super) struct Lines {
    /// Of each chat: who waits, and when the broker brings it back. None is empty.
    chats: HashMap<Box<str>, BTreeMap<Stand, Timestamp>>,
    /// The chat and the position of each who waits.
    stands: HashMap<MessageId, (Box<str>, i64)>,
}

impl Lines {
    pub(super) fn is_empty(&self) -> bool {
        self.stands.is_empty()
    }

    /// Where one that waits stands.
    pub(super) fn position(&self, message: MessageId) -> Option<i64> {
        self.stands.get(&message).map(|(_, position)| *position)
    }

    /// How many stand before this place.
    pub(super) fn ahead(&self, chat: &str, stand: Stand) -> usize {
        let Some(line) = self.chats.get(chat) else {
            return 0;
        };
        match line.last_key_value() {
            // A newcomer: the usual case, and the line may be long.
            Some((last, _)) if *last < stand => line.len(),
            _ => line.range(..stand).count(),
        }
    }

    /// When the one directly before this place comes back.
    pub(super) fn before(&self, chat: &str, stand: Stand) -> Option<Timestamp> {
        let (_, due) = self.chats.get(chat)?.range(..stand).next_back()?;
        Some(*due)
    }

    /// Who stands behind the first `skipped`, and when it comes back.
    pub(super) fn nth(&self, chat: &str, skipped: usize) -> Option<(Stand, Timestamp)> {
        let (stand, due) = self.chats.get(chat)?.iter().nth(skipped)?;
        Some((*stand, *due))
    }

    /// Stands in line, or goes on to stand where it stood; of more than fit, the newest are not kept.
    pub(super) fn join(&mut self, waiting: &Waiting) {
        let stand = (waiting.position, waiting.message);
        if !self.stands.contains_key(&waiting.message) {
            if self.stands.len() >= MOST {
                return;
            }
            let place = (waiting.chat.as_str().into(), waiting.position);
            self.stands.insert(waiting.message, place);
        }
        match self.chats.get_mut(waiting.chat.as_str()) {
            Some(line) => {
                line.insert(stand, waiting.due_at);
            }
            None => {
                let line = BTreeMap::from([(stand, waiting.due_at)]);
                self.chats.insert(waiting.chat.as_str().into(), line);
            }
        }
    }

    pub(super) fn leave(&mut self, message: MessageId) {
        let Some((chat, position)) = self.stands.remove(&message) else {
            return;
        };
        if let Some(line) = self.chats.get_mut(&chat) {
            line.remove(&(position, message));
            if line.is_empty() {
                self.chats.remove(&chat);
            }
        }
    }

    /// The first of each chat.
    pub(super) fn heads(&self) -> impl Iterator<Item = (&str, Timestamp)> {
        self.chats
            .iter()
            .filter_map(|(chat, line)| Some((&**chat, *line.first_key_value()?.1)))
    }
}
