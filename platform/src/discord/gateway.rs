//! Discord's gateway, version 10 in JSON (<https://docs.discord.com/developers/events/gateway>): sessions that begin, are resumed
//! with what they missed, and end as Discord ends them; and the messages in one guild's channel and in one direct message, as they
//! are told and as they are fetched.
//!
//! Strict where Discord is: a wrong token, version or intents close a connection with its code, as do a word before the first and
//! a second IDENTIFY. Deliberately absent: shards, compression, limits of rates, and everything that is told but messages.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use axum::extract::ws::{Message, WebSocket};
use serde_json::{Value, json};
use tokio::{sync::mpsc, time::timeout};

use super::{
    APPLICATION, TOKEN,
    line::{Session, Word, pass, say},
    text,
};
use crate::Person;

/// A guild, its channel, and the direct message with everybody who writes to the bot alone.
pub const GUILD: &str = "1179200000000000000";
pub const CHANNEL: &str = "1179300000000000001";
pub const DIRECT: &str = "1179300000000000000";
/// The first second of Discord's ids.
const EPOCH_MS: u64 = 1_420_070_400_000;
/// How long Discord waits for the first word.
pub(super) const FIRST: Duration = Duration::from_secs(20);
/// Words that wait for a connection.
const WORDS: usize = 1024;
/// Every intent there is.
const INTENTS: u64 = 0x371_ffff;

/// The gateway of one bot, and what was written where the bot is.
#[derive(Clone)]
pub struct Gateway(Arc<Mutex<State>>);

struct State {
    interval_ms: u64,
    sessions: HashMap<String, Session>,
    /// What the bot said: the path it connected to, and its words.
    heard: Vec<(String, Value)>,
    messages: Vec<Value>,
    /// No heartbeat is acknowledged.
    is_deaf: bool,
    /// The close code that a first word meets.
    refusal: Option<u16>,
    /// New sessions left today.
    remaining: u64,
    ids: u64,
}

impl Default for Gateway {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(State {
            interval_ms: 41_250,
            sessions: HashMap::new(),
            heard: Vec::new(),
            messages: Vec::new(),
            is_deaf: false,
            refusal: None,
            remaining: 1000,
            ids: 0,
        })))
    }
}

impl Gateway {
    /// How often heartbeats are wanted.
    pub fn interval_ms(&self, interval_ms: u64) {
        self.state().interval_ms = interval_ms;
    }

    /// Whether heartbeats are left unanswered.
    pub fn deaf(&self, is_deaf: bool) {
        self.state().is_deaf = is_deaf;
    }

    /// Closes whoever begins or resumes with this code.
    pub fn refuse(&self, code: Option<u16>) {
        self.state().refusal = code;
    }

    /// How many sessions may begin today.
    pub fn allow(&self, remaining: u64) {
        self.state().remaining = remaining;
    }

    /// Somebody writes in the guild's channel; the message's id.
    pub fn write(&self, author: &str, text: &str) -> String {
        let told = json!({"guild_id": GUILD, "member": {"roles": []}});
        self.message(CHANNEL, &ada(author), text, &told)
    }

    /// Somebody writes to the bot alone; the message's id.
    pub fn whisper(&self, author: &str, text: &str) -> String {
        self.whisper_as(&ada(author), text)
    }

    /// The same by a person with a name.
    pub fn whisper_as(&self, person: &Person, text: &str) -> String {
        self.message(DIRECT, person, text, &json!({}))
    }

    /// Something happens: every session is told, now or when it is resumed. How many there are.
    pub fn dispatch(&self, kind: &str, data: &Value) -> usize {
        let mut state = self.state();
        for session in state.sessions.values_mut() {
            session.tell(kind, data.clone());
        }
        state.sessions.len()
    }

    /// Every connection is told this operation.
    pub fn say(&self, op: u64, data: &Value) {
        self.each(|| Word::Say(json!({"op": op, "s": null, "t": null, "d": data})));
    }

    /// Closes every connection.
    pub fn close(&self, code: u16) {
        self.each(|| Word::Close(code));
    }

    /// Breaks every connection off.
    pub fn drop_all(&self) {
        self.each(|| Word::Drop);
    }

    /// Breaks every connection off and forgets the sessions.
    pub fn forget(&self) {
        self.drop_all();
        self.state().sessions.clear();
    }

    /// What the bot said with this operation, and the path it said it at.
    #[must_use]
    pub fn heard(&self, op: u64) -> Vec<(String, Value)> {
        let state = self.state();
        let said = state.heard.iter().filter(|(_, word)| word["op"] == op);
        said.cloned().collect()
    }

    /// Connections there are.
    #[must_use]
    pub fn listeners(&self) -> usize {
        let state = self.state();
        let live = state.sessions.values().filter(|session| session.is_live());
        live.count()
    }

    /// `GET /gateway/bot`.
    pub(super) fn start(&self, url: &str) -> Value {
        let remaining = self.state().remaining;
        json!({"url": url, "shards": 1, "session_start_limit":
            {"total": 1000, "remaining": remaining, "reset_after": 14_400_000, "max_concurrency": 1}})
    }

    /// `GET /guilds/{id}/channels`.
    pub(super) fn channels(&self) -> Value {
        let state = self.state();
        let mut here = state.messages.iter().rev();
        let last = here.find(|message| message["channel_id"] == CHANNEL);
        json!([{"id": "1179300000000000009", "type": 4, "name": "Text"},
            {"id": CHANNEL, "type": 0, "name": "general", "last_message_id": last.map(|last| &last["id"])}])
    }

    /// `GET /channels/{id}/messages?after=`: the eldest of them, youngest first.
    pub(super) fn page(&self, channel: &str, after: u64, limit: usize) -> Value {
        let state = self.state();
        let of = |message: &&Value| {
            let id = text(message, "/id").parse::<u64>().unwrap_or(0);
            message["channel_id"] == channel && id > after
        };
        let mut page: Vec<Value> = state
            .messages
            .iter()
            .filter(of)
            .take(limit)
            .cloned()
            .collect();
        page.reverse();
        page.into()
    }

    fn message(&self, channel: &str, author: &Person, said: &str, told: &Value) -> String {
        let mut state = self.state();
        state.ids += 1;
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now_ms = now.map_or(0, |now| u64::try_from(now.as_millis()).unwrap_or(0));
        let id = ((now_ms.saturating_sub(EPOCH_MS) << 22) + state.ids).to_string();
        let message = json!({
            "id": id, "type": 0, "channel_id": channel, "content": said, "tts": false,
            "author": {"id": author.id, "username": author.name, "global_name": author.name, "discriminator": "0",
                "bot": author.id == APPLICATION},
            "mentions": [], "mention_roles": [], "mention_everyone": false, "attachments": [], "embeds": [],
            "pinned": false, "edited_timestamp": null, "flags": 0,
            "timestamp": schemas::Timestamp(i64::try_from(now_ms).unwrap_or(0) * 1000).to_string(),
        });
        state.messages.push(message.clone());
        let mut data = message;
        if let (Some(fields), Some(more)) = (data.as_object_mut(), told.as_object()) {
            fields.extend(more.clone());
        }
        for session in state.sessions.values_mut() {
            session.tell("MESSAGE_CREATE", data.clone());
        }
        id
    }

    fn each(&self, word: impl Fn() -> Word) {
        for session in self.state().sessions.values() {
            session.send(word());
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One connection. `resume_url`: where it shall come back.
    pub(super) async fn converse(
        self,
        mut socket: WebSocket,
        path: String,
        is_version: bool,
        resume_url: String,
    ) {
        let hello = json!({"op": 10, "s": null, "t": null,
            "d": {"heartbeat_interval": self.state().interval_ms, "_trace": []}});
        if say(&mut socket, &hello).await.is_none() {
            return;
        }
        let first = timeout(FIRST, self.hear(&mut socket, &path)).await;
        let Ok(Some(first)) = first else { return };
        let begun = match is_version {
            true => self.begin(&first, &resume_url),
            false => Err(Word::Close(4012)),
        };
        let mut words = match begun {
            Ok(begun) => begun,
            Err(word) => {
                pass(&mut socket, word).await;
                return;
            }
        };
        loop {
            tokio::select! {
                word = words.recv() => match word {
                    Some(word) => if pass(&mut socket, word).await.is_none() { break },
                    None => break,
                },
                said = self.hear(&mut socket, &path) => {
                    let Some(said) = said else { break };
                    let is_deaf = self.state().is_deaf;
                    let answer = match said["op"].as_u64() {
                        Some(1) if is_deaf => continue,
                        Some(1) => Word::Say(json!({"op": 11, "s": null, "t": null, "d": null})),
                        Some(2 | 6) => Word::Close(4005),
                        Some(3 | 4 | 8) => continue,
                        _ => Word::Close(4001),
                    };
                    if pass(&mut socket, answer).await.is_none() {
                        break;
                    }
                }
            }
        }
    }

    async fn hear(&self, socket: &mut WebSocket, path: &str) -> Option<Value> {
        loop {
            match socket.recv().await?.ok()? {
                Message::Text(said) => {
                    let word: Value = serde_json::from_str(&said).unwrap_or_default();
                    self.state().heard.push((path.to_owned(), word.clone()));
                    return Some(word);
                }
                Message::Close(_) => return None,
                _ => {}
            }
        }
    }

    /// The session that a first word begins or resumes.
    fn begin(&self, first: &Value, resume_url: &str) -> Result<mpsc::Receiver<Word>, Word> {
        let mut state = self.state();
        let invalid = || Word::Say(json!({"op": 9, "s": null, "t": null, "d": false}));
        if let Some(code) = state.refusal {
            return Err(Word::Close(code));
        }
        let data = &first["d"];
        let op = first["op"].as_u64();
        if !matches!(op, Some(2 | 6)) {
            return Err(Word::Close(4003));
        }
        if text(data, "/token") != TOKEN {
            return Err(Word::Close(4004));
        }
        let (sender, words) = mpsc::channel(WORDS);
        if op == Some(6) {
            let id = text(data, "/session_id").to_owned();
            let seq = data["seq"].as_u64().unwrap_or(0);
            let session = state.sessions.get_mut(&id).ok_or_else(invalid)?;
            if seq > session.told.len() as u64 {
                return Err(Word::Close(4007));
            }
            for missed in session.told.iter().skip(usize::try_from(seq).unwrap_or(0)) {
                sender.try_send(Word::Say(missed.clone())).ok();
            }
            session.live = Some(sender);
            let last = session.told.len();
            session.send(Word::Say(
                json!({"op": 0, "t": "RESUMED", "s": last, "d": {"_trace": []}}),
            ));
            return Ok(words);
        }
        let named = |name: &str| data.pointer(name).is_some_and(Value::is_string);
        let intents = data["intents"].as_u64().ok_or(Word::Close(4002))?;
        if !named("/properties/os") || !named("/properties/browser") || !named("/properties/device")
        {
            return Err(Word::Close(4002));
        }
        if intents & !INTENTS != 0 {
            return Err(Word::Close(4013));
        }
        if state.remaining == 0 {
            return Err(invalid());
        }
        state.remaining -= 1;
        state.ids += 1;
        let id = format!("session-{}", state.ids);
        let mut session = Session {
            told: Vec::new(),
            live: Some(sender),
        };
        session.tell(
            "READY",
            json!({"v": 10, "user": {"id": APPLICATION, "username": "desk", "bot": true},
                "guilds": [{"id": GUILD, "unavailable": true}], "session_id": id,
                "resume_gateway_url": resume_url, "shard": [0, 1],
                "application": {"id": APPLICATION, "flags": 1 << 19}}),
        );
        session.tell(
            "GUILD_CREATE",
            json!({"id": GUILD, "name": "Desk", "channels": [], "threads": [], "members": []}),
        );
        state.sessions.insert(id, session);
        Ok(words)
    }
}

fn ada(id: &str) -> Person {
    Person {
        id: id.to_owned(),
        name: "ada".to_owned(),
    }
}
