//! The one error of the API, answered as RFC 9457 problem details.
//!
//! Invariants: a 4xx says what to do; a 5xx says nothing of the inside, only the id under which the
//! log has the rest; nothing here repeats a credential. An error is logged once, where it becomes
//! a problem.

mod cause;
mod form;
pub(crate) mod misfit;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use axum::http::StatusCode;
use store::StoreError;
use uuid::Uuid;

pub(crate) use self::form::{CONTENT_TYPE, FieldError, Problem, dress};

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
            line: None,
            column: None,
        };
        Self::of_fields(detail, vec![error])
    }

    /// The same of a place within a text: line and column from 1, in characters. `detail` names them as well.
    pub(crate) fn invalid_at(
        pointer: impl Into<String>,
        (line, column): (u32, u32),
        detail: impl Into<Cow<'static, str>>,
    ) -> Self {
        let mut error = Self::invalid(pointer, detail);
        for field in &mut error.0.errors {
            (field.line, field.column) = (Some(line), Some(column));
        }
        error
    }

    fn of_fields(detail: impl Into<Cow<'static, str>>, errors: Vec<FieldError>) -> Self {
        let mut error = Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", detail);
        error.0.errors = errors;
        error
    }

    /// Everything that is wrong with a body, in one answer.
    ///
    /// # Errors
    /// When a check failed. What is no [`ApiError::invalid`] comes alone, and first.
    pub(crate) fn all(checks: impl IntoIterator<Item = Result<(), Self>>) -> Result<(), Self> {
        Self::together(checks, |count, places| {
            format!(
                "{count} parts of the body cannot be taken; `errors` says what each must be: {places}."
            )
        })
    }

    /// Everything that something stored lacks before it can do what was asked: the pointers are into that, not into a body.
    pub(crate) fn not_ready(what: &str, lacks: impl IntoIterator<Item = Self>) -> Self {
        let found = Self::together(lacks.into_iter().map(Err), |count, places| {
            format!(
                "The {what} is not ready: {count} things are to be mended, and `errors` says how: {places}."
            )
        });
        found.err().unwrap_or_else(|| {
            Self::conflict(format!("The {what} is not ready, and does not say why."))
        })
    }

    fn together(
        checks: impl IntoIterator<Item = Result<(), Self>>,
        sentence: impl FnOnce(usize, &str) -> String,
    ) -> Result<(), Self> {
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
        let mut places: Vec<&str> = errors.iter().map(|error| error.pointer.as_str()).collect();
        places.dedup();
        let detail = sentence(errors.len(), &places.join(", "));
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
}
