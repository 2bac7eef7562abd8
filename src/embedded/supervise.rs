//! One child process, kept running until it is told to stop.
//!
//! Invariants:
//! - Each child has its own thread, which spawns it, waits for it and spawns it again. The kernel's parent-death
//!   signal is tied to the spawning thread, so the child ends when this process ends, even by kill -9, and not before.
//! - A pid is signalled only while the process is unreaped, so no stranger with a recycled pid is ever hit.
//! - Before the child has once been ready, its end is an error of the start; afterwards it is restarted with backoff.
//! - Children have their own process group: the terminal's Ctrl-C reaches this process alone, which stops them in order.
//!
//! Deliberately absent: polling. A supervised child that runs costs no CPU.

use std::process::Command;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::Pid;

/// The pause before the first restart; it doubles up to [`LAST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LAST_PAUSE: Duration = Duration::from_secs(5);
/// A child that lived this long starts a new series of restarts when it dies.
const STABLE: Duration = Duration::from_secs(20);
/// How often readiness is asked for while starting.
const ASK: Duration = Duration::from_millis(10);

/// What to run, and how to end it.
pub(super) struct Program {
    pub(super) name: &'static str,
    /// From polite to final; each gets its own patience in [`Supervised::stop`].
    pub(super) stop_signals: &'static [Signal],
    /// Called before every spawn, so it may clear away what the last run left.
    pub(super) command: Box<dyn FnMut() -> Result<Command> + Send>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    Starting,
    Serving,
    Stopping,
    /// No child, no thread that would start one.
    Ended,
}

struct State {
    phase: Phase,
    pid: Option<Pid>,
    /// How the last run ended, for the message of a failed start.
    last_end: String,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>, at_most: Duration) -> MutexGuard<'a, State> {
        self.changed
            .wait_timeout(state, at_most)
            .unwrap_or_else(PoisonError::into_inner)
            .0
    }
}

/// A running child. Dropping it ends the child.
pub(super) struct Supervised {
    name: &'static str,
    stop_signals: &'static [Signal],
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Supervised {
    /// Starts the program, and returns once `ready` (given the child's pid) says so.
    pub(super) fn start(
        program: Program,
        patience: Duration,
        mut ready: impl FnMut(u32) -> bool,
    ) -> Result<Self> {
        let name = program.name;
        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                phase: Phase::Starting,
                pid: None,
                last_end: String::new(),
            }),
            changed: Condvar::new(),
        });
        let stop_signals = program.stop_signals;
        let thread = std::thread::Builder::new()
            .name(format!("run {name}"))
            .spawn({
                let shared = Arc::clone(&shared);
                move || keep_running(program, &shared)
            })
            .with_context(|| format!("cannot start a thread for {name}"))?;
        let supervised = Self {
            name,
            stop_signals,
            shared,
            thread: Some(thread),
        };

        let deadline = Instant::now() + patience;
        loop {
            let state = supervised.shared.lock();
            if state.phase == Phase::Ended {
                bail!("{name} did not start: {}", state.last_end);
            }
            let pid = state.pid;
            drop(state);
            let is_ready = pid.is_some_and(|pid| ready(pid.as_raw().unsigned_abs()));
            let mut state = supervised.shared.lock();
            if is_ready && state.phase == Phase::Starting {
                state.phase = Phase::Serving;
                drop(state);
                return Ok(supervised);
            }
            if Instant::now() >= deadline {
                bail!("{name} did not answer within {} s", patience.as_secs());
            }
            drop(supervised.shared.wait(state, ASK));
        }
    }

    /// The child's pid; `None` between two runs.
    pub(super) fn pid(&self) -> Option<u32> {
        self.shared
            .lock()
            .pid
            .map(|pid| pid.as_raw().unsigned_abs())
    }

    /// Ends the child: one signal after the other, each with `patience`, and at last SIGKILL.
    pub(super) fn stop(&mut self, patience: Duration) {
        let mut state = self.shared.lock();
        for signal in self.stop_signals.iter().copied().chain([Signal::SIGKILL]) {
            if state.phase == Phase::Ended {
                break;
            }
            state.phase = Phase::Stopping;
            send(state.pid, signal);
            self.shared.changed.notify_all();
            let deadline = Instant::now() + patience;
            while state.phase != Phase::Ended && Instant::now() < deadline {
                let left = deadline.saturating_duration_since(Instant::now());
                state = self.shared.wait(state, left);
            }
            if state.phase != Phase::Ended {
                tracing::warn!(program = self.name, %signal, "still runs after the signal");
            }
        }
        let ended = state.phase == Phase::Ended;
        drop(state);
        if ended
            && let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!(program = self.name, "its supervising thread panicked");
        }
    }
}

impl Drop for Supervised {
    fn drop(&mut self) {
        if self.thread.is_some() {
            self.stop(Duration::from_secs(5));
        }
    }
}

fn send(pid: Option<Pid>, signal: Signal) {
    if let Some(pid) = pid
        && let Err(error) = kill(pid, signal)
    {
        tracing::warn!(%pid, %signal, %error, "cannot signal a child");
    }
}

fn keep_running(mut program: Program, shared: &Shared) {
    let mut pause = FIRST_PAUSE;
    let mut told = false;
    loop {
        let started = Instant::now();
        let end = run_once(&mut program, shared);
        let mut state = shared.lock();
        state.last_end = end;
        if state.phase != Phase::Serving {
            state.phase = Phase::Ended;
            shared.changed.notify_all();
            return;
        }
        if started.elapsed() >= STABLE {
            (pause, told) = (FIRST_PAUSE, false);
        }
        if !told {
            tracing::warn!(program = program.name, end = %state.last_end, "ended by itself; starting it again");
            told = true;
        }
        let until = Instant::now() + pause;
        while state.phase == Phase::Serving && Instant::now() < until {
            state = shared.wait(state, until.saturating_duration_since(Instant::now()));
        }
        if state.phase != Phase::Serving {
            state.phase = Phase::Ended;
            shared.changed.notify_all();
            return;
        }
        pause = (pause * 2).min(LAST_PAUSE);
    }
}

/// Spawns the child and waits for its end, which it tells in words.
fn run_once(program: &mut Program, shared: &Shared) -> String {
    let spawned = (program.command)().and_then(|mut command| {
        command
            .spawn()
            .with_context(|| format!("cannot run {}", command.get_program().display()))
    });
    let mut child = match spawned {
        Ok(child) => child,
        Err(error) => return format!("{error:#}"),
    };
    // A pid fits an i32 on every Linux (at most 2^22).
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap_or(i32::MAX));
    {
        let mut state = shared.lock();
        state.pid = Some(pid);
        if state.phase == Phase::Stopping {
            send(
                state.pid,
                program
                    .stop_signals
                    .first()
                    .copied()
                    .unwrap_or(Signal::SIGKILL),
            );
        }
        shared.changed.notify_all();
    }
    // The end is seen before the child is reaped, so that nobody signals a pid that may be somebody else's by then.
    while let Err(nix::errno::Errno::EINTR) =
        waitid(Id::Pid(pid), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT)
    {}
    let mut state = shared.lock();
    state.pid = None;
    let end = child
        .wait()
        .map_or_else(|error| error.to_string(), |status| status.to_string());
    shared.changed.notify_all();
    drop(state);
    end
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::CommandExt;

    fn program(script: &'static str) -> Program {
        Program {
            name: "test",
            stop_signals: &[Signal::SIGTERM],
            command: Box::new(move || {
                let mut command = Command::new("sh");
                command.args(["-c", script]).process_group(0);
                Ok(command)
            }),
        }
    }

    #[test]
    fn an_end_before_ready_is_an_error_of_the_start() {
        let result = Supervised::start(program("exit 3"), Duration::from_secs(10), |_| false);
        let error = result.err().unwrap().to_string();
        assert!(error.contains("exit status: 3"), "{error}");
    }

    #[test]
    fn a_child_that_is_never_ready_is_ended() {
        let mut seen = 0;
        let result =
            Supervised::start(program("exec sleep 60"), Duration::from_millis(50), |pid| {
                seen = pid;
                false
            });
        assert!(result.is_err());
        assert!(!std::path::Path::new(&format!("/proc/{seen}")).exists());
    }

    #[test]
    fn a_deaf_child_is_killed() {
        let deaf = "trap '' TERM; exec sleep 60";
        let mut child = Supervised::start(program(deaf), Duration::from_secs(10), |pid| {
            // Ready once it ignores the signal.
            let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
            status.lines().any(|line| {
                line.strip_prefix("SigIgn:")
                    .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
                    .is_some_and(|mask| mask & (1 << 14) != 0)
            })
        })
        .unwrap();
        child.stop(Duration::from_millis(50));
        assert_eq!(child.pid(), None);
        assert!(child.thread.is_none());
    }
}
