//! Pull requests of one lane and what comes back for them.
//!
//! The protocol is JetStream's (`$JS.API.CONSUMER.MSG.NEXT`, ADR-13, and ADR-42 for pins): a request names
//! an inbox; messages and one closing status arrive there. This crate speaks it itself, because a
//! lane must see the pin of each message, renew it while its handler works, and tell the deliveries
//! of one tenure from those of the next, which the inbox does.

use std::time::Duration;

use async_nats::{Message, StatusCode, Subject, Subscriber};
use bytes::Bytes;
use futures::{FutureExt, StreamExt};
use schemas::Timestamp;
use serde_json::json;
use std::sync::Arc;
use tokio::time::Instant;

use crate::{
    api::{self, ApiError},
    lane::Lane,
    link::Link,
};

/// The priority group of every lane.
pub(crate) const GROUP: &str = "owner";
/// How long a request waits at the broker. Well below the pin's timeout, which each request renews.
pub(crate) const EXPIRES: Duration = Duration::from_secs(4);
/// Why a request may end without being void.
const ENDED: [&str; 3] = ["Batch Completed", "MaxBytes", "MaxAckPending"];
/// Bytes one request may bring, unless a single message may be larger.
const PULL_BYTES: usize = 4 * 1024 * 1024;

/// One broker message.
#[derive(Debug)]
pub(crate) struct Delivered {
    pub(crate) payload: Bytes,
    pub(crate) subject: Arc<str>,
    pub(crate) stream_seq: u64,
    pub(crate) consumer_seq: u64,
    pub(crate) stored_at: Timestamp,
    /// Where its acknowledgement goes.
    pub(crate) reply: Subject,
}

/// What a message on the inbox means.
#[derive(Debug)]
pub(crate) enum Event {
    /// A message, the pin it came under, and when the request that may have brought it was sent.
    Delivered(Delivered, Option<String>, Instant),
    /// The broker answered a request of ours, sent then, and regarded us as the owner (or nobody).
    Answered(Instant),
    /// Somebody else is pinned.
    Pinned,
    /// The consumer does not exist.
    Gone,
    /// The requests are void; begin anew.
    Broken,
}

/// The requests of one tenure.
pub(crate) struct Pulls {
    link: Link,
    subscriber: Subscriber,
    inbox: String,
    next_id: u64,
    open: Vec<(u64, Instant, usize)>,
    /// Messages asked for and not yet come.
    waiting: usize,
    last_activity: Instant,
}

impl Pulls {
    pub(crate) async fn open(link: &Link) -> Result<Self, ApiError> {
        let inbox = link.client().new_inbox();
        let subscriber = link
            .client()
            .subscribe(format!("{inbox}.*"))
            .await
            .map_err(|_| ApiError::Unavailable)?;
        Ok(Self {
            link: link.clone(),
            subscriber,
            inbox,
            next_id: 0,
            open: Vec::new(),
            waiting: 0,
            last_activity: Instant::now(),
        })
    }

    /// Ends the tenure: whatever the broker still sends to this inbox is dropped, and a request sent
    /// on the same connection after this is carried out after it.
    pub(crate) async fn close(mut self) {
        if self.subscriber.unsubscribe().await.is_err() {
            tracing::debug!("the connection is closed");
        }
    }

    /// Ends the requests as [`Pulls::close`] does, but hears what was on its way: whether a message
    /// came with a pin.
    pub(crate) async fn drain(mut self) -> bool {
        if self.subscriber.drain().await.is_err() {
            return false;
        }
        let pinned = async {
            while let Some(message) = self.subscriber.next().await {
                if let Event::Delivered(_, Some(_), _) = self.read(message) {
                    return true;
                }
            }
            false
        };
        tokio::time::timeout(Duration::from_secs(2), pinned)
            .await
            .unwrap_or(false)
    }

    /// Asks for `batch` messages. `wait` lets the request wait at the broker; without it the answer
    /// comes at once, which renews and confirms the pin.
    pub(crate) async fn ask(
        &mut self,
        lane: &Lane,
        pin: Option<&str>,
        batch: usize,
        wait: bool,
    ) -> Result<(), ApiError> {
        let mut question = json!({ "batch": batch, "group": GROUP });
        if let Some(pin) = pin {
            question["id"] = pin.into();
        }
        if wait {
            let expires = u64::try_from(EXPIRES.as_nanos()).unwrap_or(u64::MAX);
            question["expires"] = expires.into();
            let largest = self.link.client().max_payload() + 64 * 1024;
            question["max_bytes"] = PULL_BYTES.max(largest).into();
        } else {
            question["no_wait"] = true.into();
        }
        let id = self.next_id;
        self.next_id += 1;
        let subject = format!(
            "{}CONSUMER.MSG.NEXT.{}.{}",
            api::PREFIX,
            lane.stream,
            lane.durable
        );
        let reply = format!("{}.{id}", self.inbox);
        let sent = Instant::now();
        self.link
            .client()
            .publish_with_reply(subject, reply, question.to_string().into())
            .await
            .map_err(|_| ApiError::Unavailable)?;
        self.open.push((id, sent, batch));
        self.waiting += batch;
        self.last_activity = sent;
        Ok(())
    }

    pub(crate) fn waiting(&self) -> usize {
        self.waiting
    }

    /// When an answer is overdue; far away while nothing is open.
    pub(crate) fn overdue_at(&self) -> Option<Instant> {
        (self.waiting > 0).then(|| self.last_activity + EXPIRES + Duration::from_secs(3))
    }

    /// Waits for what comes next.
    pub(crate) async fn next(&mut self) -> Event {
        match self.subscriber.next().await {
            Some(message) => self.read(message),
            None => Event::Broken,
        }
    }

    /// What has come already.
    pub(crate) fn ready(&mut self) -> Option<Event> {
        let message = self.subscriber.next().now_or_never()??;
        Some(self.read(message))
    }

    fn read(&mut self, message: Message) -> Event {
        self.last_activity = Instant::now();
        match message.status.map(|status| status.as_u16()) {
            None | Some(200) => self.delivery(message),
            Some(100) => Event::Answered(self.oldest()),
            Some(404 | 408) => Event::Answered(self.closed(&message)),
            Some(423) => {
                self.closed(&message);
                Event::Pinned
            }
            Some(409) => {
                let sent = self.closed(&message);
                let why = message.description.as_deref().unwrap_or_default();
                if why.contains("Consumer Deleted") || why.contains("push based") {
                    Event::Gone
                } else if ENDED.iter().any(|ended| why.contains(ended)) {
                    Event::Answered(sent)
                } else {
                    tracing::debug!(why, "pull request ended");
                    Event::Broken
                }
            }
            Some(status) => {
                tracing::debug!(status, "pull request ended");
                if message.status == Some(StatusCode::NO_RESPONDERS) {
                    Event::Gone
                } else {
                    Event::Broken
                }
            }
        }
    }

    fn delivery(&mut self, message: Message) -> Event {
        let sent = self.oldest();
        self.waiting = self.waiting.saturating_sub(1);
        if self.waiting == 0 {
            self.open.clear();
        }
        let pin = message
            .headers
            .as_ref()
            .and_then(|headers| headers.get_last("Nats-Pin-Id"))
            .map(|pin| pin.as_str().to_owned());
        let Some((place, reply)) = message
            .reply
            .and_then(|reply| Some((Place::parse(&reply)?, reply)))
        else {
            return Event::Broken;
        };
        let delivered = Delivered {
            payload: message.payload,
            subject: message.subject.as_str().into(),
            stream_seq: place.stream_seq,
            consumer_seq: place.consumer_seq,
            stored_at: place.stored_at,
            reply,
        };
        Event::Delivered(delivered, pin, sent)
    }

    /// When the oldest open request was sent.
    fn oldest(&self) -> Instant {
        self.open
            .first()
            .map_or(self.last_activity, |(_, sent, _)| *sent)
    }

    /// Closes the request a status names; its subject ends with the request's id.
    fn closed(&mut self, message: &Message) -> Instant {
        let id = message
            .subject
            .rsplit('.')
            .next()
            .and_then(|id| id.parse::<u64>().ok());
        let at = self.open.iter().position(|(open, ..)| Some(*open) == id);
        let Some((_, sent, batch)) = at.map(|at| self.open.remove(at)) else {
            return self.oldest();
        };
        let unfilled = message
            .headers
            .as_ref()
            .and_then(|headers| headers.get("Nats-Pending-Messages"))
            .and_then(|pending| pending.as_str().parse().ok())
            .unwrap_or(batch);
        self.waiting = self.waiting.saturating_sub(unfilled);
        if self.open.is_empty() {
            self.waiting = 0;
        }
        sent
    }
}

/// What an acknowledgement's subject says of its message:
/// `$JS.ACK[.domain.account].stream.consumer.delivered.stream_seq.consumer_seq.time.pending[.token]`.
struct Place {
    stream_seq: u64,
    consumer_seq: u64,
    stored_at: Timestamp,
}

impl Place {
    fn parse(reply: &str) -> Option<Self> {
        let tokens: Vec<&str> = reply.split('.').collect();
        let first = if tokens.len() == 9 { 4 } else { 6 };
        let number = |at: usize| tokens.get(first + at)?.parse::<u64>().ok();
        Some(Self {
            stream_seq: number(1)?,
            consumer_seq: number(2)?,
            stored_at: Timestamp(i64::try_from(number(3)? / 1000).ok()?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_the_acknowledgement_subject() {
        for reply in [
            "$JS.ACK.INGEST.normalize-7.1.120.4.1795201869348778839.4",
            "$JS.ACK.hub.ACCHASH.INGEST.normalize-7.1.120.4.1795201869348778839.4.x",
        ] {
            let place = Place::parse(reply).unwrap();
            assert_eq!((place.stream_seq, place.consumer_seq), (120, 4));
            assert_eq!(place.stored_at, Timestamp(1_795_201_869_348_778));
        }
        assert!(Place::parse("_INBOX.x").is_none());
    }
}
