//! The server: connections, their number, and their end.
//!
//! Invariants: never more than `max_connections` at a time, further ones wait in the kernel's queue; a
//! connection that does not send its header in time is closed, so slow ones cannot hold all of them;
//! at a stop requests in flight are answered, within a limit.

use std::{net::IpAddr, sync::Arc, time::Duration};

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

use crate::{
    auth::JwtKeyError, directory, extract::Peer, google, hub::Hub, live, router::router,
    settings::Deps, track,
};

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
    let listener_of_live = tokio::spawn(live::watch(Arc::clone(&hub), stop.clone()));
    let google = tokio::spawn(google::follow(Arc::clone(&hub), stop.clone()));
    let keepers = tokio::spawn(track::watch(Arc::clone(&hub), stop.clone()));
    // Ends after the last request that may put something in.
    let end = CancellationToken::new();
    let tracking = tokio::spawn(track::drain(Arc::clone(&hub), end.clone()));
    let router = router(hub);
    let slots = Arc::new(Semaphore::new(max_connections));
    let mut connections = JoinSet::new();
    loop {
        // The semaphore is never closed.
        let slot = tokio::select! {
            slot = Arc::clone(&slots).acquire_owned() => slot,
            () = stop.cancelled() => break,
        };
        let (stream, peer) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
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
            connection(stream, peer.ip(), router, stop).await;
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
    end.cancel();
    if timeout(DRAIN, tracking).await.is_err() {
        tracing::warn!("opens and clicks were still to be published at the end");
    }
    watcher.abort();
    keepers.abort();
    google.abort();
    listener_of_live.abort();
    Ok(())
}

async fn connection(stream: TcpStream, peer: IpAddr, router: Router, stop: CancellationToken) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection broke at once");
        return;
    }
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(Peer(Some(peer)));
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

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        task::JoinHandle,
    };

    use super::*;
    use crate::rig::{Parts, deps};

    const LIMIT: Duration = Duration::from_secs(20);

    struct Served {
        address: SocketAddr,
        stop: CancellationToken,
        task: JoinHandle<Result<(), ServeError>>,
        _parts: Parts,
    }

    async fn served(max_connections: usize) -> Served {
        let (deps, parts) = deps(|settings| settings.max_connections = max_connections).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let task = tokio::spawn(serve(deps, listener, stop.clone()));
        Served {
            address,
            stop,
            task,
            _parts: parts,
        }
    }

    /// Sends a request and reads the status line and the headers.
    async fn ask(stream: &mut TcpStream, request: &[u8]) -> String {
        stream.write_all(request).await.unwrap();
        let mut answer = Vec::new();
        let mut byte = [0];
        while !answer.ends_with(b"\r\n\r\n") {
            let count = timeout(LIMIT, stream.read(&mut byte))
                .await
                .unwrap()
                .unwrap();
            assert_eq!(
                count,
                1,
                "the connection ended: {}",
                String::from_utf8_lossy(&answer)
            );
            answer.push(byte[0]);
        }
        String::from_utf8(answer).unwrap()
    }

    const LIVE: &[u8] = b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n";

    #[tokio::test]
    async fn a_stop_ends_idle_connections_and_the_server() {
        let served = served(100).await;
        let mut stream = TcpStream::connect(served.address).await.unwrap();
        assert!(ask(&mut stream, LIVE).await.starts_with("HTTP/1.1 200"));
        served.stop.cancel();
        timeout(LIMIT, served.task).await.unwrap().unwrap().unwrap();
        let mut rest = Vec::new();
        timeout(LIMIT, stream.read_to_end(&mut rest))
            .await
            .unwrap()
            .unwrap();
        assert!(TcpStream::connect(served.address).await.is_err());
    }

    #[tokio::test]
    async fn connections_beyond_the_limit_wait_for_their_turn() {
        let served = served(1).await;
        let mut first = TcpStream::connect(served.address).await.unwrap();
        assert!(ask(&mut first, LIVE).await.starts_with("HTTP/1.1 200"));
        let mut second = TcpStream::connect(served.address).await.unwrap();
        second.write_all(LIVE).await.unwrap();
        let mut byte = [0];
        let early = timeout(Duration::from_millis(200), second.read(&mut byte)).await;
        assert!(
            early.is_err(),
            "the second connection was served beside the first"
        );
        drop(first);
        let served_now = timeout(LIMIT, second.read(&mut byte))
            .await
            .unwrap()
            .unwrap();
        assert_eq!((served_now, byte), (1, [b'H']));
    }

    #[tokio::test]
    async fn a_client_that_sends_too_much_hears_so() {
        let served = served(100).await;
        let mut stream = TcpStream::connect(served.address).await.unwrap();
        let token = crate::rig::token("admin");
        let size = 5 << 20;
        let mut request = format!(
            "POST /api/v1/channels HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: application/json\r\nContent-Length: {size}\r\n\r\n"
        )
        .into_bytes();
        request.resize(request.len() + size, b' ');
        assert!(ask(&mut stream, &request).await.starts_with("HTTP/1.1 413"));
    }
}
