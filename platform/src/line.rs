//! LINE's Messaging API (<https://developers.line.biz/en/reference/messaging-api/>), as far as the hub uses it.
//!
//! Deliberately absent: delivery receipts, which LINE has none of; quotas.

mod fault;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, Method, StatusCode, Uri},
    response::{IntoResponse, Response},
    routing,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use schemas::{ChannelKind, TrackKind};
use serde_json::{Value, json};
use sha2::Sha256;
use uuid::Uuid;

use self::fault::{faults, is_https, is_id};
use crate::{
    Desk, Fake, Person, Webhook,
    exchange::{Reply, exchange},
};

const SECRET: &str = "0f1e2d3c4b5a69788796a5b4c3d2e1f0";
const TOKEN: &str = "line-access-token";
/// The account's own id.
const BOT: &str = "U00000000000000000000000000000b07";
/// A picture of one pixel.
const PICTURE: &[u8] = b"GIF89a\x01\x00\x01\x00\x00\x00\x00;";

/// LINE.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Line;

#[derive(Clone)]
struct Account {
    desk: Desk,
    state: Arc<Mutex<Known>>,
}

#[derive(Default)]
struct Known {
    /// What was sent under a retry key.
    sent: HashMap<Uuid, Value>,
    endpoint: Option<String>,
}

impl Fake for Line {
    fn kind(&self) -> ChannelKind {
        ChannelKind::Line
    }

    fn channel(&self, url: &str) -> (Value, Value) {
        (
            json!({"channel_secret": SECRET, "access_token": TOKEN}),
            json!({"api_base": url}),
        )
    }

    fn routes(&self, desk: Desk) -> Router {
        Router::new()
            .route("/v2/bot/message/{id}/content", routing::get(content))
            .fallback(call)
            .with_state(Account {
                desk,
                state: Arc::default(),
            })
    }

    fn say(&self, _webhook_url: &str, person: &Person, text: &str, n: u64) -> Option<Webhook> {
        let body = json!({"destination": BOT, "events": [{
            "type": "message", "mode": "active", "timestamp": 1_790_000_000_000_u64 + n * 1000,
            "source": {"type": "user", "userId": person.id},
            "webhookEventId": format!("01JZ{n:022}"),
            "deliveryContext": {"isRedelivery": false},
            "replyToken": format!("{n:032x}"),
            "message": {"type": "text", "id": n.to_string(), "quoteToken": format!("q{n}"), "text": text},
        }]});
        Some(signed(body.to_string().into()))
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

fn signed(body: Bytes) -> Webhook {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("HMAC takes keys of every length");
    mac.update(&body);
    let signature = STANDARD.encode(mac.finalize().into_bytes());
    Webhook {
        headers: vec![
            ("x-line-signature".into(), signature),
            ("content-type".into(), "application/json".into()),
        ],
        body,
    }
}

fn trusted(headers: &HeaderMap) -> bool {
    let given = headers
        .get("authorization")
        .and_then(|value| value.to_str().ok());
    given == Some(format!("Bearer {TOKEN}").as_str())
}

async fn content(headers: HeaderMap) -> Response {
    if trusted(&headers) {
        ([("content-type", "image/gif")], PICTURE).into_response()
    } else {
        StatusCode::UNAUTHORIZED.into_response()
    }
}

async fn call(
    State(account): State<Account>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    exchange(&account.desk, &method, &uri, &body, |body| {
        if !trusted(&headers) {
            return refused(
                StatusCode::UNAUTHORIZED,
                "Authentication failed. Confirm that the access token in the authorization header is valid.",
            );
        }
        let mut known = account.state.lock().unwrap_or_else(PoisonError::into_inner);
        match (method.as_str(), uri.path()) {
            ("POST", "/v2/bot/message/push") => push(&account.desk, &mut known, &headers, body),
            ("POST", "/v2/bot/chat/loading/start") => loading(body),
            ("GET", "/v2/bot/info") => Reply::ok(json!({
                "userId": BOT, "basicId": "@tidings", "displayName": "Tidings", "chatMode": "bot",
                "markAsReadMode": "auto",
            })),
            ("PUT", "/v2/bot/channel/webhook/endpoint") => set_endpoint(&mut known, body),
            ("GET", "/v2/bot/channel/webhook/endpoint") => match &known.endpoint {
                Some(endpoint) => Reply::ok(json!({"endpoint": endpoint, "active": true})),
                None => refused(StatusCode::NOT_FOUND, "Webhook endpoint not found"),
            },
            ("POST", "/v2/bot/channel/webhook/test") => Reply::ok(json!({
                "success": true, "timestamp": "2026-09-21T14:13:20.000Z", "statusCode": 200,
                "reason": "OK", "detail": "200",
            })),
            _ => refused(StatusCode::NOT_FOUND, "Not found"),
        }
    })
    .await
}

fn refused(status: StatusCode, said: &str) -> Reply {
    Reply::refused(status, json!({"message": said}), said)
}

/// The answer to a body with these faults.
fn faulty(faults: Vec<(String, String)>) -> Reply {
    let said = format!("The request body has {} error(s)", faults.len());
    let why = format!("{said}: {faults:?}");
    let details: Vec<Value> = faults
        .into_iter()
        .map(|(property, message)| json!({"message": message, "property": property}))
        .collect();
    Reply::refused(
        StatusCode::BAD_REQUEST,
        json!({"message": said, "details": details}),
        why,
    )
}

fn set_endpoint(known: &mut Known, body: &Value) -> Reply {
    match body.get("endpoint").and_then(Value::as_str) {
        Some(endpoint) if is_https(endpoint, 500) => {
            known.endpoint = Some(endpoint.to_owned());
            Reply::ok(json!({}))
        }
        _ => refused(StatusCode::BAD_REQUEST, "Invalid webhook endpoint URL"),
    }
}

fn loading(body: &Value) -> Reply {
    let seconds = body
        .get("loadingSeconds")
        .map_or(Some(20), Value::as_u64)
        .filter(|seconds| (5..=60).contains(seconds) && seconds % 5 == 0);
    let chat = body
        .get("chatId")
        .and_then(Value::as_str)
        .filter(|chat| is_id(chat, "U"));
    if seconds.is_none() || chat.is_none() {
        return faulty(vec![("chatId".into(), "Invalid value".into())]);
    }
    Reply {
        status: StatusCode::ACCEPTED,
        ..Reply::ok(json!({}))
    }
}

fn push(desk: &Desk, known: &mut Known, headers: &HeaderMap, body: &Value) -> Reply {
    let key = headers
        .get("x-line-retry-key")
        .and_then(|key| key.to_str().ok());
    let key = match key.map(str::parse::<Uuid>) {
        None => None,
        Some(Ok(key)) => Some(key),
        Some(Err(_)) => {
            return refused(StatusCode::BAD_REQUEST, "The retry key is not valid");
        }
    };
    let to = body.get("to").and_then(Value::as_str).unwrap_or_default();
    if !["U", "C", "R"].iter().any(|start| is_id(to, start)) {
        return refused(
            StatusCode::BAD_REQUEST,
            "The property, 'to', in the request body is invalid (line: -, column: -)",
        );
    }
    let faults = faults(body);
    if !faults.is_empty() {
        return faulty(faults);
    }
    if let Some(sent) = key.and_then(|key| known.sent.get(&key)) {
        let body = json!({"message": "The retry key is already accepted", "sentMessages": sent});
        return Reply::refused(StatusCode::CONFLICT, body, "sent before");
    }
    let count = body
        .get("messages")
        .and_then(Value::as_array)
        .map_or(0, Vec::len);
    let sent: Value = (0..count)
        .map(|_| {
            let id = desk.next_id();
            json!({"id": (461_230_966_842_064_000 + id).to_string(), "quoteToken": format!("sent{id}")})
        })
        .collect();
    if let Some(key) = key {
        known.sent.insert(key, sent.clone());
    }
    Reply::ok(json!({"sentMessages": sent}))
}
