//! The server: connections, their number, and their end.
//!
//! Invariants: never more than `max_connections` at a time, further ones wait in the kernel's queue; a
//! connection that does not send its header in time is closed, so slow ones cannot hold all of them;
//! at a stop requests in flight are answered, within a limit.

use std::{sync::Arc, time::Duration};

use axum::{Router, body::Body};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::{auth::JwtKeyError, directory, hub::Hub, router::router, settings::Deps};

/// How long a header may take, and how long a connection may idle between requests.
const HEADER: Duration = Duration::from_secs(30);
/// How long requests in flight may take at a stop.
const DRAIN: Duration = Duration::from_secs(10);
/// The pause after the system refused another connection (too many open files).
const BREATH: Duration = Duration::from_millis(50);

/// What keeps the gateway from serving.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error("JSON Web Tokens cannot be checked")]
    Jwt(#[from] JwtKeyError),
}

/// Serves until `stop`, then answers what is in flight.
///
/// # Errors
/// [`ServeError`], at the start only.
pub async fn serve(
    deps: Deps,
    listener: TcpListener,
    stop: CancellationToken,
) -> Result<(), ServeError> {
    let max_connections = deps.settings.max_connections.max(1);
    let hub = Arc::new(Hub::new(deps)?);
    hub.directory.refresh_now(&hub.store).await;
    let watcher = tokio::spawn(directory::watch(Arc::clone(&hub), stop.clone()));
    let router = router(hub);
    let slots = Arc::new(Semaphore::new(max_connections));
    let mut connections = JoinSet::new();
    loop {
        // The semaphore is never closed.
        let slot = tokio::select! {
            slot = Arc::clone(&slots).acquire_owned() => slot,
            () = stop.cancelled() => break,
        };
        let stream = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "a connection was not accepted");
                    sleep(BREATH).await;
                    continue;
                }
            },
            () = stop.cancelled() => break,
        };
        while connections.try_join_next().is_some() {}
        let (router, stop) = (router.clone(), stop.clone());
        connections.spawn(async move {
            connection(stream, router, stop).await;
            drop(slot);
        });
    }
    drop(listener);
    let drained = timeout(DRAIN, async {
        while connections.join_next().await.is_some() {}
    });
    if drained.await.is_err() {
        tracing::warn!("requests were still in flight at the end");
        connections.shutdown().await;
    }
    watcher.abort();
    Ok(())
}

async fn connection(stream: TcpStream, router: Router, stop: CancellationToken) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection broke at once");
        return;
    }
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        router.clone().oneshot(request.map(Body::new))
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER)
        .max_buf_size(64 * 1024)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    tokio::pin!(served);
    let outcome = tokio::select! {
        outcome = served.as_mut() => outcome,
        () = stop.cancelled() => {
            served.as_mut().graceful_shutdown();
            served.await
        }
    };
    if let Err(error) = outcome {
        tracing::trace!(%error, "a connection ended early");
    }
}
