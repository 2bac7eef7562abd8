//! Slack's Web API (<https://docs.slack.dev/reference/methods/>), as far as the hub uses it, and the events it posts.
//!
//! Channels named `CNOTMEMBER` have not invited the bot, `CARCHIVED` is archived, the person `UGONE` is not there. Everything
//! else is. Files are uploaded in three steps, see [`upload`]. Deliberately absent: scopes other than those the bot has, receipts (Slack has none), OAuth.

mod upload;

use std::time::{SystemTime, UNIX_EPOCH};

use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, State},
    http::{HeaderMap, Method, StatusCode, Uri},
    response::{IntoResponse, Response},
    routing,
};
use hmac::{Hmac, KeyInit, Mac};
use schemas::{ChannelKind, TrackKind};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::{
    Desk, Fake, MAX_BODY_BYTES, Person, Webhook,
    exchange::{Reply, exchange, exchanged},
    form,
    slack::upload::Uploads,
};

const SECRET: &str = "5e2f8a1d9c7b4a6f3e0d2c1b8a9f7e6d";
const TOKEN: &str = "xoxb-1111-2222-fake";
const TEAM: &str = "T0FAKE001";
const BOT: &str = "U0FAKEBOT";
/// A picture of one pixel.
const PICTURE: &[u8] = b"GIF89a\x01\x00\x01\x00\x00\x00\x00;";
/// Characters of `text` that are taken.
const MAX_TEXT: usize = 40_000;

/// Slack.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Slack;

impl Fake for Slack {
    fn kind(&self) -> ChannelKind {
        ChannelKind::Slack
    }

    fn channel(&self, url: &str) -> (Value, Value) {
        (
            json!({"signing_secret": SECRET, "bot_token": TOKEN}),
            json!({"api_base": format!("{}/api", url.trim_end_matches('/'))}),
        )
    }

    fn routes(&self, desk: Desk) -> Router {
        Router::new()
            .route("/files-pri/{*rest}", routing::get(file))
            .route("/response/{*rest}", routing::post(respond))
            .route("/upload/v1/{id}", routing::post(upload::receive))
            .fallback(call)
            .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
            .with_state(Account {
                desk,
                uploads: Uploads::default(),
            })
    }

    fn say(&self, _webhook_url: &str, person: &Person, text: &str, n: u64) -> Option<Webhook> {
        let now = seconds();
        let ts = format!("{now}.{:06}", n % 1_000_000);
        let escaped = text
            .replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;");
        let body = json!({
            "token": "fake", "team_id": TEAM, "api_app_id": "A0FAKE001", "type": "event_callback",
            "event_id": format!("Ev{n:010}"), "event_time": now,
            "authorizations": [{"team_id": TEAM, "user_id": BOT, "is_bot": true}],
            "event": {
                "type": "message", "channel": format!("D{}", person.id.get(1..).unwrap_or_default()),
                "channel_type": "im", "user": person.id, "text": escaped, "ts": ts, "event_ts": ts,
                "team": TEAM, "user_profile": {"name": person.name, "display_name": person.name},
            },
        });
        Some(signed(now, body.to_string().into()))
    }

    fn receipt(
        &self,
        _webhook_url: &str,
        _person: &Person,
        _provider_id: &str,
        _kind: TrackKind,
        _n: u64,
    ) -> Option<Webhook> {
        None
    }
}

#[derive(Clone)]
struct Account {
    desk: Desk,
    uploads: Uploads,
}

fn seconds() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

fn signed(now: u64, body: Bytes) -> Webhook {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("HMAC takes keys of every length");
    mac.update(format!("v0:{now}:").as_bytes());
    mac.update(&body);
    let digest: String = mac
        .finalize()
        .into_bytes()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    Webhook {
        headers: vec![
            ("x-slack-request-timestamp".into(), now.to_string()),
            ("x-slack-signature".into(), format!("v0={digest}")),
            ("content-type".into(), "application/json".into()),
        ],
        body,
    }
}

fn is_trusted(headers: &HeaderMap) -> bool {
    let given = headers
        .get("authorization")
        .and_then(|value| value.to_str().ok());
    given == Some(format!("Bearer {TOKEN}").as_str())
}

async fn file(headers: HeaderMap) -> Response {
    if is_trusted(&headers) {
        ([("content-type", "image/gif")], PICTURE).into_response()
    } else {
        StatusCode::UNAUTHORIZED.into_response()
    }
}

/// The address of an interaction; paths with `expired` are too old.
async fn respond(
    State(account): State<Account>,
    method: Method,
    uri: Uri,
    body: Bytes,
) -> Response {
    exchange(&account.desk, &method, &uri, &body, |body| {
        if uri.path().contains("expired") {
            let body = json!({"ok": false, "error": "expired_url"});
            return Reply::refused(StatusCode::NOT_FOUND, body, "too old");
        }
        let kind = text(body, "/response_type");
        if !matches!(kind, "ephemeral" | "in_channel") {
            return refused("invalid_response_type", "response_type");
        }
        worded(body).map_or_else(|why| why, |()| Reply::ok(json!({"ok": true})))
    })
    .await
}

async fn call(
    State(Account { desk, uploads }): State<Account>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let number = desk.next_id();
    let kind = headers.get("content-type").map(|kind| kind.as_bytes());
    let body = if kind == Some(b"application/x-www-form-urlencoded") {
        Value::Object(form::object(&body))
    } else {
        serde_json::from_slice(&body).unwrap_or_default()
    };
    let mut response = exchanged(&desk, &method, &uri, body, |body| {
        if !is_trusted(&headers) {
            return refused("invalid_auth", "no bearer token, or another one");
        }
        let Some(name) = uri.path().strip_prefix("/api/").filter(|_| method == Method::POST)
        else {
            return refused("unknown_method", "not POST below /api/");
        };
        let answered = match name {
            "auth.test" => Ok(Reply::ok(json!({
                "ok": true, "url": "https://fake.slack.com/", "team": "Fake", "user": "desk",
                "team_id": TEAM, "user_id": BOT, "bot_id": "B0FAKEBOT",
            }))),
            "chat.postMessage" => post(body, number),
            "chat.postEphemeral" => whisper(body, number),
            "conversations.open" => open(body),
            "assistant.threads.setStatus" => status(body),
            "files.getUploadURLExternal" => {
                let host = headers.get("host").and_then(|host| host.to_str().ok());
                uploads.begin(body, host.unwrap_or_default(), number)
            }
            "files.completeUploadExternal" => {
                place(body, "/channel_id").and_then(|_| uploads.complete(body, number))
            }
            "files.info" if uploads.info(&uri).is_some() => {
                Ok(Reply::ok(uploads.info(&uri).unwrap_or_default()))
            }
            "files.info" => Ok(Reply::ok(json!({"ok": true, "file": {
                "id": "F1", "url_private": "https://files.slack.com/files-pri/T0FAKE001-F1/x.gif"}}))),
            _ => Err(refused("unknown_method", "no method the hub is known to use")),
        };
        answered.unwrap_or_else(|refusal| refusal)
    })
    .await;
    // As Slack does on every call with a bot's token.
    let scopes = "chat:write,im:write,files:read,files:write,assistant:write";
    response.headers_mut().insert(
        "x-oauth-scopes",
        axum::http::HeaderValue::from_static(scopes),
    );
    if response.status() == StatusCode::TOO_MANY_REQUESTS {
        response
            .headers_mut()
            .insert("retry-after", axum::http::HeaderValue::from_static("3"));
    }
    response
}

fn post(body: &Value, number: u64) -> Result<Reply, Reply> {
    let channel = place(body, "/channel")?;
    worded(body)?;
    let ts = format!("{}.{number:06}", seconds());
    Ok(Reply::ok(json!({
        "ok": true, "channel": channel, "ts": ts,
        "message": {"type": "message", "user": BOT, "bot_id": "B0FAKEBOT", "ts": ts, "text": body["text"]},
    })))
}

fn whisper(body: &Value, number: u64) -> Result<Reply, Reply> {
    place(body, "/channel")?;
    worded(body)?;
    if !text(body, "/user").starts_with(['U', 'W']) {
        return Err(refused("user_not_in_channel", "user"));
    }
    Ok(Reply::ok(
        json!({"ok": true, "message_ts": format!("{}.{number:06}", seconds())}),
    ))
}

fn open(body: &Value) -> Result<Reply, Reply> {
    let users = text(body, "/users");
    if !users.starts_with(['U', 'W']) || users == "UGONE" {
        return Err(refused("user_not_found", "users"));
    }
    if users == BOT {
        return Err(refused("cannot_dm_bot", "users"));
    }
    let channel = format!("D{}", users.get(1..).unwrap_or_default());
    Ok(Reply::ok(json!({"ok": true, "channel": {"id": channel}})))
}

fn status(body: &Value) -> Result<Reply, Reply> {
    let known = text(body, "/channel_id").starts_with('D') && is_ts(text(body, "/thread_ts"));
    if known && body.get("status").is_some_and(Value::is_string) {
        Ok(Reply::ok(json!({"ok": true})))
    } else {
        Err(refused(
            "invalid_arguments",
            "channel_id, thread_ts or status",
        ))
    }
}

/// The channel, which must be there and let the bot in; a thread must look like one.
fn place<'v>(body: &'v Value, path: &str) -> Result<&'v str, Reply> {
    let channel = text(body, path);
    match channel {
        "CNOTMEMBER" => return Err(refused("not_in_channel", "channel")),
        "CARCHIVED" => return Err(refused("is_archived", "channel")),
        _ if !channel.starts_with(['C', 'D', 'G']) => {
            return Err(refused("channel_not_found", "channel"));
        }
        _ => {}
    }
    match body.get("thread_ts") {
        Some(ts) if !ts.as_str().is_some_and(is_ts) => {
            Err(refused("invalid_thread_ts", "thread_ts"))
        }
        _ => Ok(channel),
    }
}

fn is_ts(ts: &str) -> bool {
    ts.split_once('.').is_some_and(|(seconds, rest)| {
        [seconds, rest]
            .iter()
            .all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
    })
}

/// Whether there is something to say, within Slack's limits.
fn worded(body: &Value) -> Result<(), Reply> {
    let words = text(body, "/text");
    if words.chars().count() > MAX_TEXT {
        return Err(refused("msg_too_long", "text"));
    }
    let Some(blocks) = body.get("blocks") else {
        return if words.is_empty() {
            Err(refused("no_text", "text"))
        } else {
            Ok(())
        };
    };
    let blocks = blocks.as_array().map_or(&[][..], Vec::as_slice);
    let fit = (1..=50).contains(&blocks.len()) && blocks.iter().all(is_block);
    if fit {
        Ok(())
    } else {
        Err(refused("invalid_blocks", "blocks"))
    }
}

fn is_block(block: &Value) -> bool {
    let within = |path: &str, max: usize| (1..=max).contains(&text(block, path).chars().count());
    match text(block, "/type") {
        "section" => {
            within("/text/text", 3000)
                && matches!(text(block, "/text/type"), "mrkdwn" | "plain_text")
        }
        "image" => {
            within("/alt_text", 2000)
                && within("/image_url", 3000) == text(block, "/slack_file/id").is_empty()
        }
        "actions" => block["elements"].as_array().is_some_and(|elements| {
            let mut ids: Vec<&str> = elements.iter().map(|one| text(one, "/action_id")).collect();
            ids.sort_unstable();
            ids.dedup();
            (1..=25).contains(&elements.len())
                && ids.len() == elements.len()
                && elements.iter().all(is_button)
        }),
        _ => false,
    }
}

fn is_button(element: &Value) -> bool {
    let within = |path: &str, max: usize| text(element, path).chars().count() <= max;
    text(element, "/type") == "button"
        && text(element, "/text/type") == "plain_text"
        && !text(element, "/text/text").is_empty()
        && within("/text/text", 75)
        && within("/value", 2000)
        && within("/url", 3000)
        && within("/action_id", 255)
}

fn text<'v>(value: &'v Value, path: &str) -> &'v str {
    value
        .pointer(path)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

fn refused(error: &str, why: &str) -> Reply {
    Reply::refused(StatusCode::OK, json!({"ok": false, "error": error}), why)
}
