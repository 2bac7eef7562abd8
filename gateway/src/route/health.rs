//! Whether the process lives, whether it can work, and its metrics.
//!
//! Ready means: webhooks can be taken. That needs the broker and not the database, so a database that
//! is down is `degraded` and still ready.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use tokio::time::timeout;
use utoipa::ToSchema;

use crate::hub::Hub;

const PING: Duration = Duration::from_secs(1);

/// How the hub does.
#[derive(Serialize, ToSchema)]
pub(crate) struct ReadyOut {
    status: ReadyStatus,
    checks: ChecksOut,
}

/// How the hub does, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum ReadyStatus {
    Ok,
    /// Messages come in and are sent; reading waits for the database.
    Degraded,
    Unavailable,
}

/// What was looked at.
#[derive(Serialize, ToSchema)]
pub(crate) struct ChecksOut {
    nats: CheckOut,
    postgres: CheckOut,
}

/// One part.
#[derive(Serialize, ToSchema)]
pub(crate) struct CheckOut {
    ok: bool,
    #[schema(example = "connected")]
    detail: &'static str,
}

/// That the process lives.
#[derive(Serialize, ToSchema)]
pub(crate) struct LiveOut {
    #[schema(example = "ok")]
    status: &'static str,
}

/// Whether the process lives.
#[utoipa::path(
    get, path = "/health/live", tag = "operations", operation_id = "get_liveness", security(()),
    responses((status = 200, description = "It does", body = LiveOut))
)]
pub(crate) async fn live() -> axum::Json<LiveOut> {
    axum::Json(LiveOut { status: "ok" })
}

/// Whether messages can be taken.
#[utoipa::path(
    get, path = "/health/ready", tag = "operations", operation_id = "get_readiness", security(()),
    responses(
        (status = 200, description = "They can; `degraded` while the database is down", body = ReadyOut),
        (status = 503, description = "They cannot: the broker is not connected", body = ReadyOut)
    )
)]
pub(crate) async fn ready(State(hub): State<Arc<Hub>>) -> (StatusCode, axum::Json<ReadyOut>) {
    let nats = hub.bus.is_connected();
    let postgres = matches!(timeout(PING, hub.store.ping()).await, Ok(Ok(())));
    let (code, status) = match (nats, postgres) {
        (false, _) => (StatusCode::SERVICE_UNAVAILABLE, ReadyStatus::Unavailable),
        (true, false) => (StatusCode::OK, ReadyStatus::Degraded),
        (true, true) => (StatusCode::OK, ReadyStatus::Ok),
    };
    let check = |ok| CheckOut {
        ok,
        detail: if ok { "connected" } else { "not reachable" },
    };
    let checks = ChecksOut {
        nats: check(nats),
        postgres: check(postgres),
    };
    (code, axum::Json(ReadyOut { status, checks }))
}

/// Metrics in Prometheus' text form.
#[utoipa::path(
    get, path = "/metrics", tag = "operations", operation_id = "get_metrics", security(()),
    responses((status = 200, description = "The metrics", body = String, content_type = "text/plain"))
)]
pub(crate) async fn metrics(State(hub): State<Arc<Hub>>) -> Response {
    let text = (hub.metrics)();
    (
        [(
            header::CONTENT_TYPE,
            "text/plain; version=0.0.4; charset=utf-8",
        )],
        text,
    )
        .into_response()
}
