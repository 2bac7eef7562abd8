//! The load generator: HTTP/1.1 over kept connections, at a fixed rate or as fast as answers come.
//!
//! At a fixed rate the time of a request counts from when it was due, not from when a connection
//! was free, so a stall is seen in the tail (no coordinated omission).

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use hdrhistogram::Histogram;
use http_body_util::{BodyExt, Full};
use hyper::{Request, body::Bytes, client::conn::http1};
use hyper_util::rt::TokioIo;
use schemas::Timestamp;
use tokio::{net::TcpStream, sync::Mutex};

/// What to send and how fast.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Pace {
    /// Requests per second.
    Rate(u32),
    /// Every connection sends its next request when the last was answered.
    Max,
}

/// Makes the n-th request.
pub(crate) trait Script: Send + Sync + 'static {
    fn request(&self, n: u64) -> Request<Full<Bytes>>;
}

/// What came of it.
pub(crate) struct Sent {
    /// Request due to answer read, in microseconds.
    pub(crate) accepted_us: Histogram<u64>,
    /// When request n was due; zero where none was accepted.
    pub(crate) due: Vec<i64>,
    pub(crate) accepted: u64,
    pub(crate) refused: u64,
}

/// Drives `url` for `seconds` over `connections`.
pub(crate) async fn drive<S: Script>(
    address: &str,
    script: Arc<S>,
    pace: Pace,
    connections: usize,
    seconds: u64,
) -> anyhow::Result<Sent> {
    let next = Arc::new(AtomicU64::new(0));
    let started = Instant::now();
    let started_at = Timestamp::now();
    let end = started + Duration::from_secs(seconds);
    let total = Arc::new(Mutex::new(Vec::new()));
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..connections {
        let (script, next, total) = (Arc::clone(&script), Arc::clone(&next), Arc::clone(&total));
        let address = address.to_owned();
        tasks.spawn(async move {
            let stream = TcpStream::connect(&address).await.context("connecting")?;
            stream.set_nodelay(true)?;
            let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
            let driver = tokio::spawn(connection);
            let mut mine: Vec<(u64, i64, u64, bool)> = Vec::new();
            loop {
                let n = next.fetch_add(1, Ordering::Relaxed);
                let due = match pace {
                    Pace::Rate(rate) => {
                        let due = started
                            + Duration::from_nanos(
                                n.saturating_mul(1_000_000_000) / u64::from(rate.max(1)),
                            );
                        if due >= end {
                            break;
                        }
                        tokio::time::sleep_until(due.into()).await;
                        due
                    }
                    Pace::Max => Instant::now(),
                };
                if Instant::now() >= end {
                    break;
                }
                sender.ready().await?;
                let answer = sender.send_request(script.request(n)).await?;
                let accepted = answer.status().is_success();
                answer.into_body().collect().await?;
                let due_at = started_at.plus(due.duration_since(started)).0;
                let took_us = u64::try_from(due.elapsed().as_micros()).unwrap_or(u64::MAX);
                mine.push((n, due_at, took_us, accepted));
            }
            drop(sender);
            driver.abort();
            total.lock().await.append(&mut mine);
            anyhow::Ok(())
        });
    }
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    let mut accepted_us = Histogram::new_with_bounds(1, 120_000_000, 3)?;
    let records = std::mem::take(&mut *total.lock().await);
    let highest = records.iter().map(|record| record.0).max().unwrap_or(0);
    let mut due = vec![0; usize::try_from(highest)?.saturating_add(1)];
    let (mut accepted, mut refused) = (0, 0);
    for (n, due_at, took_us, ok) in records {
        if ok {
            accepted += 1;
            accepted_us.saturating_record(took_us.max(1));
            if let Some(slot) = due.get_mut(usize::try_from(n)?) {
                *slot = due_at;
            }
        } else {
            refused += 1;
        }
    }
    if accepted == 0 {
        bail!("no request was accepted ({refused} were refused)");
    }
    Ok(Sent {
        accepted_us,
        due,
        accepted,
        refused,
    })
}
