//! Mail fetched from Gmail (<https://developers.google.com/workspace/gmail/api/guides/sync>).
//!
//! What is new is found in the account's history from the id that is kept; each mail is fetched raw, published, and only then is
//! the id moved. The history is asked every minute, and at once when Pub/Sub pushes (`ingest::channel::gmail`). With the setting
//! `topic` the push is asked for, anew every day, as Gmail's documentation advises.
//!
//! Invariants: a history that is too old begins anew with the mails of a bounded window, which ids absorb where they were read
//! before; a mail that cannot be taken stops none that come after it. Deliberately absent: labels as they change, and marking
//! mails as read.

mod api;

use std::time::Duration;

use async_trait::async_trait;
use base64::{Engine, engine::general_purpose};
use bytes::Bytes;
use egress::oauth;
use schemas::{ChannelKind, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::Instant;

use self::api::{Api, Other};
use super::{PollError, Poller, Port, digest, oversize};
use crate::channel::Update;

/// Most mails that are read at the start, or anew.
const WINDOW: usize = 1000;
/// Mails that came so long before the channel was made are read at the start, …
const BEFORE_S: i64 = 3600;
/// … and so long before now, after the history was lost.
const ANEW_S: i64 = 7 * 24 * 3600;
/// Gmail forgets a watch after seven days and advises to renew it every day.
const WATCH: Duration = Duration::from_secs(24 * 3600);
const WATCH_AGAIN: Duration = Duration::from_secs(3600);
/// Most mails that are in memory at a time, …
const BATCH: usize = 16;
/// … and their bytes, after which no other is fetched.
const BATCH_BYTES: usize = 8 * 1024 * 1024;

/// Reads an account.
#[derive(Default)]
pub(super) struct Gmail {
    access: oauth::Access,
}

/// How far an account has been read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Cursor {
    account: String,
    history_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Profile {
    email_address: String,
    history_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct History {
    #[serde(default)]
    history: Vec<Change>,
    next_page_token: Option<String>,
    history_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Change {
    id: String,
    #[serde(default)]
    messages_added: Vec<Added>,
}

#[derive(Deserialize)]
struct Added {
    message: Reference,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reference {
    id: String,
    #[serde(default)]
    label_ids: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct List {
    #[serde(default)]
    messages: Vec<Reference>,
    next_page_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Mail {
    #[serde(default)]
    label_ids: Vec<String>,
    /// Base64 of the whole mail, in the alphabet for addresses.
    raw: Option<String>,
    #[serde(default)]
    size_estimate: u64,
    payload: Option<Payload>,
}

#[derive(Deserialize)]
struct Payload {
    #[serde(default)]
    headers: Vec<Header>,
}

#[derive(Deserialize)]
struct Header {
    name: String,
    value: String,
}

/// Asks who we are, as a channel test does.
pub(super) async fn check(
    credentials: &Value,
    settings: &Value,
    allow_private: bool,
) -> Result<(), PollError> {
    let access = oauth::Access::default();
    let api = Api::new(credentials, settings, &access, allow_private)?;
    api.get::<Profile>("profile", &[], 0)
        .await
        .map(drop)
        .map_err(Other::failed)
}

#[async_trait]
impl Poller for Gmail {
    async fn run(&self, port: &Port) -> Result<(), PollError> {
        let api = Api::new(
            &port.credentials,
            &port.settings,
            &self.access,
            port.allow_private,
        )?;
        let reading = Reading {
            port,
            api,
            label: port.setting("label").unwrap_or("INBOX").to_owned(),
        };
        let mut cursor = reading.begin().await?;
        let interval = port.seconds("poll_interval_s", 60, 5, 3600);
        let mut watch_at = Instant::now();
        loop {
            if Instant::now() >= watch_at {
                watch_at = Instant::now() + reading.watch().await;
            }
            reading.follow(&mut cursor).await?;
            port.answered().await;
            port.rest(interval).await?;
        }
    }
}

struct Reading<'a> {
    port: &'a Port,
    api: Api<'a>,
    label: String,
}

impl Reading<'_> {
    /// Where to go on from; a new account is read from a little before the channel was made.
    async fn begin(&self) -> Result<Cursor, PollError> {
        let profile: Profile = self
            .api
            .get("profile", &[], 0)
            .await
            .map_err(Other::failed)?;
        let known: Option<Cursor> = serde_json::from_value(self.port.cursor()).ok();
        match known.filter(|known| known.account == account(&profile)) {
            Some(known) => Ok(known),
            None => {
                let since = self.port.since.0.div_euclid(1_000_000) - BEFORE_S;
                self.anew(&profile, since).await
            }
        }
    }

    /// Reads the mails that came since then, as far back as the window reaches.
    async fn anew(&self, profile: &Profile, since: i64) -> Result<Cursor, PollError> {
        let query = format!("after:{}", since.max(0));
        let mut ids = Vec::new();
        let mut page: Option<String> = None;
        while ids.len() < WINDOW {
            let mut asked = vec![
                ("labelIds", self.label.as_str()),
                ("q", query.as_str()),
                ("maxResults", "500"),
            ];
            asked.extend(page.as_deref().map(|page| ("pageToken", page)));
            let list: List = self
                .api
                .get("messages", &asked, 0)
                .await
                .map_err(Other::failed)?;
            ids.extend(list.messages.into_iter().map(|message| message.id));
            page = list.next_page_token;
            if page.is_none() {
                break;
            }
        }
        ids.truncate(WINDOW);
        // The list has the youngest first.
        ids.reverse();
        self.take(&ids).await?;
        // What came since the profile was asked is in the history from there.
        let cursor = Cursor {
            account: account(profile),
            history_id: profile.history_id.clone(),
        };
        self.save(&cursor).await?;
        Ok(cursor)
    }

    /// Reads what the history has since the cursor.
    async fn follow(&self, cursor: &mut Cursor) -> Result<(), PollError> {
        let mut page: Option<String> = None;
        loop {
            let mut asked = vec![
                ("startHistoryId", cursor.history_id.as_str()),
                ("historyTypes", "messageAdded"),
                ("labelId", self.label.as_str()),
                ("maxResults", "500"),
            ];
            asked.extend(page.as_deref().map(|page| ("pageToken", page)));
            let history: History = match self.api.get("history", &asked, 0).await {
                Ok(history) => history,
                Err(Other::NotFound) => {
                    tracing::warn!(channel = %self.port.channel,
                        "the account's history is too old: its youngest mails are read again");
                    let profile = self.api.get("profile", &[], 0).await;
                    let now = Timestamp::now().0.div_euclid(1_000_000);
                    *cursor = self
                        .anew(&profile.map_err(Other::failed)?, now - ANEW_S)
                        .await?;
                    return Ok(());
                }
                Err(other) => return Err(other.failed()),
            };
            let mut ids: Vec<String> = Vec::new();
            for change in &history.history {
                for added in &change.messages_added {
                    let message = &added.message;
                    if !is_draft(&message.label_ids) && !ids.contains(&message.id) {
                        ids.push(message.id.clone());
                    }
                }
            }
            self.take(&ids).await?;
            // A page's token belongs to the id the list began with, so that is kept until the last page.
            page = history.next_page_token;
            if page.is_none() {
                let last = history.history.into_iter().next_back();
                if let Some(id) = history.history_id.or(last.map(|change| change.id)) {
                    cursor.history_id = id;
                    self.save(cursor).await?;
                }
                return Ok(());
            }
        }
    }

    /// Fetches mails and has them stored.
    async fn take(&self, ids: &[String]) -> Result<(), PollError> {
        let (mut batch, mut bytes) = (Vec::new(), 0);
        for id in ids {
            if let Some(mail) = self.mail(id).await? {
                bytes += mail.len();
                match Update::of(ChannelKind::Gmail, "message/rfc822", mail) {
                    Ok(update) => batch.push(update),
                    Err(_) => {
                        tracing::warn!(channel = %self.port.channel, "what Gmail gives is no mail; passed over");
                    }
                }
            }
            if batch.len() >= BATCH || bytes >= BATCH_BYTES {
                self.port.publish(std::mem::take(&mut batch)).await?;
                bytes = 0;
            }
        }
        self.port.publish(batch).await
    }

    /// A mail; none when it is gone by now, or is one that we are writing.
    async fn mail(&self, id: &str) -> Result<Option<Bytes>, PollError> {
        let path = format!("messages/{}", path_segment(id));
        let max = self.port.max_bytes;
        let found = self
            .api
            .get::<Mail>(&path, &[("format", "raw")], max / 3 * 4 + 64 * 1024)
            .await;
        match found {
            Ok(mail) if is_draft(&mail.label_ids) => Ok(None),
            Ok(mail) => match mail.raw.as_deref().and_then(decoded) {
                Some(bytes) if bytes.len() <= max => Ok(Some(bytes)),
                Some(_) => self.header(&path).await,
                None => Err(PollError::transient("Gmail gives a mail without its text")),
            },
            Err(Other::NotFound) => Ok(None),
            Err(Other::Unread) => self.header(&path).await,
            Err(Other::Failed(error)) => Err(error),
        }
    }

    /// What stands for a mail that is too large.
    async fn header(&self, path: &str) -> Result<Option<Bytes>, PollError> {
        let mail: Mail = match self.api.get(path, &[("format", "metadata")], 0).await {
            Ok(mail) => mail,
            Err(Other::NotFound) => return Ok(None),
            Err(other) => return Err(other.failed()),
        };
        if mail.size_estimate < self.port.max_bytes as u64 / 2 {
            return Err(PollError::transient("a mail broke off"));
        }
        tracing::warn!(channel = %self.port.channel, size_bytes = mail.size_estimate,
            "a mail is too large; its header is taken alone");
        let mut header = String::new();
        for line in mail
            .payload
            .map(|payload| payload.headers)
            .unwrap_or_default()
        {
            let value = line.value.replace(['\r', '\n'], " ");
            header.push_str(&format!("{}: {value}\r\n", line.name));
        }
        Ok(Some(oversize::noted(header.as_bytes(), mail.size_estimate)))
    }

    /// Asks for pushes, when there is a topic for them; when to do it again. Without them mail comes by asking.
    async fn watch(&self) -> Duration {
        let Some(topic) = self.port.setting("topic") else {
            return WATCH;
        };
        let asked =
            json!({"topicName": topic, "labelIds": [self.label], "labelFilterBehavior": "include"});
        match self.api.post::<Value>("watch", &asked).await {
            Ok(_) => WATCH,
            Err(other) => {
                let error = other.failed();
                tracing::warn!(channel = %self.port.channel, %error, "Gmail does not push; the mailbox is asked every so often");
                WATCH_AGAIN
            }
        }
    }

    async fn save(&self, cursor: &Cursor) -> Result<(), PollError> {
        self.port
            .save(json!({"account": cursor.account, "history_id": cursor.history_id}))
            .await
    }
}

/// What tells this account from others; its address is nobody's business in the database.
fn account(profile: &Profile) -> String {
    digest(&profile.email_address)
}

fn is_draft(labels: &[String]) -> bool {
    labels.iter().any(|label| label == "DRAFT")
}

/// An id as a part of an address.
fn path_segment(id: &str) -> String {
    url::form_urlencoded::byte_serialize(id.as_bytes()).collect()
}

/// With or without the padding.
fn decoded(raw: &str) -> Option<Bytes> {
    let lenient = general_purpose::GeneralPurpose::new(
        &base64::alphabet::URL_SAFE,
        general_purpose::GeneralPurposeConfig::new()
            .with_decode_padding_mode(base64::engine::DecodePaddingMode::Indifferent),
    );
    lenient.decode(raw).ok().map(Bytes::from)
}

#[cfg(test)]
mod tests;
