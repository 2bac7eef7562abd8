//! Whose chat it is: the page it may be opened from, and the token that a visitor comes back with.

use axum::http::{HeaderMap, header};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use schemas::ChannelId;
use serde_json::Value;
use uuid::Uuid;

use crate::hub::Hub;

const PURPOSE: &str = "webchat";

/// Whether the page that calls may: any, unless the channel names its origins.
pub(super) fn is_welcome(settings: &Value, headers: &HeaderMap) -> bool {
    let Some(origins) = settings.get("origins").and_then(Value::as_array) else {
        return true;
    };
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let Some(origin) = text(header::ORIGIN) else {
        return origins.is_empty();
    };
    // The hub's own page, which tells browsers who may frame it.
    let own = origin.split_once("://").map(|(_, host)| host);
    origins.is_empty()
        || (own.is_some() && own == text(header::HOST))
        || origins
            .iter()
            .filter_map(Value::as_str)
            .any(|known| known.trim_end_matches('/').eq_ignore_ascii_case(origin))
}

fn signed(channel: ChannelId, session: Uuid) -> Vec<u8> {
    [channel.0.as_bytes().as_slice(), session.as_bytes()].concat()
}

pub(super) fn token(hub: &Hub, channel: ChannelId, session: Uuid) -> String {
    let tag = hub.store.keyring().sign(PURPOSE, &signed(channel, session));
    URL_SAFE_NO_PAD.encode([session.as_bytes().as_slice(), &tag].concat())
}

/// The session of a token; none when the hub did not give it for this channel.
pub(super) fn session(hub: &Hub, channel: ChannelId, token: &str) -> Option<Uuid> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
    let (session, tag) = bytes.split_at_checked(16)?;
    let session = Uuid::from_slice(session).ok()?;
    hub.store
        .keyring()
        .has_signed(PURPOSE, &signed(channel, session), tag)
        .then_some(session)
}
