//! What a chaos run does to processes.

use std::{path::Path, process::Stdio};

use anyhow::{Context, bail};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tokio::process::{Child, Command};

use super::hub::Ready;

/// A worker process with these roles, beside the hub.
pub(crate) fn worker(ready: &Ready, keys: &Path, roles: &str) -> anyhow::Result<Child> {
    let log = std::fs::File::options()
        .create(true)
        .append(true)
        .open(keys.with_file_name("workers.log"))?;
    Command::new(std::env::current_exe()?)
        .args(["serve", "--roles", roles])
        .env("TIDINGS__NATS__URL", &ready.nats_url)
        .env("TIDINGS__POSTGRES__URL", &ready.postgres_url)
        .env("TIDINGS__KEYS__FILE", keys)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .context("starting a worker")
}

/// Ends a child of the hub by its program's name, with SIGKILL; the hub starts it again.
pub(crate) fn kill_child(hub: u32, program: &str) -> anyhow::Result<()> {
    for entry in std::fs::read_dir("/proc")?.flatten() {
        let Some(pid) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse::<i32>().ok())
        else {
            continue;
        };
        let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else {
            continue;
        };
        let parent = stat
            .rsplit(')')
            .next()
            .and_then(|rest| rest.split_whitespace().nth(1))
            .and_then(|p| p.parse::<u32>().ok());
        if stat.contains(&format!("({program})")) && parent == Some(hub) {
            kill(Pid::from_raw(pid), Signal::SIGKILL)?;
            return Ok(());
        }
    }
    bail!("the hub has no {program}")
}
