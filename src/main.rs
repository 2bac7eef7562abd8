//! `tidings`: one binary, every role.

mod bench;
mod cli;
mod config;
mod directory;
mod embedded;
mod pipeline;
mod roles;
mod telemetry;
mod tenant;
mod up;

use clap::Parser;

fn main() -> anyhow::Result<()> {
    // One TLS implementation for everything that dials out.
    if rustls::crypto::ring::default_provider()
        .install_default()
        .is_err()
    {
        anyhow::bail!("another TLS provider was installed first");
    }
    let cli = cli::Cli::parse();
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(cli.run())
}
