//! What has come and is not yet handed over.

use std::{collections::VecDeque, sync::Arc};

use bytes::Bytes;
use schemas::frame;
use tokio::time::Instant;

use crate::{lane::Item, pull::Delivered};

/// A broker message and the envelopes in it.
#[derive(Debug)]
pub(crate) struct Unpacked {
    pub(crate) place: Delivered,
    /// None when the frame is malformed.
    pub(crate) items: Option<Vec<Bytes>>,
}

impl Unpacked {
    pub(crate) fn new(place: Delivered) -> Self {
        let items = frame::decode(place.payload.clone()).ok();
        Self { place, items }
    }

    pub(crate) fn len(&self) -> usize {
        self.items.as_ref().map_or(0, Vec::len)
    }

    pub(crate) fn item(&self, index: usize) -> Option<Item> {
        let payload = self.items.as_ref()?.get(index)?.clone();
        Some(Item {
            payload,
            subject: Arc::clone(&self.place.subject),
            stream_seq: self.place.stream_seq,
            index: u32::try_from(index).ok()?,
            stored_at: self.place.stored_at,
        })
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = Item> {
        (0..self.len()).filter_map(|index| self.item(index))
    }
}

/// Messages in stream order.
#[derive(Debug)]
pub(crate) struct Buffer {
    queue: VecDeque<Unpacked>,
    items: usize,
    oldest: Option<Instant>,
    /// Items a message holds, a moving average.
    per_message: f64,
}

impl Buffer {
    pub(crate) fn new() -> Self {
        Self {
            queue: VecDeque::new(),
            items: 0,
            oldest: None,
            per_message: 16.0,
        }
    }

    pub(crate) fn push(&mut self, message: Unpacked) {
        // At most `frame::MAX_ITEMS`, so the conversion is exact.
        let len = f64::from(u32::try_from(message.len()).unwrap_or(u32::MAX));
        self.per_message = self.per_message * 0.9 + len.max(1.0) * 0.1;
        self.items += message.len();
        self.oldest.get_or_insert_with(Instant::now);
        self.queue.push_back(message);
    }

    pub(crate) fn give_back(&mut self, messages: Vec<Unpacked>) {
        for message in messages.into_iter().rev() {
            self.items += message.len();
            self.queue.push_front(message);
        }
    }

    pub(crate) fn items(&self) -> usize {
        self.items
    }

    pub(crate) fn oldest(&self) -> Option<Instant> {
        self.oldest
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Unpacked> {
        self.queue.iter()
    }

    /// Messages that bring about `room` items.
    pub(crate) fn messages_for(&self, room: usize) -> usize {
        let room = f64::from(u32::try_from(room).unwrap_or(u32::MAX));
        // Between 1 and 10 000, so the conversion is exact enough.
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "clamped"
        )]
        let messages = (room / self.per_message).clamp(1.0, 10_000.0) as usize;
        messages
    }

    /// The next messages with at most `max_items` items (but at least one message). Up to stream
    /// sequence `alone_until` messages come one at a time; a malformed one always comes alone.
    pub(crate) fn take(&mut self, max_items: usize, alone_until: u64) -> Vec<Unpacked> {
        let mut taken = Vec::new();
        let mut count = 0;
        while let Some(next) = self.queue.front() {
            let alone = next.items.is_none() || next.place.stream_seq <= alone_until;
            if !taken.is_empty() && (alone || count + next.len() > max_items) {
                break;
            }
            count += next.len();
            taken.extend(self.queue.pop_front());
            if alone {
                break;
            }
        }
        self.items -= count;
        self.oldest = self.queue.front().map(|_| Instant::now());
        taken
    }
}

#[cfg(test)]
mod tests {
    use schemas::Timestamp;

    use super::*;

    fn message(seq: u64, items: &[&[u8]]) -> Unpacked {
        Unpacked::new(Delivered {
            payload: frame::encode(items),
            subject: "s".into(),
            stream_seq: seq,
            consumer_seq: seq,
            stored_at: Timestamp(0),
            reply: "r".into(),
        })
    }

    fn sequences(messages: &[Unpacked]) -> Vec<u64> {
        messages
            .iter()
            .map(|message| message.place.stream_seq)
            .collect()
    }

    #[test]
    fn batches_keep_whole_messages_and_isolate_suspects() {
        let mut buffer = Buffer::new();
        for seq in 1..=5 {
            buffer.push(message(seq, &[b"a", b"b", b"c"]));
        }
        assert_eq!(sequences(&buffer.take(7, 1)), [1]);
        let batch = buffer.take(7, 1);
        assert_eq!(sequences(&batch), [2, 3]);
        assert_eq!(
            batch[1].all().map(|item| item.index).collect::<Vec<_>>(),
            [0, 1, 2]
        );
        buffer.give_back(batch);
        assert_eq!(buffer.items(), 12);
        assert_eq!(sequences(&buffer.take(2, 0)), [2]);
        assert_eq!(sequences(&buffer.take(100, 0)), [3, 4, 5]);
        assert_eq!(buffer.items(), 0);
    }

    #[test]
    fn a_malformed_frame_comes_alone() {
        let mut buffer = Buffer::new();
        buffer.push(message(1, &[b"a"]));
        let mut broken = message(2, &[b"a"]);
        broken.items = None;
        buffer.push(broken);
        buffer.push(message(3, &[b"a"]));
        assert_eq!(sequences(&buffer.take(100, 0)), [1]);
        assert_eq!(sequences(&buffer.take(100, 0)), [2]);
        assert_eq!(sequences(&buffer.take(100, 0)), [3]);
    }
}
