//! The page of a web chat, by itself or in a frame of another page (`/webchat/widget.js`).
//!
//! Invariant: the page loads nothing from elsewhere and shows text as text; who may frame it is what the channel's `origins` say.

use std::sync::Arc;

use axum::{
    Router,
    extract::{Path, State},
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
    routing::get,
};
use schemas::{ChannelId, ChannelKind};
use serde_json::Value;

use crate::{directory::Lookup, hub::Hub, problem::ApiError};

const PAGE: &str = include_str!("../../page/chat.html");
const STYLE: &str = include_str!("../../page/chat.css");
const CHAT: &str = include_str!("../../page/chat.js");
const WIDGET: &str = include_str!("../../page/widget.js");

pub(crate) fn router() -> Router<Arc<Hub>> {
    let file = |kind: &'static str, text: &'static str| {
        get(move || async move {
            let headers = [
                (header::CONTENT_TYPE, kind),
                (header::CACHE_CONTROL, "public, max-age=300"),
            ];
            (headers, text)
        })
    };
    let script = "text/javascript; charset=utf-8";
    Router::new()
        .route("/webchat/chat.css", file("text/css; charset=utf-8", STYLE))
        .route("/webchat/chat.js", file(script, CHAT))
        .route("/webchat/widget.js", file(script, WIDGET))
        .route("/webchat/{channel_id}", get(page))
}

async fn page(
    State(hub): State<Arc<Hub>>,
    Path(channel): Path<String>,
) -> Result<Response, ApiError> {
    let channel: ChannelId = channel.parse().map_err(|_| ApiError::not_found("chat"))?;
    let entry = match hub.directory.find(&hub.store, channel).await {
        Lookup::Found(entry) if entry.kind == ChannelKind::Webchat => entry,
        Lookup::Found(_) | Lookup::Unknown => return Err(ApiError::not_found("chat")),
        Lookup::Unavailable => return Err(ApiError::unavailable(2)),
    };
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; \
         form-action 'none'; frame-ancestors {}",
        ancestors(&entry.settings)
    );
    let policy = HeaderValue::from_str(&policy)
        .unwrap_or_else(|_| HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"));
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/html; charset=utf-8"),
        ),
        (header::CONTENT_SECURITY_POLICY, policy),
    ];
    Ok((headers, PAGE).into_response())
}

/// The origins that may frame the page: those of the channel, else any.
fn ancestors(settings: &Value) -> String {
    let named: Vec<&str> = settings
        .get("origins")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .filter(|origin| !origin.contains([';', ',', ' ', '\'', '"']))
        .collect();
    if named.is_empty() {
        "*".to_owned()
    } else {
        format!("'self' {}", named.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_channel_says_who_may_frame_its_chat() {
        assert_eq!(ancestors(&Value::Null), "*");
        assert_eq!(ancestors(&json!({"origins": []})), "*");
        let named = json!({"origins": ["https://a.example", "https://b.example; script-src *"]});
        assert_eq!(ancestors(&named), "'self' https://a.example");
    }
}
