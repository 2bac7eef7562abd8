//! What nats-server and Postgres have in common as child processes: how they are spawned, how the left-overs of a
//! killed parent are found and ended, which port they get, what their log says last.
//!
//! Invariant: a process is taken for a left-over of ours only if its command line names our own folder.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// The user a child runs as, when that is not ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) uid: u32,
    pub(super) gid: u32,
}

/// A command in its own process group, in `/`, as `identity`, ended with `death_signal` by the kernel when the
/// spawning thread ends. `setpriv` (util-linux) does the last two; it replaces itself by the program, pid kept.
pub(super) fn command(program: &Path, identity: Option<Identity>, death_signal: Signal) -> Command {
    let mut command = Command::new("setpriv");
    if let Some(Identity { uid, gid }) = identity {
        command
            .arg(format!("--reuid={uid}"))
            .arg(format!("--regid={gid}"))
            .arg("--clear-groups");
    }
    // setpriv wants the name without SIG.
    command
        .arg("--pdeathsig")
        .arg(death_signal.as_str().trim_start_matches("SIG"));
    command.arg("--").arg(program);
    command
        .process_group(0)
        .current_dir("/")
        .stdin(std::process::Stdio::null());
    command
}

/// Does `pid` run `program` with `mark` (one of our own paths) on its command line?
pub(super) fn is_ours(pid: u32, program: &str, mark: &Path) -> bool {
    let Ok(line) = fs::read(format!("/proc/{pid}/cmdline")) else {
        return false;
    };
    let mut words = line.split(|byte| *byte == 0);
    let name = words
        .next()
        .and_then(|word| word.rsplit(|byte| *byte == b'/').next());
    name == Some(program.as_bytes()) && words.any(|word| word == mark.as_os_str().as_bytes())
}

/// Ends what a killed parent left behind. The kernel has signalled it already, so it gets a few seconds to go by
/// itself; then each signal is tried, and SIGKILL at last.
pub(super) fn end_leftover(pid: u32, program: &str, mark: &Path, signals: &[Signal]) -> Result<()> {
    let patience = Duration::from_secs(5);
    if gone_within(patience, pid, program, mark) {
        return Ok(());
    }
    let target = Pid::from_raw(i32::try_from(pid).context("a pid beyond i32")?);
    for signal in signals.iter().copied().chain([Signal::SIGKILL]) {
        tracing::warn!(pid, program, %signal, "ending a left-over of an earlier run");
        match kill(target, signal) {
            Ok(()) | Err(nix::errno::Errno::ESRCH) => {}
            Err(error) => {
                return Err(error)
                    .with_context(|| format!("cannot end the left-over {program}, process {pid}"));
            }
        }
        if gone_within(patience, pid, program, mark) {
            return Ok(());
        }
    }
    bail!("the left-over {program}, process {pid}, does not end")
}

fn gone_within(patience: Duration, pid: u32, program: &str, mark: &Path) -> bool {
    let deadline = Instant::now() + patience;
    while is_ours(pid, program, mark) {
        if Instant::now() >= deadline {
            return false;
        }
        std::thread::park_timeout(Duration::from_millis(10));
    }
    true
}

/// Starts something on the wanted port, or on any free one for 0. `setting` names the setting in the message.
///
/// A free port is free until somebody else takes it, so a start on one of our choice is tried again on another.
pub(super) fn on_a_port<T>(
    wanted: u16,
    setting: &str,
    mut start: impl FnMut(u16) -> Result<T>,
) -> Result<T> {
    let mut tries = if wanted == 0 { 3 } else { 1 };
    loop {
        match start(free(wanted, setting)?) {
            Err(error) if tries > 1 => {
                tracing::debug!(%error, "trying another port");
                tries -= 1;
            }
            outcome => return outcome,
        }
    }
}

fn free(wanted: u16, setting: &str) -> Result<u16> {
    match TcpListener::bind((Ipv4Addr::LOCALHOST, wanted)) {
        Ok(listener) => Ok(listener.local_addr()?.port()),
        Err(error) if error.kind() == ErrorKind::AddrInUse => bail!(
            "port {wanted} on 127.0.0.1 is taken by another program; set {setting} to another port, or to 0 for any \
             free one"
        ),
        Err(error) => Err(error).with_context(|| format!("cannot use port {wanted} ({setting})")),
    }
}

/// Opens a log for a child's output, emptied first when it has grown past 16 MiB. Mode 0600.
pub(super) fn open_log(path: &Path) -> Result<File> {
    let file = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)
        .with_context(|| format!("cannot open {}", path.display()))?;
    if file.metadata()?.len() > 16 << 20 {
        file.set_len(0)?;
    }
    Ok(file)
}

/// The last lines of a log, for the message of a failed start.
pub(super) fn last_lines(path: &Path) -> String {
    let read = || -> std::io::Result<Vec<u8>> {
        let mut file = File::open(path)?;
        let size_bytes = file.metadata()?.len();
        file.seek(SeekFrom::Start(size_bytes.saturating_sub(2048)))?;
        let mut tail = Vec::new();
        file.take(2048).read_to_end(&mut tail)?;
        Ok(tail)
    };
    let tail = read().unwrap_or_default();
    let tail = String::from_utf8_lossy(&tail);
    let mut lines: Vec<&str> = tail.lines().rev().take(6).collect();
    lines.push("");
    lines.reverse();
    format!("the last lines of {}:{}", path.display(), lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stranger_with_our_pid_is_not_ours() {
        let me = std::process::id();
        assert!(!is_ours(me, "postgres", Path::new("/somewhere/data")));
        assert!(!is_ours(me, "", Path::new("")));
    }

    #[test]
    fn a_taken_port_is_named_with_its_setting() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let number = taken.local_addr().unwrap().port();
        let message = on_a_port(number, "embedded.nats_port", |_| Ok(()))
            .unwrap_err()
            .to_string();
        assert!(message.contains(&number.to_string()), "{message}");
        assert!(message.contains("embedded.nats_port"), "{message}");
    }

    #[test]
    fn a_port_of_our_choice_is_tried_again_and_a_wanted_one_is_not() {
        let mut seen = Vec::new();
        let mut third = |port| {
            seen.push(port);
            if seen.len() < 3 {
                bail!("taken")
            } else {
                Ok(())
            }
        };
        on_a_port(0, "x", &mut third).unwrap();
        let wanted = *seen.last().unwrap();
        let mut tries = 0;
        let refused = on_a_port(wanted, "x", |_| -> Result<()> {
            tries += 1;
            bail!("taken")
        });
        assert!(refused.is_err());
        assert_eq!(tries, 1);
    }

    #[test]
    fn a_leftover_is_ended() {
        let mark = Path::new("61.25");
        let mut sleep = command(Path::new("/bin/sleep"), None, Signal::SIGKILL)
            .arg(mark)
            .spawn()
            .unwrap();
        let pid = sleep.id();
        let deadline = Instant::now() + Duration::from_secs(10);
        while !is_ours(pid, "sleep", mark) {
            assert!(Instant::now() < deadline);
            std::thread::yield_now();
        }
        assert!(!gone_within(Duration::ZERO, pid, "sleep", mark));
        kill(Pid::from_raw(pid.try_into().unwrap()), Signal::SIGTERM).unwrap();
        sleep.wait().unwrap();
        end_leftover(pid, "sleep", mark, &[]).unwrap();
    }
}
