//! MessageBird's SMS and Conversations APIs (<https://developers.messagebird.com/api/>), as far as the hub uses them.
//!
//! Deliberately absent: groups, scheduling, premium SMS.

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, Method, StatusCode, Uri},
    response::Response,
};
use schemas::{ChannelKind, TrackKind};
use serde_json::{Value, json};

use crate::{
    Desk, Fake, Person, Webhook, at,
    exchange::{Reply, exchange},
    jwt,
};

const ACCESS_KEY: &str = "messagebird-access-key";
const SIGNING_KEY: &str = "messagebird-signing-key-of-32-bytes";
const NUMBER: &str = "31687654321";

/// MessageBird.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct MessageBird;

impl Fake for MessageBird {
    fn kind(&self) -> ChannelKind {
        ChannelKind::MessageBird
    }

    fn channel(&self, url: &str) -> (Value, Value) {
        (
            json!({"access_key": ACCESS_KEY, "signing_key": SIGNING_KEY}),
            json!({"api_base": url, "from": NUMBER}),
        )
    }

    fn routes(&self, desk: Desk) -> Router {
        Router::new().fallback(call).with_state(desk)
    }

    fn say(&self, webhook_url: &str, person: &Person, text: &str, n: u64) -> Option<Webhook> {
        let body = json!({
            "id": format!("{n:032x}"), "originator": person.id, "recipient": NUMBER, "body": text,
            "createdDatetime": at(n),
        });
        Some(signed(webhook_url, &body))
    }

    fn receipt(
        &self,
        webhook_url: &str,
        person: &Person,
        provider_id: &str,
        kind: TrackKind,
        n: u64,
    ) -> Option<Webhook> {
        let (status, reason) = match kind {
            TrackKind::Sent => ("sent", "carrier accepted"),
            TrackKind::Delivered => ("delivered", "successfully delivered"),
            TrackKind::Failed => ("delivery_failed", "unknown subscriber"),
            _ => return None,
        };
        let body = json!({
            "id": provider_id, "reference": "", "recipient": person.id, "status": status,
            "statusReason": reason, "statusDatetime": at(n),
        });
        Some(signed(webhook_url, &body))
    }
}

fn signed(url: &str, body: &Value) -> Webhook {
    let body = body.to_string();
    let now = jwt::now();
    let claims = json!({
        "iss": "MessageBird", "nbf": now, "exp": now + 60, "jti": jwt::digest(body.as_bytes()),
        "url_hash": jwt::digest(url.as_bytes()), "payload_hash": jwt::digest(body.as_bytes()),
    });
    Webhook {
        headers: vec![
            (
                "messagebird-signature-jwt".into(),
                jwt::sign(&claims, SIGNING_KEY),
            ),
            ("content-type".into(), "application/json".into()),
        ],
        body: body.into(),
    }
}

async fn call(
    State(desk): State<Desk>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    exchange(&desk, &method, &uri, &body, |body| {
        let given = headers
            .get("authorization")
            .and_then(|value| value.to_str().ok());
        if given != Some(format!("AccessKey {ACCESS_KEY}").as_str()) {
            let said = "Request not allowed (incorrect access_key)";
            return refused(StatusCode::UNAUTHORIZED, 2, said, "access_key");
        }
        let reply = uri
            .path()
            .strip_prefix("/v1/conversations/")
            .and_then(|rest| rest.strip_suffix("/messages"));
        match (method.as_str(), uri.path(), reply) {
            ("POST", "/messages", _) => sms(&desk, body),
            ("POST", _, Some(id)) if !id.is_empty() => said(&desk, body),
            ("GET", "/balance", _) => {
                Reply::ok(json!({"payment": "prepaid", "type": "credits", "amount": 9.2}))
            }
            _ => refused(StatusCode::NOT_FOUND, 20, "not found", ""),
        }
    })
    .await
}

fn sms(desk: &Desk, body: &Value) -> Reply {
    let invalid = |name: &str| {
        let said = format!("{name} is invalid");
        refused(StatusCode::UNPROCESSABLE_ENTITY, 10, &said, name)
    };
    for name in ["originator", "body", "recipients"] {
        if body.get(name).is_none_or(Value::is_null) {
            let said = format!("{name} is required");
            return refused(StatusCode::UNPROCESSABLE_ENTITY, 9, &said, name);
        }
    }
    let text = |name: &str| body[name].as_str().unwrap_or_default();
    let number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let originator = text("originator").trim_start_matches('+');
    let longest = if number(originator) { 17 } else { 11 };
    if !(1..=longest).contains(&originator.len()) {
        return invalid("originator");
    }
    let recipients = body["recipients"].as_array().map_or(&[][..], Vec::as_slice);
    let fit = recipients.iter().all(|one| {
        one.as_str()
            .is_some_and(|one| (7..=15).contains(&one.len()) && number(one))
    });
    if !(1..=50).contains(&recipients.len()) || !fit {
        return invalid("recipients");
    }
    if !(1..=1377).contains(&text("body").chars().count()) {
        return invalid("body");
    }
    let coding = body
        .get("datacoding")
        .map_or("plain", |_| text("datacoding"));
    if !matches!(coding, "plain" | "unicode" | "auto") {
        return invalid("datacoding");
    }
    if !text("body").is_ascii() && coding == "plain" {
        return invalid("body");
    }
    let id = format!("{:032x}", desk.next_id());
    let mut reply = Reply::ok(json!({
        "id": id, "direction": "mt", "type": "sms", "originator": text("originator"),
        "body": text("body"), "reference": body["reference"], "datacoding": coding,
        "recipients": {"totalCount": recipients.len(), "totalSentCount": recipients.len()},
    }));
    reply.status = StatusCode::CREATED;
    reply
}

/// A reply in a conversation.
fn said(desk: &Desk, body: &Value) -> Reply {
    let kind = body["type"].as_str().unwrap_or_default();
    let content = &body["content"][kind];
    let fits = match kind {
        "text" => content
            .as_str()
            .is_some_and(|text| (1..=4096).contains(&text.encode_utf16().count())),
        "image" | "audio" | "video" | "file" => content["url"].is_string(),
        "location" => content["latitude"].is_number() && content["longitude"].is_number(),
        "hsm" => content["templateName"].is_string() && content["language"].is_object(),
        _ => false,
    };
    if !fits {
        return refused(
            StatusCode::UNPROCESSABLE_ENTITY,
            21,
            "Bad request",
            "content",
        );
    }
    let mut reply = Reply::ok(json!({
        "id": format!("{:032x}", desk.next_id()), "status": "accepted", "type": kind,
        "direction": "sent",
    }));
    reply.status = StatusCode::CREATED;
    reply
}

fn refused(status: StatusCode, code: u32, said: &str, parameter: &str) -> Reply {
    let body = json!({"errors": [{"code": code, "description": said, "parameter": parameter}]});
    Reply::refused(status, body, said)
}
