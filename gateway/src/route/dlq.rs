//! Dead letters: what could not go on, why, and another try.
//!
//! Invariant: a letter of another tenant, or of none, does not exist here; those of none are the
//! operator's, on the command line.

use std::sync::Arc;

use axum::{extract::State, response::Response};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use nats::{ApiError as BusError, Letter};
use schemas::{Body, Envelope, Outbound, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};

use super::{SUCCESS, SuccessOut};
use crate::{
    auth::Caller,
    extract::{Path, Query},
    hub::Hub,
    page,
    problem::ApiError,
};

/// Bytes of a payload that are shown.
const SHOWN: usize = 256 * 1024;

/// A dead letter.
#[derive(Serialize, ToSchema)]
pub(crate) struct LetterOut {
    /// By which it is known.
    seq: u64,
    /// Who gave up.
    #[schema(example = "normalize")]
    stage: String,
    #[schema(example = "malformed")]
    reason: String,
    /// Why, for people.
    detail: String,
    original_stream: String,
    original_subject: String,
    original_seq: u64,
    at: Timestamp,
    size_bytes: usize,
}

/// A dead letter with what it holds.
#[derive(Serialize, ToSchema)]
pub(crate) struct LetterDetailOut {
    #[serde(flatten)]
    letter: LetterOut,
    /// The platform's own text, or the message to be sent; null where it is no text.
    payload: Option<String>,
    /// The item's bytes, in base64, as far as 256 KiB.
    payload_base64: String,
}

impl From<&Letter> for LetterOut {
    fn from(found: &Letter) -> Self {
        let letter = &found.letter;
        Self {
            seq: found.seq,
            stage: letter.stage.clone(),
            reason: letter.reason.clone(),
            detail: letter.detail.clone(),
            original_stream: letter.original_stream.clone(),
            original_subject: letter.original_subject.clone(),
            original_seq: letter.original_seq,
            at: letter.at,
            size_bytes: letter.payload.len(),
        }
    }
}

/// Which letters.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct LetterQuery {
    /// Only older ones: the last `seq` of the page before.
    #[param(minimum = 0)]
    before_seq: Option<i64>,
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
}

fn failed(error: BusError) -> ApiError {
    match error {
        BusError::TimedOut | BusError::Unavailable => {
            tracing::warn!(%error, "the broker did not answer");
            ApiError::unavailable(2)
        }
        other => ApiError::internal(&other),
    }
}

/// List dead letters, newest first.
#[utoipa::path(
    get, path = "/dlq", tag = "dead letters", operation_id = "list_dead_letters", params(LetterQuery),
    responses((status = 200, description = "A page; the next one begins before its last `seq`", body = [LetterOut],
        headers(("X-Next-Cursor" = String, description = "`before_seq` of the next page; absent when this page is not full"))))
)]
pub(crate) async fn list(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    Query(query): Query<LetterQuery>,
) -> Result<Response, ApiError> {
    let limit = page::limit(query.limit)? as usize;
    let before = query.before_seq.map(u64::try_from).transpose();
    let before = before.map_err(|_| ApiError::bad_request("`before_seq` must not be negative."))?;
    let found = hub
        .bus
        .dlq_list(Some(caller.tenant), before, limit)
        .await
        .map_err(failed)?;
    let items: Vec<LetterOut> = found.iter().map(Into::into).collect();
    let next = items.last().filter(|_| items.len() == limit);
    let next = next.map(|last| last.seq);
    Ok(page::numbered(&items, next))
}

async fn letter(hub: &Hub, caller: &Caller, seq: u64) -> Result<Letter, ApiError> {
    let missing = || ApiError::not_found("dead letter");
    // A stream begins at 1.
    if seq == 0 {
        return Err(missing());
    }
    hub.bus
        .dlq_get(seq)
        .await
        .map_err(failed)?
        .filter(|found| found.letter.tenant == Some(caller.tenant))
        .ok_or_else(missing)
}

/// One dead letter, with what it holds.
#[utoipa::path(
    get, path = "/dlq/{seq}", tag = "dead letters", operation_id = "get_dead_letter",
    params(("seq" = u64, Path, minimum = 0, description = "The letter")),
    responses((status = 200, description = "The letter", body = LetterDetailOut))
)]
pub(crate) async fn get(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    Path(seq): Path<u64>,
) -> Result<axum::Json<LetterDetailOut>, ApiError> {
    let found = letter(&hub, &caller, seq).await?;
    let payload = &found.letter.payload;
    let shown = payload.get(..SHOWN).unwrap_or(payload);
    Ok(axum::Json(LetterDetailOut {
        letter: (&found).into(),
        payload: readable(payload),
        payload_base64: STANDARD.encode(shown),
    }))
}

/// What is in a payload, for people.
fn readable(payload: &[u8]) -> Option<String> {
    if let Ok(envelope) = Envelope::decode(payload) {
        return match envelope.body {
            Body::Raw(raw) => String::from_utf8(raw.bytes.to_vec()).ok(),
            Body::Message(message) => serde_json::to_string(&message).ok(),
        };
    }
    if let Ok(outbound) = Outbound::decode(payload) {
        return serde_json::to_string(&outbound.message).ok();
    }
    String::from_utf8(payload.to_vec()).ok()
}

/// Send a dead letter through its stage again, and remove it.
#[utoipa::path(
    post, path = "/dlq/{seq}/redrive", tag = "dead letters", operation_id = "redrive_dead_letter",
    params(("seq" = u64, Path, minimum = 0, description = "The letter")),
    responses((status = 200, description = "It is on its way again", body = SuccessOut))
)]
pub(crate) async fn redrive(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    Path(seq): Path<u64>,
) -> Result<axum::Json<SuccessOut>, ApiError> {
    let found = letter(&hub, &caller, seq).await?;
    if let Some((tenant, message)) = found.letter.exhausted() {
        store::delivery::reopen(&hub.store, tenant, message).await?;
    }
    if !hub.bus.dlq_redrive(seq).await.map_err(failed)? {
        return Err(ApiError::not_found("dead letter"));
    }
    let detail = json!({"stage": found.letter.stage, "reason": found.letter.reason});
    hub.audit(&caller, "dlq.redrive", format!("dlq:{seq}"), Some(detail))
        .await?;
    Ok(SUCCESS)
}
