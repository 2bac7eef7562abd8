//! What a problem looks like on the wire (RFC 9457), also one that was made outside our handlers.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::ApiError;

pub(crate) const CONTENT_TYPE: &str = "application/problem+json";

/// What every error answer looks like (RFC 9457).
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct Problem {
    /// `urn:tidings:problem:` and a name for programs.
    #[serde(rename = "type")]
    #[schema(example = "urn:tidings:problem:not-found")]
    pub(crate) kind: String,
    #[schema(example = "Not Found")]
    pub(crate) title: String,
    #[schema(example = 404, minimum = 400, maximum = 599)]
    pub(crate) status: u16,
    /// What to do, for people.
    #[schema(example = "There is no such conversation.")]
    pub(crate) detail: String,
    /// Under this id the log knows more; on server errors only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(crate) instance: Option<String>,
    /// Which parts of the body are meant.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) errors: Vec<FieldError>,
}

/// One part of a body that cannot be accepted.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct FieldError {
    /// JSON Pointer (RFC 6901) into the body.
    #[schema(example = "/config/routing/rules/0")]
    pub(crate) pointer: String,
    pub(crate) detail: String,
    /// Where in a text that is a template, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, minimum = 1)]
    pub(crate) line: Option<u32>,
    /// In characters, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, minimum = 1)]
    pub(crate) column: Option<u32>,
}

impl ApiError {
    fn problem(&self) -> Problem {
        let inner = &self.0;
        Problem {
            kind: format!("urn:tidings:problem:{}", inner.code),
            title: title(inner.status).to_owned(),
            status: inner.status.as_u16(),
            detail: inner.detail.clone().into_owned(),
            instance: inner.instance.map(|id| id.urn().to_string()),
            errors: inner.errors.clone(),
        }
    }
}

fn title(status: StatusCode) -> &'static str {
    status.canonical_reason().unwrap_or("Error")
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = (self.0.status, Json(self.problem())).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE));
        if let Some(seconds) = self.0.retry_after_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.0.status == StatusCode::UNAUTHORIZED && self.0.code == "unauthorized" {
            headers.insert(
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static("Bearer realm=\"tidings\""),
            );
        }
        response
    }
}

/// Gives an answer made outside our handlers (405, 404 of the router, …) the form of a problem,
/// keeping its headers.
pub(crate) fn dress(response: Response) -> Response {
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return response;
    }
    let dressed = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| {
            // Pages for people say it in their own way.
            let kind = kind.as_bytes();
            kind.starts_with(CONTENT_TYPE.as_bytes()) || kind.starts_with(b"text/html")
        });
    if dressed {
        return response;
    }
    let (code, detail) = match status {
        StatusCode::NOT_FOUND => (
            "no-such-route",
            "There is nothing at this path. /docs lists what there is.",
        ),
        StatusCode::METHOD_NOT_ALLOWED => (
            "method-not-allowed",
            "This path does not take this method. The Allow header lists what it takes.",
        ),
        _ => ("error", "The request could not be answered."),
    };
    let (parts, _) = response.into_parts();
    let mut answer = ApiError::new(status, code, detail).into_response();
    for (name, value) in &parts.headers {
        if *name != header::CONTENT_TYPE && *name != header::CONTENT_LENGTH {
            answer.headers_mut().insert(name.clone(), value.clone());
        }
    }
    answer
}
