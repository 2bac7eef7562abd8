//! Mails that are sent (<https://developers.google.com/workspace/gmail/api/guides/sending>), alone or as answers in a thread.

use axum::http::{HeaderMap, header};
use serde_json::{Value, json};

use super::{
    ADDRESS,
    mailbox::{Mailbox, put},
    now_s, refused,
};
use crate::exchange::Reply;

/// The two parts of an upload: what is to be known of the mail, and the mail.
pub(super) fn related(headers: &HeaderMap, body: &[u8]) -> Option<(Value, Vec<u8>)> {
    let kind = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    let boundary = kind.strip_prefix("multipart/related; boundary=")?;
    let body = body.strip_suffix(format!("\r\n--{boundary}--\r\n").as_bytes())?;
    let start = format!("--{boundary}\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n");
    let rest = body.strip_prefix(start.as_bytes())?;
    let between = format!("\r\n--{boundary}\r\nContent-Type: message/rfc822\r\n\r\n");
    let at = rest
        .windows(between.len())
        .position(|window| window == between.as_bytes())?;
    let (fields, from) = rest.split_at(at);
    let (_, raw) = from.split_at(between.len());
    Some((serde_json::from_slice(fields).ok()?, raw.to_vec()))
}

pub(super) fn send(mailbox: &mut Mailbox, raw: Vec<u8>, fields: &Value) -> Reply {
    let thread = fields.get("threadId").and_then(Value::as_str);
    let thread = thread.map(str::to_owned);
    if let Some(thread) = &thread
        && !mailbox.mails.iter().any(|mail| mail.id == *thread)
    {
        return refused(404, "notFound", "Requested entity was not found.");
    }
    let text = String::from_utf8_lossy(&raw).into_owned();
    let header = |name: &str| {
        text.lines()
            .take_while(|line| !line.is_empty())
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    };
    let Some(to) = header("To") else {
        return refused(400, "invalidArgument", "Recipient address required");
    };
    if !to.contains('@') {
        return refused(400, "invalidArgument", "Invalid To header");
    }
    if header("From").is_none_or(|from| !from.contains(ADDRESS)) {
        return refused(400, "invalidArgument", "Invalid From header");
    }
    let id = put(mailbox, raw, now_s() * 1000, vec!["SENT"]);
    let answer =
        json!({"id": id, "threadId": thread.as_deref().unwrap_or(&id), "labelIds": ["SENT"]});
    if let Some(sent) = mailbox.mails.last_mut() {
        sent.thread = thread;
    }
    Reply::ok(answer)
}
