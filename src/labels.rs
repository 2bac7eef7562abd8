//! `tidings labels`: what people said messages are, as training data.

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use anyhow::Context;
use clap::Subcommand;
use schemas::{ChannelKind, LabelledText, Task, TenantId, Timestamp};
use store::{Keyring, Store};

use crate::{config::Config, model::is_device, shelf::task, tenant};

/// Rows in memory at a time.
const PAGE: u32 = 500;

#[derive(Debug, Subcommand)]
pub(crate) enum LabelsCommand {
    /// All labelled messages of a task as JSON lines, which `tidings train` reads.
    Export {
        #[arg(long, value_parser = task)]
        task: Task,
        /// Only what was said at this time (RFC 3339) or later.
        #[arg(long, value_parser = time)]
        since: Option<Timestamp>,
        /// The file to write; standard output when absent.
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
}

/// A point in time, for the command line.
pub(crate) fn time(text: &str) -> Result<Timestamp, String> {
    serde_json::from_value(serde_json::Value::String(text.to_owned()))
        .map_err(|_| "a time is written as 2026-01-31T12:00:00Z".to_owned())
}

/// Runs one of the commands for a tenant, by its id or name.
pub(crate) async fn run(config: &Config, who: &str, command: LabelsCommand) -> anyhow::Result<()> {
    // No credentials are read or written here, so the key does not matter.
    let store = Store::connect(config.postgres.url()?.expose(), 2, Keyring::ephemeral())?;
    let tenant = tenant::find(&store, who).await?;
    match command {
        LabelsCommand::Export {
            task,
            since,
            output,
        } => match output {
            None => export(&store, tenant, task, since, &mut std::io::stdout().lock()).await,
            Some(path) => to_file(&store, tenant, task, since, &path).await,
        },
    }
}

/// Into a file that appears whole or not at all.
async fn to_file(
    store: &Store,
    tenant: TenantId,
    task: Task,
    since: Option<Timestamp>,
    path: &Path,
) -> anyhow::Result<()> {
    let told = || format!("writing {}", path.display());
    if is_device(path) {
        let mut device = std::io::BufWriter::new(std::fs::File::create(path).with_context(told)?);
        return export(store, tenant, task, since, &mut device).await;
    }
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    let aside = path.with_file_name(name);
    let mut file = std::io::BufWriter::new(std::fs::File::create(&aside).with_context(told)?);
    let written = export(store, tenant, task, since, &mut file).await;
    let done = written.and_then(|()| {
        file.flush().with_context(told)?;
        std::fs::rename(&aside, path).with_context(told)
    });
    if done.is_err() {
        drop(std::fs::remove_file(&aside));
    }
    done
}

async fn export(
    store: &Store,
    tenant: TenantId,
    task: Task,
    since: Option<Timestamp>,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let mut after = None;
    loop {
        let rows = store::label::export(store, tenant, task, since, after, PAGE).await?;
        let Some(last) = rows.last() else {
            return Ok(out.flush()?);
        };
        after = Some(last.message_id);
        for row in &rows {
            let channel = row.channel.map(ChannelKind::name);
            let line = LabelledText::new(
                task,
                &row.text,
                &row.labels,
                row.language.as_deref(),
                channel,
            );
            out.write_all(&line.to_line())?;
        }
    }
}
