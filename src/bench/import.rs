//! `tidings bench import`: a CSV file of contacts through the API until the last of them is in Postgres and on a list.

use std::{
    collections::BTreeMap,
    io::Write,
    time::{Duration, Instant},
};

use anyhow::{Context, bail, ensure};
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
    /// One row in so many has no address that is one; 0: none.
    #[arg(long, value_name = "ROWS", default_value_t = 1000)]
    bad: u64,
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
    /// Those that were made bad, and no others; or else the bench fails.
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
    /// The hub's before, and when a quarter, a half and so on of the rows were in.
    rss_mb: Vec<f64>,
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
        let along: Vec<String> = report.rss_mb.iter().map(|mb| format!("{mb:.0}")).collect();
        writeln!(
            out,
            "{:>12.0} MB at most, the hub (before and at the quarters: {})",
            report.peak_rss_mb,
            along.join(", ")
        )?;
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
    let file = File {
        rows: options.rows,
        bad: options.bad,
    };
    let size = file.pieces().map(|piece| piece.len() as u64).sum();
    let before = usage::of_tree(hub.ready.pid);
    let own = usage::of_tree(std::process::id());
    let started = Instant::now();
    let (upload, import, rss_mb) = once(hub, list, file, size).await?;
    let seconds = started.elapsed().as_secs_f64();
    let used = usage::between(&before, &usage::of_tree(hub.ready.pid));
    let mine = usage::between(&own, &usage::of_tree(std::process::id()));
    let again_rows_per_s = match options.again {
        false => None,
        true => {
            let started = Instant::now();
            once(hub, list, file, size).await?;
            Some(options.rows as f64 / started.elapsed().as_secs_f64())
        }
    };
    let number = |name: &str| import.get(name).and_then(Value::as_u64).unwrap_or(0);
    check(hub, list, file, &import).await?;
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
        rss_mb,
    })
}

/// Fails unless every good row is a contact and on the list, and every bad one counted.
async fn check(hub: &Hub, list: &str, file: File, import: &Value) -> anyhow::Result<()> {
    let bad = (0..file.rows).filter(|row| file.is_bad(*row)).count() as u64;
    let number = |value: &Value, name: &str| value.get(name).and_then(Value::as_u64);
    let counts = hub.get(&format!("/api/v1/lists/{list}")).await?;
    let members = counts
        .get("counts")
        .and_then(|counts| number(counts, "confirmed"));
    let found = [
        number(import, "created"),
        number(import, "rejected"),
        members,
    ];
    let good = file.rows - bad;
    ensure!(
        found == [Some(good), Some(bad), Some(good)],
        "of {good} good and {bad} bad rows came [created, rejected, on the list] {found:?}"
    );
    Ok(())
}

fn rss_mb(hub: &Hub) -> f64 {
    usage::of_tree(hub.ready.pid)
        .get("tidings")
        .map_or(0.0, |usage| usage.rss_mb)
}

/// Sends the file, and waits until it is read in.
async fn once(
    hub: &Hub,
    list: &str,
    file: File,
    size: u64,
) -> anyhow::Result<(Duration, Value, Vec<f64>)> {
    let mut memory = vec![rss_mb(hub)];
    let started = Instant::now();
    let pieces = file.pieces().map(Ok::<_, std::convert::Infallible>);
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
        let rows = import.get("rows").and_then(Value::as_u64).unwrap_or(0);
        while memory.len() <= 4 && rows * 4 >= file.rows * memory.len() as u64 {
            memory.push(rss_mb(hub));
        }
        match import.get("status").and_then(Value::as_str) {
            Some("completed") => return Ok((upload, import, memory)),
            Some("running") if started.elapsed() < LIMIT => {}
            status => bail!("the import is {status:?}: {:?}", import.get("detail")),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The file that is sent.
#[derive(Clone, Copy, Debug)]
struct File {
    rows: u64,
    /// One row in so many is bad.
    bad: u64,
}

impl File {
    fn is_bad(self, row: u64) -> bool {
        self.bad > 0 && row % self.bad == self.bad - 1
    }

    fn pieces(self) -> impl Iterator<Item = Bytes> + Send + 'static {
        (0..self.rows.div_ceil(PIECE)).map(move |number| self.piece(number))
    }

    /// Rows of the file, the header before the first.
    fn piece(self, number: u64) -> Bytes {
        const CITIES: [&str; 5] = ["Wien", "Köln", "Paris", "Madrid", "London"];
        let mut text = String::with_capacity(128 * 1024);
        if number == 0 {
            text.push_str(
                "email,first_name,last_name,external_id,language,time_zone,plan,points,city,signup\n",
            );
        }
        for row in number * PIECE..self.rows.min((number + 1) * PIECE) {
            let city = usize::try_from(row % 5)
                .ok()
                .and_then(|place| CITIES.get(place))
                .unwrap_or(&"");
            let at = if self.is_bad(row) { '#' } else { '@' };
            text.push_str(&format!(
                "person.{row}{at}customers{}.example.org,Ann{},\"Smith, {}\",c-{row},en,Europe/London,pro,{},{city},2026-01-{:02}\n",
                row % 97,
                row % 1009,
                row % 503,
                row % 10_000,
                row % 28 + 1
            ));
        }
        text.into()
    }
}
