//! Which languages a conversation was in: what the stage `language` may lean on when a message has a word or two.
//!
//! In memory only, of this worker only, and bounded: after a restart or a takeover it begins empty, and a conversation
//! not heard of for long is forgotten. What was known stands in the envelope, so a replay sees what the stage saw.

use std::{
    collections::HashMap,
    mem,
    sync::{Mutex, PoisonError},
};

use schemas::{ConversationId, Envelope, Spoken};

/// Conversations that are remembered at most.
const CAPACITY: usize = 100_000;
/// Languages that are remembered of a conversation.
const LANGUAGES: usize = 4;

/// What was spoken in the conversations of late.
pub(crate) struct Memory {
    generations: Mutex<Generations>,
    /// Of one generation.
    capacity: usize,
}

/// Two halves: what is used moves to the young one, and when that is full the old one is forgotten.
#[derive(Default)]
struct Generations {
    young: HashMap<ConversationId, Vec<Spoken>>,
    old: HashMap<ConversationId, Vec<Spoken>>,
}

impl Default for Memory {
    fn default() -> Self {
        Self::new(CAPACITY)
    }
}

impl Memory {
    fn new(capacity: usize) -> Self {
        Self {
            generations: Mutex::default(),
            capacity: (capacity / 2).max(1),
        }
    }

    /// Writes into each envelope what is known of its conversation, unless something stands there.
    pub(crate) fn recall(&self, envelopes: &mut [Envelope]) {
        let generations = self.lock();
        for envelope in envelopes {
            if envelope.context.spoken.is_empty()
                && let Some(spoken) = generations.get(envelope.conversation)
            {
                envelope.context.spoken.clone_from(spoken);
            }
        }
    }

    /// Remembers the languages that were found; `und` is none.
    pub(crate) fn remember<'a>(&self, envelopes: impl Iterator<Item = &'a Envelope>) {
        let mut generations = self.lock();
        for envelope in envelopes {
            let language = envelope
                .message()
                .and_then(|message| message.language.as_ref());
            if let Some(language) = language
                && language.code != "und"
            {
                generations.count(envelope.conversation, &language.code, self.capacity);
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Generations> {
        // Each change leaves it whole.
        self.generations
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Generations {
    fn get(&self, conversation: ConversationId) -> Option<&Vec<Spoken>> {
        self.young
            .get(&conversation)
            .or_else(|| self.old.get(&conversation))
    }

    fn count(&mut self, conversation: ConversationId, code: &str, capacity: usize) {
        if !self.young.contains_key(&conversation) {
            if self.young.len() >= capacity {
                self.old = mem::take(&mut self.young);
            }
            let known = self.old.remove(&conversation).unwrap_or_default();
            self.young.insert(conversation, known);
        }
        let spoken = self.young.entry(conversation).or_default();
        match spoken.iter_mut().find(|known| known.code == code) {
            Some(known) => known.messages = known.messages.saturating_add(1),
            None => {
                // The rarest makes room.
                spoken.truncate(LANGUAGES - 1);
                spoken.push(Spoken {
                    code: code.to_owned(),
                    messages: 1,
                });
            }
        }
        spoken.sort_by(|a, b| {
            b.messages
                .cmp(&a.messages)
                .then_with(|| a.code.cmp(&b.code))
        });
    }
}

#[cfg(test)]
mod tests {
    use schemas::{ChannelKind, Context, Timestamp};
    use uuid::Uuid;

    use super::*;

    fn conversation(number: usize) -> ConversationId {
        ConversationId(Uuid::from_u128(number as u128))
    }

    fn envelope(conversation: ConversationId) -> Envelope {
        Envelope {
            tenant: schemas::TenantId(Uuid::from_u128(1)),
            channel: schemas::ChannelId(Uuid::from_u128(2)),
            kind: ChannelKind::Sandbox,
            message: schemas::MessageId(Uuid::from_u128(3)),
            conversation,
            conversation_key: "a".into(),
            received_at: Timestamp(5),
            position: 0,
            body: schemas::Body::Raw(schemas::Raw {
                content_type: "application/json".into(),
                bytes: bytes::Bytes::new(),
            }),
            context: Context::default(),
            replies: Vec::new(),
            events: Vec::new(),
            trace: Vec::new(),
        }
    }

    fn known(memory: &Memory, conversation: ConversationId) -> Vec<(String, u32)> {
        let mut envelopes = [envelope(conversation)];
        memory.recall(&mut envelopes);
        let [envelope] = envelopes;
        let spoken = envelope.context.spoken.into_iter();
        spoken
            .map(|spoken| (spoken.code, spoken.messages))
            .collect()
    }

    fn count(memory: &Memory, conversation: ConversationId, code: &str) {
        memory.lock().count(conversation, code, memory.capacity);
    }

    #[test]
    fn the_most_frequent_comes_first_and_the_rarest_goes() {
        let memory = Memory::default();
        let here = conversation(1);
        assert_eq!(known(&memory, here), []);
        for code in ["de", "en", "en", "fr", "es", "es", "nl"] {
            count(&memory, here, code);
        }
        let expected = [("en", 2), ("es", 2), ("de", 1), ("nl", 1)];
        assert_eq!(
            known(&memory, here),
            expected.map(|(code, messages)| (code.to_owned(), messages))
        );
        assert_eq!(known(&memory, conversation(2)), []);
    }

    #[test]
    fn what_stands_in_the_envelope_stays() {
        let memory = Memory::default();
        count(&memory, conversation(1), "de");
        let mut envelopes = [envelope(conversation(1))];
        let before = vec![Spoken {
            code: "fr".into(),
            messages: 9,
        }];
        envelopes[0].context.spoken.clone_from(&before);
        memory.recall(&mut envelopes);
        assert_eq!(envelopes[0].context.spoken, before);
    }

    #[test]
    fn it_is_bounded_and_forgets_the_longest_unheard() {
        let memory = Memory::new(10);
        for number in 0..100 {
            count(&memory, conversation(number), "de");
            count(&memory, conversation(0), "en");
            let generations = memory.lock();
            assert!(generations.young.len() + generations.old.len() <= 10);
        }
        assert_eq!(known(&memory, conversation(0))[0].0, "en");
        assert_eq!(known(&memory, conversation(99)).len(), 1);
        assert_eq!(known(&memory, conversation(50)), []);
    }
}
