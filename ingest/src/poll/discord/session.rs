//! One connection to the gateway, from its HELLO to its end
//! (<https://docs.discord.com/developers/events/gateway#connection-lifecycle>).
//!
//! Invariants: heartbeats go on while the broker is slow, and say only how far it has everything; a connection on which Discord
//! acknowledges none is given up; when notes are not taken, nothing more is read. It is never ended by 1000 or 1001, after
//! which Discord would forget the session, so what is said meanwhile is told when it is resumed.

use std::{
    collections::VecDeque,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use bytes::Bytes;
use futures::{SinkExt, StreamExt};
use schemas::ChannelKind;
use serde_json::Value;
use tokio::{
    sync::mpsc::{self, error::TrySendError},
    time::{Instant, sleep, sleep_until, timeout},
};
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};
use tokio_util::sync::CancellationToken;

use super::{
    Account,
    api::Callback,
    close,
    intake::{Heard, Note},
    payload::{self, Authored, Hello, Payload, Ready, op},
    place::{self, Place},
    socket::{self, Socket},
};
use crate::{
    channel::{self, discord::callback},
    poll::{PollError, pause},
};

/// How long Discord may take for its first word, and to take one of ours.
const WORD: Duration = Duration::from_secs(20);
/// How long a session may take to begin, or to be told what it missed.
const BEGIN: Duration = Duration::from_secs(120);
/// The shortest and the longest interval of heartbeats that is believed, in milliseconds.
const BEAT_MS: (u64, u64) = (100, 600_000);

/// Reads one connection.
pub(super) struct Session<'a> {
    account: &'a Account,
    socket: Socket,
    notes: mpsc::Sender<Note>,
    /// Read by heartbeats: up to which number everything is with the broker.
    settled: &'a AtomicU64,
    /// The bot, as far as it is known, and its application.
    user: String,
    application: String,
    /// What is resumed: its id and its number.
    resumed: Option<(String, u64)>,
    /// Read and not yet handed over; nothing is read while there is any.
    waiting: VecDeque<Note>,
    has_begun: bool,
    /// The last heartbeat is acknowledged.
    is_acked: bool,
    /// Since the last heartbeat reading had to wait, so that its acknowledgement may be unread.
    was_held: bool,
}

impl<'a> Session<'a> {
    pub(super) fn new(
        account: &'a Account,
        socket: Socket,
        place: &Place,
        notes: mpsc::Sender<Note>,
        settled: &'a AtomicU64,
    ) -> Self {
        let session = place.session.as_ref();
        Self {
            account,
            socket,
            notes,
            settled,
            user: place.user.clone(),
            application: place.application.clone(),
            resumed: session.map(|session| (session.id.clone(), session.seq)),
            waiting: VecDeque::new(),
            has_begun: false,
            is_acked: true,
            was_held: false,
        }
    }

    /// Reads until the connection ends. What was read by then is handed over first.
    pub(super) async fn read(mut self, stop: &CancellationToken) -> Result<(), PollError> {
        let ended = self.attend(stop).await;
        for note in std::mem::take(&mut self.waiting) {
            self.hand_over(note).await;
        }
        match ended {
            Ended::By(error) => Err(error),
            Ended::Reconnect => Ok(()),
            Ended::Lost(error) => {
                self.hand_over(Note::Lost).await;
                error.map_or(Ok(()), Err)
            }
        }
    }

    async fn attend(&mut self, stop: &CancellationToken) -> Ended {
        let interval = match self.hello(stop).await {
            Ok(interval) => interval,
            Err(ended) => return ended,
        };
        let notes = self.notes.clone();
        let begin_by = Instant::now() + BEGIN;
        // The first after a part of the interval, so that not all come at once.
        let mut beat = Instant::now() + interval.mul_f64(pause::chance());
        loop {
            if let Err(ended) = self.hand_over_now() {
                return ended;
            }
            let step = tokio::select! {
                () = stop.cancelled() => Err(PollError::Ended.into()),
                () = sleep_until(beat) => {
                    beat = Instant::now() + interval;
                    self.beat().await
                }
                () = sleep_until(begin_by), if !self.has_begun => {
                    Err(PollError::transient("Discord began no session in time").into())
                }
                // Given back at once: there is room again, or nobody is left.
                _ = notes.reserve(), if !self.waiting.is_empty() => Ok(()),
                message = self.socket.next(), if self.waiting.is_empty() => {
                    self.hear(message, stop).await
                }
            };
            if let Err(ended) = step {
                return ended;
            }
        }
    }

    /// Discord's first word, and ours.
    async fn hello(&mut self, stop: &CancellationToken) -> Result<Duration, Ended> {
        let first = tokio::select! {
            () = stop.cancelled() => return Err(PollError::Ended.into()),
            first = timeout(WORD, self.socket.next()) => first,
        };
        let first = first.map_err(|_| PollError::transient("Discord said no HELLO"))?;
        let text = said(first)?.unwrap_or_default();
        let hello: Option<Hello> = Payload::of(&text)
            .filter(|payload| payload.op == op::HELLO)
            .and_then(|payload| payload.data());
        let hello = hello.ok_or_else(|| PollError::transient("Discord said no HELLO"))?;
        let token = self.account.token.expose();
        let word = match &self.resumed {
            Some((id, seq)) => payload::resume(token, id, *seq),
            None => payload::identify(token, self.account.intents),
        };
        self.say(word).await?;
        let (least, most) = BEAT_MS;
        Ok(Duration::from_millis(
            hello.heartbeat_interval.clamp(least, most),
        ))
    }

    /// A heartbeat, when the last one was acknowledged.
    async fn beat(&mut self) -> Result<(), Ended> {
        if !self.is_acked && !self.was_held {
            return Err(PollError::transient("Discord stopped answering").into());
        }
        self.pulse().await?;
        (self.is_acked, self.was_held) = (false, false);
        Ok(())
    }

    async fn pulse(&mut self) -> Result<(), PollError> {
        let settled = self.settled.load(Ordering::Relaxed);
        self.say(payload::heartbeat((settled > 0).then_some(settled)))
            .await
    }

    async fn hear(
        &mut self,
        message: Option<Result<Message, Error>>,
        stop: &CancellationToken,
    ) -> Result<(), Ended> {
        let Some(text) = said(message)? else {
            return Ok(());
        };
        let Some(payload) = Payload::of(&text) else {
            tracing::debug!("the gateway said what is not of its protocol");
            return Ok(());
        };
        match payload.op {
            op::DISPATCH => {
                if let Some(note) = self.dispatch(&payload, &text) {
                    self.waiting.push_back(note);
                }
            }
            op::HEARTBEAT => self.pulse().await?,
            op::ACK => {
                self.is_acked = true;
                if self.has_begun {
                    self.waiting.push_back(Note::Alive);
                }
            }
            op::RECONNECT => return Err(Ended::Reconnect),
            op::INVALID_SESSION => {
                return Err(self.invalid(payload.data() == Some(true), stop).await);
            }
            _ => {}
        }
        Ok(())
    }

    /// The session cannot be had: `again` when it may on another connection. Discord wants to be left alone for a moment
    /// (<https://docs.discord.com/developers/events/gateway-events#invalid-session>).
    async fn invalid(&self, again: bool, stop: &CancellationToken) -> Ended {
        let wait = Duration::from_secs(1) + Duration::from_secs(4).mul_f64(pause::chance());
        tokio::select! {
            () = stop.cancelled() => {}
            () = sleep(wait) => {}
        }
        match (again, self.resumed.is_some() || self.has_begun) {
            (true, true) => Ended::Reconnect,
            (false, true) => Ended::Lost(None),
            // Each try costs one of the day's sessions.
            (_, false) => Ended::Lost(Some(PollError::transient("Discord began no session"))),
        }
    }

    fn dispatch(&mut self, payload: &Payload<'_>, text: &Utf8Bytes) -> Option<Note> {
        let seq = payload.s.unwrap_or(0);
        let kind = payload.t.as_deref().unwrap_or_default();
        match kind {
            "READY" => {
                let Ready {
                    session_id,
                    resume_gateway_url,
                    user,
                    application,
                } = payload.data()?;
                self.user = user.id;
                self.application = application.map(|named| named.id).unwrap_or_default();
                self.has_begun = true;
                let allow_private = self.account.allow_private;
                let url =
                    resume_gateway_url.filter(|url| socket::address(url, allow_private).is_ok());
                Some(Note::Began {
                    user: self.user.clone(),
                    application: self.application.clone(),
                    session: place::Session {
                        id: session_id,
                        seq,
                        url,
                    },
                })
            }
            "RESUMED" => {
                self.has_begun = true;
                self.waiting.push_back(Note::Heard(Heard {
                    seq,
                    ..Heard::default()
                }));
                Some(Note::Resumed)
            }
            _ => Some(Note::Heard(self.heard(seq, kind, payload, text))),
        }
    }

    /// What a dispatch means to us. One that cannot be taken is passed over: it would be told again for ever.
    fn heard(&self, seq: u64, kind: &str, payload: &Payload<'_>, text: &Utf8Bytes) -> Heard {
        let mut heard = Heard {
            seq,
            ..Heard::default()
        };
        if !is_meant_for_us(kind) {
            return heard;
        }
        if text.len() > self.account.max_bytes {
            tracing::debug!(kind, "a dispatch was too large to be taken");
            return heard;
        }
        if kind == "INTERACTION_CREATE" {
            heard.callback = payload
                .data::<Value>()
                .and_then(|interaction| answer(&interaction, self.account.ephemeral));
        } else if let Some(about) = payload.data::<Authored<'_>>() {
            if about.is_by(&self.user, &self.application) {
                return heard;
            }
            if kind == "MESSAGE_UPDATE" && !about.is_whole() {
                return heard;
            }
            if kind == "MESSAGE_CREATE" && about.guild_id.is_none() {
                heard.direct = about.channel_id;
            }
        }
        let bytes = Bytes::from(text.clone());
        heard.updates = channel::split(ChannelKind::Discord, None, bytes).unwrap_or_default();
        heard
    }

    async fn say(&mut self, word: String) -> Result<(), PollError> {
        match timeout(WORD, self.socket.send(Message::text(word))).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(socket::lost(&error)),
            Err(_) => Err(PollError::transient("Discord stopped reading")),
        }
    }

    /// What there is room for. When there is none for the rest, reading waits.
    fn hand_over_now(&mut self) -> Result<(), Ended> {
        while let Some(note) = self.waiting.pop_front() {
            match self.notes.try_send(note) {
                Ok(()) => {}
                Err(TrySendError::Full(note)) => {
                    self.waiting.push_front(note);
                    self.was_held = true;
                    break;
                }
                // Who takes them failed, and says so.
                Err(TrySendError::Closed(_)) => return Err(Ended::Reconnect),
            }
        }
        Ok(())
    }

    async fn hand_over(&self, note: Note) {
        if self.notes.send(note).await.is_err() {
            tracing::debug!("what was read last is told again");
        }
    }
}

/// How a connection ended.
enum Ended {
    By(PollError),
    /// In good order; the session goes on.
    Reconnect,
    /// With the session.
    Lost(Option<PollError>),
}

impl From<PollError> for Ended {
    fn from(error: PollError) -> Self {
        Self::By(error)
    }
}

/// The text that came; none of what only keeps a connection going.
fn said(message: Option<Result<Message, Error>>) -> Result<Option<Utf8Bytes>, Ended> {
    match message {
        Some(Ok(Message::Text(text))) => Ok(Some(text)),
        Some(Ok(Message::Close(frame))) => {
            let code = frame.map_or(1005, |frame| frame.code.into());
            Err(match close::meaning(code) {
                (true, error) => Ended::Lost(Some(error)),
                (false, error) => Ended::By(error),
            })
        }
        Some(Ok(_)) => Ok(None),
        Some(Err(error)) => Err(socket::lost(&error).into()),
        None => Err(PollError::transient("the connection to Discord was lost").into()),
    }
}

/// Whether a dispatch becomes something in a conversation.
fn is_meant_for_us(kind: &str) -> bool {
    matches!(
        kind,
        "INTERACTION_CREATE"
            | "MESSAGE_CREATE"
            | "MESSAGE_DELETE"
            | "MESSAGE_DELETE_BULK"
            | "MESSAGE_POLL_VOTE_ADD"
            | "MESSAGE_POLL_VOTE_REMOVE"
            | "MESSAGE_REACTION_ADD"
            | "MESSAGE_REACTION_REMOVE"
            | "MESSAGE_REACTION_REMOVE_ALL"
            | "MESSAGE_REACTION_REMOVE_EMOJI"
            | "MESSAGE_UPDATE"
    )
}

/// The first answer to an interaction, when it wants one.
fn answer(interaction: &Value, ephemeral: bool) -> Option<Callback> {
    let text = |name: &str| interaction.get(name).and_then(Value::as_str);
    Some(Callback {
        id: text("id")?.to_owned(),
        token: schemas::Secret::new(text("token")?),
        body: callback(interaction, ephemeral)?,
    })
}
