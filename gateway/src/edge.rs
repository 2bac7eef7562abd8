//! Around every request: its time limit, its panic, its metrics, and the form of its errors.
//!
//! Deliberately absent: a log line per request. Metrics count them; errors are logged where they are
//! handled.

use std::{
    panic::AssertUnwindSafe,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures::FutureExt;
use tokio::time::timeout;
use uuid::Uuid;

use crate::{hub::Hub, problem};

/// How long reading may take: the database answers sooner or not at all.
const READ: Duration = Duration::from_secs(8);
/// The route of requests that matched none.
const NO_ROUTE: &str = "none";
/// What takes as long as the caller's line does. Each piece has to come within a limit of its own ([`crate::upload`]).
const UPLOAD: &str = "/contacts/import";
const UPLOAD_LIMIT: Duration = Duration::from_secs(6 * 3600);

pub(crate) async fn no_route() -> StatusCode {
    StatusCode::NOT_FOUND
}

pub(crate) async fn around(State(hub): State<Arc<Hub>>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let route = request.extensions().get::<MatchedPath>().map_or_else(
        || metrics::SharedString::const_str(NO_ROUTE),
        |path| path.as_str().to_owned().into(),
    );
    let method = method_name(request.method());
    let limit = match method {
        "GET" | "HEAD" => hub.settings.request_timeout.min(READ),
        "POST" if route.ends_with(UPLOAD) => UPLOAD_LIMIT,
        _ => hub.settings.request_timeout,
    };
    let handled = AssertUnwindSafe(next.run(request)).catch_unwind();
    let response = match timeout(limit, handled).await {
        Ok(Ok(response)) => response,
        Ok(Err(panic)) => {
            drop(panic);
            let id = Uuid::now_v7();
            tracing::error!(problem = %id, %route, "a handler panicked");
            problem::ApiError::internal_with(id).into_response()
        }
        Err(_) => problem::ApiError::unavailable(5).into_response(),
    };
    let mut response = problem::dress(response);
    let headers = response.headers_mut();
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    let status = status_name(response.status());
    metrics::counter!("tidings_http_requests_total", "route" => route.clone(), "method" => method, "status" => status)
        .increment(1);
    metrics::histogram!("tidings_http_request_seconds", "route" => route)
        .record(started.elapsed().as_secs_f64());
    response
}

/// Few names, so that strangers cannot make many series.
fn method_name(method: &axum::http::Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "HEAD" => "HEAD",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}

fn status_name(status: StatusCode) -> &'static str {
    match status.as_u16() {
        200 => "200",
        201 => "201",
        204 => "204",
        400 => "400",
        401 => "401",
        403 => "403",
        404 => "404",
        405 => "405",
        409 => "409",
        413 => "413",
        415 => "415",
        422 => "422",
        500 => "500",
        503 => "503",
        _ if status.is_client_error() => "other-4xx",
        _ if status.is_server_error() => "other-5xx",
        _ => "other-ok",
    }
}
