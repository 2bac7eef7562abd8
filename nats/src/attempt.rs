//! Counting crashes. A takeover resets the broker's delivery counts, so they are kept in bucket
//! `attempts`, one record per lane, written only after a crash.
//!
//! What crashed is narrowed down: after the first crash the messages that were out are handed over
//! one at a time; after the second, the message that was out item by item; the item that was out at
//! the third is dead.

use serde::{Deserialize, Serialize};

use crate::{api::ApiError, bus::Bus, lane::Lane};

const BUCKET: &str = "attempts";
/// Crashes after which an item is dead.
pub(crate) const FATAL: u32 = 3;

/// What a lane's owner was doing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    /// The stream sequence that was out alone; 0 while only a batch is known.
    pub(crate) seq: u64,
    /// The item of it that was out alone.
    pub(crate) index: Option<u32>,
    /// Crashes with it.
    pub(crate) crashes: u32,
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
        (self.seq == seq && self.crashes >= FATAL)
            .then_some(self.index)
            .flatten()
    }

    /// Whether message `seq` is to be handed over item by item.
    pub(crate) fn itemwise(&self, seq: u64) -> bool {
        self.seq == seq && self.crashes >= 2
    }

    /// Item `index` of message `seq` goes out alone.
    pub(crate) fn item_out(&mut self, seq: u64, index: u32) {
        debug_assert_eq!(self.seq, seq);
        self.index = Some(index);
        self.crashes = 2;
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
        self.index = None;
        self.crashes = 2;
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
    fn the_third_crash_convicts_one_item() {
        // A batch of messages 11 to 20 crashes; item 2 of message 14 is to blame.
        let mut record = Record::after_crash(None, 10, 20);
        assert_eq!((record.seq, record.crashes, record.until), (0, 1, 20));
        for seq in 11..=14 {
            assert!(!record.itemwise(seq));
            record.message_out(seq);
        }
        let mut record = Record::after_crash(Some(record), 13, 14);
        assert!(record.itemwise(14) && record.convicted(14).is_none());
        for index in 0..=2 {
            record.item_out(14, index);
        }
        let mut record = Record::after_crash(Some(record), 13, 14);
        assert_eq!(record.convicted(14), Some(2));
        record.bury(2);
        assert_eq!(record.convicted(14), None);
        assert!(record.itemwise(14) && record.dead == [2] && record.until == 20);
    }

    #[test]
    fn a_crash_elsewhere_begins_anew() {
        let mut record = Record::after_crash(None, 10, 20);
        record.message_out(14);
        assert_eq!(Record::after_crash(Some(record), 14, 30).crashes, 1);
    }
}
