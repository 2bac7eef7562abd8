//! Vonage's Messages API (<https://developer.vonage.com/en/api/messages-olympus>), as far as the hub uses it.
//!
//! Deliberately absent: whether a token's signature is right, which takes the application's public key; calls; media.

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, Method, StatusCode, Uri},
    response::Response,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use schemas::{ChannelKind, TrackKind};
use serde_json::{Value, json};

use crate::{
    Desk, Fake, Person, Webhook, at,
    exchange::{Reply, exchange},
    jwt,
};

const KEY: &str = "abcd1234";
const SECRET: &str = "vonage-api-secret";
const APPLICATION: &str = "aaaaaaaa-bbbb-4ccc-8ddd-0123456789ab";
const SIGNATURE_SECRET: &str = "vonage-signature-secret-of-32-bytes";
const NUMBER: &str = "447700900000";

/// Vonage.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Vonage;

impl Fake for Vonage {
    fn kind(&self) -> ChannelKind {
        ChannelKind::Vonage
    }

    fn channel(&self, url: &str) -> (Value, Value) {
        (
            json!({"api_key": KEY, "api_secret": SECRET, "signature_secret": SIGNATURE_SECRET}),
            json!({"api_base": url, "from": NUMBER}),
        )
    }

    fn routes(&self, desk: Desk) -> Router {
        Router::new().fallback(call).with_state(desk)
    }

    fn say(&self, _webhook_url: &str, person: &Person, text: &str, n: u64) -> Option<Webhook> {
        Some(signed(&json!({
            "channel": "sms", "message_uuid": format!("bbbbbbbb-cccc-4ddd-8eee-{n:012}"),
            "to": NUMBER, "from": person.id, "timestamp": at(n),
            "message_type": "text", "text": text,
            "sms": {"num_messages": "1"}, "usage": {"price": "0.0000", "currency": "EUR"},
        })))
    }

    fn receipt(
        &self,
        _webhook_url: &str,
        person: &Person,
        provider_id: &str,
        kind: TrackKind,
        n: u64,
    ) -> Option<Webhook> {
        let status = match kind {
            TrackKind::Sent => "submitted",
            TrackKind::Delivered => "delivered",
            TrackKind::Read => "read",
            TrackKind::Failed => "undeliverable",
            _ => return None,
        };
        let mut body = json!({
            "message_uuid": provider_id, "to": person.id, "from": NUMBER, "channel": "sms",
            "timestamp": at(n), "status": status,
        });
        if kind == TrackKind::Failed {
            body["error"] = json!({
                "type": "https://developer.vonage.com/api-errors/messages#1260",
                "title": "1260", "detail": "Destination unreachable",
            });
        }
        Some(signed(&body))
    }
}

fn signed(body: &Value) -> Webhook {
    let body = body.to_string();
    let claims = json!({
        "iat": jwt::now(), "jti": jwt::digest(body.as_bytes()), "iss": "Vonage",
        "payload_hash": jwt::digest(body.as_bytes()), "api_key": KEY, "application_id": APPLICATION,
    });
    Webhook {
        headers: vec![
            (
                "authorization".into(),
                format!("Bearer {}", jwt::sign(&claims, SIGNATURE_SECRET)),
            ),
            ("content-type".into(), "application/json".into()),
        ],
        body: body.into(),
    }
}

fn trusted(headers: &HeaderMap) -> bool {
    let given = headers
        .get("authorization")
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    if let Some(claims) = given.strip_prefix("Bearer ").and_then(jwt::claims) {
        let fresh = claims["iat"]
            .as_u64()
            .is_some_and(|at| at.abs_diff(jwt::now()) < 900);
        return fresh && claims["application_id"] == APPLICATION && claims["jti"].is_string();
    }
    given == format!("Basic {}", STANDARD.encode(format!("{KEY}:{SECRET}")))
}

async fn call(
    State(desk): State<Desk>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    exchange(&desk, &method, &uri, &body, |body| {
        if !trusted(&headers) {
            return refused(
                StatusCode::UNAUTHORIZED,
                "unauthorized",
                "You did not provide correct credentials.",
            );
        }
        match (method.as_str(), uri.path()) {
            ("POST", "/v1/messages") => message(&desk, body),
            ("GET", "/account/get-balance") => {
                Reply::ok(json!({"value": 10.28, "autoReload": false}))
            }
            ("GET", path) if path == format!("/v2/applications/{APPLICATION}") => {
                Reply::ok(json!({"id": APPLICATION, "name": "Sandbox"}))
            }
            _ => refused(StatusCode::NOT_FOUND, "not-found", "No such resource."),
        }
    })
    .await
}

fn message(desk: &Desk, body: &Value) -> Reply {
    let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
    let faulty = |name: &str, reason: &str| {
        refused(
            StatusCode::UNPROCESSABLE_ENTITY,
            "1150",
            &format!("Invalid params: {name} {reason}"),
        )
    };
    let channel = text("channel");
    let able: &[&str] = match channel {
        "sms" => &["text"],
        "mms" => &[
            "text", "image", "vcard", "audio", "video", "file", "content",
        ],
        "whatsapp" => &[
            "text", "image", "audio", "video", "file", "sticker", "template", "custom", "reaction",
        ],
        "messenger" => &["text", "image", "audio", "video", "file"],
        "viber_service" => &["text", "image", "video", "file"],
        "rcs" => &[
            "text", "image", "video", "file", "card", "carousel", "custom",
        ],
        _ => return faulty("channel", "is not one of the channels"),
    };
    let kind = text("message_type");
    if !able.contains(&kind) {
        return faulty("message_type", "is not one of this channel's");
    }
    let digits = |address: &str| {
        (7..=15).contains(&address.len()) && address.bytes().all(|byte| byte.is_ascii_digit())
    };
    if text("to").is_empty() || channel != "messenger" && !digits(text("to")) {
        return faulty("to", "must be a number with its country, without + or 00");
    }
    if text("from").is_empty() || text("from").starts_with('+') {
        return faulty("from", "must be a sender, without +");
    }
    let longest = match channel {
        "whatsapp" => 4096,
        "messenger" => 640,
        "rcs" => 3072,
        _ => 1000,
    };
    if kind == "text" && !(1..=longest).contains(&text("text").encode_utf16().count()) {
        return faulty("text", "has a wrong length");
    }
    let has_url = body[kind]["url"]
        .as_str()
        .is_some_and(|url| url.starts_with("http"));
    let is_file = matches!(
        kind,
        "image" | "audio" | "video" | "file" | "sticker" | "vcard"
    );
    if is_file && !has_url {
        return faulty(kind, "must have a url");
    }
    if matches!(kind, "custom" | "template") && !body[kind].is_object() {
        return faulty(kind, "must be an object");
    }
    if text("client_ref").len() > 100 {
        return faulty("client_ref", "is too long");
    }
    let mut reply = Reply::ok(json!({
        "message_uuid": format!("cccccccc-dddd-4eee-8fff-{:012}", desk.next_id()),
    }));
    reply.status = StatusCode::ACCEPTED;
    reply
}

fn refused(status: StatusCode, title: &str, detail: &str) -> Reply {
    let body = json!({
        "type": format!("https://developer.vonage.com/api-errors/messages#{title}"),
        "title": title, "detail": detail, "instance": "bf0ca0bf927b3b52e3cb03217e1a1ddf",
    });
    Reply::refused(status, body, detail)
}
