//! What a batch causes: what is published, and what is dead.

use bytes::Bytes;
use nats::DeadLetter;
use schemas::{Envelope, TrackEvent, partition, subject};

use super::{Slot, item::Original};
use crate::media;

/// What a batch causes.
#[derive(Default)]
pub(super) struct Outputs {
    pub(super) publish: Vec<(String, Bytes)>,
    pub(super) dead: Vec<DeadLetter>,
}

impl Outputs {
    /// Hands messages with files on, as they came in, to who fetches them.
    pub(super) fn fetch(&mut self, slots: &[Slot], originals: &[Original]) {
        // Read once more, an item once: few messages have files, and keeping all as they were costs more.
        let mut opened: Option<(&Original, Vec<Envelope>)> = None;
        for (slot, original) in slots.iter().zip(originals) {
            let Slot::Going(envelope) = slot else {
                continue;
            };
            if !envelope.message().is_some_and(media::has_files) {
                continue;
            }
            if !opened
                .as_ref()
                .is_some_and(|(of, _)| of.is_beside(original))
            {
                opened = Some((original, original.open().unwrap_or_default()));
            }
            let envelopes = opened.as_ref().map(|(_, envelopes)| envelopes);
            if let Some(unread) = envelopes.and_then(|envelopes| envelopes.get(original.part)) {
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
