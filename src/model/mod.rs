//! `tidings train`, `eval` and `classify`: models without a hub.
//!
//! Invariants: neither settings nor broker nor database are read; results go to standard output and everything else to
//! standard error, so that a pipe holds results only; what somebody did wrong is one line with a way out.
//!
//! Exit codes: 0; 1 when a bound of `--min` is missed; 2 when the command could not be carried out.

mod bound;
mod classify;
mod eval;
mod figure;
mod output;
mod provenance;
mod reading;
mod report;
mod source;
mod table;
mod train;
mod whole;

use std::{
    fmt,
    io::{self, Write},
};

use clap::Subcommand;

use self::{classify::ClassifyOptions, eval::EvalOptions, train::TrainOptions};
pub(crate) use self::{output::is_device, whole::Whole};

#[derive(Debug, Subcommand)]
pub(crate) enum ModelCommand {
    /// Make a model of labelled texts.
    Train(TrainOptions),
    /// Measure models on labelled texts, side by side.
    Eval(EvalOptions),
    /// Find out what a text says: its language, mood, intent and more.
    Classify(ClassifyOptions),
}

/// Why a command ended without success.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Bounds that were missed, one a line.
    Missed(String),
    Impossible(anyhow::Error),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missed(bounds) => f.write_str(bounds),
            Self::Impossible(error) => write!(f, "{error:#}"),
        }
    }
}

impl std::error::Error for Failure {}

impl Failure {
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Missed(_) => 1,
            Self::Impossible(_) => 2,
        }
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Impossible(error)
    }
}

impl ModelCommand {
    /// A command takes a core for long and may wait for threads, so it runs on none of the runtime's own.
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let done = tokio::task::spawn_blocking(move || match self {
            Self::Train(options) => train::run(&options),
            Self::Eval(options) => eval::run(&options),
            Self::Classify(options) => classify::run(&options),
        });
        match done.await? {
            Err(Failure::Impossible(error)) if is_closed(&error) => Ok(()),
            done => Ok(done?),
        }
    }
}

/// Whether whoever read our output has had enough.
fn is_closed(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<io::Error>()
        .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// A line for people about what is being done.
fn note(line: &str) {
    // Where standard error is closed, nobody wants to know.
    drop(writeln!(io::stderr(), "{line}"));
}
