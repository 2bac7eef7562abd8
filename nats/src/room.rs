//! Room: what is not done with yet must not be pushed out of a stream.
//!
//! The streams that keep history discard their oldest messages at `max_bytes`. While the backlog of a
//! stream's consumers takes most of that, publishing to it is refused as `Busy`: a webhook is then
//! answered 503 and a worker waits, all the way back to the platform, and nothing accepted is lost.
//!
//! Deliberately absent: the backlog of a single lane. One that stands still for so long that the
//! others fill the whole stream loses its oldest messages; its lag is in the metrics before that.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use schemas::subject::stream;
use serde::Deserialize;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::{api::ApiError, bus::Bus, lag::consumers};

/// How often the backlog is looked at.
const EVERY: Duration = Duration::from_secs(5);
/// The part of `max_bytes` a backlog may take, in percent.
const FULL_PERCENT: u128 = 80;

/// The streams watched, and how subjects stored in them begin.
const WATCHED: [(&str, &[&str]); 5] = [
    (stream::INGEST, &["in.", "ingest."]),
    (stream::PIPE, &["pipe."]),
    (stream::CONV, &["conv."]),
    (stream::OUT, &["out."]),
    (stream::TRACK, &["track."]),
];

/// Which streams are full; one bit each.
#[derive(Debug, Default)]
pub(crate) struct Room {
    full: AtomicU32,
}

impl Room {
    /// Whether the stream of this subject has room.
    pub(crate) fn has(&self, subject: &str) -> bool {
        let full = self.full.load(Ordering::Relaxed);
        full == 0
            || !WATCHED.iter().enumerate().any(|(place, (_, beginnings))| {
                full & (1 << place) != 0 && beginnings.iter().any(|b| subject.starts_with(b))
            })
    }

    fn set(&self, place: usize, full: bool) -> bool {
        let bit = 1 << place;
        let before = if full {
            self.full.fetch_or(bit, Ordering::Relaxed)
        } else {
            self.full.fetch_and(!bit, Ordering::Relaxed)
        };
        (before & bit != 0) != full
    }
}

#[derive(Deserialize)]
struct Info {
    config: Limits,
    state: State,
}

#[derive(Deserialize)]
struct Limits {
    max_bytes: i64,
}

#[derive(Deserialize)]
struct State {
    messages: u64,
    bytes: u64,
}

#[derive(Deserialize)]
struct Backlog {
    num_pending: u64,
    num_ack_pending: u64,
}

/// Whether `backlog` of a stream's messages, at their mean size, take too much of its limit.
fn is_full(info: &Info, backlog: u64) -> bool {
    let Ok(limit) = u128::try_from(info.config.max_bytes) else {
        return false;
    };
    let bytes =
        u128::from(info.state.bytes) * u128::from(backlog) / u128::from(info.state.messages.max(1));
    bytes * 100 > limit * FULL_PERCENT
}

impl Bus {
    /// Keeps this process from publishing to a stream whose backlog takes most of its room. Every
    /// process that publishes runs it.
    pub async fn watch_room(&self, stop: CancellationToken) {
        loop {
            for (place, (stream, _)) in WATCHED.iter().enumerate() {
                match self.is_stream_full(stream).await {
                    Ok(full) => {
                        if self.room().set(place, full) {
                            tracing::warn!(
                                stream,
                                full,
                                "the backlog of a stream crossed its limit"
                            );
                        }
                    }
                    Err(error) => tracing::debug!(stream, %error, "the room cannot be seen now"),
                }
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(EVERY) => {}
            }
        }
    }

    async fn is_stream_full(&self, stream: &str) -> Result<bool, ApiError> {
        let verb = format!("STREAM.INFO.{stream}");
        let info: Info = self.pulling().api(&verb, &json!({})).await?;
        // The whole history is well within the limit: so is any part of it.
        if !is_full(&info, info.state.messages) {
            return Ok(false);
        }
        let backlogs: Vec<Backlog> = consumers(self, stream).await?;
        let waiting = backlogs
            .iter()
            .map(|backlog| backlog.num_pending + backlog.num_ack_pending)
            .sum();
        Ok(is_full(&info, waiting))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(messages: u64, bytes: u64, max_bytes: i64) -> Info {
        Info {
            config: Limits { max_bytes },
            state: State { messages, bytes },
        }
    }

    #[test]
    fn history_is_no_backlog() {
        assert!(!is_full(&info(1000, 1_000_000, 1_000_000), 0));
        assert!(!is_full(&info(1000, 1_000_000, 1_000_000), 800));
        assert!(is_full(&info(1000, 1_000_000, 1_000_000), 801));
        assert!(!is_full(&info(1000, 1_000_000, -1), 1000));
        assert!(!is_full(&info(0, 0, 1_000_000), 0));
    }

    #[test]
    fn a_full_stream_refuses_its_own_subjects() {
        let room = Room::default();
        assert!(room.has("in.7.t.telegram.c"));
        assert!(room.set(0, true));
        assert!(!room.set(0, true));
        assert!(!room.has("in.7.t.telegram.c") && !room.has("ingest.t.generic.c.k"));
        assert!(room.has("conv.7.t") && room.has("track.t.message.sent"));
        assert!(room.set(0, false));
        assert!(room.has("in.7.t.telegram.c"));
    }
}
