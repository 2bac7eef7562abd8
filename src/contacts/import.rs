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
use ingest::contact::value::guarded;
use reqwest::{Body, Method, header};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::{fs::File, io::AsyncReadExt as _};

use super::{
    Rejected,
    bar::Bar,
    hub::{Away, Hub, Unknown},
};
use crate::cli::print;

/// How often it is asked how far the import is.
const LOOK: Duration = Duration::from_millis(250);
/// How long a hub may be away while its import is waited for.
const PATIENCE: Duration = Duration::from_secs(120);
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
    /// Where to write what is wrong with which row, as CSV: the first thousand of them.
    #[arg(long, value_name = "FILE", conflicts_with = "no_wait")]
    errors: Option<PathBuf>,
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
    let file = Source::open(&options.file).await?;
    let mut list = options
        .errors
        .as_deref()
        .map(ErrorList::create)
        .transpose()?;
    let words = "the hub reads in nothing of a file that it has not got all of";
    let sent = uninterrupted(send(hub, options, file, &mut bar), words).await;
    bar.clear();
    let mut answer = sent?;
    let import: Import = serde_json::from_value(answer.clone())?;
    if !options.no_wait {
        let place = format!("/api/v1/contacts/imports/{}", import.id);
        let words = format!(
            "the hub reads on without this; GET {place} says how far it is, POST {place}/cancel ends it"
        );
        let done = uninterrupted(follow(hub, &import.id, &mut bar), &words).await;
        bar.clear();
        answer = done?;
    }
    let import: Import = serde_json::from_value(answer.clone())?;
    if let Some(list) = &mut list {
        list.write(&import.errors)?;
    }
    if options.json {
        print(&format!("{answer}\n"))?;
    } else if options.no_wait {
        print(&format!("import {} is on its way\n", import.id))?;
    } else {
        print(&format!(
            "{} {}: {} created, {} updated, {} skipped, {} rejected{}\n",
            import.rows,
            if import.rows == 1 { "row" } else { "rows" },
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
    let more = import.rejected.saturating_sub(SHOWN as u64);
    match &options.errors {
        Some(path) if !import.errors.is_empty() => {
            writeln!(terminal, "what is wrong with rows is in {}", path.display())?;
        }
        Some(_) => {}
        None if more > 0 => writeln!(
            terminal,
            "and {more} more; --errors FILE writes the first thousand into a file"
        )?,
        None => {}
    }
    if import.status == "completed" && import.rows == 0 {
        writeln!(terminal, "the file has a header and no rows")?;
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

/// What a work came to; the words are for whoever interrupts it.
async fn uninterrupted<T>(
    work: impl Future<Output = anyhow::Result<T>>,
    words: &str,
) -> anyhow::Result<T> {
    tokio::select! {
        done = work => done,
        interrupted = tokio::signal::ctrl_c() => {
            interrupted?;
            bail!("interrupted; {words}")
        }
    }
}

/// Uploads the file, and gives the answer.
async fn send(
    hub: &Hub,
    options: &ImportOptions,
    source: Source,
    bar: &mut Bar,
) -> anyhow::Result<Value> {
    let mut query: Vec<(&str, String)> = vec![("on_conflict", options.on_conflict.clone())];
    let mut lists = Vec::new();
    for name in &options.lists {
        lists.push(list(hub, name, options.create_lists).await?);
    }
    if !lists.is_empty() {
        query.push(("list_ids", lists.join(",")));
    }
    if !options.mapping.is_empty() {
        let mut mapping = BTreeMap::new();
        for (column, meaning) in &options.mapping {
            if mapping.insert(column, meaning).is_some() {
                bail!("--map says twice what the column `{column}` is");
            }
        }
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
    let Source { file, whole, name } = source;
    if let Some(name) = name {
        query.push(("name", name.chars().take(255).collect()));
    }
    let request = || -> anyhow::Result<_> {
        let request = hub.request(Method::POST, "/contacts/import", &query)?;
        Ok(request.header(header::CONTENT_TYPE, "text/csv"))
    };
    hub.ask_to_send(request()?).await?;
    let mut request = request()?;
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

/// A file that is to be sent.
struct Source {
    file: File,
    /// Its length; 0 where nobody knows it.
    whole: u64,
    name: Option<String>,
}

impl Source {
    async fn open(path: &Path) -> anyhow::Result<Self> {
        let told = || format!("reading {}", path.display());
        let is_input = path.as_os_str() == "-";
        let at = if is_input { Path::new(INPUT) } else { path };
        let file = File::open(at).await.with_context(told)?;
        let about = file.metadata().await.with_context(told)?;
        if about.is_dir() {
            bail!("{} is a folder", path.display());
        }
        let name = at.file_name().and_then(|name| name.to_str());
        Ok(Self {
            file,
            whole: match about.is_file() && !is_input {
                true => about.len(),
                false => 0,
            },
            name: name.filter(|_| !is_input).map(str::to_owned),
        })
    }
}

/// The file that says what is wrong with which row.
struct ErrorList {
    file: std::fs::File,
    path: PathBuf,
}

impl ErrorList {
    /// Made before anything is sent, so that nobody learns at the end that it cannot be.
    fn create(path: &Path) -> anyhow::Result<Self> {
        let file = std::fs::File::create(path);
        Ok(Self {
            file: file.with_context(|| format!("writing {}", path.display()))?,
            path: path.to_owned(),
        })
    }

    fn write(&mut self, errors: &[Wrong]) -> anyhow::Result<()> {
        let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
        let mut text = String::from("line,column,reason\r\n");
        for wrong in errors {
            let column = quoted(&guarded(wrong.column.as_deref().unwrap_or_default()));
            text.push_str(&format!(
                "{},{column},{}\r\n",
                wrong.line,
                quoted(&wrong.reason)
            ));
        }
        let written = self.file.write_all(text.as_bytes());
        written.with_context(|| format!("writing {}", self.path.display()))
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

/// Waits until an import has ended, and gives it; also while the hub is started anew.
async fn follow(hub: &Hub, id: &str, bar: &mut Bar) -> anyhow::Result<Value> {
    let started = Instant::now();
    let mut heard = started;
    loop {
        let answer = match hub.get(&format!("/contacts/imports/{id}")).await {
            Err(error) if error.is::<Away>() && heard.elapsed() < PATIENCE => {
                bar.say("the hub does not answer; waiting for it");
                tokio::time::sleep(LOOK).await;
                continue;
            }
            Err(error) => {
                return Err(error.context(format!(
                    "the import {id} is the hub's, which goes on with it when it is back"
                )));
            }
            Ok(answer) => answer,
        };
        heard = Instant::now();
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
