//! What a batch causes: what is published, and what is dead.

use bytes::Bytes;
use nats::DeadLetter;
use schemas::{Envelope, TrackEvent, partition, subject};

use super::Slot;
use crate::media;

/// What a batch causes.
#[derive(Default)]
pub(super) struct Outputs {
    pub(super) publish: Vec<(String, Bytes)>,
    pub(super) dead: Vec<DeadLetter>,
}

impl Outputs {
    /// Hands messages with files on to who fetches them.
    pub(super) fn fetch(&mut self, slots: &[Slot], unread: &[Envelope]) {
        for (slot, unread) in slots.iter().zip(unread) {
            let Slot::Going(envelope) = slot else {
                continue;
            };
            if envelope.message().is_some_and(media::has_files) {
                let place = partition::of(&partition::token(&envelope.conversation_key));
                let to = subject::pipe(subject::MEDIA, place, envelope.tenant);
                self.publish.push((to, unread.encode()));
            }
        }
    }

    pub(super) fn track(&mut self, events: &[TrackEvent]) {
        self.publish.extend(events.iter().map(|event| {
            let subject = subject::track(event.tenant, event.context, event.kind);
            (subject, event.encode())
        }));
    }
}
