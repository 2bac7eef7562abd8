//! The rates of a channel's chats: whose message may go now, and which waits for how long.
//!
//! A chat that waits holds nobody up. Its messages get places one behind the other; one whose place is not near leaves
//! the batch and comes back when its time has come (the broker's schedule), and finds its place kept.
//!
//! Invariants: a chat gets no more than its [`Limit`]; its messages keep their order; memory is bounded. A chat at rest
//! is forgotten, for then its bucket is as good as new; of more busy chats than fit, the newest are not limited here.
//! After a restart, and of more places than fit, what comes back asks for a place again.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use schemas::{MessageId, Outbound};
use tokio::time::Instant;

use super::limit::{ChatLimits, Limit};

/// Busy chats of a channel, and places that are kept.
const MOST: usize = 65_536;
/// A place that nobody came for is given up after this.
const MISSED: Duration = Duration::from_secs(600);

/// The chats of a channel.
pub(super) struct Chats {
    limits: ChatLimits,
    book: Mutex<Book>,
}

#[derive(Default)]
struct Book {
    /// When each chat's bucket is full again (GCRA's theoretical arrival time).
    full_at: HashMap<Box<str>, Instant>,
    /// Places of messages that were sent away to wait.
    places: HashMap<MessageId, Instant>,
    /// Sizes at which it is worth looking for what can be forgotten.
    look_at: usize,
}

impl Chats {
    pub(super) fn new(limits: ChatLimits) -> Self {
        Self {
            limits,
            book: Mutex::default(),
        }
    }

    pub(super) fn limits(&self) -> ChatLimits {
        self.limits
    }

    /// When a message may go: now, or at its place. It is as good as sent then: the next of its chat comes behind it.
    pub(super) fn place(&self, outbound: &Outbound, now: Instant) -> Instant {
        let Some((chat, limit)) = self.limits.of(outbound) else {
            return now;
        };
        let mut book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = book.places.get(&outbound.message.id).copied() {
            if place <= now {
                book.places.remove(&outbound.message.id);
            }
            return place.max(now);
        }
        book.next(chat, limit, now)
    }

    /// Keeps the place of a message that is sent away until then.
    pub(super) fn keep(&self, message: MessageId, place: Instant) {
        let mut book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        if book.places.len() < MOST {
            book.places.insert(message, place);
        }
    }
}

impl Book {
    fn next(&mut self, chat: &str, limit: Limit, now: Instant) -> Instant {
        let period = Duration::from_secs_f64(1.0 / limit.per_second);
        let ahead = period * (limit.burst.get() - 1);
        let known = self.full_at.get(chat).copied();
        let full_at = known.map_or(now, |at| at.max(now));
        let place = full_at.checked_sub(ahead).unwrap_or(now).max(now);
        let after = full_at + period;
        if known.is_some() {
            self.full_at.insert(chat.into(), after);
            return place;
        }
        self.forget(now);
        if self.full_at.len() < MOST {
            self.full_at.insert(chat.into(), after);
        }
        place
    }

    /// Drops what means nothing any more, each time the book has doubled.
    fn forget(&mut self, now: Instant) {
        if self.full_at.len() + self.places.len() < self.look_at.max(1024) {
            return;
        }
        self.full_at.retain(|_, at| *at > now);
        self.places.retain(|_, place| *place + MISSED > now);
        self.look_at = (self.full_at.len() + self.places.len()) * 2;
    }
}

#[cfg(test)]
mod tests {
    use schemas::ChannelKind;
    use serde_json::json;

    use super::*;
    use crate::channel::tests::outbound;

    fn chats(setting: serde_json::Value) -> Chats {
        let config = json!({"settings": {"chatRateLimit": setting}});
        Chats::new(ChatLimits::read(ChannelKind::Generic, &config).unwrap())
    }

    fn to(chat: &str) -> Outbound {
        let mut outbound = outbound(1);
        outbound.message.id = MessageId::new();
        outbound.message.platform_conversation_id = chat.into();
        outbound
    }

    #[tokio::test(start_paused = true)]
    async fn a_chat_gets_its_rate_and_others_do_not_wait_for_it() {
        let chats = chats(json!({"per_second": 2, "burst": 3}));
        let now = Instant::now();
        let waits: Vec<u128> = (0..6)
            .map(|_| (chats.place(&to("busy"), now) - now).as_millis())
            .collect();
        assert_eq!(waits, [0, 0, 0, 500, 1000, 1500]);
        assert_eq!(chats.place(&to("other"), now), now);
        // In any stretch of time no more than the burst and what the rate gives.
        tokio::time::advance(Duration::from_secs(60)).await;
        let later = Instant::now();
        assert_eq!(chats.place(&to("busy"), later), later);
    }

    #[tokio::test(start_paused = true)]
    async fn who_comes_back_finds_its_place_and_newcomers_stand_behind() {
        let chats = chats(json!(1));
        let now = Instant::now();
        let (first, second) = (to("c"), to("c"));
        assert_eq!(chats.place(&first, now), now);
        let place = chats.place(&second, now);
        assert_eq!(place - now, Duration::from_secs(1));
        chats.keep(second.message.id, place);
        // Told again before its time, it has the same place.
        assert_eq!(chats.place(&second, now), place);
        tokio::time::advance(Duration::from_millis(1100)).await;
        let back = Instant::now();
        let newcomer = chats.place(&to("c"), back);
        assert_eq!(newcomer - now, Duration::from_secs(2));
        assert_eq!(chats.place(&second, back), back);
        assert!(chats.book.lock().unwrap().places.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn chats_at_rest_are_forgotten() {
        let chats = chats(json!(10));
        for number in 0..10_000 {
            let now = Instant::now();
            assert_eq!(chats.place(&to(&number.to_string()), now), now);
            if number % 100 == 0 {
                tokio::time::advance(Duration::from_millis(200)).await;
            }
        }
        assert!(chats.book.lock().unwrap().full_at.len() <= 1200);
    }

    #[tokio::test(start_paused = true)]
    async fn of_more_busy_chats_than_fit_the_newest_are_free() {
        let chats = chats(json!(0.001));
        let now = Instant::now();
        for number in 0..MOST + 10 {
            chats.place(&to(&number.to_string()), now);
        }
        assert_eq!(chats.book.lock().unwrap().full_at.len(), MOST);
        assert!(chats.place(&to("0"), now) > now);
        assert_eq!(chats.place(&to("one too many"), now), now);
        assert_eq!(chats.place(&to("one too many"), now), now);
    }
}
