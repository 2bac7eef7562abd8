//! Viber's bot API (<https://developers.viber.com/docs/api/rest-bot-api/>), as far as the hub uses it.
//!
//! Deliberately absent: that `set_webhook` calls the address before it answers.

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, Method, StatusCode, Uri},
    response::Response,
};
use hmac::{Hmac, KeyInit, Mac};
use schemas::{ChannelKind, TrackKind};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::{
    Desk, Fake, Person, Webhook,
    exchange::{Reply, exchange},
};

const TOKEN: &str = "4453b6ac12345678-e02c5f12174805f9-daec9cbb5448c51f";
/// Where tokens of messages begin: beyond what a float tells apart.
const FIRST_TOKEN: u64 = 5_741_311_803_571_721_000;
const EVENTS: [&str; 7] = [
    "delivered",
    "seen",
    "failed",
    "subscribed",
    "unsubscribed",
    "conversation_started",
    "message",
];
/// Bytes of a call.
const MAX_CALL: usize = 30 * 1024;

/// Viber.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Viber;

impl Fake for Viber {
    fn kind(&self) -> ChannelKind {
        ChannelKind::Viber
    }

    fn channel(&self, url: &str) -> (Value, Value) {
        (
            json!({"auth_token": TOKEN}),
            json!({"api_base": format!("{url}/pa"), "sender_name": "Tidings"}),
        )
    }

    fn routes(&self, desk: Desk) -> Router {
        Router::new().fallback(call).with_state(desk)
    }

    fn say(&self, _webhook_url: &str, person: &Person, text: &str, n: u64) -> Option<Webhook> {
        let body = json!({
            "event": "message", "timestamp": 1_790_000_000_000_u64 + n * 1000,
            "message_token": FIRST_TOKEN - 1 - n,
            "sender": {"id": person.id, "name": person.name, "language": "en", "api_version": 10},
            "message": {"type": "text", "text": text}, "silent": false,
        });
        Some(signed(&body))
    }

    fn receipt(
        &self,
        _webhook_url: &str,
        person: &Person,
        provider_id: &str,
        kind: TrackKind,
        n: u64,
    ) -> Option<Webhook> {
        let event = match kind {
            TrackKind::Delivered => "delivered",
            TrackKind::Read => "seen",
            TrackKind::Failed => "failed",
            _ => return None,
        };
        let token: u64 = provider_id.parse().ok()?;
        let mut body = json!({
            "event": event, "timestamp": 1_790_000_000_000_u64 + n * 1000, "message_token": token,
            "user_id": person.id,
        });
        if kind == TrackKind::Failed {
            body["desc"] = "the keyboard is not valid".into();
        }
        Some(signed(&body))
    }
}

fn signed(body: &Value) -> Webhook {
    let body = Bytes::from(body.to_string());
    let mut mac =
        Hmac::<Sha256>::new_from_slice(TOKEN.as_bytes()).expect("HMAC takes keys of every length");
    mac.update(&body);
    let digits: Vec<String> = mac
        .finalize()
        .into_bytes()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    Webhook {
        headers: vec![
            ("x-viber-content-signature".into(), digits.concat()),
            ("content-type".into(), "application/json".into()),
        ],
        body,
    }
}

async fn call(
    State(desk): State<Desk>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let given = headers
        .get("x-viber-auth-token")
        .and_then(|token| token.to_str().ok());
    let is_ours = given == Some(TOKEN);
    exchange(&desk, &method, &uri, &body, |json| {
        if !is_ours {
            return said(2, "invalidAuthToken");
        }
        if method != Method::POST || json.is_null() {
            return said(3, "badData: no JSON was posted");
        }
        if body.len() > MAX_CALL {
            return said(3, "badData: more than 30 kB");
        }
        match uri.path() {
            "/pa/send_message" => send(&desk, json),
            "/pa/get_account_info" => Reply::ok(json!({
                "status": 0, "status_message": "ok", "id": "pa:75346594275468546724",
                "name": "Tidings", "uri": "tidings", "subscribers_count": 7,
            })),
            "/pa/set_webhook" => set_webhook(json),
            _ => Reply::refused(StatusCode::NOT_FOUND, json!({}), "no such method"),
        }
    })
    .await
}

/// Viber refuses with HTTP 200 and a status of its own.
fn said(status: u8, message: &str) -> Reply {
    let body = json!({"status": status, "status_message": message});
    Reply::refused(StatusCode::OK, body, message)
}

fn set_webhook(body: &Value) -> Reply {
    let url = body.get("url").and_then(Value::as_str).unwrap_or_default();
    if !url.starts_with("https://") {
        return said(1, "invalidUrl");
    }
    let events = body.get("event_types").and_then(Value::as_array);
    let known = events.is_none_or(|events| {
        events
            .iter()
            .all(|event| event.as_str().is_some_and(|event| EVENTS.contains(&event)))
    });
    if !known {
        return said(3, "badData: event_types");
    }
    let events = events.cloned().unwrap_or_default();
    Reply::ok(json!({"status": 0, "status_message": "ok", "event_types": events}))
}

fn send(desk: &Desk, body: &Value) -> Reply {
    let text = |path: &str| body.pointer(path).and_then(Value::as_str);
    match text("/receiver") {
        None | Some("") => return said(4, "missingData: receiver"),
        Some("unregistered") => return said(5, "receiverNotRegistered"),
        Some("unsubscribed") => return said(6, "receiverNotSubscribed"),
        Some(_) => {}
    }
    let name = text("/sender/name").unwrap_or_default();
    if !(1..=28).contains(&name.chars().count()) {
        return said(3, "badData: sender.name");
    }
    if text("/tracking_data").is_some_and(|data| data.len() > 4096) {
        return said(3, "badData: tracking_data");
    }
    let version = body.get("min_api_version").and_then(Value::as_u64);
    let version = version.unwrap_or(1);
    if let Some(fault) = fault(body, version) {
        return said(3, &format!("badData: {fault}"));
    }
    let token = FIRST_TOKEN + desk.next_id();
    Reply::ok(
        json!({"status": 0, "status_message": "ok", "message_token": token, "billing_status": 1}),
    )
}

/// What is wrong with a message.
fn fault(body: &Value, version: u64) -> Option<&'static str> {
    let text = |path: &str| body.pointer(path).and_then(Value::as_str);
    let number = |path: &str| body.pointer(path).and_then(Value::as_f64);
    let whole = |path: &str| body.pointer(path).and_then(Value::as_u64);
    let length = |path: &str| text(path).map_or(0, |text| text.chars().count());
    let address = |max: usize| {
        text("/media").is_some_and(|url| {
            (url.starts_with("https://") || url.starts_with("http://")) && url.len() <= max
        })
    };
    let need = |fits: bool, what| (!fits).then_some(what);
    let fault = match text("/type") {
        Some("text") => need((1..=7000).contains(&length("/text")), "text"),
        Some("picture") => {
            let max = if version >= 6 { 768 } else { 120 };
            need(
                address(2000) && text("/text").is_some() && length("/text") <= max,
                "picture",
            )
        }
        Some("video") => need(
            address(2000)
                && whole("/size").is_some_and(|size| size <= 26 << 20)
                && body
                    .get("duration")
                    .is_none_or(|_| whole("/duration").is_some_and(|seconds| seconds <= 180)),
            "video",
        ),
        Some("file") => need(
            address(2000)
                && whole("/size").is_some_and(|size| size <= 50 << 20)
                && (1..=256).contains(&length("/file_name")),
            "file",
        ),
        Some("url") => need(address(2000), "url"),
        Some("contact") => need(
            (1..=28).contains(&length("/contact/name"))
                && (1..=18).contains(&length("/contact/phone_number")),
            "contact",
        ),
        Some("location") => need(
            number("/location/lat").is_some_and(|lat| lat.abs() <= 90.0)
                && number("/location/lon").is_some_and(|lon| lon.abs() <= 180.0),
            "location",
        ),
        Some("sticker") => need(whole("/sticker_id").is_some(), "sticker"),
        _ => Some("type"),
    };
    fault.or_else(|| body.get("keyboard").and_then(keyboard_fault))
}

fn keyboard_fault(keyboard: &Value) -> Option<&'static str> {
    let text = |of: &Value, name: &str| of.get(name).and_then(Value::as_str).map(str::to_owned);
    if text(keyboard, "Type").as_deref() != Some("keyboard") {
        return Some("keyboard.Type");
    }
    let buttons = keyboard.get("Buttons").and_then(Value::as_array);
    let fits = buttons.is_some_and(|buttons| {
        (1..=24).contains(&buttons.len())
            && buttons.iter().all(|button| {
                let body = text(button, "ActionBody").unwrap_or_default();
                let kind = text(button, "ActionType");
                let label = text(button, "Text").unwrap_or_default();
                !body.is_empty()
                    && label.chars().count() <= 250
                    && match kind.as_deref() {
                        Some("reply") => body.chars().count() <= 250,
                        Some("open-url") => body.starts_with("http"),
                        _ => false,
                    }
            })
    });
    (!fits).then_some("keyboard.Buttons")
}
