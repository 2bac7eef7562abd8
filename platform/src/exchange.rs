//! One call of a fake's API: trouble in store comes first, and the desk notes what was asked and answered.

use axum::{
    Json,
    http::{HeaderMap, Method, StatusCode, Uri},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use crate::{Call, Desk, Trouble, multipart};

/// What a fake answers.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) body: Value,
    /// What was wrong with the call, for who reads the desk.
    pub(crate) refusal: Option<String>,
}

impl Reply {
    pub(crate) fn ok(body: Value) -> Self {
        Self {
            status: StatusCode::OK,
            body,
            refusal: None,
        }
    }

    pub(crate) fn refused(status: StatusCode, body: Value, why: impl Into<String>) -> Self {
        Self {
            status,
            body,
            refusal: Some(why.into()),
        }
    }
}

/// Answers a call of JSON. Bytes that are no JSON reach `work` as null.
pub(crate) async fn exchange(
    desk: &Desk,
    method: &Method,
    uri: &Uri,
    body: &[u8],
    work: impl FnOnce(&Value) -> Reply,
) -> Response {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    exchanged(desk, method, uri, body, work).await
}

/// Answers a call of JSON or of a form with files. A body that is neither reaches `work` as null.
pub(crate) async fn exchange_form(
    desk: &Desk,
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
    body: &[u8],
    work: impl FnOnce(&Value) -> Reply,
) -> Response {
    match multipart::object(headers, body) {
        None => exchange(desk, method, uri, body, work).await,
        Some(form) => exchanged(desk, method, uri, form.unwrap_or_default(), work).await,
    }
}

/// Answers a call of this body.
pub(crate) async fn exchanged(
    desk: &Desk,
    method: &Method,
    uri: &Uri,
    body: Value,
    work: impl FnOnce(&Value) -> Reply,
) -> Response {
    let trouble = desk.take_trouble();
    let reply = match &trouble {
        Some(Trouble::Refuse(status, body)) => {
            Reply::refused(*status, body.clone(), "trouble was in store")
        }
        _ => work(&body),
    };
    if let Some(Trouble::Slow(wait)) = trouble {
        tokio::time::sleep(wait).await;
    }
    let silent = matches!(trouble, Some(Trouble::Silent));
    let (status, answer) = if silent {
        (StatusCode::BAD_GATEWAY, json!({}))
    } else {
        (reply.status, reply.body)
    };
    desk.note(Call {
        method: method.to_string(),
        path: uri.to_string(),
        body,
        status,
        refusal: reply.refusal,
    });
    (status, Json(answer)).into_response()
}
