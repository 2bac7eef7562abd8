//! `tidings bench import`: a CSV file of contacts through the API until the last of them is in Postgres and on a list.

use std::{
    collections::BTreeMap,
    io::Write,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use bytes::Bytes;
use clap::Args;
use futures::stream;
use reqwest::{Body, header};
use serde::Serialize;
use serde_json::{Value, json};

use super::{hub::Hub, usage};

/// How to measure.
#[derive(Clone, Debug, Args)]
pub(crate) struct ImportOptions {
    #[arg(long, default_value_t = 100_000)]
    rows: u64,
    /// Sends the same file again afterwards: everybody is there already.
    #[arg(long)]
    again: bool,
    /// Only the line of JSON.
    #[arg(long)]
    json: bool,
}

/// The last line.
#[derive(Debug, Serialize)]
struct Report {
    bench: &'static str,
    rows: u64,
    created: u64,
    rejected: u64,
    file_mb: f64,
    /// From the first byte sent to the last row committed.
    seconds: f64,
    rows_per_s: f64,
    /// Of these, until the hub had the file and said so.
    upload_seconds: f64,
    /// Of the same file, sent again.
    #[serde(skip_serializing_if = "Option::is_none")]
    again_rows_per_s: Option<f64>,
    cpu_us_per_row: BTreeMap<String, f64>,
    peak_rss_mb: f64,
}

/// How long an import may take.
const LIMIT: Duration = Duration::from_secs(3600);
/// Rows made at a time.
const PIECE: u64 = 1000;

pub(crate) async fn run(options: &ImportOptions) -> anyhow::Result<()> {
    let hub = Hub::start(None).await?;
    let report = measure(options, &hub).await;
    hub.stop().await?;
    let report = report?;
    let mut out = std::io::stdout().lock();
    if !options.json {
        writeln!(
            out,
            "{:>12.0} rows/s  ({} rows, {:.0} MB in {:.1} s; {} created, {} rejected)",
            report.rows_per_s,
            report.rows,
            report.file_mb,
            report.seconds,
            report.created,
            report.rejected
        )?;
        if let Some(again) = report.again_rows_per_s {
            writeln!(out, "{again:>12.0} rows/s when all are there already")?;
        }
        for (name, us) in &report.cpu_us_per_row {
            writeln!(out, "{name:>12}  {us:.1} µs CPU a row")?;
        }
        writeln!(out, "{:>12.0} MB at most, the hub", report.peak_rss_mb)?;
    }
    writeln!(out, "{}", serde_json::to_string(&report)?)?;
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "counts of a bench fit a double")]
async fn measure(options: &ImportOptions, hub: &Hub) -> anyhow::Result<Report> {
    let list = hub.post("/api/v1/lists", &json!({"name": "bench"})).await?;
    let list = list
        .get("id")
        .and_then(Value::as_str)
        .context("the list has no id")?;
    let size: u64 = (0..options.rows.div_ceil(PIECE))
        .map(|number| piece(number, options.rows).len() as u64)
        .sum();
    let before = usage::of_tree(hub.ready.pid);
    let own = usage::of_tree(std::process::id());
    let started = Instant::now();
    let (upload, import) = once(hub, list, options.rows, size).await?;
    let seconds = started.elapsed().as_secs_f64();
    let used = usage::between(&before, &usage::of_tree(hub.ready.pid));
    let mine = usage::between(&own, &usage::of_tree(std::process::id()));
    let again_rows_per_s = match options.again {
        false => None,
        true => {
            let started = Instant::now();
            once(hub, list, options.rows, size).await?;
            Some(options.rows as f64 / started.elapsed().as_secs_f64())
        }
    };
    let number = |name: &str| import.get(name).and_then(Value::as_u64).unwrap_or(0);
    let per_row = |seconds: f64| seconds * 1e6 / options.rows.max(1) as f64;
    let mut cpu: BTreeMap<String, f64> = used
        .iter()
        .map(|(name, usage)| (name.clone(), per_row(usage.cpu_seconds)))
        .collect();
    // The hub is a child of this process.
    let all = mine.get("tidings").map_or(0.0, |usage| usage.cpu_seconds);
    let hubs = used.get("tidings").map_or(0.0, |usage| usage.cpu_seconds);
    cpu.insert("this bench".to_owned(), per_row((all - hubs).max(0.0)));
    Ok(Report {
        bench: "import",
        rows: options.rows,
        created: number("created"),
        rejected: number("rejected"),
        file_mb: size as f64 / 1e6,
        seconds,
        rows_per_s: options.rows as f64 / seconds,
        upload_seconds: upload.as_secs_f64(),
        again_rows_per_s,
        cpu_us_per_row: cpu,
        peak_rss_mb: usage::peak_mb(hub.ready.pid),
    })
}

/// Sends the file, and waits until it is read in.
async fn once(hub: &Hub, list: &str, rows: u64, size: u64) -> anyhow::Result<(Duration, Value)> {
    let started = Instant::now();
    let pieces = (0..rows.div_ceil(PIECE))
        .map(move |number| Ok::<_, std::convert::Infallible>(piece(number, rows)));
    let url = hub.ready.url.trim_end_matches('/');
    let path =
        format!("{url}/api/v1/contacts/import?list_ids={list}&consent=given&consent_source=bench");
    let answer = hub
        .http
        .post(path)
        .timeout(LIMIT)
        .bearer_auth(&hub.ready.key)
        .header(header::CONTENT_TYPE, "text/csv")
        .header(header::CONTENT_LENGTH, size)
        .body(Body::wrap_stream(stream::iter(pieces)))
        .send()
        .await?
        .error_for_status()?;
    let answer: Value = answer.json().await?;
    let upload = started.elapsed();
    let id = answer
        .get("id")
        .and_then(Value::as_str)
        .context("the import has no id")?;
    loop {
        let import = hub.get(&format!("/api/v1/contacts/imports/{id}")).await?;
        match import.get("status").and_then(Value::as_str) {
            Some("completed") => return Ok((upload, import)),
            Some("running") if started.elapsed() < LIMIT => {}
            status => bail!("the import is {status:?}: {:?}", import.get("detail")),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Rows of the file, the header before the first.
fn piece(number: u64, rows: u64) -> Bytes {
    const CITIES: [&str; 5] = ["Wien", "Köln", "Paris", "Madrid", "London"];
    let mut text = String::with_capacity(128 * 1024);
    if number == 0 {
        text.push_str(
            "email,first_name,last_name,external_id,language,time_zone,plan,points,city,signup\n",
        );
    }
    for row in number * PIECE..rows.min((number + 1) * PIECE) {
        let city = usize::try_from(row % 5)
            .ok()
            .and_then(|place| CITIES.get(place))
            .unwrap_or(&"");
        text.push_str(&format!(
            "person.{row}@customers{}.example.org,Ann{},\"Smith, {}\",c-{row},en,Europe/London,pro,{},{city},2026-01-{:02}\n",
            row % 97,
            row % 1009,
            row % 503,
            row % 10_000,
            row % 28 + 1
        ));
    }
    text.into()
}
