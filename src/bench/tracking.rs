//! `tidings bench tracking`: opens and clicks in, events in Postgres out; and how long a redirect takes.
//!
//! The load generator writes requests that were made before, over kept connections, and reads no more of an answer than its
//! status and length: on a machine of two cores what it saves is the hub's. At a fixed rate a request counts from when it was
//! due.

use std::{
    collections::BTreeMap,
    io::Write as _,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use clap::Args;
use hdrhistogram::Histogram;
use schemas::{
    CampaignId, ContactId, TenantId,
    tracking_token::{PURPOSE, Purpose, TrackingToken},
};
use serde::Serialize;
use store::Keyring;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
};
use uuid::Uuid;

use super::{hub::Hub, inbound::Probe, report::Percentiles, usage};

/// What a browser says of itself.
const AGENT: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36";
/// How long a backlog may take to drain after the load has ended.
const DRAIN: Duration = Duration::from_secs(300);
/// Between two looks into the database.
const LOOK: Duration = Duration::from_millis(100);

/// How to measure opens and clicks.
#[derive(Clone, Debug, Args)]
pub(crate) struct TrackingOptions {
    /// How long opens and clicks come as fast as answers do.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// People who open and click.
    #[arg(long, default_value_t = 50_000)]
    contacts: u32,
    /// Clicks per second while redirects are timed.
    #[arg(long, default_value_t = 1000)]
    rate: u32,
    /// How long redirects are timed.
    #[arg(long, default_value_t = 10)]
    timed_seconds: u64,
    /// The folder of a running hub; a hub of its own is started in a temporary folder otherwise.
    #[arg(long)]
    dir: Option<std::path::PathBuf>,
    /// Only the line of JSON.
    #[arg(long)]
    json: bool,
}

/// The last line.
#[derive(Debug, Serialize)]
struct Report {
    bench: &'static str,
    events: u64,
    refused: u64,
    seconds: f64,
    /// From the first request to the last row, so a backlog counts.
    events_per_s: f64,
    /// From the first request to the last answer.
    answers_per_s: f64,
    /// Request due to answer read, at `redirects_per_s`.
    redirect_ms: Percentiles,
    redirects_per_s: u32,
    cpu_us_per_event: BTreeMap<String, f64>,
    rss_mb: BTreeMap<String, f64>,
    peak_rss_mb: f64,
}

pub(crate) async fn run(options: &TrackingOptions) -> anyhow::Result<()> {
    let hub = match &options.dir {
        Some(folder) => Hub::at(folder).await?,
        None => Hub::start(None).await?,
    };
    let report = measure(options, &hub).await;
    hub.stop().await?;
    print(&report?, options.json)
}

async fn measure(options: &TrackingOptions, hub: &Hub) -> anyhow::Result<Report> {
    let probe = Probe::connect(hub).await?;
    let keyring = Keyring::load_or_create(&hub.keys_file())?;
    let campaign = CampaignId(Uuid::now_v7());
    let requests =
        |campaign| Requests::new(hub, &keyring, probe.tenant, campaign, options.contacts);
    let both = Arc::new(requests(campaign));
    let before = usage::of_tree(hub.ready.pid);
    let started = Instant::now();
    let end = started + Duration::from_secs(options.seconds);
    let load = drive(hub, both, options.connections, None, end).await?;
    let answered = started.elapsed().as_secs_f64();
    wait_for(&probe, campaign, load.answered).await?;
    let seconds = started.elapsed().as_secs_f64();
    let used = usage::between(&before, &usage::of_tree(hub.ready.pid));

    let timed = CampaignId(Uuid::now_v7());
    let clicks = Arc::new(requests(timed).only_clicks());
    let end = Instant::now() + Duration::from_secs(options.timed_seconds);
    let redirects = drive(hub, clicks, options.connections, Some(options.rate), end).await?;
    wait_for(&probe, timed, redirects.answered).await?;

    #[expect(
        clippy::cast_precision_loss,
        reason = "events of a bench fit a double exactly"
    )]
    let count = load.answered.max(1) as f64;
    Ok(Report {
        bench: "tracking",
        events: load.answered,
        refused: load.refused + redirects.refused,
        seconds,
        events_per_s: count / seconds,
        answers_per_s: count / answered,
        redirect_ms: Percentiles::of(&redirects.took_us),
        redirects_per_s: options.rate,
        cpu_us_per_event: used
            .iter()
            .map(|(name, usage)| (name.clone(), usage.cpu_seconds * 1e6 / count))
            .collect(),
        rss_mb: used
            .iter()
            .map(|(name, usage)| (name.clone(), usage.rss_mb))
            .collect(),
        peak_rss_mb: usage::peak_mb(hub.ready.pid),
    })
}

async fn wait_for(probe: &Probe, campaign: CampaignId, count: u64) -> anyhow::Result<()> {
    let started = Instant::now();
    loop {
        let rows = store::probe::campaign_events(probe.store(), campaign).await?;
        if rows >= count {
            return Ok(());
        }
        if started.elapsed() > DRAIN {
            bail!("{rows} of {count} events are stored after {DRAIN:?}");
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Requests as they go over the wire: opens, then clicks.
struct Requests {
    bytes: Vec<Box<[u8]>>,
}

impl Requests {
    fn new(
        hub: &Hub,
        keyring: &Keyring,
        tenant: TenantId,
        campaign: CampaignId,
        contacts: u32,
    ) -> Self {
        let request = |page: &str, purpose: Purpose, url: &str, contact: u32| {
            let token = TrackingToken {
                purpose,
                tenant,
                campaign,
                contact: ContactId(Uuid::from_u64_pair(0x1234_5678, u64::from(contact))),
                url: url.to_owned(),
            };
            let tag = keyring.sign(PURPOSE, &token.signed());
            let text = format!(
                "GET /t/{page}/{} HTTP/1.1\r\nHost: {}\r\nUser-Agent: {AGENT}\r\nAccept: */*\r\nAccept-Language: en\r\n\r\n",
                token.text(&tag),
                hub.address()
            );
            text.into_bytes().into_boxed_slice()
        };
        let opens = (0..contacts).map(|contact| request("o", Purpose::Open, "", contact));
        let clicks = (0..contacts).map(|contact| {
            let url =
                format!("https://shop.example.org/offers/autumn?product={contact}&utm_source=mail");
            request("c", Purpose::Click, &url, contact)
        });
        Self {
            bytes: opens.chain(clicks).collect(),
        }
    }

    fn only_clicks(mut self) -> Self {
        let clicks = self.bytes.split_off(self.bytes.len() / 2);
        Self { bytes: clicks }
    }

    /// Opens and clicks in turn, each contact once before the first comes again.
    fn get(&self, n: u64) -> Option<&[u8]> {
        let half = self.bytes.len() / 2;
        let n = usize::try_from(n).ok()?;
        let at = (n % 2) * half + (n / 2) % half.max(1);
        self.bytes.get(at).map(|bytes| &**bytes)
    }
}

/// What came of it.
struct Load {
    answered: u64,
    refused: u64,
    took_us: Histogram<u64>,
}

async fn drive(
    hub: &Hub,
    requests: Arc<Requests>,
    connections: usize,
    rate: Option<u32>,
    end: Instant,
) -> anyhow::Result<Load> {
    let next = Arc::new(AtomicU64::new(0));
    let started = Instant::now();
    let mut tasks = JoinSet::new();
    for _ in 0..connections {
        let (requests, next) = (Arc::clone(&requests), Arc::clone(&next));
        let address = hub.address().to_owned();
        tasks.spawn(async move {
            let mut stream = TcpStream::connect(&address).await.context("connecting")?;
            stream.set_nodelay(true)?;
            let mut buffer = Vec::with_capacity(4096);
            let mut load = Load {
                answered: 0,
                refused: 0,
                took_us: Histogram::new_with_bounds(1, 120_000_000, 3)?,
            };
            loop {
                let n = next.fetch_add(1, Ordering::Relaxed);
                let due = match rate {
                    Some(rate) => {
                        let nanos = n.saturating_mul(1_000_000_000) / u64::from(rate.max(1));
                        let due = started + Duration::from_nanos(nanos);
                        if due < end {
                            tokio::time::sleep_until(due.into()).await;
                        }
                        due
                    }
                    None => Instant::now(),
                };
                if due >= end {
                    break;
                }
                let request = requests.get(n).context("no request")?;
                match ask(&mut stream, request, &mut buffer).await? {
                    200 | 302 => load.answered += 1,
                    _ => load.refused += 1,
                }
                let took = u64::try_from(due.elapsed().as_micros()).unwrap_or(u64::MAX);
                load.took_us.saturating_record(took.max(1));
            }
            anyhow::Ok(load)
        });
    }
    let mut all = Load {
        answered: 0,
        refused: 0,
        took_us: Histogram::new_with_bounds(1, 120_000_000, 3)?,
    };
    while let Some(done) = tasks.join_next().await {
        let load = done??;
        all.answered += load.answered;
        all.refused += load.refused;
        all.took_us.add(load.took_us)?;
    }
    if all.answered == 0 {
        bail!(
            "no request was answered as it should be ({} were refused)",
            all.refused
        );
    }
    Ok(all)
}

/// Sends a request and reads its answer to the end; the status.
async fn ask(stream: &mut TcpStream, request: &[u8], buffer: &mut Vec<u8>) -> anyhow::Result<u16> {
    stream.write_all(request).await?;
    buffer.clear();
    loop {
        if stream.read_buf(buffer).await? == 0 {
            bail!("the connection was closed");
        }
        let Some(head) = buffer.windows(4).position(|window| window == b"\r\n\r\n") else {
            continue;
        };
        let text = std::str::from_utf8(buffer.get(..head).unwrap_or_default())?;
        let status = text
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok());
        let length: usize = text
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))
            .and_then(|length| length.trim().parse().ok())
            .unwrap_or(0);
        while buffer.len() < head + 4 + length {
            if stream.read_buf(buffer).await? == 0 {
                bail!("the connection was closed");
            }
        }
        return status.context("an answer without a status");
    }
}

fn print(report: &Report, json: bool) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    if !json {
        writeln!(
            out,
            "{:>12.0} events/s stored  ({} in {:.1} s, {} refused; {:.0} answers/s)",
            report.events_per_s,
            report.events,
            report.seconds,
            report.refused,
            report.answers_per_s
        )?;
        let times = &report.redirect_ms;
        writeln!(
            out,
            "{:>12}  p50 {:.2}  p95 {:.2}  p99 {:.2}  p99.9 {:.2}  max {:.2} ms, at {}/s",
            "redirect",
            times.p50,
            times.p95,
            times.p99,
            times.p99_9,
            times.max,
            report.redirects_per_s
        )?;
        for (name, us) in &report.cpu_us_per_event {
            let rss = report.rss_mb.get(name).copied().unwrap_or_default();
            writeln!(out, "{name:>12}  {us:.1} µs CPU an event, {rss:.0} MB")?;
        }
    }
    writeln!(out, "{}", serde_json::to_string(report)?)?;
    Ok(())
}
