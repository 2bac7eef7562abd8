//! `tidings bench chaos`: kills, adds and drains workers, and kills the broker, while messages flow;
//! then counts what arrived and compares it with what was sent.
//!
//! The hub's gateway runs in one process; pipeline, projector and sender workers are processes of
//! their own that are ended with SIGKILL or drained with SIGTERM every few seconds. Every accepted
//! webhook must be one row, in the order of its conversation, counted once, and answered once.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use clap::Args;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde::Serialize;
use serde_json::json;
use tokio::process::Child;

use super::{blow, hub::Hub, inbound::Probe};

/// How to break things.
#[derive(Clone, Debug, Args)]
pub(crate) struct ChaosOptions {
    #[arg(long, default_value_t = 200_000)]
    messages: u64,
    #[arg(long, default_value_t = 2000)]
    conversations: u64,
    /// Worker processes that run at a time.
    #[arg(long, default_value_t = 3)]
    workers: usize,
    /// Seconds between two blows.
    #[arg(long, default_value_t = 4)]
    every: u64,
    /// Also kill the broker at every third blow; the hub starts it again.
    #[arg(long)]
    broker: bool,
    /// Only the line of JSON.
    #[arg(long)]
    json: bool,
}

/// What came out.
#[derive(Debug, Serialize)]
struct Verdict {
    bench: &'static str,
    messages: u64,
    accepted: u64,
    rows: u64,
    lost: u64,
    out_of_order: u64,
    counted: i64,
    replies_expected: u64,
    replies_sent: u64,
    sends_unfinished: i64,
    killed: u64,
    drained: u64,
    broker_killed: u64,
    dead_letters: u64,
    seconds: f64,
    messages_per_s: f64,
}

impl Verdict {
    fn is_good(&self) -> bool {
        self.lost == 0
            && self.out_of_order == 0
            && u64::try_from(self.counted) == Ok(self.accepted)
            && self.sends_unfinished == 0
            && self.replies_sent == self.replies_expected
            && self.dead_letters == 0
    }
}

/// What workers do.
const ROLES: &str = "pipeline,deliver,project";
/// Every so many messages of a conversation ask for an automatic reply.
const ASKS_EVERY: u64 = 10;
/// How long everything may take to arrive after the last message was accepted.
const DRAIN: Duration = Duration::from_secs(240);
/// How long the API may take to answer again at the end.
const BACK: Duration = Duration::from_secs(15);

pub(crate) async fn run(options: &ChaosOptions) -> anyhow::Result<()> {
    let hub = Hub::start(Some("gateway,janitor")).await?;
    let verdict = break_things(options, &hub).await;
    if let Ok(verdict) = &verdict {
        print(verdict, options.json)?;
        if verdict.is_good() {
            return hub.stop().await;
        }
    }
    let folder = hub.stop_and_keep().await?;
    let kept = format!(
        "what the hub and its workers say and keep is in {}",
        folder.display()
    );
    verdict.context(kept.clone())?;
    bail!("the hub lost, doubled or reordered messages; {kept}")
}

async fn break_things(options: &ChaosOptions, hub: &Hub) -> anyhow::Result<Verdict> {
    let channel = hub
        .channel(
            "sandbox",
            "chaos",
            json!({
                "auto_response_enabled": true,
                "config": {
                    "settings": {"rate_limit": 1_000_000, "on_unknown": "resend"},
                    "routing": {"rules": [{"name": "ask", "when": {"keywords": ["please"]}, "then": [{"reply": "On it."}]}]}
                }
            }),
        )
        .await?;
    let probe = Probe::connect(hub).await?;
    let started = Instant::now();
    let done = Arc::new(AtomicBool::new(false));
    let accepted = Arc::new(AtomicU64::new(0));
    let senders = send_all(options, hub, channel, &accepted);
    let breaking = tokio::spawn(blows(
        options.clone(),
        hub.ready.clone(),
        hub.keys_file(),
        Arc::clone(&done),
    ));
    let sent = senders.await;
    // The last workers must finish the work without further blows.
    done.store(true, Ordering::Relaxed);
    let mut counts = breaking.await??;
    sent?;
    let accepted = accepted.load(Ordering::Relaxed);
    let waiting = Instant::now();
    let expected = replies_expected(options);
    loop {
        let rows = store::probe::count(probe.store(), probe.tenant, channel).await?;
        let replies = store::probe::sandbox_count(probe.store(), probe.tenant, channel).await?;
        let unfinished = store::probe::unfinished(probe.store(), probe.tenant, channel).await?;
        if rows >= accepted + expected && replies >= expected && unfinished == 0 {
            break;
        }
        if waiting.elapsed() > DRAIN {
            break;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let seconds = started.elapsed().as_secs_f64();
    for worker in &mut counts.workers {
        worker.start_kill()?;
        worker.wait().await?;
    }
    let orders = store::probe::orders(probe.store(), probe.tenant, channel).await?;
    let mut seen: HashMap<String, u64> = HashMap::new();
    let (mut out_of_order, mut rows) = (0, 0);
    for (conversation, platform_id) in orders {
        rows += 1;
        let n: u64 = platform_id
            .rsplit(':')
            .next()
            .and_then(|n| n.parse().ok())
            .context("an id the bench did not send")?;
        match seen.insert(conversation, n) {
            Some(before) if before >= n => out_of_order += 1,
            _ => {}
        }
    }
    #[expect(
        clippy::cast_precision_loss,
        reason = "message counts fit a double exactly"
    )]
    let rate = accepted as f64 / seconds;
    Ok(Verdict {
        bench: "chaos",
        messages: options.messages,
        accepted,
        rows,
        lost: accepted.saturating_sub(rows),
        out_of_order,
        counted: store::probe::counted(probe.store(), probe.tenant, channel).await?,
        replies_expected: expected,
        replies_sent: store::probe::sandbox_count(probe.store(), probe.tenant, channel).await?,
        sends_unfinished: store::probe::unfinished(probe.store(), probe.tenant, channel).await?,
        killed: counts.killed,
        drained: counts.drained,
        broker_killed: counts.broker_killed,
        dead_letters: dead_letters(hub).await?,
        seconds,
        messages_per_s: rate,
    })
}

fn replies_expected(options: &ChaosOptions) -> u64 {
    let each = options.messages / options.conversations.max(1);
    each.div_ceil(ASKS_EVERY) * options.conversations
}

async fn dead_letters(hub: &Hub) -> anyhow::Result<u64> {
    // Who was just killed may not be back.
    let asked = Instant::now();
    let letters = loop {
        match hub.get("/api/v1/dlq?limit=200").await {
            Err(error) if asked.elapsed() < BACK => {
                tracing::debug!(%error, "the dead letters cannot be read yet");
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            letters => break letters?,
        }
    };
    Ok(u64::try_from(letters.as_array().map_or(0, Vec::len))?)
}

/// Sends every conversation's messages in order, each until it is accepted.
async fn send_all(
    options: &ChaosOptions,
    hub: &Hub,
    channel: schemas::ChannelId,
    accepted: &Arc<AtomicU64>,
) -> anyhow::Result<()> {
    const SIDE_BY_SIDE: u64 = 64;
    let each = options.messages / options.conversations.max(1);
    let url = format!(
        "{}/api/v1/webhooks/{channel}",
        hub.ready.url.trim_end_matches('/')
    );
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..SIDE_BY_SIDE {
        let mine: Vec<u64> = (0..options.conversations)
            .filter(|c| c % SIDE_BY_SIDE == task)
            .collect();
        let (http, url, accepted) = (hub.http.clone(), url.clone(), Arc::clone(accepted));
        tasks.spawn(async move {
            for n in 0..each {
                for conversation in &mine {
                    let text = if n % ASKS_EVERY == 0 {
                        "please answer"
                    } else {
                        "just saying"
                    };
                    let body = json!({
                        "id": format!("{conversation}:{n}"),
                        "conversation": format!("chat-{conversation}"),
                        "sender": {"id": format!("user-{conversation}")},
                        "text": text,
                    });
                    let mut tries = 0_u32;
                    loop {
                        let answer = http.post(&url).json(&body).send().await;
                        match answer {
                            Ok(answer) if answer.status().is_success() => break,
                            Ok(answer)
                                if answer.status().is_client_error() && answer.status() != 429 =>
                            {
                                bail!("a webhook was refused: {}", answer.text().await?);
                            }
                            _ => {}
                        }
                        tries += 1;
                        if tries > 600 {
                            bail!("a webhook was not accepted after {tries} tries");
                        }
                        tokio::time::sleep(Duration::from_millis(100)).await;
                    }
                    accepted.fetch_add(1, Ordering::Relaxed);
                }
            }
            anyhow::Ok(())
        });
    }
    while let Some(task) = tasks.join_next().await {
        task??;
    }
    Ok(())
}

struct Counts {
    workers: Vec<Child>,
    killed: u64,
    drained: u64,
    broker_killed: u64,
}

/// Keeps workers running, and hits one every few seconds, until told that all was sent.
async fn blows(
    options: ChaosOptions,
    ready: super::hub::Ready,
    keys: std::path::PathBuf,
    done: Arc<AtomicBool>,
) -> anyhow::Result<Counts> {
    let mut counts = Counts {
        workers: Vec::new(),
        killed: 0,
        drained: 0,
        broker_killed: 0,
    };
    for _ in 0..options.workers.max(1) {
        counts.workers.push(blow::worker(&ready, &keys, ROLES)?);
    }
    let mut blow = 0_u64;
    while !done.load(Ordering::Relaxed) {
        tokio::time::sleep(Duration::from_secs(options.every.max(1))).await;
        blow += 1;
        let victim = usize::try_from(blow)? % counts.workers.len().max(1);
        let mut old = counts.workers.swap_remove(victim);
        if let Some(status) = old.try_wait()? {
            bail!(
                "a worker ended by itself with {status}; see {}",
                keys.with_file_name("workers.log").display()
            );
        }
        if blow.is_multiple_of(2) {
            counts.drained += 1;
            if let Some(pid) = old.id() {
                kill(Pid::from_raw(i32::try_from(pid)?), Signal::SIGTERM)?;
            }
        } else {
            counts.killed += 1;
            old.start_kill()?;
        }
        // The newcomer joins while the old one drains.
        counts.workers.push(blow::worker(&ready, &keys, ROLES)?);
        old.wait().await?;
        if options.broker && blow.is_multiple_of(3) {
            counts.broker_killed += 1;
            blow::kill_child(ready.pid, "nats-server")?;
        }
    }
    Ok(counts)
}

fn print(verdict: &Verdict, json: bool) -> anyhow::Result<()> {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    if !json {
        writeln!(
            out,
            "{} accepted, {} rows, {} lost, {} out of order, {} replies of {} ({} unfinished); {} workers killed, {} drained, broker killed {} times; {:.0} s",
            verdict.accepted,
            verdict.rows,
            verdict.lost,
            verdict.out_of_order,
            verdict.replies_sent,
            verdict.replies_expected,
            verdict.sends_unfinished,
            verdict.killed,
            verdict.drained,
            verdict.broker_killed,
            verdict.seconds
        )?;
    }
    writeln!(out, "{}", serde_json::to_string(verdict)?)?;
    Ok(())
}
