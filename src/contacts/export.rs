//! `tidings contacts export`.

use std::{
    fs::File,
    io::Write,
    path::{Path, PathBuf},
};

use anyhow::Context;
use clap::Args;
use futures::StreamExt as _;
use reqwest::{Method, Response};

use super::{bar::Bar, hub::Hub};
use crate::model::is_device;

#[derive(Debug, Args)]
pub(crate) struct ExportOptions {
    /// The file to write; standard output when absent or `-`.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[arg(long, value_parser = ["csv", "jsonl"], default_value = "csv")]
    format: String,
    /// Only who is on this list; its name or id.
    #[arg(long, value_name = "NAME")]
    list: Option<String>,
    /// Only whom this segment chooses; its name or id.
    #[arg(long, value_name = "NAME")]
    segment: Option<String>,
    /// Columns of a CSV: `email`, `name`, `attribute:plan`, …; all there are when absent.
    #[arg(long, value_delimiter = ',', value_name = "COLUMN")]
    columns: Vec<String>,
}

pub(super) async fn run(hub: &Hub, options: &ExportOptions) -> anyhow::Result<()> {
    let mut query: Vec<(&str, String)> = vec![("format", options.format.clone())];
    if let Some(name) = &options.list {
        query.push(("list_id", hub.named("/lists", "list", name).await?));
    }
    if let Some(name) = &options.segment {
        query.push(("segment_id", hub.named("/segments", "segment", name).await?));
    }
    if !options.columns.is_empty() {
        query.push(("columns", options.columns.join(",")));
    }
    let request = hub.request(Method::GET, "/contacts/export", &query)?;
    let answer = hub.answer(request).await?;
    let mut bar = Bar::new();
    match options
        .output
        .as_deref()
        .filter(|path| *path != Path::new("-"))
    {
        None => copy(answer, &mut std::io::stdout().lock(), &mut bar).await,
        Some(path) => to_file(answer, path, &mut bar).await,
    }
}

/// Into a file that appears whole or not at all.
async fn to_file(answer: Response, path: &Path, bar: &mut Bar) -> anyhow::Result<()> {
    let told = || format!("writing {}", path.display());
    if is_device(path) {
        let mut device = File::create(path).with_context(told)?;
        return copy(answer, &mut device, bar).await;
    }
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    let aside = path.with_file_name(name);
    let mut file = File::create(&aside).with_context(told)?;
    let written = copy(answer, &mut file, bar).await;
    let done = written.and_then(|()| {
        file.sync_all().with_context(told)?;
        std::fs::rename(&aside, path).with_context(told)
    });
    if done.is_err() {
        drop(std::fs::remove_file(&aside));
    }
    done
}

async fn copy(answer: Response, to: &mut impl Write, bar: &mut Bar) -> anyhow::Result<()> {
    let mut pieces = answer.bytes_stream();
    let mut lines: u64 = 0;
    while let Some(piece) = pieces.next().await {
        let piece = piece.context("the hub broke off; what came is not whole")?;
        lines += piece.iter().filter(|byte| **byte == b'\n').count() as u64;
        to.write_all(&piece)?;
        bar.say(&format!("{lines} lines"));
    }
    to.flush()?;
    bar.clear();
    Ok(())
}
