//! `tidings bench campaign`: a campaign by mail to many contacts, until each is at an SMTP server of this process and in the
//! ledger. Ten variables, five tracked links.

use std::{
    io::Write,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use clap::Args;
use schemas::ChannelId;
use serde::Serialize;
use serde_json::{Value, json};
use store::{Keyring, Store};
use tokio_util::sync::CancellationToken;

use super::{blow, hub::Hub, mail_sink::MailSink, reply::Replies, report::Percentiles, usage};

/// How to measure.
#[derive(Clone, Debug, Args)]
pub(crate) struct CampaignOptions {
    #[arg(long, default_value_t = 100_000)]
    recipients: u64,
    /// Only how fast the audience becomes rows and chunks: nothing is sent.
    #[arg(long)]
    expand_only: bool,
    /// Pauses and resumes so often on the way, and measures when the last mail came after each pause.
    #[arg(long, default_value_t = 0)]
    pauses: u32,
    /// Sends so many replies a second on the same channel, before the campaign and beside it, and measures how long they
    /// take to the server.
    #[arg(long, default_value_t = 0)]
    replies: u32,
    /// Kills a worker, the broker, a worker, Postgres, and so on with SIGKILL, every so many seconds; then counts.
    #[arg(long, default_value_t = 0)]
    kill_every: u64,
    /// So many processes at most.
    #[arg(long, default_value_t = u64::MAX)]
    kills: u64,
    /// What is done with a mail that may have left: `hold` lists it as unknown, `resend` sends it again.
    #[arg(long, default_value = "hold")]
    on_unknown: String,
    /// Only the line of JSON.
    #[arg(long)]
    json: bool,
}

/// The last line.
#[derive(Debug, Serialize)]
struct Report {
    bench: &'static str,
    recipients: u64,
    seconds: f64,
    /// From the start of the campaign to the last row of the ledger.
    messages_per_s: f64,
    /// Of the ledger.
    sent: u64,
    unknown: u64,
    failed: u64,
    /// Of the SMTP server.
    at_sink: u64,
    duplicates: u64,
    /// Recipients without a row, or without an outcome.
    missing: u64,
    /// Processes that were killed on the way.
    killed: u64,
    /// Rows of the audience a second, until all of it was known.
    expanded_per_s: f64,
    /// Milliseconds from the answer to a pause to the last mail after it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pause_ms: Vec<f64>,
    /// Replies on the campaign's channel, before it: asked for to taken by the server, milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    reply_before_ms: Option<Percentiles>,
    /// The same, while the campaign is being sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    reply_beside_ms: Option<Percentiles>,
    cpu_us_per_message: std::collections::BTreeMap<String, f64>,
    /// Of the SMTP server and this program.
    sink_us_per_message: f64,
    peak_rss_mb: f64,
}

const SUBJECT: &str = "{{ first_name }}, your {{ plan }} plan";
const CONTENT: &str = r#"<html><body><h1>Hello {{ first_name }} {{ last_name }}</h1>
<p>Your points: <b>{{ points }}</b>, as a {{ plan }} customer from {{ city }} in {{ country }}.</p>
<table><tr><td><a href="https://shop.example.org/offers/{{ offer }}">Your offer</a></td>
<td><a href="https://shop.example.org/points?of={{ customer }}">Your points</a></td></tr></table>
<p>Your shop in {{ shop }} is open. <a href="https://shop.example.org/shops">All shops</a>,
<a href="https://shop.example.org/news">news</a>, <a href="https://shop.example.org/help">help</a>.
Your adviser is {{ adviser }}.</p></body></html>"#;

/// What workers do while things are killed.
const WORKER: &str = "deliver,campaign";
/// Recipients that one blow may leave doubtful: the chunks in hand of one worker, some of them twice.
const DOUBTFUL: u64 = 400;
/// Seconds of replies before the campaign, and beside it.
const REPLIES: (u64, u64) = (20, 40);
/// How long it may take that nothing comes any more.
const STILL: Duration = Duration::from_secs(120);

pub(crate) async fn run(options: &CampaignOptions) -> anyhow::Result<()> {
    let roles = match (options.expand_only, options.kill_every) {
        (true, _) => Some("gateway,campaign,project,janitor"),
        (false, 0) => None,
        (false, _) => Some("gateway,project,janitor"),
    };
    let hub = Hub::start(roles).await?;
    let report = measure(options, &hub).await;
    hub.stop().await?;
    let report = report?;
    let mut out = std::io::stdout().lock();
    if !options.json {
        writeln!(
            out,
            "{:>12.0} mails/s  ({} in {:.1} s; {} at the sink, {} twice, {} unknown, {} failed)",
            report.messages_per_s,
            report.sent,
            report.seconds,
            report.at_sink,
            report.duplicates,
            report.unknown,
            report.failed
        )?;
        writeln!(out, "{:>12.0} recipients/s expanded", report.expanded_per_s)?;
        for (when, times) in [
            ("before", &report.reply_before_ms),
            ("beside", &report.reply_beside_ms),
        ] {
            if let Some(times) = times {
                writeln!(
                    out,
                    "{:>12.2} ms p50, {:.2} p99, {:.2} at most, a reply {when} the campaign",
                    times.p50, times.p99, times.max
                )?;
            }
        }
        for (name, us) in &report.cpu_us_per_message {
            writeln!(out, "{name:>12}  {us:.1} µs CPU a message")?;
        }
        writeln!(out, "{:>12.0} MB at most, the hub", report.peak_rss_mb)?;
    }
    writeln!(out, "{}", serde_json::to_string(&report)?)?;
    let in_flight = report.killed * DOUBTFUL;
    if report.missing > 0 || report.duplicates > in_flight || report.unknown > in_flight {
        bail!("recipients were lost, or more are doubtful than were in flight");
    }
    if options.kill_every > 0 && options.on_unknown == "hold" && report.duplicates > 0 {
        bail!("somebody was sent to twice");
    }
    Ok(())
}

/// Keeps two workers running and hits something every few seconds, until told that it is over; how many died.
async fn blows(
    (every, most): (u64, u64),
    ready: super::hub::Ready,
    keys: std::path::PathBuf,
    over: CancellationToken,
) -> anyhow::Result<u64> {
    let mut workers = vec![
        blow::worker(&ready, &keys, WORKER)?,
        blow::worker(&ready, &keys, WORKER)?,
    ];
    let mut killed = 0;
    loop {
        tokio::select! {
            () = over.cancelled() => return Ok(killed),
            () = tokio::time::sleep(Duration::from_secs(every)) => {}
        }
        if killed >= most {
            over.cancelled().await;
            return Ok(killed);
        }
        killed += 1;
        match killed % 4 {
            2 => blow::kill_child(ready.pid, "nats-server")?,
            0 => blow::kill_child(ready.pid, "postgres")?,
            _ => {
                let mut old = workers.remove(0);
                old.start_kill()?;
                workers.push(blow::worker(&ready, &keys, WORKER)?);
                old.wait().await?;
            }
        }
        for worker in &mut workers {
            if let Some(status) = worker.try_wait()? {
                let log = keys.with_file_name("workers.log");
                bail!(
                    "a worker ended by itself with {status}; see {}",
                    log.display()
                );
            }
        }
    }
}

async fn measure(options: &CampaignOptions, hub: &Hub) -> anyhow::Result<Report> {
    let sink = MailSink::start().await?;
    let (channel, campaign) = prepare(options, hub, &sink).await?;
    let replies = match options.replies {
        0 => None,
        rate => Some(Arc::new(Replies::prepare(hub, channel, rate).await?)),
    };
    let mut reply_before_ms = None;
    if let Some(replies) = &replies {
        reply_before_ms = Some(replies.round(0, REPLIES.0, &sink).await?);
    }
    let before = usage::of_tree(hub.ready.pid);
    let own = usage::of_tree(std::process::id());
    let path = format!("/api/v1/campaigns/{campaign}");
    let started = Instant::now();
    hub.post(&format!("{path}/start"), &json!({})).await?;
    let mut beside = replies.map(|replies| {
        let sink = sink.clone();
        tokio::spawn(async move { replies.round(1, REPLIES.1, &sink).await })
    });
    let over = CancellationToken::new();
    let _over_when_dropped = over.clone().drop_guard();
    let breaking = (options.kill_every > 0).then(|| {
        let (ready, keys) = (hub.ready.clone(), hub.keys_file());
        tokio::spawn(blows(
            (options.kill_every, options.kills),
            ready,
            keys,
            over.clone(),
        ))
    });
    let mut expanded = None;
    let mut pause_ms = Vec::new();
    let mut seen = (0, Instant::now());
    let store = Store::connect(&hub.ready.postgres_url, 1, Keyring::ephemeral())?;
    let id = campaign.parse()?;
    loop {
        let row = match hub.get(&path).await {
            Ok(row) => row,
            // The database may have been killed.
            Err(_) if breaking.is_some() && seen.1.elapsed() < STILL => {
                tokio::time::sleep(Duration::from_millis(200)).await;
                continue;
            }
            Err(error) => return Err(error),
        };
        if expanded.is_none() && row.get("is_expanded") == Some(&Value::Bool(true)) {
            expanded = Some(started.elapsed());
            if options.expand_only {
                break;
            }
        }
        match row.get("status").and_then(Value::as_str) {
            Some("COMPLETED") => {
                if beside.as_ref().is_some_and(|beside| !beside.is_finished()) {
                    bail!("the campaign was over before the replies were: more recipients, please");
                }
                break;
            }
            Some("RUNNING") => {}
            other => bail!("the campaign is {other:?}: {:?}", row.get("status_reason")),
        }
        let mails = sink.count().mails;
        let done = pause_ms.len() as u64 + 1;
        let share = options.recipients * done / (u64::from(options.pauses) + 1);
        if (pause_ms.len() as u64) < u64::from(options.pauses) && mails >= share {
            hub.post(&format!("{path}/pause"), &json!({})).await?;
            let answered = Instant::now();
            tokio::time::sleep(Duration::from_secs(2)).await;
            let last = sink.count().last.unwrap_or(answered);
            pause_ms.push(last.saturating_duration_since(answered).as_secs_f64() * 1e3);
            hub.post(&format!("{path}/resume"), &json!({})).await?;
        }
        let audience = row.get("audience").and_then(Value::as_u64).unwrap_or(0);
        if mails + audience > seen.0 {
            seen = (mails + audience, Instant::now());
        } else if seen.1.elapsed() > STILL {
            bail!("nothing happened for {STILL:?}: {mails} mails, {audience} in the ledger");
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let seconds = started.elapsed().as_secs_f64();
    over.cancel();
    let killed = match breaking {
        Some(breaking) => breaking.await??,
        None => 0,
    };
    let mut reply_beside_ms = None;
    if let Some(beside) = beside.take() {
        reply_beside_ms = Some(beside.await??);
    }
    let used = usage::between(&before, &usage::of_tree(hub.ready.pid));
    let outcomes = store::probe::campaign_outcomes(&store, id).await?;
    let of = |status: &str| outcomes.get(status).copied().unwrap_or(0);
    let came = sink.count();
    if !options.json {
        let sample: String = came.sample.chars().take(1500).collect();
        tracing::debug!(%sample, "one of the mails");
    }
    #[expect(clippy::cast_precision_loss, reason = "counts of a bench fit a double")]
    let count = options.recipients.max(1) as f64;
    let per_message = |seconds: f64| seconds * 1e6 / count;
    let mine = usage::between(&own, &usage::of_tree(std::process::id()));
    let all: f64 = mine.get("tidings").map_or(0.0, |usage| usage.cpu_seconds);
    let hubs: f64 = used.get("tidings").map_or(0.0, |usage| usage.cpu_seconds);
    Ok(Report {
        bench: "campaign",
        recipients: options.recipients,
        seconds,
        messages_per_s: count / seconds,
        sent: of("SENT"),
        unknown: of("UNKNOWN"),
        failed: of("FAILED") + of("BOUNCED"),
        at_sink: came.mails,
        duplicates: came.duplicates,
        missing: if options.expand_only {
            options.recipients.saturating_sub(outcomes.values().sum())
        } else {
            let over = ["SENT", "UNKNOWN", "FAILED", "BOUNCED"];
            let found: u64 = over.into_iter().map(of).sum();
            // A mail that the ledger has as sent and the server has not would be missing, too.
            let distinct = came.mails - came.duplicates;
            options.recipients.saturating_sub(found) + of("SENT").saturating_sub(distinct)
        },
        killed,
        expanded_per_s: count / expanded.map_or(seconds, |time| time.as_secs_f64()),
        pause_ms,
        reply_before_ms,
        reply_beside_ms,
        cpu_us_per_message: used
            .iter()
            .map(|(name, usage)| (name.clone(), per_message(usage.cpu_seconds)))
            .collect(),
        // The hub is a child of this process.
        sink_us_per_message: per_message((all - hubs).max(0.0)),
        peak_rss_mb: usage::peak_mb(hub.ready.pid),
    })
}

/// Contacts on a list, a channel to the sink, and a draft; the ids of the channel and the
/// campaign.
async fn prepare(
    options: &CampaignOptions,
    hub: &Hub,
    sink: &MailSink,
) -> anyhow::Result<(ChannelId, String)> {
    let list = hub.post("/api/v1/lists", &json!({"name": "bench"})).await?;
    let list = list
        .get("id")
        .and_then(Value::as_str)
        .context("the list has no id")?;
    let store = Store::connect(&hub.ready.postgres_url, 1, Keyring::ephemeral())?;
    let tenants = store::tenant::list(&store).await?;
    let tenant = tenants.first().context("the hub has no tenant")?.id;
    store::probe::make_contacts(&store, tenant, list.parse()?, options.recipients).await?;
    let channel = hub
        .channel(
            "email",
            "bench",
            json!({
                "config": {"settings": {
                    "rate_limit": 1_000_000, "allow_private": true, "on_unknown": options.on_unknown}},
                "credentials": {
                    "from": "News <news@bench.example.org>",
                    "smtp": {"host": "127.0.0.1", "port": sink.address.port(), "tls": "none"},
                },
            }),
        )
        .await?;
    let campaign = hub
        .post(
            "/api/v1/campaigns",
            &json!({
                "name": "bench", "type": "EMAIL", "subject_line": SUBJECT, "content": CONTENT,
                "contact_list_ids": [list], "channel_ids": [channel],
            }),
        )
        .await?;
    let id = campaign.get("id").and_then(Value::as_str);
    let id = id.context("the campaign has no id")?.to_owned();
    Ok((channel, id))
}
