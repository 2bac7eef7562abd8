//! `tidings`: one binary, every role.

mod bench;
mod cli;
mod config;
mod contacts;
mod directory;
mod dkim;
mod embedded;
mod import;
mod labels;
mod lag;
mod media;
mod model;
mod pipeline;
mod replay;
mod roles;
mod sandbox;
mod shelf;
mod spoken;
mod telemetry;
mod tenant;
mod tester;
mod up;

use std::{io::Write, process::ExitCode};

use clap::Parser;

/// About a fifth of the hub's time under load went into the system's allocator (`perf`).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match run(cli::Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Where standard error is closed, the exit code says it alone.
            drop(writeln!(std::io::stderr(), "error: {error:#}"));
            if error.is::<contacts::Rejected>() {
                return contacts::Rejected::EXIT_CODE.into();
            }
            error
                .downcast_ref::<model::Failure>()
                .map_or(ExitCode::FAILURE, |failure| failure.exit_code().into())
        }
    }
}

fn run(cli: cli::Cli) -> anyhow::Result<()> {
    // One TLS implementation for everything that dials out.
    if rustls::crypto::ring::default_provider()
        .install_default()
        .is_err()
    {
        anyhow::bail!("another TLS provider was installed first");
    }
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(cli.run())
}
