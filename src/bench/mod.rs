//! `tidings bench`: drives a hub through its real interfaces and says what it cost.
//!
//! Figures end in one line of JSON whose `messages_per_s` counts from the first request to the last row committed;
//! without a hub, texts understood. CPU is split by process; the load generator runs on the same machine, in this process.

mod blow;
mod campaign;
mod chaos;
pub(crate) mod hub;
mod import;
mod inbound;
mod ingest_nats;
mod load;
mod mail_sink;
mod outbound;
mod reply;
mod report;
mod tracking;
mod understand;
mod usage;

use std::path::PathBuf;

use clap::{Args, Subcommand};

use self::{hub::Hub, load::Pace};

/// What to measure.
#[derive(Debug, Subcommand)]
pub(crate) enum Bench {
    /// Webhooks of Telegram or WhatsApp over HTTP until their rows are in Postgres.
    Inbound(inbound::InboundOptions),
    /// API sends until the sandbox has them and the ledger says so.
    Outbound(Options),
    /// An external adapter's messages over NATS until their rows are in Postgres.
    IngestNats(Options),
    /// A campaign by mail until each recipient is at an SMTP server and in the ledger.
    Campaign(campaign::CampaignOptions),
    /// Opens and clicks over HTTP until each is a row in Postgres, and how long a redirect takes.
    Tracking(tracking::TrackingOptions),
    /// A file of contacts until all of them are in Postgres and on a list.
    Import(import::ImportOptions),
    /// Kills workers and the broker while messages flow, then counts and compares.
    Chaos(chaos::ChaosOptions),
    /// Everything that is found out about a message, on one core, without a hub.
    Understand(understand::UnderstandOptions),
}

/// How to measure.
#[derive(Clone, Debug, Args)]
pub(crate) struct Options {
    /// Messages per second.
    #[arg(long, conflicts_with = "max")]
    rate: Option<u32>,
    /// As fast as answers come (the default).
    #[arg(long)]
    max: bool,
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Requests side by side over HTTP; messages waiting for their acknowledgement, times four, over NATS.
    #[arg(long, default_value_t = 256)]
    connections: usize,
    #[arg(long, default_value_t = 2000)]
    conversations: u32,
    /// The folder of a running hub; a hub of its own is started in a temporary folder otherwise.
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Only the line of JSON.
    #[arg(long)]
    json: bool,
}

impl Options {
    fn pace(&self) -> Pace {
        self.rate.map_or(Pace::Max, Pace::Rate)
    }

    async fn hub(&self, roles: Option<&str>) -> anyhow::Result<Hub> {
        match &self.dir {
            Some(folder) => Hub::at(folder).await,
            None => Hub::start(roles).await,
        }
    }

    async fn done(&self, hub: Hub) -> anyhow::Result<()> {
        hub.stop().await
    }
}

pub(crate) async fn run(bench: Bench) -> anyhow::Result<()> {
    match bench {
        Bench::Inbound(options) => inbound::run(&options).await,
        Bench::Outbound(options) => outbound::run(&options).await,
        Bench::IngestNats(options) => ingest_nats::run(&options).await,
        Bench::Campaign(options) => campaign::run(&options).await,
        Bench::Tracking(options) => tracking::run(&options).await,
        Bench::Import(options) => import::run(&options).await,
        Bench::Chaos(options) => chaos::run(&options).await,
        Bench::Understand(options) => understand::run(&options),
    }
}
