//! Mail fetched from a mailbox by IMAP (RFC 9051, RFC 3501).
//!
//! One connection a channel. What is new is fetched in batches, published, and only then is the cursor moved: UIDVALIDITY and the
//! highest UID that is dealt with. The server says when mail comes (IDLE), or is asked every now and then.
//!
//! Invariants: a mail is left as it is (`BODY.PEEK`) unless the setting `after_fetch` says otherwise, and then only after the
//! broker stored it; what is in memory at a time is bounded by [`BATCH_BYTES`] as far as the server's sizes are true, and
//! else by [`BATCH`] mails of the largest size that is taken; a mail that cannot be taken stops none that come after it.
//!
//! Written here, and not taken from a crate: those for IMAP keep what a server sends in a buffer of up to half a gigabyte for each
//! connection, and offer no way to pass over a mail that is too large.
//!
//! Deliberately absent: several mailboxes of one account (that is a channel each), and flags as they change.

mod server;
mod session;
mod since;
mod wire;
mod word;

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use egress::oauth;
use schemas::ChannelKind;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub(super) use self::server::native as native_roots;
use self::{
    server::Server,
    session::{Selected, Session},
    wire::{Fetched, Fill, Status},
};
use super::{PollError, Poller, Port, oversize};
use crate::channel::Update;

/// Mails fetched at a time, …
const BATCH: usize = 32;
/// … and their bytes.
const BATCH_BYTES: u64 = 8 * 1024 * 1024;
/// Of a mailbox that is new to us, or was made anew, so many of the youngest mails are looked at.
const WINDOW: u32 = 1000;
/// A server may end an IDLE after half an hour (RFC 2177).
const IDLE: Duration = Duration::from_secs(25 * 60);
/// Bytes of a header that are taken of a mail which is too large.
const SPARE: usize = 64 * 1024;

/// Reads a mailbox.
#[derive(Default)]
pub(super) struct Imap {
    access: oauth::Access,
}

/// How far a mailbox has been read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Cursor {
    account: String,
    uid_validity: u32,
    /// Everything up to it is dealt with.
    uid: u32,
}

/// What becomes of a mail on the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AfterFetch {
    Keep,
    Seen,
    Delete,
}

/// Logs in and opens the mailbox, as a channel test does.
pub(super) async fn check(
    credentials: &Value,
    settings: &Value,
    allow_private: bool,
) -> Result<(), PollError> {
    let flag = |name: &str| settings.get(name).and_then(Value::as_bool) == Some(true);
    let server = Server::of(credentials, flag("allow_plain_login"))?;
    let access = oauth::Access::default();
    let token = token(&access, &server, allow_private).await?;
    let mut session = Session::open(&server, token.as_deref(), allow_private, SPARE).await?;
    session.select(&server.mailbox).await?;
    session.logout().await;
    Ok(())
}

async fn token(
    access: &oauth::Access,
    server: &Server,
    allow_private: bool,
) -> Result<Option<String>, PollError> {
    let Some(grant) = &server.oauth else {
        return Ok(None);
    };
    let http =
        egress::client(allow_private).map_err(|_| PollError::broken("no TLS can be had here"))?;
    Ok(Some(access.token(&http, grant, allow_private).await?))
}

#[async_trait]
impl Poller for Imap {
    async fn run(&self, port: &Port) -> Result<(), PollError> {
        let flag = |name: &str| port.settings.get(name).and_then(Value::as_bool) == Some(true);
        let server = Server::of(&port.credentials, flag("allow_plain_login"))?;
        let token = token(&self.access, &server, port.allow_private).await?;
        // Batches are cut by what the server says of sizes, which need not be true.
        let max = port.max_bytes.saturating_add(SPARE);
        let opened = Session::open(&server, token.as_deref(), port.allow_private, max).await;
        if matches!(opened, Err(PollError::Broken { .. })) {
            self.access.forget().await;
        }
        let mut session = opened?;
        let selected = session.select(&server.mailbox).await?;
        let mut reading = Reading {
            port,
            cursor: begin(port, &mut session, &server, selected).await?,
            after: match port.setting("after_fetch") {
                Some("seen") => AfterFetch::Seen,
                Some("delete") => AfterFetch::Delete,
                _ => AfterFetch::Keep,
            },
        };
        let done = reading.follow(&mut session).await;
        if matches!(done, Ok(()) | Err(PollError::Ended)) {
            session.logout().await;
        }
        done
    }
}

/// Where to go on from.
async fn begin(
    port: &Port,
    session: &mut Session,
    server: &Server,
    selected: Selected,
) -> Result<Cursor, PollError> {
    let account = server.account();
    let known: Option<Cursor> = serde_json::from_value(port.cursor()).ok();
    let known = known.filter(|known| known.account == account);
    if let Some(known) = &known
        && known.uid_validity == selected.uid_validity
    {
        return Ok(known.clone());
    }
    let mut cursor = Cursor {
        account,
        uid_validity: selected.uid_validity,
        uid: selected.uid_next.unwrap_or(1).saturating_sub(1),
    };
    if selected.exists > 0 {
        let young = youngest(session, selected.exists).await?;
        let first = if known.is_some() {
            tracing::warn!(channel = %port.channel, mails = young.len(),
                "the mailbox was made anew: its youngest mails are read again");
            young.iter().map(|mail| mail.uid).min()
        } else {
            let backlog = port.settings.get("backlog").and_then(Value::as_u64);
            since::first(&young, port.since, backlog)
        };
        let newest = young.iter().map(|mail| mail.uid).max();
        cursor.uid = match (first, newest) {
            (Some(first), _) => first.saturating_sub(1),
            (None, newest) => cursor.uid.max(newest.unwrap_or(0)),
        };
    }
    // Before anything is read: what comes from now on is new, whatever happens.
    save(port, &cursor).await?;
    Ok(cursor)
}

/// The youngest mails, with the time at which they came.
async fn youngest(session: &mut Session, exists: u32) -> Result<Vec<Fetched>, PollError> {
    let from = exists.saturating_sub(WINDOW - 1).max(1);
    let mut young = Vec::new();
    let done = session
        .command(&format!("FETCH {from}:* (UID INTERNALDATE)"), |tokens| {
            young.extend(wire::fetched(tokens));
        })
        .await?;
    refused(done.status)?;
    Ok(young)
}

async fn save(port: &Port, cursor: &Cursor) -> Result<(), PollError> {
    let value = serde_json::to_value(cursor)
        .map_err(|_| PollError::transient("the cursor cannot be written"))?;
    port.save(value).await
}

fn refused(status: Status) -> Result<(), PollError> {
    match status {
        Status::Ok => Ok(()),
        _ => Err(PollError::transient("the server refused to fetch")),
    }
}

struct Reading<'a> {
    port: &'a Port,
    cursor: Cursor,
    after: AfterFetch,
}

impl Reading<'_> {
    /// Fetches what is new, waits, and so on.
    async fn follow(&mut self, session: &mut Session) -> Result<(), PollError> {
        let idles = session.can("IDLE")
            && !self
                .port
                .settings
                .get("idle")
                .is_some_and(|idle| idle == false);
        let default = if idles { IDLE.as_secs() } else { 60 };
        let interval = self
            .port
            .seconds("poll_interval_s", default, 5, IDLE.as_secs());
        loop {
            self.fetch_new(session).await?;
            self.port.answered().await;
            if idles {
                self.idle(session, interval).await?;
            } else {
                self.port.rest(interval).await?;
                // Mail that came meanwhile is told to us.
                refused(session.command("NOOP", |_| {}).await?.status)?;
            }
        }
    }

    /// Waits until the server has something new, or it is time.
    async fn idle(&self, session: &mut Session, interval: Duration) -> Result<(), PollError> {
        let tag = session.begin_idle().await?;
        let ended = tokio::select! {
            changed = session.idle() => changed,
            rested = self.port.rest(interval) => rested,
        };
        // Also when it is time to stop, so that the session can be ended in good order.
        session.end_idle(&tag).await?;
        ended
    }

    async fn fetch_new(&mut self, session: &mut Session) -> Result<(), PollError> {
        let Some(from) = self.cursor.uid.checked_add(1) else {
            return Ok(());
        };
        let mut new: Vec<(u32, u64)> = Vec::new();
        let done = session
            .command(&format!("UID FETCH {from}:* (UID RFC822.SIZE)"), |tokens| {
                // With nothing new, `*` is the last of the old ones.
                if let Some(mail) = wire::fetched(tokens)
                    && mail.uid >= from
                {
                    new.push((mail.uid, mail.size_bytes.unwrap_or(0)));
                }
            })
            .await?;
        refused(done.status)?;
        new.sort_unstable();
        new.dedup_by_key(|(uid, _)| *uid);
        let mut new = new.into_iter().peekable();
        while new.peek().is_some() {
            let (mut batch, mut bytes) = (Vec::new(), 0);
            while let Some(mail) = new.next_if(|(_, size)| {
                batch.is_empty() || (batch.len() < BATCH && bytes + size <= BATCH_BYTES)
            }) {
                bytes += mail.1;
                batch.push(mail);
            }
            self.take(session, &batch).await?;
        }
        Ok(())
    }

    /// Publishes a batch, deals with it on the server, and moves the cursor.
    async fn take(&mut self, session: &mut Session, batch: &[(u32, u64)]) -> Result<(), PollError> {
        let max = self.port.max_bytes;
        let fits = |size: u64| usize::try_from(size).is_ok_and(|size| size <= max);
        let (small, large): (Vec<_>, Vec<_>) =
            batch.iter().copied().partition(|(_, size)| fits(*size));
        let uids: Vec<u32> = small.iter().map(|(uid, _)| *uid).collect();
        let mut large: Vec<(u32, u64)> = large;
        let mut mails: Vec<(u32, Bytes)> = Vec::new();
        for (uid, fill) in self.bodies(session, &uids, "BODY.PEEK[]").await? {
            match fill {
                Fill::Whole(mail) if mail.len() <= max => mails.push((uid, mail)),
                Fill::Whole(mail) => large.push((uid, mail.len() as u64)),
                Fill::TooLarge(size) => large.push((uid, size)),
            }
        }
        for (uid, size) in large.iter().copied() {
            tracing::warn!(channel = %self.port.channel, uid, size_bytes = size,
                "a mail is too large; its header is taken alone");
            for (uid, fill) in self.bodies(session, &[uid], "BODY.PEEK[HEADER]").await? {
                let header = match fill {
                    Fill::Whole(header) => header,
                    Fill::TooLarge(_) => Bytes::new(),
                };
                mails.push((uid, oversize::noted(&header, size)));
            }
        }
        mails.sort_unstable_by_key(|(uid, _)| *uid);
        let updates = mails.iter().filter_map(|(uid, mail)| {
            Update::of(ChannelKind::Email, "message/rfc822", mail.clone())
                .inspect_err(|_| {
                    tracing::warn!(channel = %self.port.channel, uid, "what lies in the mailbox is no mail; passed over");
                })
                .ok()
        });
        self.port.publish(updates.collect()).await?;
        // A large one is left for people to find.
        let taken: Vec<u32> = mails
            .iter()
            .map(|(uid, _)| *uid)
            .filter(|uid| {
                self.after == AfterFetch::Seen || !large.iter().any(|(large, _)| large == uid)
            })
            .collect();
        self.deal_with(session, &taken).await?;
        if let Some((last, _)) = batch.last() {
            self.cursor.uid = *last;
            save(self.port, &self.cursor).await?;
        }
        Ok(())
    }

    /// Mails, or their headers. One that the server cannot give is passed over.
    async fn bodies(
        &self,
        session: &mut Session,
        uids: &[u32],
        what: &str,
    ) -> Result<Vec<(u32, Fill)>, PollError> {
        if uids.is_empty() {
            return Ok(Vec::new());
        }
        let (status, found) = bodies(session, uids, what).await?;
        if status == Status::Ok {
            return Ok(found);
        }
        // One of them is damaged: which?
        let mut all = Vec::new();
        for uid in uids {
            let (status, found) = bodies(session, &[*uid], what).await?;
            if status != Status::Ok {
                tracing::warn!(channel = %self.port.channel, uid, "the server cannot give a mail; passed over");
            }
            all.extend(found);
        }
        Ok(all)
    }

    async fn deal_with(&self, session: &mut Session, uids: &[u32]) -> Result<(), PollError> {
        let flag = match self.after {
            AfterFetch::Keep => return Ok(()),
            _ if uids.is_empty() => return Ok(()),
            AfterFetch::Seen => "\\Seen",
            AfterFetch::Delete => "\\Deleted",
        };
        let set = word::set(uids);
        let store = format!("UID STORE {set} +FLAGS.SILENT ({flag})");
        let mut done = session.command(&store, |_| {}).await?;
        // Without UIDPLUS an EXPUNGE would take what others marked, too.
        if done.status == Status::Ok && self.after == AfterFetch::Delete && session.can("UIDPLUS") {
            done = session
                .command(&format!("UID EXPUNGE {set}"), |_| {})
                .await?;
        }
        if done.status != Status::Ok {
            tracing::warn!(channel = %self.port.channel, "the server does not let mails be marked or deleted");
        }
        Ok(())
    }
}

async fn bodies(
    session: &mut Session,
    uids: &[u32],
    what: &str,
) -> Result<(Status, Vec<(u32, Fill)>), PollError> {
    let mut found = Vec::new();
    let set = word::set(uids);
    let done = session
        .command(&format!("UID FETCH {set} (UID {what})"), |tokens| {
            if let Some(mail) = wire::fetched(tokens)
                && uids.contains(&mail.uid)
                && let Some(body) = mail.body
            {
                found.push((mail.uid, body));
            }
        })
        .await?;
    Ok((done.status, found))
}
