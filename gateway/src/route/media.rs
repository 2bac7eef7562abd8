//! Files of messages: signed addresses for those the hub keeps, and uploads to send.
//!
//! Invariants: an address is good for one file until its time is over, and nobody can make one without the hub's keys; a file is
//! never served as a page (sniffing is off, and what is no picture, sound or film is a download).

use std::{
    fmt::Write as _,
    sync::Arc,
    time::{Duration, SystemTime},
};

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use schemas::{Attachment, MediaId, MessageId, TenantId, Timestamp};
use serde::{Deserialize, Serialize};
use store::media::{Address, MediaRow, MediaStatus};
use utoipa::{IntoParams, ToSchema};

use super::text;
use crate::{
    PREFIXES,
    auth::Caller,
    extract::{Path, Query, body},
    hub::Hub,
    problem::ApiError,
};

/// How long an address in an answer is good, at least.
const FOR_READERS: Duration = Duration::from_secs(24 * 3600);
/// How long an address in a message to be sent is good: as long as it may be tried.
const FOR_PLATFORMS: Duration = Duration::from_secs(30 * 24 * 3600);
/// Addresses of an hour are the same, so that browsers may keep what they fetched.
const STEP_S: u64 = 3600;
/// How an upload is named in a message to be sent.
const SCHEME: &str = "media:";

/// An attachment as the API answers it.
#[derive(Serialize, ToSchema)]
pub(crate) struct AttachmentOut {
    #[serde(flatten)]
    attachment: Attachment,
    /// Where the hub's own copy is had for the next 24 hours: 200, 503 while it is being fetched, 404 when there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    media_url: Option<String>,
}

/// A file the hub keeps, or tried to get.
#[derive(Serialize, ToSchema)]
pub(crate) struct MediaOut {
    id: MediaId,
    /// Its place among the message's attachments, from 0.
    place: i32,
    #[schema(example = "stored")]
    status: &'static str,
    name: Option<String>,
    /// As found in the file.
    content_type: Option<String>,
    size_bytes: Option<i64>,
    /// Why there is no file (yet).
    detail: Option<String>,
    /// Good for 24 hours.
    url: Option<String>,
    created_at: Timestamp,
}

/// What was uploaded.
#[derive(Serialize, ToSchema)]
pub(crate) struct UploadOut {
    id: MediaId,
    /// What an attachment of a message to be sent takes for its `url`.
    #[schema(example = "media:018f3c1e-0000-7000-8000-000000000001")]
    reference: String,
    /// Good for 24 hours.
    url: String,
    content_type: Option<String>,
    size_bytes: i64,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct UploadQuery {
    /// The file's name, as its reader sees it.
    #[param(min_length = 1, max_length = 255)]
    name: Option<String>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct SignedQuery {
    /// Seconds since 1970.
    expires: u64,
    signature: String,
}

/// The address of a file, good for at least as long as `lasting`.
fn address(hub: &Hub, tenant: TenantId, id: MediaId, lasting: Duration) -> String {
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    let address = Address {
        tenant,
        id,
        expires_s: ((now + lasting).as_secs() / STEP_S + 1) * STEP_S,
    };
    let base = hub.settings.public_url.as_deref().unwrap_or_default();
    let (base, prefix) = (base.trim_end_matches('/'), PREFIXES[0]);
    format!("{base}{prefix}/{}", address.sign(hub.store.keyring()))
}

impl From<Attachment> for AttachmentOut {
    fn from(attachment: Attachment) -> Self {
        Self {
            attachment,
            media_url: None,
        }
    }
}

/// Says where the hub's copies of an inbound message's files are had.
pub(crate) fn locate(
    hub: &Hub,
    tenant: TenantId,
    message: MessageId,
    attachments: &mut [AttachmentOut],
) {
    for (place, out) in attachments.iter_mut().enumerate() {
        let given = &out.attachment;
        let is_file = !matches!(given.kind.as_str(), "location" | "contact")
            && (given.url.is_some() || given.platform_id.is_some());
        if is_file {
            out.media_url = Some(address(
                hub,
                tenant,
                MediaId::of(message, place),
                FOR_READERS,
            ));
        }
    }
}

/// Puts addresses in place of references to uploads: for platforms to fetch, and for senders to know the file by.
pub(crate) async fn resolve(
    hub: &Hub,
    caller: &Caller,
    attachments: &mut [Attachment],
) -> Result<(), ApiError> {
    for (place, attachment) in attachments.iter_mut().enumerate() {
        let Some(id) = attachment
            .url
            .as_deref()
            .and_then(|url| url.strip_prefix(SCHEME))
        else {
            continue;
        };
        let pointer = || format!("/attachments/{place}/url");
        let id: MediaId = id
            .parse()
            .map_err(|_| ApiError::invalid(pointer(), "This names no upload."))?;
        let row = store::media::get(&hub.store, caller.tenant, id)
            .await
            .map_err(|error| match error {
                store::StoreError::NotFound => {
                    ApiError::invalid(pointer(), "There is no such upload.")
                }
                other => other.into(),
            })?;
        attachment.url = Some(address(hub, caller.tenant, id, FOR_PLATFORMS));
        attachment.name = attachment.name.take().or(row.name);
        attachment.content_type = attachment.content_type.take().or(row.content_type);
        attachment.size_bytes = attachment
            .size_bytes
            .or(row.size_bytes.and_then(|size| u64::try_from(size).ok()));
    }
    Ok(())
}

/// Upload a file to send.
///
/// The answer's `reference` is what an attachment takes for its `url`. Telegram, Discord, Slack, WhatsApp and mails are given the
/// file itself; other platforms fetch it from the hub, so `gateway.public_url` must be an address they reach.
#[utoipa::path(
    post, path = "/media", tag = "messages", operation_id = "upload_media", params(UploadQuery),
    request_body(content = Vec<u8>, content_type = "application/octet-stream", description = "The file; its type is found out"),
    responses((status = 201, description = "It is kept", body = UploadOut))
)]
pub(crate) async fn upload(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    Query(query): Query<UploadQuery>,
    headers: HeaderMap,
    given: Body,
) -> Result<(StatusCode, axum::Json<UploadOut>), ApiError> {
    if let Some(name) = &query.name {
        text("/name", name, 255)?;
    }
    let file = body(given, hub.media.max_bytes()).await?;
    if file.is_empty() {
        return Err(ApiError::bad_request("The file is empty."));
    }
    let claimed = headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .map(str::to_owned);
    let id = MediaId::new();
    let stored = hub.media.put(caller.tenant, id, claimed, file).await?;
    store::media::upload(
        &hub.store,
        caller.tenant,
        id,
        query.name.as_deref(),
        &stored,
    )
    .await?;
    let out = UploadOut {
        id,
        reference: format!("{SCHEME}{id}"),
        url: address(&hub, caller.tenant, id, FOR_READERS),
        content_type: stored.content_type,
        size_bytes: stored.size_bytes,
    };
    Ok((StatusCode::CREATED, axum::Json(out)))
}

/// The files of a message, and what became of those that were to be fetched.
#[utoipa::path(
    get, path = "/messages/{message_id}/media", tag = "messages", operation_id = "list_media",
    params(("message_id" = uuid::Uuid, Path, description = "The message")),
    responses((status = 200, description = "In the order of the attachments", body = Vec<MediaOut>))
)]
pub(crate) async fn of_message(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    Path(id): Path<MessageId>,
) -> Result<axum::Json<Vec<MediaOut>>, ApiError> {
    let rows = store::media::of_message(&hub.store, caller.tenant, id).await?;
    let out = |row: MediaRow| MediaOut {
        url: (row.status == MediaStatus::Stored)
            .then(|| address(&hub, caller.tenant, row.id, FOR_READERS)),
        id: row.id,
        place: row.place,
        status: match row.status {
            MediaStatus::Waiting => "waiting",
            MediaStatus::Stored => "stored",
            MediaStatus::Failed => "failed",
        },
        name: row.name,
        content_type: row.content_type,
        size_bytes: row.size_bytes,
        detail: row.detail,
        created_at: row.created_at,
    };
    Ok(axum::Json(rows.into_iter().map(out).collect()))
}

/// A file, by an address the hub signed. No bearer token.
#[utoipa::path(
    get, path = "/media/{tenant_id}/{media_id}", tag = "messages", operation_id = "get_media",
    params(("tenant_id" = uuid::Uuid, Path, description = "As in the address"),
           ("media_id" = uuid::Uuid, Path, description = "As in the address"), SignedQuery),
    responses((status = 200, description = "The file", body = Vec<u8>, content_type = "application/octet-stream"))
)]
pub(crate) async fn serve(
    State(hub): State<Arc<Hub>>,
    Path((tenant, id)): Path<(TenantId, MediaId)>,
    Query(query): Query<SignedQuery>,
) -> Result<Response, ApiError> {
    let address = Address {
        tenant,
        id,
        expires_s: query.expires,
    };
    let genuine = address.is_genuine(hub.store.keyring(), &query.signature);
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    if !genuine || query.expires <= now.as_secs() {
        return Err(ApiError::new(
            StatusCode::FORBIDDEN,
            "wrong-signature",
            "The address is not one of the hub's, or its time is over. Read the message again for a fresh one.",
        ));
    }
    let row = store::media::get(&hub.store, tenant, id)
        .await
        .map_err(|error| ApiError::or_not_found(error, "file"))?;
    match row.status {
        MediaStatus::Waiting => return Err(ApiError::unavailable(2)),
        MediaStatus::Failed => return Err(ApiError::not_found("file")),
        MediaStatus::Stored => {}
    }
    let file = hub
        .media
        .get(tenant, id)
        .await?
        .ok_or_else(|| ApiError::not_found("file"))?;
    Ok((headers(&row, query.expires - now.as_secs()), file).into_response())
}

fn headers(row: &MediaRow, left_s: u64) -> HeaderMap {
    let kind = row
        .content_type
        .as_deref()
        .unwrap_or("application/octet-stream");
    let shown = ["image/", "audio/", "video/"]
        .iter()
        .any(|family| kind.starts_with(family))
        // Pictures that may hold scripts.
        && kind != "image/svg+xml";
    let mut headers = HeaderMap::new();
    let mut set = |name, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    };
    set(
        header::CONTENT_TYPE,
        if shown {
            kind
        } else {
            "application/octet-stream"
        },
    );
    set(
        header::CONTENT_DISPOSITION,
        &disposition(shown, row.name.as_deref()),
    );
    set(
        header::CONTENT_SECURITY_POLICY,
        "sandbox; default-src 'none'",
    );
    set(
        header::CACHE_CONTROL,
        &format!("private, max-age={}, immutable", left_s.min(3600)),
    );
    headers
}

/// RFC 6266, the name as RFC 8187 has it.
fn disposition(shown: bool, name: Option<&str>) -> String {
    let mut text = String::from(if shown { "inline" } else { "attachment" });
    if let Some(name) = name {
        text.push_str("; filename*=UTF-8''");
        for byte in name.bytes() {
            if byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte) {
                text.push(char::from(byte));
            } else {
                write!(text, "%{byte:02X}").expect("writing to a String cannot fail");
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_no_header_of_its_own() {
        assert_eq!(disposition(true, None), "inline");
        assert_eq!(
            disposition(false, Some("a \"b\"\r\nX: ü")),
            "attachment; filename*=UTF-8''a%20%22b%22%0D%0AX%3A%20%C3%BC"
        );
    }
}
