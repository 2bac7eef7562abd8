//! `tidings bench ingest-nats`: an external adapter publishes to its ingest subjects over NATS.
//!
//! The adapter does what a fast one does: it keys its subjects by a hash of the conversation (equal
//! for all messages of one conversation is all a token has to be) and lets what waits leave as one frame.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use nats::{Bus, ConnectSettings};
use schemas::{ChannelKind, Timestamp, subject};
use serde_json::json;
use tokio::sync::Mutex;

use crate::config::without_credentials;

use super::{
    Options,
    hub::Hub,
    inbound::{Probe, TEXT},
    load::Pace,
    report::Report,
    usage,
};

/// Subjects the adapter spreads its conversations over.
const TOKENS: u64 = 16;

pub(crate) async fn run(options: &Options) -> anyhow::Result<()> {
    let hub = options.hub(None).await?;
    let report = measure(options, &hub).await;
    options.done(hub).await?;
    report?.print(options.json)
}

async fn measure(options: &Options, hub: &Hub) -> anyhow::Result<Report> {
    let channel = hub.channel("generic", "bench", json!({})).await?;
    let probe = Probe::connect(hub).await?;
    let bus = connect(&hub.ready.nats_url).await?;
    let tenant = probe.tenant;
    let before = usage::of_tree(hub.ready.pid);
    let started = Instant::now();
    let started_at = Timestamp::now();
    let end = started + Duration::from_secs(options.seconds);
    let next = Arc::new(AtomicU64::new(0));
    let due_of = Arc::new(Mutex::new(Vec::new()));
    let mut tasks = tokio::task::JoinSet::new();
    // Each task is one request after another, as many side by side as an adapter keeps unacknowledged.
    for _ in 0..options.connections.saturating_mul(4) {
        let (bus, next, due_of) = (bus.clone(), Arc::clone(&next), Arc::clone(&due_of));
        let (pace, conversations) = (options.pace(), u64::from(options.conversations.max(1)));
        tasks.spawn(async move {
            let mut mine = Vec::new();
            loop {
                let n = next.fetch_add(1, Ordering::Relaxed);
                let due = match pace {
                    Pace::Rate(rate) => {
                        let due = started + Duration::from_nanos(n.saturating_mul(1_000_000_000) / u64::from(rate.max(1)));
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
                let chat = n % conversations;
                let token = format!("s{}", chat % TOKENS);
                let body = format!(
                    r#"{{"id":"b:{n}","conversation":"chat-{chat}","sender":{{"id":"user-{chat}","name":"Ada Lovelace"}},"text":"{TEXT}"}}"#
                );
                let to = subject::ingest(tenant, ChannelKind::Generic, channel, &token);
                bus.publisher().publish(&to, Bytes::from(body), Duration::from_secs(30)).await?;
                mine.push((n, started_at.plus(due.duration_since(started)).0));
            }
            due_of.lock().await.append(&mut mine);
            anyhow::Ok(())
        });
    }
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    let records = std::mem::take(&mut *due_of.lock().await);
    let accepted = u64::try_from(records.len())?;
    probe.wait_for(channel, accepted).await?;
    let seconds = started.elapsed().as_secs_f64();
    let used = usage::between(&before, &usage::of_tree(hub.ready.pid));
    let mut report = Report::of(
        "ingest-nats",
        accepted,
        0,
        seconds,
        &used,
        usage::peak_mb(hub.ready.pid),
    );
    let mut due = vec![0; usize::try_from(next.load(Ordering::Relaxed))?];
    for (n, at) in records {
        if let Some(slot) = due.get_mut(usize::try_from(n)?) {
            *slot = at;
        }
    }
    report.visible_ms = Some(probe.visible(channel, &due, 1).await?);
    Ok(report)
}

async fn connect(nats_url: &str) -> anyhow::Result<Bus> {
    let (user, password, url) = without_credentials(nats_url);
    let settings = ConnectSettings {
        url,
        user,
        password,
        name: "bench adapter".to_owned(),
        ..ConnectSettings::default()
    };
    Ok(Bus::connect(&settings).await?)
}
