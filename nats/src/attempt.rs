//! Counting crashes. A takeover resets the broker's delivery counts, so they are kept in bucket
//! `attempts`, one record per lane, written only after a crash.
//!
//! What crashed is narrowed down: after the first crash the messages that were out are handed over
//! one at a time; after the second, the message that was out item by item; the item that was out alone
//! at three more is dead. Workers are killed for reasons of their own, and the broker with them: fewer
//! would blame whatever is slow while that happens.

use serde::{Deserialize, Serialize};

use crate::{api::ApiError, bus::Bus, lane::Lane};

const BUCKET: &str = "attempts";
/// Crashes with an item out alone after which it is dead.
const FATAL: u32 = 3;

/// What a lane's owner was doing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    /// The stream sequence that was out alone; 0 while only a batch is known.
    pub(crate) seq: u64,
    /// The item of it that was out alone.
    pub(crate) index: Option<u32>,
    /// Crashes with the message.
    pub(crate) crashes: u32,
    /// An item of it, and how many of the crashes found it out alone.
    #[serde(default)]
    pub(crate) blamed: Option<(u32, u32)>,
    /// Messages up to this stream sequence are suspect.
    pub(crate) until: u64,
    /// Items of `seq` that are dead already.
    pub(crate) dead: Vec<u32>,
}

impl Record {
    /// The record after a crash that left messages between `floor` and `delivered` (stream
    /// sequences) unacknowledged.
    pub(crate) fn after_crash(previous: Option<Self>, floor: u64, delivered: u64) -> Self {
        match previous {
            Some(record) if record.seq > floor => Self {
                crashes: record.crashes + 1,
                blamed: match (record.index, record.blamed) {
                    (Some(index), Some((before, times))) if index == before => {
                        Some((index, times + 1))
                    }
                    (Some(index), _) => Some((index, 1)),
                    (None, blamed) => blamed,
                },
                // Not out again yet.
                index: None,
                until: record.until.max(delivered),
                ..record
            },
            _ => Self {
                crashes: 1,
                until: delivered,
                ..Self::default()
            },
        }
    }

    /// The item of message `seq` that has crashed its worker often enough.
    pub(crate) fn convicted(&self, seq: u64) -> Option<u32> {
        self.blamed
            .filter(|(_, times)| self.seq == seq && *times >= FATAL)
            .map(|(index, _)| index)
    }

    /// Whether message `seq` is to be handed over item by item.
    pub(crate) fn itemwise(&self, seq: u64) -> bool {
        self.seq == seq && self.crashes >= 2
    }

    /// Item `index` of message `seq` goes out alone.
    pub(crate) fn item_out(&mut self, seq: u64, index: u32) {
        debug_assert_eq!(self.seq, seq);
        self.index = Some(index);
    }

    /// Message `seq` goes out alone.
    pub(crate) fn message_out(&mut self, seq: u64) {
        *self = Self {
            seq,
            crashes: 1,
            until: self.until,
            ..Self::default()
        };
    }

    /// The convicted item is in the dead letters.
    pub(crate) fn bury(&mut self, index: u32) {
        self.dead.push(index);
        self.blamed = None;
    }

    fn key(lane: &Lane) -> String {
        format!("{}.{}", lane.stream, lane.durable)
    }

    pub(crate) async fn load(bus: &Bus, lane: &Lane) -> Result<Option<Self>, ApiError> {
        let value = bus.kv_get(BUCKET, &Self::key(lane)).await?;
        // A record that cannot be read is none: counting starts again.
        Ok(value.and_then(|value| serde_json::from_slice(&value).ok()))
    }

    pub(crate) async fn save(&self, bus: &Bus, lane: &Lane) -> Result<(), ApiError> {
        let value =
            serde_json::to_vec(self).map_err(|error| ApiError::Unreadable(error.to_string()))?;
        bus.kv_put(BUCKET, &Self::key(lane), value.into()).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_crashes_with_it_alone_convict_an_item() {
        // A batch of messages 11 to 20 crashes; item 2 of message 14 is to blame.
        let mut record = Record::after_crash(None, 10, 20);
        assert_eq!((record.seq, record.crashes, record.until), (0, 1, 20));
        for seq in 11..=14 {
            assert!(!record.itemwise(seq));
            record.message_out(seq);
        }
        let mut record = Record::after_crash(Some(record), 13, 14);
        assert!(record.itemwise(14) && record.convicted(14).is_none());
        for _ in 0..3 {
            assert_eq!(record.convicted(14), None);
            for index in 0..=2 {
                record.item_out(14, index);
            }
            record = Record::after_crash(Some(record), 13, 14);
            assert!(record.itemwise(14));
        }
        assert_eq!(record.convicted(14), Some(2));
        record.bury(2);
        assert_eq!(record.convicted(14), None);
        assert!(record.itemwise(14) && record.dead == [2] && record.until == 20);
    }

    #[test]
    fn a_crash_with_another_item_or_none_out_is_not_its_fault() {
        let mut record = Record::after_crash(None, 10, 20);
        record.message_out(14);
        let mut record = Record::after_crash(Some(record), 13, 14);
        for index in [2, 2, 1, 2, 2] {
            record.item_out(14, index);
            record = Record::after_crash(Some(record), 13, 14);
            record = Record::after_crash(Some(record), 13, 14);
            assert_eq!(record.convicted(14), None);
        }
    }

    #[test]
    fn a_crash_elsewhere_begins_anew() {
        let mut record = Record::after_crash(None, 10, 20);
        record.message_out(14);
        assert_eq!(Record::after_crash(Some(record), 14, 30).crashes, 1);
    }
}
