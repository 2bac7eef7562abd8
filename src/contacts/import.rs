//! `tidings contacts import`.

use std::{
    collections::BTreeMap,
    io::Write,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use bytes::{Bytes, BytesMut};
use clap::Args;
use futures::stream;
use reqwest::{Body, Method, header};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::{fs::File, io::AsyncReadExt as _};

use super::{
    Rejected,
    bar::Bar,
    hub::{Hub, Unknown},
};
use crate::cli::print;

/// How often it is asked how far the import is.
const LOOK: Duration = Duration::from_millis(250);
/// Standard input as a file.
const INPUT: &str = "/dev/stdin";
/// Bytes read of the file at a time.
const PIECE: usize = 64 * 1024;
/// Errors that are shown.
const SHOWN: usize = 20;

#[derive(Debug, Args)]
pub(crate) struct ImportOptions {
    /// The file; `-` is standard input.
    file: PathBuf,
    /// A list to put everybody on, by its name or id; may be given several times.
    #[arg(long = "list", value_name = "NAME")]
    lists: Vec<String>,
    /// Make the lists that are not there yet.
    #[arg(long, requires = "lists")]
    create_lists: bool,
    /// What a column is: `Mail=email`, `Kunde=external_id`, `PLZ=attribute:zip:text`; may be given several times.
    #[arg(long = "map", value_name = "COLUMN=MEANING", value_parser = pair)]
    mapping: Vec<(String, String)>,
    /// `,`, `;`, `|` or `tab`; found out when absent.
    #[arg(long)]
    delimiter: Option<String>,
    /// How the file's bytes are letters; UTF-16 is known by itself.
    #[arg(long, value_parser = ["auto", "utf-8", "windows-1252"])]
    encoding: Option<String>,
    /// What becomes of contacts that are there already.
    #[arg(long, value_parser = ["update", "skip", "overwrite"], default_value = "update")]
    on_conflict: String,
    /// Everybody in the file has agreed to be written to: where, e.g. the form.
    #[arg(long, value_name = "SOURCE")]
    consent_source: Option<String>,
    /// Do everything but keep it.
    #[arg(long)]
    dry_run: bool,
    /// Do not wait until the file is read in.
    #[arg(long)]
    no_wait: bool,
    /// The import as JSON, in place of words.
    #[arg(long)]
    json: bool,
}

fn pair(text: &str) -> Result<(String, String), String> {
    text.rsplit_once('=')
        .map(|(column, meaning)| (column.to_owned(), meaning.to_owned()))
        .ok_or_else(|| "this is written as COLUMN=MEANING".to_owned())
}

/// As much of an import as is looked at here.
#[derive(Debug, Deserialize)]
struct Import {
    id: String,
    status: String,
    bytes: u64,
    bytes_done: u64,
    rows: u64,
    created: u64,
    updated: u64,
    skipped: u64,
    rejected: u64,
    detail: Option<String>,
    #[serde(default)]
    errors: Vec<Wrong>,
}

#[derive(Debug, Deserialize)]
struct Wrong {
    line: u64,
    column: Option<String>,
    reason: String,
}

pub(super) async fn run(hub: &Hub, options: &ImportOptions) -> anyhow::Result<()> {
    let mut bar = Bar::new();
    let sent = send(hub, options, &mut bar).await;
    bar.clear();
    let mut answer = sent?;
    let import: Import = serde_json::from_value(answer.clone())?;
    if !options.no_wait {
        answer = follow(hub, &import.id, &mut bar).await?;
    }
    let import: Import = serde_json::from_value(answer.clone())?;
    if options.json {
        print(&format!("{answer}\n"))?;
    } else if options.no_wait {
        print(&format!("import {} is on its way\n", import.id))?;
    } else {
        print(&format!(
            "{} rows: {} created, {} updated, {} skipped, {} rejected{}\n",
            import.rows,
            import.created,
            import.updated,
            import.skipped,
            import.rejected,
            if options.dry_run {
                "; nothing was kept"
            } else {
                ""
            }
        ))?;
    }
    let mut terminal = std::io::stderr().lock();
    for wrong in import.errors.iter().take(SHOWN) {
        let column = wrong
            .column
            .as_ref()
            .map(|column| format!(", {column}"))
            .unwrap_or_default();
        writeln!(terminal, "line {}{column}: {}", wrong.line, wrong.reason)?;
    }
    drop(terminal);
    match import.status.as_str() {
        "completed" | "running" if import.rejected == 0 => Ok(()),
        "completed" | "running" => Err(Rejected(import.rejected).into()),
        status => bail!(
            "the import is {status}: {}",
            import.detail.unwrap_or_default()
        ),
    }
}

/// Uploads the file, and gives the answer.
async fn send(hub: &Hub, options: &ImportOptions, bar: &mut Bar) -> anyhow::Result<Value> {
    let mut query: Vec<(&str, String)> = vec![("on_conflict", options.on_conflict.clone())];
    let mut lists = Vec::new();
    for name in &options.lists {
        lists.push(list(hub, name, options.create_lists).await?);
    }
    if !lists.is_empty() {
        query.push(("list_ids", lists.join(",")));
    }
    if !options.mapping.is_empty() {
        let mapping: BTreeMap<_, _> = options.mapping.iter().cloned().collect();
        query.push(("mapping", serde_json::to_string(&mapping)?));
    }
    for (name, value) in [
        ("delimiter", &options.delimiter),
        ("encoding", &options.encoding),
    ] {
        if let Some(value) = value {
            query.push((name, value.clone()));
        }
    }
    if let Some(source) = &options.consent_source {
        query.push(("consent", "given".to_owned()));
        query.push(("consent_source", source.clone()));
    }
    if options.dry_run {
        query.push(("dry_run", "true".to_owned()));
    }
    let told = || format!("reading {}", options.file.display());
    let is_input = options.file.as_os_str() == "-";
    let path = if is_input {
        Path::new(INPUT)
    } else {
        &options.file
    };
    let file = File::open(path).await.with_context(told)?;
    let about = file.metadata().await.with_context(told)?;
    if let Some(name) = path
        .file_name()
        .and_then(|name| name.to_str())
        .filter(|_| !is_input)
    {
        query.push(("name", name.chars().take(255).collect()));
    }
    let mut request = hub
        .request(Method::POST, "/contacts/import", &query)?
        .header(header::CONTENT_TYPE, "text/csv");
    let whole = if about.is_file() && !is_input {
        about.len()
    } else {
        0
    };
    if whole > 0 {
        request = request.header(header::CONTENT_LENGTH, whole);
    }
    let went = Arc::new(AtomicU64::new(0));
    let sending = hub.answer(request.body(body(file, Arc::clone(&went))));
    tokio::pin!(sending);
    loop {
        tokio::select! {
            answer = &mut sending => return Ok(answer?.json().await?),
            () = tokio::time::sleep(LOOK) => {
                let went = went.load(Ordering::Relaxed);
                let words = format!("sent {} MB", went / 1_000_000);
                match whole {
                    0 => bar.say(&words),
                    whole => bar.show(went, whole, &words),
                }
            }
        }
    }
}

/// The id of a list by its name or id; made, where it is not there and may be.
async fn list(hub: &Hub, name: &str, create: bool) -> anyhow::Result<String> {
    let found = hub.named("/lists", "list", name).await;
    match found {
        Err(error) if error.is::<Unknown>() && create => {
            let request = hub.request(Method::POST, "/lists", &[])?;
            let answer = hub.answer(request.json(&json!({"name": name}))).await?;
            let made: Value = answer.json().await?;
            let id = made.get("id").and_then(Value::as_str);
            Ok(id.context("the list has no id")?.to_owned())
        }
        Err(error) if error.is::<Unknown>() => {
            bail!("{error}. To make it, add --create-lists, or POST /api/v1/lists")
        }
        found => found,
    }
}

/// A body that comes from a file, piece by piece.
fn body(file: File, went: Arc<AtomicU64>) -> Body {
    let pieces = stream::try_unfold((file, went), |(mut file, went)| async move {
        let mut piece = BytesMut::with_capacity(PIECE);
        let length = file.read_buf(&mut piece).await?;
        went.fetch_add(length as u64, Ordering::Relaxed);
        std::io::Result::Ok((length > 0).then(|| (Bytes::from(piece), (file, went))))
    });
    Body::wrap_stream(pieces)
}

/// Waits until an import has ended, and gives it.
async fn follow(hub: &Hub, id: &str, bar: &mut Bar) -> anyhow::Result<Value> {
    let started = Instant::now();
    loop {
        let answer = hub.get(&format!("/contacts/imports/{id}")).await?;
        let import: Import = serde_json::from_value(answer.clone())?;
        if import.status != "running" {
            bar.clear();
            return Ok(answer);
        }
        let per_second = u128::from(import.rows) * 1000 / started.elapsed().as_millis().max(1);
        let words = format!(
            "{} rows, {} rejected, {per_second} rows/s",
            import.rows, import.rejected
        );
        bar.show(import.bytes_done, import.bytes, &words);
        tokio::time::sleep(LOOK).await;
    }
}
