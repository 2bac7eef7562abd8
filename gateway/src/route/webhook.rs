//! Where platforms post their updates: the hot path.
//!
//! Invariants: the signature is checked on the raw body before anything is read from it; 200 means the
//! broker has stored every update of the body; without the database known channels go on working.
//! Bodies in memory at a time are bounded by [`Hub::intake`].

use std::{net::IpAddr, sync::Arc};

use axum::{
    body::Body,
    extract::{OriginalUri, State},
    http::{HeaderMap, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use ingest::channel::{Account, Answer, Request};
use schemas::{ChannelId, ChannelKind, Timestamp, subject};
use serde_json::Value;
use tokio::sync::SemaphorePermit;

use super::inbound::{Says, WebhookOut, accept};
use crate::{
    auth::{Caller, Role},
    directory::{Entry, Lookup},
    extract::{Path, Peer},
    hub::Hub,
    problem::ApiError,
};

/// Largest body of a Meta webhook that is always taken
/// (<https://developers.facebook.com/docs/whatsapp/cloud-api/webhooks/components>).
const META_BODY_BYTES: usize = 4 * 1024 * 1024;

/// Take a platform's update.
///
/// No bearer token: the platform signs in its own way, which `docs/channels.md` tells. telegram: `X-Telegram-Bot-Api-Secret-Token` is the channel's `secret_token`.
/// generic and email: `X-Tidings-Timestamp` (Unix seconds, at most 300 off) and `X-Tidings-Signature: v1=` with the
/// hex HMAC-SHA256 of timestamp, full stop and body under `signing_secret`. sandbox: nothing.
#[utoipa::path(
    post, path = "/webhooks/{channel_id}", tag = "webhooks", operation_id = "receive_webhook",
    params(("channel_id" = uuid::Uuid, Path, description = "The channel")),
    request_body(
        description = "telegram: an Update; generic and sandbox: one message or a list of them; email: the raw RFC 5322 message",
        content(
            (serde_json::Value = "application/json", example = json!({
                "id": "m-1", "sender": {"id": "bob", "name": "Bob"}, "text": "Where is my order?"})),
            (String = "message/rfc822")
        )
    ),
    responses((status = 200, description = "The broker has stored every update of the body", body = WebhookOut))
)]
pub(crate) async fn receive(
    State(hub): State<Arc<Hub>>,
    Path(channel): Path<String>,
    Peer(peer): Peer,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let (id, entry) = look_up(&hub, &channel).await?;
    let (body, permit) = read(&hub, entry.kind, &headers, body).await?;
    let now = Timestamp::now();
    let url = called(&hub, &headers, peer, &uri);
    let answered = heard(&hub, id, &entry, &url, &headers, body, now).await;
    drop(permit);
    answered
}

/// Takes a request that says it is the platform's, and says what that wants to hear.
async fn heard(
    hub: &Hub,
    id: ChannelId,
    entry: &Entry,
    url: &str,
    headers: &HeaderMap,
    body: Bytes,
    now: Timestamp,
) -> Result<Response, ApiError> {
    let keys = public_keys(hub, entry, headers, &body).await?;
    let account = entry.account(&keys);
    let answer = trust(hub, id, &account, url, headers, &body, now)?;
    if is_of_sns(entry, headers) {
        hub.sns.confirm(&account, &body).await?;
    }
    let body = ingest::channel::whole(entry.kind, url, body);
    let accepted = accept(hub, id, entry, headers, body, now, Says::Platform).await?;
    if entry.kind == ChannelKind::Gmail
        && let Err(error) = hub.bus.notify(&subject::nudge(id), Bytes::new()).await
    {
        // The poller comes by itself, only later.
        tracing::debug!(channel = %id, %error, "nobody was told of a push");
    }
    match answer {
        Some(answer) => Ok(platforms_own(answer)),
        None => Ok(accepted.into_response()),
    }
}

/// The keys that the platform signs with, as far as they are published and needed.
async fn public_keys(
    hub: &Hub,
    entry: &Entry,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Arc<Value>, ApiError> {
    if is_of_sns(entry, headers) {
        let account = entry.account(&Value::Null);
        return hub.sns.keys(&account, body).await;
    }
    Ok(hub.google_keys.load_full())
}

fn is_of_sns(entry: &Entry, headers: &HeaderMap) -> bool {
    entry.kind == ChannelKind::Email && headers.contains_key(ingest::sns::HEADER)
}

/// Makes sure that the request is the platform's, and finds out what it wants to hear.
fn trust(
    hub: &Hub,
    id: ChannelId,
    account: &Account<'_>,
    url: &str,
    headers: &HeaderMap,
    body: &[u8],
    now: Timestamp,
) -> Result<Option<Answer>, ApiError> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let request = Request {
        url,
        headers: &header,
        body,
        now,
    };
    ingest::channel::verify(account, &request).map_err(|refused| {
        metrics::counter!("tidings_webhooks_refused_total", "kind" => account.kind.name())
            .increment(1);
        tracing::debug!(channel = %id, %refused, "a webhook was refused");
        if account.kind == ChannelKind::Gmail {
            hub.google_keys_missed.notify_one();
        }
        ApiError::new(
            StatusCode::UNAUTHORIZED,
            "wrong-signature",
            "The request is not signed, or not rightly. Check the channel's secret and the sender's clock.",
        )
    })?;
    Ok(ingest::channel::answer(account, &request))
}

/// Answer a platform that asks whether the address is ours.
///
/// WhatsApp, Messenger and Instagram: `hub.mode`, `hub.verify_token` (the channel's `verify_token`) and `hub.challenge`,
/// which is the answer.
#[utoipa::path(
    get, path = "/webhooks/{channel_id}", tag = "webhooks", operation_id = "answer_challenge",
    params(("channel_id" = uuid::Uuid, Path, description = "The channel")),
    responses((status = 200, description = "What the platform asked for", body = String, content_type = "text/plain"))
)]
pub(crate) async fn challenge(
    State(hub): State<Arc<Hub>>,
    Path(channel): Path<String>,
    Peer(peer): Peer,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let (id, entry) = look_up(&hub, &channel).await?;
    let url = called(&hub, &headers, peer, &uri);
    let now = Timestamp::now();
    // Some platforms post by GET.
    if !ingest::channel::whole(entry.kind, &url, Bytes::new()).is_empty() {
        return heard(&hub, id, &entry, &url, &headers, Bytes::new(), now).await;
    }
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let request = Request {
        url: &url,
        headers: &header,
        body: &[],
        now,
    };
    let google_keys = hub.google_keys.load();
    ingest::channel::challenge(&entry.account(&google_keys), &request)
        .map(platforms_own)
        .ok_or_else(|| {
            ApiError::new(
                StatusCode::FORBIDDEN,
                "wrong-challenge",
                "This is no question the channel's platform asks, or its verify token is another.",
            )
        })
}

fn platforms_own(answer: Answer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    let kind = [(header::CONTENT_TYPE, answer.content_type)];
    (status, kind, answer.body).into_response()
}

/// The address the platform called: below `gateway.public_url` when that is set; else as the host and protocol say, which
/// are those that a trusted proxy forwards, if there is one.
fn called(hub: &Hub, headers: &HeaderMap, peer: Option<IpAddr>, uri: &Uri) -> String {
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    if let Some(base) = &hub.settings.public_url {
        return format!("{}{path}", base.trim_end_matches('/'));
    }
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let first = |name: &str| Some(text(name)?.split(',').next()?.trim());
    let trusted = peer.is_some_and(|peer| {
        let mut proxies = hub.settings.trusted_proxies.iter();
        proxies.any(|proxy| proxy.contains(&peer.to_canonical()))
    });
    let forwarded = |name: &str| if trusted { first(name) } else { None };
    let protocol = forwarded("x-forwarded-proto").unwrap_or("http");
    let host = forwarded("x-forwarded-host")
        .or_else(|| text("host"))
        .unwrap_or_default();
    format!("{protocol}://{host}{path}")
}

/// Hand in a platform's update with an adapter's key instead of a signature.
#[utoipa::path(
    post, path = "/channels/{channel_id}/inbound", tag = "channels", operation_id = "hand_in",
    params(("channel_id" = uuid::Uuid, Path, description = "The key's own channel")),
    request_body(
        description = "What the channel's webhook takes",
        content((schemas::generic::GenericMessage = "application/json", example = json!({
            "id": "m-1", "sender": {"id": "bob", "name": "Bob"}, "text": "Where is my order?"})))
    ),
    responses((status = 200, description = "The broker has stored every update of the body", body = WebhookOut))
)]
pub(crate) async fn hand_in(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    Path(channel): Path<ChannelId>,
    headers: HeaderMap,
    body: Body,
) -> Result<axum::Json<WebhookOut>, ApiError> {
    let entry = find(&hub, channel).await?;
    let own = caller.role != Role::Adapter || caller.channel == Some(channel);
    if entry.tenant != caller.tenant || !own {
        return Err(ApiError::not_found("channel"));
    }
    let (body, permit) = read(&hub, entry.kind, &headers, body).await?;
    let now = Timestamp::now();
    let accepted = accept(&hub, channel, &entry, &headers, body, now, Says::Adapter).await;
    drop(permit);
    accepted
}

async fn look_up(hub: &Hub, channel: &str) -> Result<(ChannelId, Arc<Entry>), ApiError> {
    let id: ChannelId = channel
        .parse()
        .map_err(|_| ApiError::not_found("channel"))?;
    Ok((id, find(hub, id).await?))
}

async fn find(hub: &Hub, id: ChannelId) -> Result<Arc<Entry>, ApiError> {
    match hub.directory.find(&hub.store, id).await {
        Lookup::Found(entry) => Ok(entry),
        Lookup::Unknown => Err(ApiError::not_found("channel")),
        Lookup::Unavailable => Err(ApiError::unavailable(2)),
    }
}

/// Reads the body within its limit; the permit stands for its bytes.
async fn read<'hub>(
    hub: &'hub Hub,
    kind: ChannelKind,
    headers: &HeaderMap,
    body: Body,
) -> Result<(Bytes, SemaphorePermit<'hub>), ApiError> {
    let limit = match kind {
        ChannelKind::Email | ChannelKind::Gmail => hub.settings.email_body_limit_bytes,
        // Meta's bodies have up to 3 MB.
        ChannelKind::WhatsApp | ChannelKind::Messenger | ChannelKind::Instagram => {
            hub.settings.body_limit_bytes.max(META_BODY_BYTES)
        }
        _ => hub.settings.body_limit_bytes,
    };
    let announced = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    let kib = announced.unwrap_or(limit).min(limit) / 1024 + 1;
    let permit = hub
        .intake
        .try_acquire_many(u32::try_from(kib).unwrap_or(u32::MAX))
        .map_err(|_| ApiError::unavailable(1))?;
    Ok((crate::extract::body(body, limit).await?, permit))
}
