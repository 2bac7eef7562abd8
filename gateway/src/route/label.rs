//! What people say a message is: corrections, and their way out to the trainer.
//!
//! Invariants: the same author's last word counts; the export holds one page of rows at a time, however long it is.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::State,
    http::{HeaderValue, header},
    response::Response,
};
use bytes::Bytes;
use futures::{Stream, StreamExt as _, TryStreamExt as _, stream};
use schemas::{ChannelKind, LabelledText, MessageId, Task, TenantId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{
    Store, StoreError,
    label::{LabelNew, LabelRow},
};
use utoipa::{IntoParams, ToSchema};

use super::{message::patiently, optional_text};
use crate::{
    auth::Caller,
    extract::{Json, Path, Query},
    hub::Hub,
    problem::ApiError,
};

/// Most labels of a message.
const MAX_LABELS: usize = 20;
/// Rows of an export in memory at a time.
const PAGE: u32 = 200;

/// What somebody says a message is.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LabelIn {
    task: Task,
    /// One for `language`, `sentiment` and `priority`; several where several hold, as with emotions.
    #[schema(min_items = 1, max_items = 20)]
    labels: Vec<String>,
    /// For people; a model does not see it.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 1000)]
    note: Option<String>,
}

/// What somebody said.
#[derive(Serialize, ToSchema)]
pub(crate) struct LabelOut {
    message_id: MessageId,
    task: Task,
    labels: Vec<String>,
    note: Option<String>,
    /// `key:<id>` or `jwt:<sub>`.
    author: String,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl From<LabelRow> for LabelOut {
    fn from(row: LabelRow) -> Self {
        Self {
            message_id: row.message_id,
            task: row.task,
            labels: row.labels,
            note: row.note,
            author: row.author,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// Say what a message is, for a model to learn from.
///
/// The message itself stays as it is. The same caller's earlier word on the same task is replaced.
#[utoipa::path(
    post, path = "/messages/{message_id}/labels", tag = "understanding", operation_id = "label_message",
    params(("message_id" = uuid::Uuid, Path, description = "The message")),
    request_body(content = LabelIn, example = json!({"task": "intent", "labels": ["refund"]})),
    responses((status = 200, description = "What is written down", body = LabelOut))
)]
pub(crate) async fn put(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    Path(id): Path<MessageId>,
    Json(body): Json<LabelIn>,
) -> Result<axum::Json<LabelOut>, ApiError> {
    if body.labels.is_empty() || body.labels.len() > MAX_LABELS {
        return Err(ApiError::invalid(
            "/labels",
            format!("There must be 1 to {MAX_LABELS} labels."),
        ));
    }
    let mut labels: Vec<String> = Vec::with_capacity(body.labels.len());
    for (index, label) in body.labels.iter().enumerate() {
        let label = label.trim();
        check(index, label)?;
        if !labels.iter().any(|known| known == label) {
            labels.push(label.to_owned());
        }
    }
    if labels.len() > 1 && is_one(body.task) {
        return Err(ApiError::invalid(
            "/labels",
            format!("A message has one {}.", body.task.name()),
        ));
    }
    optional_text("/note", body.note.as_ref(), 1000)?;
    let row = patiently(&hub, id, || {
        let new = LabelNew {
            task: body.task,
            labels: &labels,
            note: body.note.as_deref(),
            author: &caller.actor,
        };
        store::label::put(&hub.store, caller.tenant, id, new)
    })
    .await?;
    let detail = json!({"task": row.task.name(), "labels": row.labels});
    hub.audit(
        &caller,
        "message.label",
        format!("message:{id}"),
        Some(detail),
    )
    .await?;
    Ok(axum::Json(row.into()))
}

/// Whether exactly one label can be right. Two on one message would make a model of many-of-many out of all the others.
fn is_one(task: Task) -> bool {
    matches!(task, Task::Language | Task::Sentiment | Task::Priority)
}

/// A label that a trainer takes.
fn check(index: usize, label: &str) -> Result<(), ApiError> {
    let fits = !label.is_empty()
        && label.len() <= 200
        && label.chars().count() <= 100
        && !label.contains(char::is_control);
    if fits {
        return Ok(());
    }
    Err(ApiError::invalid(
        format!("/labels/{index}"),
        "A label must have 1 to 100 characters and at most 200 bytes, none of them a control character.",
    ))
}

/// What people said a message is, by task, then the newest first.
#[utoipa::path(
    get, path = "/messages/{message_id}/labels", tag = "understanding", operation_id = "list_message_labels",
    params(("message_id" = uuid::Uuid, Path, description = "The message")),
    responses((status = 200, description = "All of it", body = [LabelOut]))
)]
pub(crate) async fn list(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    Path(id): Path<MessageId>,
) -> Result<axum::Json<Vec<LabelOut>>, ApiError> {
    let rows = patiently(&hub, id, || {
        store::label::of_message(&hub.store, caller.tenant, id)
    })
    .await?;
    Ok(axum::Json(rows.into_iter().map(Into::into).collect()))
}

/// Which labels.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ExportQuery {
    task: Task,
    /// Only what was said at this time (RFC 3339) or later.
    #[param(value_type = Option<String>, format = DateTime)]
    since: Option<Timestamp>,
}

/// All labelled messages of a task as JSON lines: what `tidings train` reads.
///
/// One line a message, with the newest word on it: `text`; `label`, or `labels` where there are several or the task is
/// `emotion`; `lang` and `channel` where they are known. Messages without text are left out.
#[utoipa::path(
    get, path = "/labels/export", tag = "understanding", operation_id = "export_labels", params(ExportQuery),
    responses((status = 200, description = "JSON lines", body = String, content_type = "application/x-ndjson"))
)]
pub(crate) async fn export(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    Query(query): Query<ExportQuery>,
) -> Result<Response, ApiError> {
    let mut lines = Box::pin(lines(
        hub.store.clone(),
        caller.tenant,
        query.task,
        query.since,
    ));
    // Read before the answer begins, so that a database that is down is answered as such.
    let first = lines.try_next().await?;
    let all = stream::iter(first.map(Ok)).chain(lines);
    let mut response = Response::new(Body::from_stream(all));
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/x-ndjson"),
    );
    Ok(response)
}

/// Chunks of JSON lines, one for each page of rows.
fn lines(
    store: Store,
    tenant: TenantId,
    task: Task,
    since: Option<Timestamp>,
) -> impl Stream<Item = Result<Bytes, StoreError>> + Send {
    stream::try_unfold(None, move |after| {
        let store = store.clone();
        async move {
            let rows = store::label::export(&store, tenant, task, since, after, PAGE).await?;
            let Some(last) = rows.last().map(|row| row.message_id) else {
                return Ok(None);
            };
            let mut chunk = Vec::new();
            for row in rows {
                let channel = row.channel.map(ChannelKind::name);
                let line = LabelledText::new(
                    task,
                    &row.text,
                    &row.labels,
                    row.language.as_deref(),
                    channel,
                );
                chunk.extend_from_slice(&line.to_line());
            }
            Ok(Some((Bytes::from(chunk), Some(last))))
        }
    })
}
