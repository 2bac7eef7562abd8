//! The one error of the API, answered as RFC 9457 problem details.
//!
//! Invariants: a 4xx says what to do; a 5xx says nothing of the inside, only the id under which the
//! log has the rest; nothing here repeats a credential. An error is logged once, where it becomes
//! a problem.

use std::borrow::Cow;

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use nats::PublishError;
use serde::{Deserialize, Serialize};
use store::StoreError;
use utoipa::ToSchema;
use uuid::Uuid;

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
}

/// An answer that is no success.
#[derive(Debug)]
pub(crate) struct ApiError(Box<Inner>);

#[derive(Debug)]
struct Inner {
    status: StatusCode,
    code: &'static str,
    detail: Cow<'static, str>,
    instance: Option<Uuid>,
    retry_after_s: Option<u32>,
    errors: Vec<FieldError>,
}

impl ApiError {
    pub(crate) fn new(
        status: StatusCode,
        code: &'static str,
        detail: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self(Box::new(Inner {
            status,
            code,
            detail: detail.into(),
            instance: None,
            retry_after_s: None,
            errors: Vec::new(),
        }))
    }

    /// The request itself cannot be read.
    pub(crate) fn bad_request(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad-request", detail)
    }

    /// The request can be read, and asks for what cannot be.
    pub(crate) fn invalid(
        pointer: impl Into<String>,
        detail: impl Into<Cow<'static, str>>,
    ) -> Self {
        let detail = detail.into();
        let error = FieldError {
            pointer: pointer.into(),
            detail: detail.clone().into_owned(),
        };
        Self::of_fields(detail, vec![error])
    }

    fn of_fields(detail: impl Into<Cow<'static, str>>, errors: Vec<FieldError>) -> Self {
        let mut error = Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", detail);
        error.0.errors = errors;
        error
    }

    /// Everything that is wrong with a request, in one answer.
    ///
    /// # Errors
    /// When a check failed. What is no [`ApiError::invalid`] comes alone, and first.
    pub(crate) fn all(checks: impl IntoIterator<Item = Result<(), Self>>) -> Result<(), Self> {
        let mut found: Vec<Self> = Vec::new();
        for refused in checks.into_iter().filter_map(Result::err) {
            if refused.0.errors.is_empty() {
                return Err(refused);
            }
            found.push(refused);
        }
        if found.len() <= 1 {
            return found.pop().map_or(Ok(()), Err);
        }
        let errors: Vec<FieldError> = found.into_iter().flat_map(|one| one.0.errors).collect();
        let places: Vec<&str> = errors.iter().map(|error| error.pointer.as_str()).collect();
        let detail = format!(
            "{} parts of the body cannot be taken; `errors` says what each must be: {}.",
            errors.len(),
            places.join(", ")
        );
        Err(Self::of_fields(detail, errors))
    }

    pub(crate) fn unauthorized(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", detail)
    }

    pub(crate) fn forbidden(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", detail)
    }

    /// `what` with its article, as in "such conversation".
    pub(crate) fn not_found(what: &'static str) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "not-found",
            format!("There is no such {what}."),
        )
    }

    pub(crate) fn conflict(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::CONFLICT, "conflict", detail)
    }

    /// The platform takes nothing free in this conversation any more.
    pub(crate) fn window_closed(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::CONFLICT, "window-closed", detail)
    }

    pub(crate) fn too_large(limit_bytes: usize) -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too-large",
            format!(
                "The body is larger than the {limit_bytes} bytes allowed here. Send less at a time."
            ),
        )
    }

    /// Something the hub needs is down or busy; the same request may work later.
    pub(crate) fn unavailable(retry_after_s: u32) -> Self {
        let mut error = Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "unavailable",
            "This cannot be done just now. Nothing was lost; try again after the time in Retry-After.",
        );
        error.0.retry_after_s = Some(retry_after_s);
        error
    }

    /// A defect. Logs the error and answers an id alone.
    pub(crate) fn internal(error: &(dyn std::error::Error + 'static)) -> Self {
        let id = Uuid::now_v7();
        tracing::error!(problem = %id, error, "a request failed");
        Self::internal_with(id)
    }

    pub(crate) fn internal_with(id: Uuid) -> Self {
        let mut error = Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "The hub failed at this. The log says more under the id in `instance`.",
        );
        error.0.instance = Some(id);
        error
    }

    /// Names what was not found, when that is what happened.
    pub(crate) fn or_not_found(error: StoreError, what: &'static str) -> Self {
        match error {
            StoreError::NotFound => Self::not_found(what),
            other => other.into(),
        }
    }

    #[cfg(test)]
    pub(crate) fn status(&self) -> StatusCode {
        self.0.status
    }

    /// The pointers of what is wrong.
    #[cfg(test)]
    pub(crate) fn places(&self) -> Vec<&str> {
        let errors = self.0.errors.iter();
        errors.map(|error| error.pointer.as_str()).collect()
    }

    /// The name for programs.
    pub(crate) fn code(&self) -> &'static str {
        self.0.code
    }

    /// What to do, for people.
    pub(crate) fn detail(&self) -> &str {
        &self.0.detail
    }

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

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(source) => {
                tracing::warn!(error = %source, "the database is unavailable");
                Self::unavailable(2)
            }
            StoreError::NotFound => Self::not_found("object"),
            StoreError::Conflict { constraint } => conflict(&constraint),
            StoreError::Invalid(rule) => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "invalid",
                format!("The database does not take this: {rule}."),
            ),
            other @ StoreError::Other(_) => Self::internal(&other),
        }
    }
}

/// A broken constraint as a sentence.
fn conflict(constraint: &str) -> ApiError {
    if constraint.ends_with("tenant_id_fkey") {
        return ApiError::forbidden("There is no such tenant. Use a token of one that exists.");
    }
    if constraint.ends_with("channel_id_fkey") {
        return ApiError::not_found("channel");
    }
    if constraint.ends_with("name_key") {
        return ApiError::conflict("The name is taken. Choose another.");
    }
    ApiError::conflict("This exists already, or something refers to it.")
}

impl From<PublishError> for ApiError {
    fn from(error: PublishError) -> Self {
        match &error {
            PublishError::Refused { code: 413, .. } => Self::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "too-large",
                "This is larger than the broker takes. Send less at a time.",
            ),
            PublishError::Refused { code: 400, .. } => Self::internal(&error),
            PublishError::Busy => Self::unavailable(1),
            _ => {
                tracing::warn!(%error, "the broker did not store a message");
                Self::unavailable(2)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;

    use super::*;

    async fn problem_of(error: ApiError) -> (Response<()>, Problem) {
        let (parts, body) = error.into_response().into_parts();
        let bytes = to_bytes(body, 65536).await.unwrap();
        (
            Response::from_parts(parts, ()),
            serde_json::from_slice(&bytes).unwrap(),
        )
    }

    #[tokio::test]
    async fn problems_are_rfc_9457() {
        let (response, problem) = problem_of(ApiError::not_found("conversation")).await;
        assert_eq!(response.status(), 404);
        assert_eq!(
            response.headers()[header::CONTENT_TYPE],
            "application/problem+json"
        );
        assert_eq!(problem.kind, "urn:tidings:problem:not-found");
        assert_eq!((problem.status, problem.title.as_str()), (404, "Not Found"));
        assert_eq!(problem.detail, "There is no such conversation.");
    }

    #[tokio::test]
    async fn all_that_is_wrong_is_one_answer() {
        assert!(ApiError::all([Ok(()), Ok(())]).is_ok());
        let wrong = |place: &str| Err(ApiError::invalid(place, format!("Not {place}.")));
        let one = ApiError::all([Ok(()), wrong("/a")]).unwrap_err();
        assert_eq!(problem_of(one).await.1.detail, "Not /a.");
        let two = ApiError::all([wrong("/a"), Ok(()), wrong("/b")]).unwrap_err();
        let (response, problem) = problem_of(two).await;
        assert_eq!(response.status(), 422);
        let places: Vec<_> = problem.errors.iter().map(|error| &error.pointer).collect();
        assert_eq!(places, ["/a", "/b"]);
        assert!(problem.detail.ends_with("/a, /b."), "{}", problem.detail);
    }

    #[tokio::test]
    async fn what_is_down_says_when_to_come_back_and_nothing_else() {
        let error = StoreError::Other("password=hunter2".into());
        let (response, problem) = problem_of(error.into()).await;
        assert_eq!(response.status(), 500);
        assert!(!serde_json::to_string(&problem).unwrap().contains("hunter2"));
        assert!(problem.instance.unwrap().starts_with("urn:uuid:"));
        let (response, _) = problem_of(PublishError::TimedOut.into()).await;
        assert_eq!(response.status(), 503);
        assert_eq!(response.headers()[header::RETRY_AFTER], "2");
    }

    #[tokio::test]
    async fn plain_refusals_are_dressed_and_keep_their_headers() {
        let plain = (StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, "GET")]).into_response();
        let dressed = dress(plain);
        assert_eq!(dressed.headers()[header::ALLOW], "GET");
        assert_eq!(dressed.headers()[header::CONTENT_TYPE], CONTENT_TYPE);
        let fine = dress(StatusCode::NO_CONTENT.into_response());
        assert!(!fine.headers().contains_key(header::CONTENT_TYPE));
    }
}
