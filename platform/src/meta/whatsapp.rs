//! WhatsApp's Cloud API
//! (<https://developers.facebook.com/documentation/business-messaging/whatsapp/reference/whatsapp-business-phone-number/message-api>),
//! as far as the hub uses it.
//!
//! Deliberately absent: the 24-hour window (tests put its error in store).

use std::collections::HashSet;

use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Path, State},
    http::{HeaderMap, Method, StatusCode, Uri},
    response::{IntoResponse, Response},
    routing,
};
use schemas::{ChannelKind, TrackKind};
use serde_json::{Value, json};

use super::{
    address, credentials, list, only, signed, template::template, text, trusted, unknown,
    untrusted, versioned, wrong,
};
use crate::{
    Desk, Fake, MAX_BODY_BYTES, Person, Webhook,
    exchange::{Reply, exchange_form},
};

const NUMBER: &str = "15550100200";
const NUMBER_ID: &str = "700100200300400";
const BUSINESS: &str = "500600700800";
/// A picture of one pixel.
const PICTURE: &[u8] = b"GIF89a\x01\x00\x01\x00\x00\x00\x00;";

/// WhatsApp.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct WhatsApp;

impl Fake for WhatsApp {
    fn kind(&self) -> ChannelKind {
        ChannelKind::WhatsApp
    }

    fn channel(&self, url: &str) -> (Value, Value) {
        let mut credentials = credentials();
        if let Some(fields) = credentials.as_object_mut() {
            fields.insert("phone_number_id".into(), NUMBER_ID.into());
        }
        (credentials, json!({"api_base": url, "waba_id": BUSINESS}))
    }

    fn routes(&self, desk: Desk) -> Router {
        Router::new()
            .route("/media/{id}", routing::get(media))
            .fallback(call)
            .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
            .with_state(desk)
    }

    fn say(&self, _webhook_url: &str, person: &Person, text: &str, n: u64) -> Option<Webhook> {
        Some(webhook(&json!({
            "contacts": [{"profile": {"name": person.name}, "wa_id": person.id}],
            "messages": [{"from": person.id, "id": format!("wamid.IN{n:010}"),
                "timestamp": (1_790_000_000 + n).to_string(), "type": "text", "text": {"body": text}}],
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
        let mut status = json!({
            "id": provider_id, "recipient_id": person.id,
            "timestamp": (1_790_000_000 + n).to_string(),
        });
        let word = match kind {
            TrackKind::Sent => "sent",
            TrackKind::Delivered => "delivered",
            TrackKind::Read => "read",
            TrackKind::Failed => "failed",
            _ => return None,
        };
        let fields = status.as_object_mut()?;
        fields.insert("status".into(), word.into());
        if kind == TrackKind::Failed {
            let error = json!([{"code": 131_026, "title": "Message undeliverable"}]);
            fields.insert("errors".into(), error);
        }
        Some(webhook(&json!({ "statuses": [status] })))
    }
}

fn webhook(lists: &Value) -> Webhook {
    let mut value = lists.clone();
    if let Some(fields) = value.as_object_mut() {
        fields.insert("messaging_product".into(), "whatsapp".into());
        let number = json!({"display_phone_number": NUMBER, "phone_number_id": NUMBER_ID});
        fields.insert("metadata".into(), number);
    }
    signed(&json!({"object": "whatsapp_business_account", "entry": [{
        "id": BUSINESS, "changes": [{"field": "messages", "value": value}]}]}))
}

async fn media(Path(_): Path<String>, headers: HeaderMap) -> Response {
    if trusted(&headers) {
        ([("content-type", "image/gif")], PICTURE).into_response()
    } else {
        StatusCode::UNAUTHORIZED.into_response()
    }
}

async fn call(
    State(desk): State<Desk>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    exchange_form(&desk, &method, &uri, &headers, &body, |body| {
        if !trusted(&headers) {
            return untrusted();
        }
        let Some((node, edge)) =
            versioned(uri.path()).map(|path| path.split_once('/').unwrap_or((path, "")))
        else {
            return unknown();
        };
        match (method.as_str(), node, edge) {
            ("POST", NUMBER_ID, "messages") => match message(body) {
                Ok(to) if to.is_empty() => Reply::ok(json!({"success": true})),
                Ok(to) => Reply::ok(json!({
                    "messaging_product": "whatsapp", "contacts": [{"input": to, "wa_id": to}],
                    "messages": [{"id": format!("wamid.OUT{:010}", desk.next_id())}],
                })),
                Err(why) => wrong(131_009, why),
            },
            ("POST", NUMBER_ID, "media") => match upload(body) {
                Ok(()) => Reply::ok(json!({"id": format!("9{:015}", desk.next_id())})),
                Err(why) => wrong(100, why),
            },
            ("POST", BUSINESS, "subscribed_apps") => match subscription(body) {
                Ok(()) => Reply::ok(json!({"success": true})),
                Err(why) => wrong(100, why),
            },
            ("GET", NUMBER_ID, "") => Reply::ok(json!({
                "id": NUMBER_ID, "display_phone_number": "+1 555-010-0200",
                "verified_name": "Tidings", "quality_rating": "GREEN",
            })),
            ("GET", id, "") if id.bytes().all(|byte| byte.is_ascii_digit()) => {
                let host = headers.get("host").and_then(|host| host.to_str().ok());
                Reply::ok(json!({
                    "messaging_product": "whatsapp", "id": id, "mime_type": "image/gif",
                    "url": format!("http://{}/media/{id}", host.unwrap_or_default()),
                    "file_size": PICTURE.len(),
                }))
            }
            _ => unknown(),
        }
    })
    .await
}

/// <https://developers.facebook.com/documentation/business-messaging/whatsapp/business-phone-numbers/media>
fn upload(form: &Value) -> Result<(), String> {
    const MIB: u64 = 1024 * 1024;
    only(form, &["messaging_product", "type", "file"])?;
    if text(form, "messaging_product", 1, 20)? != "whatsapp" {
        return Err("messaging_product must be whatsapp".into());
    }
    let file = form.get("file").filter(|file| file.is_object());
    let file = file.ok_or("file is required")?;
    let kind = text(file, "content_type", 1, 127)?;
    if text(form, "type", 1, 127)? != kind {
        return Err("type is not the file's".into());
    }
    let max = match kind {
        "image/webp" => MIB / 2,
        "image/jpeg" | "image/png" => 100 * MIB,
        "audio/aac" | "audio/amr" | "audio/mpeg" | "audio/mp4" | "audio/ogg" | "audio/opus" => {
            16 * MIB
        }
        "video/mp4" | "video/3gpp" | "text/plain" => 100 * MIB,
        other if other.starts_with("application/") && other != "application/zip" => 100 * MIB,
        _ => return Err("Param file must be a file with one of the documented types".into()),
    };
    match file.get("size_bytes").and_then(Value::as_u64) {
        Some(size) if (1..=max).contains(&size) => Ok(()),
        _ => Err("the file is empty or too large".into()),
    }
}

fn subscription(body: &Value) -> Result<(), String> {
    only(body, &["override_callback_uri", "verify_token"])?;
    if body.get("override_callback_uri").is_some() {
        address(body, "override_callback_uri")?;
        text(body, "verify_token", 1, 256)?;
    }
    Ok(())
}

/// Whom a message goes to; nobody when it marks one read.
fn message(body: &Value) -> Result<String, String> {
    if text(body, "messaging_product", 1, 20)? != "whatsapp" {
        return Err("messaging_product must be whatsapp".into());
    }
    if body.get("status").is_some() {
        only(
            body,
            &[
                "messaging_product",
                "status",
                "message_id",
                "typing_indicator",
            ],
        )?;
        text(body, "message_id", 1, 512)?;
        let kind = body.pointer("/typing_indicator/type");
        return match kind.and_then(Value::as_str) {
            Some("text") | None => Ok(String::new()),
            Some(_) => Err("typing_indicator.type must be text".into()),
        };
    }
    let kind = text(body, "type", 1, 20)?;
    only(
        body,
        &[
            "messaging_product",
            "recipient_type",
            "to",
            "recipient",
            "type",
            kind,
            "context",
            "biz_opaque_callback_data",
        ],
    )?;
    let name = if body.get("to").is_some() {
        "to"
    } else {
        "recipient"
    };
    let to = text(body, name, 1, 256)?;
    let digits = to.bytes().all(|byte| byte.is_ascii_digit());
    match (text(body, "recipient_type", 1, 20)?, name) {
        ("individual", "to") if digits => {}
        ("individual", "recipient") if to.contains('.') => {}
        ("group", "to") if !digits => {}
        _ => return Err("the recipient is not of its type".into()),
    }
    if let Some(context) = body.get("context") {
        text(context, "message_id", 1, 512)?;
    }
    if body.get("biz_opaque_callback_data").is_some() {
        text(body, "biz_opaque_callback_data", 1, 512)?;
    }
    let object = body
        .get(kind)
        .ok_or_else(|| format!("{kind} is required"))?;
    content(kind, object)?;
    Ok(to.to_owned())
}

fn content(kind: &str, object: &Value) -> Result<(), String> {
    match kind {
        "text" => {
            only(object, &["body", "preview_url"])?;
            text(object, "body", 1, 4096).map(drop)
        }
        "image" | "video" => file(object, &["caption"]),
        "document" => file(object, &["caption", "filename"]),
        "audio" => file(object, &["voice"]),
        "sticker" => file(object, &[]),
        "location" => {
            only(object, &["latitude", "longitude", "name", "address"])?;
            let within = |name: &str, limit: f64| {
                let number = object.get(name).and_then(Value::as_f64);
                number.is_some_and(|number| number.abs() <= limit)
            };
            if within("latitude", 90.0) && within("longitude", 180.0) {
                return Ok(());
            }
            Err("latitude and longitude are required".into())
        }
        "contacts" => {
            let cards = object.as_array().ok_or("contacts must be a list")?;
            for card in cards {
                let name = card.get("name").ok_or("name is required")?;
                text(name, "formatted_name", 1, 256)?;
            }
            (!cards.is_empty())
                .then_some(())
                .ok_or_else(|| "contacts are required".into())
        }
        "reaction" => {
            only(object, &["message_id", "emoji"])?;
            text(object, "message_id", 1, 512)?;
            text(object, "emoji", 0, 16).map(drop)
        }
        "template" => template(object),
        "interactive" => interactive(object),
        _ => Err(format!("{kind} is not a type of message")),
    }
}

pub(super) fn file(object: &Value, more: &[&str]) -> Result<(), String> {
    only(object, &[&["id", "link"], more].concat())?;
    if object.get("caption").is_some() {
        text(object, "caption", 1, 1024)?;
    }
    match (object.get("id"), object.get("link")) {
        (Some(_), None) => text(object, "id", 1, 256).map(drop),
        (None, Some(_)) => address(object, "link"),
        _ => Err("either id or link is required".into()),
    }
}

fn interactive(object: &Value) -> Result<(), String> {
    only(object, &["type", "header", "body", "footer", "action"])?;
    let body = object.get("body").ok_or("body is required")?;
    let action = object.get("action").ok_or("action is required")?;
    let kind = text(object, "type", 1, 20)?;
    text(body, "text", 1, if kind == "list" { 4096 } else { 1024 })?;
    match kind {
        "button" => {
            let buttons = list(action, "buttons", 1, 3)?;
            let replies = buttons.iter().filter_map(|button| button.get("reply"));
            distinct(replies.collect(), buttons.len(), 20, 256)
        }
        "list" => {
            text(action, "button", 1, 20)?;
            let sections = list(action, "sections", 1, 10)?;
            let rows: Vec<&Value> = sections
                .iter()
                .filter_map(|section| section.get("rows")?.as_array())
                .flatten()
                .collect();
            if !(1..=10).contains(&rows.len()) {
                return Err("a list has 1 to 10 rows".into());
            }
            let count = rows.len();
            distinct(rows, count, 24, 200)
        }
        "cta_url" => {
            let parameters = action.get("parameters").ok_or("parameters are required")?;
            text(parameters, "display_text", 1, 20)?;
            address(parameters, "url")
        }
        _ => Err(format!("{kind} is not a type of interactive message")),
    }
}

/// Titles and ids of these lengths, none twice.
fn distinct(items: Vec<&Value>, count: usize, title: usize, id: usize) -> Result<(), String> {
    let (mut titles, mut ids) = (HashSet::new(), HashSet::new());
    for item in &items {
        let fresh =
            titles.insert(text(item, "title", 1, title)?) & ids.insert(text(item, "id", 1, id)?);
        if !fresh {
            return Err("titles and ids must be unique".into());
        }
    }
    (items.len() == count)
        .then_some(())
        .ok_or_else(|| "reply is required".into())
}
