//! How a bot comes to the gateway, and what it may look up to know what it missed.

use axum::{
    extract::{OriginalUri, State, ws::WebSocketUpgrade},
    http::{HeaderMap, StatusCode, Uri},
    response::Response,
};
use serde_json::{Value, json};

use super::{Account, Gateway, gateway::GUILD, invalid, reachable, refused};
use crate::{exchange::Reply, form};

/// Where sessions begin, and where they are resumed.
pub(super) const PATHS: [&str; 2] = ["/gateway", "/gateway-again"];

/// A connection to the gateway.
pub(super) async fn listen(
    State(account): State<Account>,
    OriginalUri(whole): OriginalUri,
    uri: Uri,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    let query = form::object(uri.query().unwrap_or_default().as_bytes());
    let is_version =
        query.get("v") == Some(&json!("10")) && query.get("encoding") == Some(&json!("json"));
    let path = uri.path().to_owned();
    let [_, again] = PATHS.map(|path| address(&headers, &whole, &uri, path));
    upgrade.on_upgrade(move |socket| account.gateway.converse(socket, path, is_version, again))
}

/// What is looked up; none when nothing of it lies here. `whole` is the address with what the fake lies below.
pub(super) fn get(
    gateway: &Gateway,
    parts: &[&str],
    headers: &HeaderMap,
    whole: &Uri,
    uri: &Uri,
) -> Result<Value, Reply> {
    match parts {
        ["gateway", "bot"] => {
            let [url, _] = PATHS.map(|path| address(headers, whole, uri, path));
            Ok(gateway.start(&url))
        }
        ["users", "@me", "guilds"] => Ok(json!([{"id": GUILD, "name": "Desk"}])),
        ["guilds", GUILD, "channels"] => Ok(gateway.channels()),
        ["guilds", GUILD, "threads", "active"] => Ok(json!({"threads": [], "members": []})),
        ["channels", id, "messages"] => reachable(id).map(|()| {
            let query = form::object(uri.query().unwrap_or_default().as_bytes());
            let number = |name: &str| query.get(name)?.as_str()?.parse::<u64>().ok();
            let limit = usize::try_from(number("limit").unwrap_or(50)).unwrap_or(50);
            gateway.page(id, number("after").unwrap_or(0), limit.min(100))
        }),
        _ => Err(refused(StatusCode::NOT_FOUND, 0, "404: Not Found")),
    }
}

/// The first answer to an interaction.
pub(super) fn call_back(token: &str, body: &Value) -> Result<Value, Reply> {
    match body.get("type").and_then(Value::as_u64) {
        _ if token == "expired" => {
            Err(refused(StatusCode::NOT_FOUND, 10062, "Unknown interaction"))
        }
        Some(1 | 4..=9 | 12) => Ok(Value::Null),
        _ => Err(invalid("type")),
    }
}

/// Where something of this fake lies, seen from who asks.
fn address(headers: &HeaderMap, whole: &Uri, uri: &Uri, path: &str) -> String {
    let host = headers.get("host").and_then(|value| value.to_str().ok());
    let below = whole.path().strip_suffix(uri.path()).unwrap_or_default();
    format!("ws://{}{below}{path}", host.unwrap_or("127.0.0.1"))
}
