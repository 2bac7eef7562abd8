//! What the hub's processes used: CPU seconds and resident memory, read from `/proc`.

use std::{collections::BTreeMap, fs};

use serde::Serialize;

/// One group of processes with the same name, since the hub started.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Usage {
    pub(crate) cpu_seconds: f64,
    pub(crate) rss_mb: f64,
}

/// Usage by process name (`tidings`, `nats-server`, `postgres`).
pub(crate) type ByProcess = BTreeMap<String, Usage>;

/// Clock ticks per second of `/proc/*/stat`; Linux has fixed `USER_HZ` at 100 on every platform Rust runs on.
const TICKS_PER_SECOND: f64 = 100.0;

/// The hub's process and all that descend from it.
pub(crate) fn of_tree(root: u32) -> ByProcess {
    let mut parents = BTreeMap::new();
    let mut processes = BTreeMap::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse::<u32>().ok())
        else {
            continue;
        };
        let Some((name, parent, ticks)) = stat(pid) else {
            continue;
        };
        parents.insert(pid, parent);
        processes.insert(pid, (name, ticks));
    }
    let mut by_name = ByProcess::new();
    for (pid, (name, ticks)) in processes {
        if !descends(pid, root, &parents) {
            continue;
        }
        let usage = by_name.entry(name).or_default();
        #[expect(
            clippy::cast_precision_loss,
            reason = "ticks of one process fit a double exactly"
        )]
        let seconds = ticks as f64 / TICKS_PER_SECOND;
        usage.cpu_seconds += seconds;
        usage.rss_mb += private_mb(pid);
    }
    by_name
}

/// What was used between two readings; memory is that of the later one.
pub(crate) fn between(before: &ByProcess, after: &ByProcess) -> ByProcess {
    after
        .iter()
        .map(|(name, usage)| {
            let earlier = before.get(name).copied().unwrap_or_default();
            (
                name.clone(),
                Usage {
                    cpu_seconds: (usage.cpu_seconds - earlier.cpu_seconds).max(0.0),
                    rss_mb: usage.rss_mb,
                },
            )
        })
        .collect()
}

/// Peak resident memory of one process, in MB (`VmHWM`).
pub(crate) fn peak_mb(pid: u32) -> f64 {
    status_kb(pid, "VmHWM:") / 1024.0
}

fn descends(mut pid: u32, root: u32, parents: &BTreeMap<u32, u32>) -> bool {
    for _ in 0..16 {
        if pid == root {
            return true;
        }
        match parents.get(&pid) {
            Some(parent) if *parent > 1 => pid = *parent,
            _ => return false,
        }
    }
    false
}

/// Name, parent and CPU ticks (user and system) of a process.
fn stat(pid: u32) -> Option<(String, u32, u64)> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = text.split_once('(')?;
    let (name, rest) = rest.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let parent = fields.get(1)?.parse().ok()?;
    let user: u64 = fields.get(11)?.parse().ok()?;
    let system: u64 = fields.get(12)?.parse().ok()?;
    // A process of Postgres that has ended is counted by its parent.
    let ended_user: u64 = fields.get(13)?.parse().ok()?;
    let ended_system: u64 = fields.get(14)?.parse().ok()?;
    let ended = if name == "postgres" {
        ended_user + ended_system
    } else {
        0
    };
    Some((name.to_owned(), parent, user + system + ended))
}

/// Memory without what is shared with other processes (Postgres shares its buffers).
fn private_mb(pid: u32) -> f64 {
    (status_kb(pid, "RssAnon:") + status_kb(pid, "RssFile:")) / 1024.0
}

fn status_kb(pid: u32, field: &str) -> f64 {
    fs::read_to_string(format!("/proc/{pid}/status"))
        .ok()
        .and_then(|text| {
            text.lines()
                .find_map(|line| line.strip_prefix(field))
                .and_then(|value| value.split_whitespace().next()?.parse().ok())
        })
        .unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_its_own_process() {
        let mine = of_tree(std::process::id());
        let total: f64 = mine.values().map(|usage| usage.rss_mb).sum();
        assert!(total > 0.5, "a running test holds memory: {mine:?}");
    }
}
