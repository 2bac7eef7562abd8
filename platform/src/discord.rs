//! Discord's API (<https://docs.discord.com/developers/reference>), as far as the hub uses it, and the interactions it posts.
//!
//! The person `10` takes no messages from bots, the person `11` and the channel `12` are not there, the channel `13` lets the
//! bot not in, the token `expired` is. `gateway.rs` is what a bot listens to. Deliberately absent: receipts (Discord has none),
//! buckets of rates.

mod door;
pub mod gateway;
mod line;
mod upload;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

use axum::{
    Router,
    body::Bytes,
    extract::{OriginalUri, State},
    http::{HeaderMap, Method, StatusCode, Uri},
    response::Response,
    routing,
};
use ed25519_dalek::{Signer, SigningKey};
use schemas::{ChannelKind, TrackKind};
use serde_json::{Value, json};

use crate::{
    Desk, Fake, MAX_BODY_BYTES, Person, Webhook,
    exchange::{Reply, exchange_form},
};
use gateway::Gateway;

const TOKEN: &str = "MTE3OTEw.fake.token";
const APPLICATION: &str = "1179100000000000001";
const SEED: [u8; 32] = [42; 32];
/// Characters of a message.
const MAX_TEXT: usize = 2000;

/// Discord, with one bot.
#[derive(Clone, Default)]
pub struct Discord {
    pub gateway: Gateway,
}

#[derive(Clone)]
struct Account {
    desk: Desk,
    gateway: Gateway,
    /// What was posted under a nonce.
    known: Arc<Mutex<HashMap<String, Value>>>,
}

impl Fake for Discord {
    fn kind(&self) -> ChannelKind {
        ChannelKind::Discord
    }

    fn channel(&self, url: &str) -> (Value, Value) {
        (
            json!({"public_key": public_key(), "bot_token": TOKEN, "application_id": APPLICATION}),
            json!({"api_base": format!("{}/api/v10", url.trim_end_matches('/'))}),
        )
    }

    fn routes(&self, desk: Desk) -> Router {
        Router::new()
            .route(door::PATHS[0], routing::any(door::listen))
            .route(door::PATHS[1], routing::any(door::listen))
            .fallback(call)
            .layer(axum::extract::DefaultBodyLimit::max(MAX_BODY_BYTES))
            .with_state(Account {
                desk,
                gateway: self.gateway.clone(),
                known: Arc::default(),
            })
    }

    /// A command that says something: what a bot hears without the gateway.
    fn say(&self, _webhook_url: &str, person: &Person, text: &str, n: u64) -> Option<Webhook> {
        let body = json!({
            "id": (1_420_000_000_000_000_000_u64 + n).to_string(), "application_id": APPLICATION,
            "type": 2, "token": format!("token-{n}"), "version": 1, "context": 1,
            "channel_id": "1179300000000000000", "channel": {"id": "1179300000000000000", "type": 1},
            "user": {"id": person.id, "username": person.name, "global_name": person.name, "discriminator": "0"},
            "data": {"id": "1", "name": "say", "type": 1,
                "options": [{"name": "text", "type": 3, "value": text}]},
        });
        Some(signed(body.to_string().into()))
    }

    fn tell(&self, person: &Person, text: &str) -> bool {
        let listens = self.gateway.listeners() > 0;
        if listens {
            self.gateway.whisper_as(person, text);
        }
        listens
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

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn public_key() -> String {
    hex(SigningKey::from_bytes(&SEED).verifying_key().as_bytes())
}

fn signed(body: Bytes) -> Webhook {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
        .to_string();
    let text = [now.as_bytes(), &body].concat();
    let signature = SigningKey::from_bytes(&SEED).sign(&text);
    Webhook {
        headers: vec![
            ("x-signature-ed25519".into(), hex(&signature.to_bytes())),
            ("x-signature-timestamp".into(), now),
            ("content-type".into(), "application/json".into()),
        ],
        body,
    }
}

async fn call(
    State(account): State<Account>,
    OriginalUri(whole): OriginalUri,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let number = account.desk.next_id();
    exchange_form(&account.desk, &method, &uri, &headers, &body, |form| {
        let body = &match upload::unfolded(form) {
            Ok(body) => body,
            Err(refusal) => return refusal,
        };
        let Some(path) = uri.path().strip_prefix("/api/v10/") else {
            return refused(StatusCode::NOT_FOUND, 0, "404: Not Found");
        };
        let parts: Vec<&str> = path.split('/').collect();
        let given = headers
            .get("authorization")
            .and_then(|value| value.to_str().ok());
        // Answers to interactions have their key in the path.
        let answers = matches!(parts.first(), Some(&"webhooks" | &"interactions"));
        if !answers && given != Some(format!("Bot {TOKEN}").as_str()) {
            return refused(StatusCode::UNAUTHORIZED, 0, "401: Unauthorized");
        }
        let done = match (method.as_str(), parts.as_slice()) {
            ("GET", ["users", "@me"]) => {
                Ok(json!({"id": APPLICATION, "username": "desk", "bot": true}))
            }
            ("GET", ["applications", "@me"]) => Ok(application()),
            ("GET", parts) => door::get(&account.gateway, parts, &headers, &whole, &uri),
            ("POST", ["interactions", _, token, "callback"]) => door::call_back(token, body),
            ("PATCH", ["applications", "@me"]) => endpoint(body),
            ("POST", ["users", "@me", "channels"]) => open(body),
            ("POST", ["channels", id, "typing"]) => reachable(id).map(|()| Value::Null),
            ("POST", ["channels", id, "messages"]) => {
                reachable(id).and_then(|()| account.post(body, id, number))
            }
            ("POST", ["webhooks", APPLICATION, token]) => {
                if *token == "expired" {
                    Err(refused(
                        StatusCode::UNAUTHORIZED,
                        50027,
                        "Invalid Webhook Token",
                    ))
                } else {
                    checked(body).map(|()| posted("1179300000000000000", body, number))
                }
            }
            ("POST", ["attachments", "refresh-urls"]) => Ok(json!({"refreshed_urls": [{
                "original": body.pointer("/attachment_urls/0"),
                "refreshed": "https://cdn.discordapp.com/attachments/1/2/x.png?ex=7fffffff"}]})),
            _ => Err(refused(StatusCode::NOT_FOUND, 0, "404: Not Found")),
        };
        match done {
            Ok(Value::Null) => Reply {
                status: StatusCode::NO_CONTENT,
                body: Value::Null,
                refusal: None,
            },
            Ok(result) => Reply::ok(result),
            Err(refusal) => refusal,
        }
    })
    .await
}

impl Account {
    /// The same nonce is the same message.
    fn post(&self, body: &Value, channel: &str, number: u64) -> Result<Value, Reply> {
        checked(body)?;
        let sent = posted(channel, body, number);
        let nonce = text(body, "/nonce");
        if nonce.is_empty() || body.get("enforce_nonce") != Some(&Value::Bool(true)) {
            return Ok(sent);
        }
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(known
            .entry(format!("{channel}/{nonce}"))
            .or_insert(sent)
            .clone())
    }
}

fn posted(channel: &str, body: &Value, number: u64) -> Value {
    json!({
        "id": (1_420_100_000_000_000_000_u64 + number).to_string(), "type": 0, "channel_id": channel,
        "content": body.get("content"), "author": {"id": APPLICATION, "username": "desk", "bot": true},
    })
}

fn application() -> Value {
    json!({"id": APPLICATION, "name": "Desk", "verify_key": public_key(), "flags": 1 << 19})
}

fn endpoint(body: &Value) -> Result<Value, Reply> {
    let url = text(body, "/interactions_endpoint_url");
    if url.starts_with("https://") {
        Ok(application())
    } else {
        Err(invalid("interactions_endpoint_url"))
    }
}

fn open(body: &Value) -> Result<Value, Reply> {
    match text(body, "/recipient_id") {
        "11" | "" => Err(refused(StatusCode::NOT_FOUND, 10013, "Unknown User")),
        // Refused when it is written to, as Discord does.
        "10" => Ok(json!({"id": "1010", "type": 1})),
        id if is_id(id) => Ok(json!({"id": format!("9{id}"), "type": 1})),
        _ => Err(invalid("recipient_id")),
    }
}

fn reachable(channel: &str) -> Result<(), Reply> {
    let no = |status, code, why| Err(refused(status, code, why));
    match channel {
        "12" => no(StatusCode::NOT_FOUND, 10003, "Unknown Channel"),
        "13" => no(StatusCode::FORBIDDEN, 50001, "Missing Access"),
        "1010" => no(
            StatusCode::FORBIDDEN,
            50007,
            "Cannot send messages to this user",
        ),
        id if is_id(id) => Ok(()),
        _ => Err(invalid("channel_id")),
    }
}

/// Whether a message is within Discord's limits.
fn checked(body: &Value) -> Result<(), Reply> {
    let list = |name: &str| {
        body.get(name)
            .and_then(Value::as_array)
            .map_or(&[][..], Vec::as_slice)
    };
    let words = text(body, "/content");
    if words.chars().count() > MAX_TEXT {
        return Err(invalid("content"));
    }
    let others = ["embeds", "components", "attachments"];
    if words.is_empty() && others.into_iter().all(|name| list(name).is_empty()) {
        return Err(refused(
            StatusCode::BAD_REQUEST,
            50006,
            "Cannot send an empty message",
        ));
    }
    if text(body, "/nonce").len() > 25 {
        return Err(invalid("nonce"));
    }
    let pictured = list("embeds")
        .iter()
        .all(|embed| text(embed, "/image/url").starts_with("http"));
    if list("embeds").len() > 10 || !pictured {
        return Err(invalid("embeds"));
    }
    let reference = body.pointer("/message_reference/message_id");
    if reference.is_some_and(|id| !id.as_str().is_some_and(is_id)) {
        return Err(invalid("message_reference"));
    }
    rows(list("components"))
}

fn rows(rows: &[Value]) -> Result<(), Reply> {
    let mut ids = Vec::new();
    for row in rows {
        let buttons = row["components"].as_array().map_or(&[][..], Vec::as_slice);
        if row["type"] != 1 || !(1..=5).contains(&buttons.len()) {
            return Err(invalid("components"));
        }
        for button in buttons {
            let link = button["style"] == 5;
            let (id, url) = (text(button, "/custom_id"), text(button, "/url"));
            let label = text(button, "/label").chars().count();
            let fits = button["type"] == 2
                && (1..=80).contains(&label)
                && link == id.is_empty()
                && link != url.is_empty()
                && id.chars().count() <= 100
                && url.len() <= 512;
            if !fits || (!link && ids.contains(&id)) {
                return Err(invalid("components"));
            }
            ids.push(id);
        }
    }
    if rows.len() > 5 {
        Err(invalid("components"))
    } else {
        Ok(())
    }
}

fn is_id(id: &str) -> bool {
    (1..=20).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_digit())
}

fn text<'v>(value: &'v Value, path: &str) -> &'v str {
    value
        .pointer(path)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

fn invalid(field: &str) -> Reply {
    Reply::refused(
        StatusCode::BAD_REQUEST,
        json!({"code": 50035, "message": "Invalid Form Body", "errors": {field: {"_errors": []}}}),
        field,
    )
}

fn refused(status: StatusCode, code: u64, why: &str) -> Reply {
    Reply::refused(status, json!({"code": code, "message": why}), why)
}
