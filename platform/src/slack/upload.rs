//! Files in three steps (<https://docs.slack.dev/messaging/working-with-files/#upload>): an address is asked for, the bytes go
//! there, and the upload is completed, which shows the files in a conversation.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    body::Bytes,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, Uri},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{Account, MAX_TEXT, refused, seconds, text};
use crate::{Call, exchange::Reply, form};

/// Files by their ids.
#[derive(Clone, Default)]
pub(super) struct Uploads(Arc<Mutex<HashMap<String, Upload>>>);

struct Upload {
    length: usize,
    is_there: bool,
    /// Where it was shown.
    shown: Option<(String, String)>,
}

impl Uploads {
    pub(super) fn begin(&self, body: &Value, host: &str, number: u64) -> Result<Reply, Reply> {
        // By form, so a number is a text.
        let length = text(body, "/length").parse().unwrap_or(0);
        if length == 0 || text(body, "/filename").is_empty() {
            return Err(refused("missing_argument", "length or filename"));
        }
        let id = format!("F0UP{number:06}");
        let url = format!("http://{host}/upload/v1/{id}");
        let upload = Upload {
            length,
            is_there: false,
            shown: None,
        };
        self.locked().insert(id.clone(), upload);
        Ok(Reply::ok(
            json!({"ok": true, "upload_url": url, "file_id": id}),
        ))
    }

    /// Shows files that are there, each once.
    pub(super) fn complete(&self, body: &Value, number: u64) -> Result<Reply, Reply> {
        let files = body.get("files").and_then(Value::as_array);
        let files = files.filter(|files| !files.is_empty());
        let files = files.ok_or_else(|| refused("invalid_arguments", "files"))?;
        let comment = body.get("initial_comment");
        if comment.is_some_and(|given| {
            given
                .as_str()
                .is_none_or(|text| text.is_empty() || text.chars().count() > MAX_TEXT)
        }) {
            return Err(refused("invalid_arguments", "initial_comment"));
        }
        let channel = text(body, "/channel_id");
        let ts = format!("{}.{number:06}", seconds());
        let mut uploads = self.locked();
        for file in files {
            let upload = uploads.get_mut(text(file, "/id"));
            match upload.filter(|upload| upload.is_there && upload.shown.is_none()) {
                Some(upload) => upload.shown = Some((channel.to_owned(), ts.clone())),
                None => return Err(refused("file_not_found", "no such file, or not there yet")),
            }
        }
        Ok(Reply::ok(json!({"ok": true, "files": files})))
    }

    /// What `files.info` says of a file that was uploaded here.
    pub(super) fn info(&self, uri: &Uri) -> Option<Value> {
        let query = form::object(uri.query()?.as_bytes());
        let id = query.get("file")?.as_str()?;
        let uploads = self.locked();
        let (channel, ts) = uploads.get(id)?.shown.as_ref()?;
        Some(json!({"ok": true, "file": {"id": id,
            "shares": {"public": {channel: [{"ts": ts}]}}}}))
    }

    fn locked(&self) -> MutexGuard<'_, HashMap<String, Upload>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The bytes of a file, as long as was said; no token.
pub(super) async fn receive(
    State(Account { desk, uploads }): State<Account>,
    Path(id): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let mut uploads = uploads.locked();
    let (status, refusal) = match uploads.get_mut(&id) {
        _ if headers.contains_key("authorization") => (
            StatusCode::BAD_REQUEST,
            Some("the token has no business here"),
        ),
        Some(upload) if upload.length == body.len() => {
            upload.is_there = true;
            (StatusCode::OK, None)
        }
        Some(_) => (StatusCode::BAD_REQUEST, Some("not as long as was said")),
        None => (StatusCode::NOT_FOUND, Some("no such upload")),
    };
    let digest = Sha256::digest(&body);
    let sha256: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    desk.note(Call {
        method: "POST".into(),
        path: uri.to_string(),
        body: json!({"size_bytes": body.len(), "sha256": sha256}),
        status,
        refusal: refusal.map(str::to_owned),
    });
    (status, format!("OK - {}", body.len())).into_response()
}
