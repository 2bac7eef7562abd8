//! Where what was heard goes: to the broker first, and only then is it written down how far that was.
//!
//! Notes come in the order in which Discord told them, from who reads the connection, and are dealt with in that order. How far
//! they are is written down at most once a second.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use async_trait::async_trait;
use futures::{StreamExt, stream};
use schemas::Timestamp;
use serde_json::Value;
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    api::{Api, Callback},
    place::{Place, Session},
};
use crate::{
    channel::Update,
    poll::{PollError, Port},
};

/// Notes dealt with at a time.
const BATCH: usize = 128;
const SAVE_EVERY: Duration = Duration::from_secs(1);
/// How long the first answers to interactions may take; Discord waits three seconds for them.
const CALLBACKS: Duration = Duration::from_millis(2500);
const CALLBACKS_AT_ONCE: usize = 16;

/// What a session needs of a channel's [`Port`].
#[async_trait]
pub(super) trait Intake: Send + Sync {
    fn cursor(&self) -> Value;
    fn stop(&self) -> &CancellationToken;
    async fn publish(&self, updates: Vec<Update>) -> Result<(), PollError>;
    async fn save(&self, cursor: Value) -> Result<(), PollError>;
    async fn answered(&self);
}

#[async_trait]
impl Intake for Port {
    fn cursor(&self) -> Value {
        Self::cursor(self)
    }

    fn stop(&self) -> &CancellationToken {
        &self.stop
    }

    async fn publish(&self, updates: Vec<Update>) -> Result<(), PollError> {
        Self::publish(self, updates).await
    }

    async fn save(&self, cursor: Value) -> Result<(), PollError> {
        Self::save(self, cursor).await
    }

    async fn answered(&self) {
        Self::answered(self).await;
    }
}

/// What happened on a connection.
pub(super) enum Note {
    /// A new session.
    Began {
        user: String,
        application: String,
        session: Session,
    },
    /// The session goes on; all that was missed has been told.
    Resumed,
    Heard(Heard),
    /// What was said while nobody listened; no number of the session's.
    Fetched(Vec<Update>),
    /// All of that was fetched.
    CaughtUp,
    /// Discord answers.
    Alive,
    /// The session is over.
    Lost,
}

/// A dispatch.
#[derive(Default)]
pub(super) struct Heard {
    pub(super) seq: u64,
    /// None when it is nothing to us.
    pub(super) updates: Vec<Update>,
    /// An interaction's first answer.
    pub(super) callback: Option<Callback>,
    /// The channel, when somebody writes to the bot alone.
    pub(super) direct: Option<String>,
}

/// Deals with notes.
pub(super) struct Keeper<'a> {
    intake: &'a dyn Intake,
    api: &'a Api,
    place: Place,
    /// The number up to which everything is with the broker; 0 before the first.
    settled: &'a AtomicU64,
    /// Tells who fetches what was missed that there is something.
    owed: watch::Sender<Option<Place>>,
    /// Whether Discord has told all that was missed.
    is_current: bool,
    saved: Option<Instant>,
    is_dirty: bool,
}

impl<'a> Keeper<'a> {
    pub(super) fn new(
        intake: &'a dyn Intake,
        api: &'a Api,
        place: Place,
        settled: &'a AtomicU64,
        owed: watch::Sender<Option<Place>>,
    ) -> Self {
        Self {
            intake,
            api,
            place,
            settled,
            owed,
            is_current: false,
            saved: None,
            is_dirty: false,
        }
    }

    /// Until there are no more notes, or the broker or the database does not take them.
    pub(super) async fn keep(mut self, mut notes: mpsc::Receiver<Note>) -> Result<(), PollError> {
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            let due = self.saved.map_or_else(Instant::now, |at| at + SAVE_EVERY);
            tokio::select! {
                biased;
                () = sleep_until(due), if self.is_dirty => self.save().await?,
                count = notes.recv_many(&mut batch, BATCH) => match count {
                    0 => return self.save().await,
                    _ => self.take(&mut batch).await?,
                },
            }
        }
    }

    async fn take(&mut self, batch: &mut Vec<Note>) -> Result<(), PollError> {
        let mut heard = Vec::new();
        for note in batch.drain(..) {
            match note {
                Note::Heard(one) => heard.push(one),
                note => {
                    self.publish(&mut heard).await?;
                    self.turn(note).await?;
                }
            }
        }
        self.publish(&mut heard).await
    }

    async fn publish(&mut self, heard: &mut Vec<Heard>) -> Result<(), PollError> {
        let Some(last) = heard.last().map(|heard| heard.seq) else {
            return Ok(());
        };
        let (mut updates, mut callbacks) = (Vec::new(), Vec::new());
        for one in heard.drain(..) {
            updates.extend(one.updates);
            callbacks.extend(one.callback);
            if let Some(channel) = one.direct {
                self.place.note_direct(channel);
            }
        }
        self.call_back(callbacks).await;
        if !updates.is_empty() {
            self.intake.publish(updates).await?;
        }
        if let Some(session) = &mut self.place.session {
            session.seq = session.seq.max(last);
            self.settled.store(session.seq, Ordering::Relaxed);
        }
        self.note_now();
        Ok(())
    }

    /// Before the messages are known to anybody: an answer that follows one needs the first.
    async fn call_back(&self, callbacks: Vec<Callback>) {
        if callbacks.is_empty() {
            return;
        }
        let calls = stream::iter(callbacks)
            .for_each_concurrent(CALLBACKS_AT_ONCE, |callback| self.api.call_back(callback));
        if timeout(CALLBACKS, calls).await.is_err() {
            tracing::debug!("interactions were not acknowledged in time");
        }
    }

    async fn turn(&mut self, note: Note) -> Result<(), PollError> {
        match note {
            Note::Heard(_) => {}
            Note::Began {
                user,
                application,
                session,
            } => {
                self.settled.store(session.seq, Ordering::Relaxed);
                self.place.begin(user, application, session);
                self.is_current = true;
                self.note_now();
                self.save().await?;
                self.tell();
                self.intake.answered().await;
            }
            Note::Resumed => {
                self.tell();
                self.is_current = true;
                self.note_now();
                self.intake.answered().await;
            }
            Note::Fetched(updates) => self.intake.publish(updates).await?,
            Note::CaughtUp => {
                self.place.owed = None;
                self.is_dirty = true;
            }
            Note::Alive => {
                self.note_now();
                self.intake.answered().await;
            }
            Note::Lost => {
                self.place.session = None;
                self.is_dirty = true;
            }
        }
        Ok(())
    }

    fn tell(&self) {
        let owed = self.place.owed.is_some().then(|| self.place.clone());
        self.owed.send_replace(owed);
    }

    fn note_now(&mut self) {
        if self.is_current {
            self.place.heard = Some(Timestamp::now());
        }
        self.is_dirty = true;
    }

    async fn save(&mut self) -> Result<(), PollError> {
        if self.is_dirty {
            let place = serde_json::to_value(&self.place)
                .map_err(|_| PollError::transient("how far it was cannot be written down"))?;
            self.intake.save(place).await?;
            self.is_dirty = false;
            self.saved = Some(Instant::now());
        }
        Ok(())
    }
}
