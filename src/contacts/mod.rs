//! `tidings contacts`: files of contacts into a hub and out of it, over its API.
//!
//! Exit codes: 0 when all was done, 1 when it was not, 3 when a file was read in and some of its rows were not.

mod bar;
mod export;
mod hub;
mod import;

use std::{fmt, path::PathBuf};

use clap::{Args, Subcommand};

use self::hub::Hub;
use crate::config::Config;

#[derive(Debug, Subcommand)]
pub(crate) enum ContactsCommand {
    /// Read contacts in from a CSV file, and wait until they are.
    Import(import::ImportOptions),
    /// Write contacts as CSV or JSON lines.
    Export(export::ExportOptions),
}

/// Which hub, and who asks.
#[derive(Debug, Args)]
pub(crate) struct Target {
    /// The folder of a running `tidings up`, which knows its address and first key.
    #[arg(long, global = true, conflicts_with_all = ["url", "key"])]
    dir: Option<PathBuf>,
    /// The hub's address; that of the settings when absent.
    #[arg(long, global = true, value_name = "URL", env = "TIDINGS_URL")]
    url: Option<String>,
    /// An admin's API key.
    #[arg(
        long,
        global = true,
        value_name = "KEY",
        env = "TIDINGS_KEY",
        hide_env_values = true
    )]
    key: Option<String>,
}

/// Some rows of a file were not read in.
#[derive(Debug)]
pub(crate) struct Rejected(u64);

impl Rejected {
    pub(crate) const EXIT_CODE: u8 = 3;
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            1 => f.write_str("one row was rejected"),
            rows => write!(f, "{rows} rows were rejected"),
        }
    }
}

impl std::error::Error for Rejected {}

/// Runs one of the commands.
pub(crate) async fn run(
    config: &Config,
    target: Target,
    command: ContactsCommand,
) -> anyhow::Result<()> {
    let hub = Hub::find(config, target).await?;
    match command {
        ContactsCommand::Import(options) => import::run(&hub, &options).await,
        ContactsCommand::Export(options) => export::run(&hub, &options).await,
    }
}
