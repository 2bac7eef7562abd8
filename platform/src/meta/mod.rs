//! What the fakes of WhatsApp, Messenger and Instagram share: signed webhooks and the Graph API's manners
//! (<https://developers.facebook.com/docs/graph-api/guides/error-handling>).

pub(crate) mod messenger;
mod template;
pub(crate) mod whatsapp;

use axum::http::{HeaderMap, StatusCode};
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::{Webhook, exchange::Reply};

const SECRET: &str = "0a1b2c3d4e5f60718293a4b5c6d7e8f9";
const TOKEN: &str = "EAAGtidings";
const VERIFY_TOKEN: &str = "a-verify-token";

/// What every channel of Meta's has.
fn credentials() -> Value {
    json!({"app_secret": SECRET, "verify_token": VERIFY_TOKEN, "access_token": TOKEN})
}

fn signed(body: &Value) -> Webhook {
    let body: Bytes = body.to_string().into();
    let mut mac =
        Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("HMAC takes keys of every length");
    mac.update(&body);
    let digits: String = mac
        .finalize()
        .into_bytes()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    Webhook {
        headers: vec![
            ("x-hub-signature-256".into(), format!("sha256={digits}")),
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

/// The path without its version; none without a version.
fn versioned(path: &str) -> Option<&str> {
    let (version, rest) = path.strip_prefix('/')?.split_once('/')?;
    let number = version.strip_prefix('v')?;
    let form = number
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.');
    (form && !number.is_empty()).then_some(rest)
}

fn untrusted() -> Reply {
    refused(StatusCode::UNAUTHORIZED, 190, "Invalid OAuth access token")
}

fn unknown() -> Reply {
    refused(StatusCode::BAD_REQUEST, 100, "Unsupported request")
}

/// A parameter that is missing or wrong.
fn wrong(code: i64, why: impl Into<String>) -> Reply {
    refused(StatusCode::BAD_REQUEST, code, why)
}

fn refused(status: StatusCode, code: i64, why: impl Into<String>) -> Reply {
    let why = why.into();
    let body = json!({"error": {
        "message": format!("(#{code}) {why}"), "type": "OAuthException", "code": code,
        "error_data": {"details": why}, "fbtrace_id": "AbCdEfGhIjK",
    }});
    Reply::refused(status, body, why)
}

/// A text of so many characters.
fn text<'v>(value: &'v Value, name: &str, min: usize, max: usize) -> Result<&'v str, String> {
    let text = value.get(name).and_then(Value::as_str);
    let text = text.ok_or_else(|| format!("{name} is required"))?;
    if (min..=max).contains(&text.chars().count()) {
        Ok(text)
    } else {
        Err(format!("{name} must have {min} to {max} characters"))
    }
}

/// A list of so many items.
fn list<'v>(value: &'v Value, name: &str, min: usize, max: usize) -> Result<&'v [Value], String> {
    let items = value.get(name).and_then(Value::as_array);
    let items = items.ok_or_else(|| format!("{name} is required"))?;
    if (min..=max).contains(&items.len()) {
        Ok(items)
    } else {
        Err(format!("{name} must have {min} to {max} items"))
    }
}

/// Nothing but these.
fn only(value: &Value, names: &[&str]) -> Result<(), String> {
    let fields = value.as_object().ok_or("an object was expected")?;
    match fields.keys().find(|name| !names.contains(&name.as_str())) {
        Some(name) => Err(format!("unexpected key {name}")),
        None => Ok(()),
    }
}

fn address(value: &Value, name: &str) -> Result<(), String> {
    let url = text(value, name, 1, 2000)?;
    if url.starts_with("https://") || url.starts_with("http://") {
        return Ok(());
    }
    Err(format!("{name} is not a valid URL"))
}
