//! The rates of a channel's chats: whose message may go now, and which waits for how long.
//!
//! A chat that waits holds nobody up. Its messages stand in line; one whose turn is not near leaves the batch and comes
//! back when its time has come (the broker's schedule). The broker says when, and is not trusted with the order: of a
//! line, only the first may go, whoever comes back first. The lines are written down where the next owner of the
//! channel's lane finds them (`store::delivery::waiting`), so they outlive a crash.
//!
//! Invariants: a chat gets no more than its [`Limit`]; its messages go in the order in which they were accepted, those
//! that are tried again in the order in which they come back; memory is bounded; who does not come back holds its line
//! up for [`MISSED`] at most. A chat at rest is forgotten, for then its bucket is as good as new; of more busy chats
//! than fit, the newest are not limited here, and of longer lines than fit, the newest may overtake each other.

mod line;
#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use nats::Held;
use schemas::{MessageId, Outbound, Timestamp};
use store::delivery::Waiting;
use tokio::time::Instant;

use self::line::{Lines, Stand};
use super::limit::{ChatLimits, Limit};

/// A place so near is waited for in the batch.
const PATIENCE: Duration = Duration::from_millis(250);
/// Who comes back before those ahead of it comes again after this at the soonest.
const AGAIN: Duration = Duration::from_millis(500);
/// Who has not come back so long after its time does not count any more: its copy was lost, or became a dead letter.
const MISSED: Duration = Duration::from_secs(600);
/// Busy chats of a channel.
const BUSY: usize = 65_536;

/// The most rows of lines that are read: as many as lines keep.
pub(super) const MOST_WAITING: u32 = 65_536;

/// The chats of a channel.
pub(super) struct Chats {
    limits: ChatLimits,
    book: Mutex<Book>,
}

#[derive(Default)]
struct Book {
    /// The time of owning the lane in which the lines were read; in another they may be others.
    tenure: Option<Held>,
    /// When each chat's bucket is full again (GCRA's theoretical arrival time).
    full_at: HashMap<Box<str>, Instant>,
    lines: Lines,
    /// The number of chats at which it is worth looking for what can be forgotten.
    look_at: usize,
}

/// A message that asks for its turn.
pub(super) struct Comer<'a> {
    pub(super) outbound: &'a Outbound,
    /// Its position if it has not come before.
    pub(super) newcomer: i64,
    /// When the broker stored the copy that has come.
    pub(super) stored_at: Timestamp,
}

/// The present, by both clocks.
#[derive(Clone, Copy)]
pub(super) struct Now {
    pub(super) instant: Instant,
    pub(super) time: Timestamp,
}

/// What a message is given.
#[derive(Debug, PartialEq)]
pub(super) enum Seat {
    /// It goes then, which is now or soon. It is as good as sent: the next of its chat comes behind it.
    At(Instant),
    /// It leaves the batch and waits in line. Write this down, then let the broker bring it back at `due_at`.
    Away(Waiting),
}

/// A batch that was given its seats.
pub(super) struct Seating {
    /// In the order of the comers.
    pub(super) seats: Vec<Seat>,
    /// Who was waited for in vain and has lost its place.
    pub(super) missing: Vec<MessageId>,
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

    /// Whether the lines are those of this time of owning the lane.
    pub(super) fn are_known(&self, held: &Held) -> bool {
        let book = self.book();
        book.tenure
            .as_ref()
            .is_some_and(|known| known.is_same(held))
    }

    /// The lines as they were written down.
    pub(super) fn read(&self, held: &Held, waiting: &[Waiting], now: Now) {
        let mut book = self.book();
        book.tenure = Some(held.clone());
        book.fill(self.limits, waiting, now);
    }

    /// Whether anybody waits.
    pub(super) fn has_lines(&self) -> bool {
        !self.book().lines.is_empty()
    }

    /// Where a message stands among all of its channel: where it stood when it was first put off, else `newcomer`.
    pub(super) fn position(&self, message: MessageId, newcomer: i64) -> i64 {
        self.book().lines.position(message).unwrap_or(newcomer)
    }

    /// Gives a batch its seats; the comers by their positions ([`Chats::position`]).
    pub(super) fn seat<'a>(
        &self,
        comers: impl IntoIterator<Item = Comer<'a>>,
        now: Now,
    ) -> Seating {
        let mut book = self.book();
        let mut first = First::default();
        let mut missing = Vec::new();
        let seats = comers
            .into_iter()
            .map(|comer| {
                let Some(chat) = self.limits.chat(comer.outbound) else {
                    return Seat::At(now.instant);
                };
                let limit = self.limits.of(chat);
                if limit.is_none() && book.lines.is_empty() {
                    return Seat::At(now.instant);
                }
                book.seat(&comer, chat, limit, now, &mut first, &mut missing)
            })
            .collect();
        Seating { seats, missing }
    }

    /// Those of them that stand in line.
    pub(super) fn waiting(&self, messages: &[MessageId]) -> Vec<MessageId> {
        let book = self.book();
        if book.lines.is_empty() {
            return Vec::new();
        }
        let waits = |message: &&MessageId| book.lines.position(**message).is_some();
        messages.iter().filter(waits).copied().collect()
    }

    /// They stand in line no more.
    pub(super) fn leave(&self, messages: &[MessageId]) {
        let mut book = self.book();
        for message in messages {
            book.lines.leave(*message);
        }
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Of each chat, how many that stand in line go with this batch: they are the first of it.
type First<'a> = HashMap<&'a str, usize>;

impl Book {
    fn fill(&mut self, limits: ChatLimits, waiting: &[Waiting], now: Now) {
        self.lines = Lines::default();
        for one in waiting {
            // What should have come while nobody was here is on its way.
            self.lines.join(&Waiting {
                due_at: one.due_at.max(now.time),
                ..one.clone()
            });
        }
        // The first of a line may go when it was to come back: so full its bucket is.
        for (chat, due_at) in self.lines.heads() {
            let Some(limit) = limits.of(chat) else {
                continue;
            };
            let full_at = now.at(due_at) + period(limit) * (limit.burst.get() - 1);
            let known = self.full_at.entry(chat.into()).or_insert(full_at);
            *known = (*known).max(full_at);
        }
    }

    fn seat<'a>(
        &mut self,
        comer: &Comer<'a>,
        chat: &'a str,
        limit: Option<Limit>,
        now: Now,
        first: &mut First<'a>,
        missing: &mut Vec<MessageId>,
    ) -> Seat {
        let message = comer.outbound.message.id;
        let position = self.lines.position(message);
        let stand = (position.unwrap_or(comer.newcomer), message);
        let going = first.get(chat).copied().unwrap_or_default();
        self.forget_missing(chat, stand, going, comer.stored_at, missing);
        let ahead = self.lines.ahead(chat, stand).saturating_sub(going);
        let mut place = self.turn(chat, limit, ahead, now.instant);
        if ahead == 0 && place <= now.instant + PATIENCE {
            self.take(chat, limit, now.instant);
            if position.is_some() {
                first.insert(chat, going + 1);
            }
            return Seat::At(place);
        }
        if ahead > 0 {
            place = place.max(now.instant + AGAIN);
            if let Some(due_at) = self.lines.before(chat, stand) {
                place = place.max(now.at(due_at));
            }
        }
        let waiting = Waiting {
            message,
            chat: chat.to_owned(),
            position: stand.0,
            due_at: now.time.plus(place - now.instant),
        };
        self.lines.join(&waiting);
        Seat::Away(waiting)
    }

    /// Drops the first of those ahead, as long as they are overdue. That is told by when the broker stored what comes
    /// now, not by the clock: the lane may have a long backlog.
    fn forget_missing(
        &mut self,
        chat: &str,
        stand: Stand,
        going: usize,
        stored_at: Timestamp,
        missing: &mut Vec<MessageId>,
    ) {
        while let Some(((position, message), due_at)) = self.lines.nth(chat, going) {
            if (position, message) >= stand || stored_at.since(due_at) <= MISSED {
                return;
            }
            self.lines.leave(message);
            missing.push(message);
        }
    }

    /// When the one behind `ahead` others of its chat may go.
    fn turn(&self, chat: &str, limit: Option<Limit>, ahead: usize, now: Instant) -> Instant {
        let Some(limit) = limit else { return now };
        let full_at = self.full_at.get(chat).map_or(now, |at| (*at).max(now));
        let ahead = u32::try_from(ahead).unwrap_or(u32::MAX);
        let behind = full_at + period(limit).saturating_mul(ahead).min(FAR);
        let free = period(limit) * (limit.burst.get() - 1);
        behind.checked_sub(free).unwrap_or(now).max(now)
    }

    /// One more goes.
    fn take(&mut self, chat: &str, limit: Option<Limit>, now: Instant) {
        let Some(limit) = limit else { return };
        if let Some(at) = self.full_at.get_mut(chat) {
            *at = (*at).max(now) + period(limit);
            return;
        }
        self.forget(now);
        if self.full_at.len() < BUSY {
            self.full_at.insert(chat.into(), now + period(limit));
        }
    }

    /// Drops what means nothing any more, each time the book has doubled.
    fn forget(&mut self, now: Instant) {
        if self.full_at.len() < self.look_at.max(1024) {
            return;
        }
        self.full_at.retain(|_, at| *at > now);
        self.look_at = self.full_at.len() * 2;
    }
}

/// Nobody waits longer before it comes back and looks again.
const FAR: Duration = Duration::from_secs(24 * 3600);

fn period(limit: Limit) -> Duration {
    Duration::from_secs_f64(1.0 / limit.per_second)
}

impl Now {
    pub(super) fn new() -> Self {
        Self {
            instant: Instant::now(),
            time: Timestamp::now(),
        }
    }

    /// That time by the other clock.
    fn at(self, time: Timestamp) -> Instant {
        self.instant + time.since(self.time).min(FAR)
    }
}
