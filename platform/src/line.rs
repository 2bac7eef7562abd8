//! LINE's Messaging API (<https://developers.line.biz/en/reference/messaging-api/>), as far as the hub uses it.
//!
//! Deliberately absent: delivery receipts, which LINE has none of; quotas.

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

/// What is wrong with a push, as (property, message).
fn faults(body: &Value) -> Vec<(String, String)> {
    let Some(messages) = body.get("messages").and_then(Value::as_array) else {
        return vec![("messages".into(), "May not be empty".into())];
    };
    if messages.is_empty() || messages.len() > 5 {
        return vec![("messages".into(), "Size must be between 1 and 5".into())];
    }
    messages
        .iter()
        .enumerate()
        .flat_map(|(at, message)| {
            let place = format!("messages[{at}]");
            message_faults(message)
                .into_iter()
                .map(move |(name, said)| (format!("{place}.{name}"), said.to_owned()))
        })
        .collect()
}

fn message_faults(message: &Value) -> Vec<(String, &'static str)> {
    let text = |path: &str| message.pointer(path).and_then(Value::as_str);
    let long = |path: &str, max: usize| {
        text(path).is_none_or(|text| text.is_empty() || text.encode_utf16().count() > max)
    };
    let number = |path: &str| message.pointer(path).and_then(Value::as_f64);
    let mut faults = Vec::new();
    let mut need = |fits: bool, name: &str, said: &'static str| {
        if !fits {
            faults.push((name.to_owned(), said));
        }
    };
    let address = |path: &str| text(path).is_some_and(|url| is_https(url, 2000));
    match text("/type") {
        Some("text") => need(
            !long("/text", 5000),
            "text",
            "Length must be between 1 and 5000",
        ),
        Some("image" | "video") => {
            need(
                address("/originalContentUrl"),
                "originalContentUrl",
                "Must be an https URL",
            );
            need(
                address("/previewImageUrl"),
                "previewImageUrl",
                "Must be an https URL",
            );
        }
        Some("audio") => {
            need(
                address("/originalContentUrl"),
                "originalContentUrl",
                "Must be an https URL",
            );
            need(
                number("/duration").is_some_and(|ms| ms > 0.0),
                "duration",
                "Must be positive",
            );
        }
        Some("location") => {
            need(
                !long("/title", 100),
                "title",
                "Length must be between 1 and 100",
            );
            need(
                !long("/address", 100),
                "address",
                "Length must be between 1 and 100",
            );
            need(
                number("/latitude").is_some(),
                "latitude",
                "May not be empty",
            );
            need(
                number("/longitude").is_some(),
                "longitude",
                "May not be empty",
            );
        }
        Some("sticker") => {
            need(
                text("/packageId").is_some(),
                "packageId",
                "May not be empty",
            );
            need(
                text("/stickerId").is_some(),
                "stickerId",
                "May not be empty",
            );
        }
        Some("template") => {
            need(
                !long("/altText", 400),
                "altText",
                "Length must be between 1 and 400",
            );
            need(
                text("/template/type") == Some("buttons"),
                "template.type",
                "Not played",
            );
            need(
                !long("/template/text", 160),
                "template.text",
                "Length must be between 1 and 160",
            );
            let actions = message
                .pointer("/template/actions")
                .and_then(Value::as_array);
            need(
                actions.is_some_and(|list| (1..=4).contains(&list.len())),
                "template.actions",
                "Size must be between 1 and 4",
            );
            need(
                actions.is_some_and(|list| list.iter().all(is_action)),
                "template.actions",
                "Invalid action",
            );
        }
        _ => need(
            false,
            "type",
            "Must be one of the following values: [text, image, video, audio, location, sticker, template]",
        ),
    }
    if let Some(items) = message.pointer("/quickReply/items") {
        let fits = items.as_array().is_some_and(|items| {
            (1..=13).contains(&items.len())
                && items.iter().all(|item| {
                    item.get("type").and_then(Value::as_str) == Some("action")
                        && item.get("action").is_some_and(is_action)
                })
        });
        need(
            fits,
            "quickReply.items",
            "Size must be between 1 and 13, of actions",
        );
    }
    let quotes =
        message.get("quoteToken").is_none() || matches!(text("/type"), Some("text" | "sticker"));
    need(quotes, "quoteToken", "Only text and stickers may quote");
    faults
}

fn is_action(action: &Value) -> bool {
    let units = |name: &str| {
        let text = action.get(name).and_then(Value::as_str);
        text.map(|text| text.encode_utf16().count())
    };
    let within = |name: &str, max: usize| units(name).is_some_and(|n| (1..=max).contains(&n));
    within("label", 20)
        && match action.get("type").and_then(Value::as_str) {
            Some("postback") => {
                within("data", 300) && units("displayText").is_none_or(|n| n <= 300)
            }
            Some("uri") => {
                let schemes = ["https://", "http://", "line://", "tel:"];
                let uri = action
                    .get("uri")
                    .and_then(Value::as_str)
                    .unwrap_or_default();
                within("uri", 1000) && schemes.iter().any(|scheme| uri.starts_with(scheme))
            }
            Some("message") => within("text", 300),
            _ => false,
        }
}

fn is_https(url: &str, max: usize) -> bool {
    url.starts_with("https://") && url.chars().count() <= max
}

/// A letter and 32 digits.
fn is_id(id: &str, start: &str) -> bool {
    id.strip_prefix(start).is_some_and(|digits| {
        digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}
