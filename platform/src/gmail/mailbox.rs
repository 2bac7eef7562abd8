//! The mails of the account, and what is read of them.

use std::sync::{Mutex, MutexGuard, PoisonError};

use base64::{Engine as _, engine::general_purpose::URL_SAFE};
use serde_json::{Value, json};

use super::refused;
use crate::exchange::Reply;

/// Where history begins.
const FIRST_HISTORY: u64 = 1000;
/// A page of the history, small so that pages are turned.
const PAGE: usize = 5;

#[derive(Default)]
pub(super) struct Mailbox {
    pub(super) mails: Vec<Mail>,
    /// History up to it is forgotten.
    pub(super) forgotten: u64,
    pub(super) refused: bool,
}

pub(super) struct Mail {
    pub(super) id: String,
    /// Of the mail it was sent to answer; its own otherwise.
    pub(super) thread: Option<String>,
    pub(super) history_id: u64,
    pub(super) at_ms: i64,
    pub(super) labels: Vec<&'static str>,
    pub(super) raw: Vec<u8>,
}

impl Mailbox {
    pub(super) fn last(&self) -> u64 {
        FIRST_HISTORY + self.mails.len() as u64
    }
}

pub(super) fn locked(mailbox: &Mutex<Mailbox>) -> MutexGuard<'_, Mailbox> {
    mailbox.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(super) fn put(
    mailbox: &mut Mailbox,
    raw: Vec<u8>,
    at_ms: i64,
    labels: Vec<&'static str>,
) -> String {
    let history_id = mailbox.last() + 1;
    let id = format!("{:016x}", 0x18c0_0000_0000_0000 + history_id);
    mailbox.mails.push(Mail {
        id: id.clone(),
        thread: None,
        history_id,
        at_ms,
        labels,
        raw,
    });
    id
}

pub(super) fn history(mailbox: &Mailbox, query: impl Fn(&str) -> Option<String>) -> Reply {
    let Some(start) = query("startHistoryId").and_then(|id| id.parse::<u64>().ok()) else {
        return refused(400, "invalidArgument", "Missing start history ID");
    };
    if start < mailbox.forgotten {
        return refused(404, "notFound", "Requested entity was not found.");
    }
    let from = query("pageToken")
        .and_then(|page| page.parse().ok())
        .unwrap_or(0);
    let all: Vec<Value> = mailbox
        .mails
        .iter()
        .filter(|mail| mail.history_id > start && has(mail, query("labelId")))
        .map(|mail| {
            let message = json!({"id": mail.id, "threadId": mail.id});
            let added = json!({"id": mail.id, "threadId": mail.id, "labelIds": mail.labels});
            json!({"id": mail.history_id.to_string(), "messages": [message], "messagesAdded": [{"message": added}]})
        })
        .collect();
    let mut answer = json!({"historyId": mailbox.last().to_string()});
    page(&mut answer, "history", all, from);
    Reply::ok(answer)
}

pub(super) fn list(mailbox: &Mailbox, query: impl Fn(&str) -> Option<String>) -> Reply {
    let from = query("pageToken")
        .and_then(|page| page.parse().ok())
        .unwrap_or(0);
    let after: i64 = query("q")
        .and_then(|search| search.strip_prefix("after:")?.parse().ok())
        .unwrap_or(0);
    let named = query("q").and_then(|search| {
        let id = search.strip_prefix("rfc822msgid:")?;
        Some(format!("Message-ID: <{id}>\r\n"))
    });
    let is_named = |mail: &Mail| {
        let head = String::from_utf8_lossy(&mail.raw);
        named.as_ref().is_none_or(|line| head.contains(line))
    };
    let all: Vec<Value> = mailbox
        .mails
        .iter()
        .rev()
        .filter(|mail| mail.at_ms >= after * 1000 && has(mail, query("labelIds")))
        .filter(|mail| is_named(mail))
        .map(|mail| json!({"id": mail.id, "threadId": mail.thread.as_ref().unwrap_or(&mail.id)}))
        .collect();
    let mut answer = json!({"resultSizeEstimate": all.len()});
    page(&mut answer, "messages", all, from);
    Reply::ok(answer)
}

fn has(mail: &Mail, label: Option<String>) -> bool {
    label.is_none_or(|label| mail.labels.iter().any(|has| *has == label))
}

/// A page of a list; Gmail leaves empty lists out.
fn page(answer: &mut Value, name: &str, all: Vec<Value>, from: usize) {
    let Some(fields) = answer.as_object_mut() else {
        return;
    };
    if all.len() > from + PAGE {
        fields.insert("nextPageToken".into(), (from + PAGE).to_string().into());
    }
    let page: Vec<Value> = all.into_iter().skip(from).take(PAGE).collect();
    if !page.is_empty() {
        fields.insert(name.into(), page.into());
    }
}

pub(super) fn message(mailbox: &Mailbox, id: &str, format: Option<&str>) -> Reply {
    let Some(mail) = mailbox.mails.iter().find(|mail| mail.id == id) else {
        return refused(404, "notFound", "Requested entity was not found.");
    };
    let mut answer = json!({
        "id": mail.id, "threadId": mail.id, "labelIds": mail.labels, "snippet": "",
        "historyId": mail.history_id.to_string(), "internalDate": mail.at_ms.to_string(),
        "sizeEstimate": mail.raw.len(),
    });
    if let Some(fields) = answer.as_object_mut() {
        if format == Some("raw") {
            fields.insert("raw".into(), URL_SAFE.encode(&mail.raw).into());
        } else {
            let head = String::from_utf8_lossy(&mail.raw).into_owned();
            let headers: Vec<Value> = head
                .lines()
                .take_while(|line| !line.is_empty())
                .filter_map(|line| line.split_once(": "))
                .map(|(name, value)| json!({"name": name, "value": value}))
                .collect();
            fields.insert("payload".into(), json!({"headers": headers}));
        }
    }
    Reply::ok(answer)
}
