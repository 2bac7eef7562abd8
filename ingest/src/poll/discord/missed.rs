//! What was written while no session was to be had: Discord keeps one for some minutes only.
//!
//! Every channel, thread and remembered direct message in which something came after the last word that was heard is read from
//! there (<https://docs.discord.com/developers/resources/message#get-channel-messages>), oldest first, and becomes the same
//! message as if it had been told. It lies behind what is told meanwhile.
//!
//! Deliberately absent: edits, deletions, reactions and interactions of that time, threads that were archived meanwhile, and
//! direct messages with people who never wrote before; of those Discord keeps no list.

use std::{convert::Infallible, time::Duration};

use schemas::{ChannelKind, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::{
    sync::{mpsc, watch},
    time::sleep,
};

use super::{
    api::Api,
    intake::Note,
    place::{Place, id_before},
};
use crate::{
    channel::{self, Update},
    poll::PollError,
};

/// Messages of one call, which is Discord's limit.
const PAGE: usize = 100;
/// Guilds of one call, which is Discord's limit.
const GUILDS: usize = 200;
/// Messages of one channel that are fetched at most, the oldest.
const MOST: usize = 1000;
/// Nothing is fetched that is older, in microseconds: to answer it would be odd.
const OLDEST_US: i64 = 24 * 3600 * 1_000_000;
/// Calls are spread a little, so that sending keeps its share of Discord's limits.
const REST: Duration = Duration::from_millis(50);
/// How often a call is made again, and how long a wait may be.
const TRIES: u32 = 5;
const LONGEST: Duration = Duration::from_secs(120);

/// Fetches what is owed.
pub(super) struct Missed<'a> {
    api: &'a Api,
    max_bytes: usize,
    notes: mpsc::Sender<Note>,
    owed: watch::Receiver<Option<Place>>,
}

#[derive(Deserialize)]
struct Guild {
    id: String,
}

/// A channel, as far as it says whether something came.
#[derive(Deserialize)]
struct Chat {
    id: String,
    #[serde(default)]
    last_message_id: Option<String>,
}

#[derive(Deserialize)]
struct Threads {
    #[serde(default)]
    threads: Vec<Chat>,
}

impl<'a> Missed<'a> {
    pub(super) fn new(
        api: &'a Api,
        max_bytes: usize,
        notes: mpsc::Sender<Note>,
        owed: watch::Receiver<Option<Place>>,
    ) -> Self {
        Self {
            api,
            max_bytes,
            notes,
            owed,
        }
    }

    /// Whenever something is owed, for as long as the connection lasts. What fails is owed still, and tried with the next.
    pub(super) async fn fetch(mut self) -> Infallible {
        loop {
            if self.owed.changed().await.is_err() {
                return std::future::pending().await;
            }
            let owed = self.owed.borrow_and_update().clone();
            if let Some(place) = owed
                && let Some(since) = place.owed
            {
                let since = since.max(Timestamp(Timestamp::now().0 - OLDEST_US));
                match self.all(&place, id_before(since)).await {
                    Ok(()) => self.note(Note::CaughtUp).await,
                    Err(error) => {
                        tracing::warn!(%error, "what was written meanwhile could not be fetched yet");
                    }
                }
            }
        }
    }

    async fn all(&self, place: &Place, after: u64) -> Result<(), PollError> {
        for channel in &place.direct {
            self.chat(place, channel, None, after).await?;
        }
        let mut last = String::from("0");
        loop {
            let path = format!("users/@me/guilds?limit={GUILDS}&after={last}");
            let guilds: Vec<Guild> = self.get(&path).await?.unwrap_or_default();
            for guild in guilds.iter().filter(|guild| number(&guild.id).is_some()) {
                self.guild(place, &guild.id, after).await?;
            }
            match guilds.last() {
                Some(guild) if guilds.len() >= GUILDS && number(&guild.id) > number(&last) => {
                    last.clone_from(&guild.id);
                }
                _ => return Ok(()),
            }
        }
    }

    async fn guild(&self, place: &Place, guild: &str, after: u64) -> Result<(), PollError> {
        let channels: Option<Vec<Chat>> = self.get(&format!("guilds/{guild}/channels")).await?;
        let threads: Option<Threads> = self.get(&format!("guilds/{guild}/threads/active")).await?;
        let threads = threads.map(|all| all.threads).unwrap_or_default();
        for chat in channels.unwrap_or_default().iter().chain(&threads) {
            let last = chat.last_message_id.as_deref().and_then(number);
            if last.is_some_and(|last| last > after) {
                self.chat(place, &chat.id, Some(guild), after).await?;
            }
        }
        Ok(())
    }

    /// What came in one channel. One the bot may not read, or which is gone, has nothing for us.
    async fn chat(
        &self,
        place: &Place,
        channel: &str,
        guild: Option<&str>,
        after: u64,
    ) -> Result<(), PollError> {
        if number(channel).is_none() {
            return Ok(());
        }
        let mut after = after;
        for _ in 0..MOST / PAGE {
            let path = format!("channels/{channel}/messages?limit={PAGE}&after={after}");
            let mut page: Vec<Value> = self.get(&path).await?.unwrap_or_default();
            let count = page.len();
            page.sort_by_key(id_of);
            let Some(last) = page.last().and_then(id_of).filter(|last| *last > after) else {
                return Ok(());
            };
            after = last;
            let updates: Vec<Update> = page
                .into_iter()
                .filter_map(|message| self.update(place, guild, message))
                .collect();
            if !updates.is_empty() {
                self.note(Note::Fetched(updates)).await;
            }
            if count < PAGE {
                return Ok(());
            }
        }
        tracing::warn!(
            most = MOST,
            "more was written in a channel meanwhile than is fetched"
        );
        Ok(())
    }

    /// As if it had been told; none when it is the bot's own.
    fn update(&self, place: &Place, guild: Option<&str>, mut message: Value) -> Option<Update> {
        let text = |path: &str| message.pointer(path).and_then(Value::as_str);
        let is_ours = text("/author/id") == Some(&place.user)
            || !place.application.is_empty() && text("/webhook_id") == Some(&place.application);
        if is_ours {
            return None;
        }
        if let (Some(guild), Some(fields)) = (guild, message.as_object_mut()) {
            fields.insert("guild_id".into(), guild.into());
        }
        let told = json!({"op": 0, "t": "MESSAGE_CREATE", "s": null, "d": message}).to_string();
        if told.len() > self.max_bytes {
            return None;
        }
        let updates = channel::split(ChannelKind::Discord, None, told.into());
        updates.ok()?.into_iter().next()
    }

    /// None where the bot may not look, or where nothing is any more.
    async fn get<T: serde::de::DeserializeOwned>(
        &self,
        path: &str,
    ) -> Result<Option<T>, PollError> {
        let mut tries = 0;
        loop {
            sleep(REST).await;
            match self.api.find(path).await {
                Err(PollError::Transient { after, .. }) if tries < TRIES => {
                    tries += 1;
                    let wait = after.unwrap_or(Duration::from_secs(1 << tries));
                    sleep(wait.min(LONGEST)).await;
                }
                found => return found,
            }
        }
    }

    async fn note(&self, note: Note) {
        if self.notes.send(note).await.is_err() {
            tracing::debug!("what was fetched is not taken any more");
        }
    }
}

fn number(id: &str) -> Option<u64> {
    id.parse().ok()
}

fn id_of(message: &Value) -> Option<u64> {
    message.get("id").and_then(Value::as_str).and_then(number)
}
