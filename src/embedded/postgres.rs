//! The private Postgres of a hub on one machine.
//!
//! Invariants: loopback only, by password; durable (`fsync` and `synchronous_commit` stay on); never run as root; the
//! cluster appears whole or not at all (made beside its place, then renamed); an existing cluster of the machine is
//! never looked at. The settings of `tidings.conf` are written at every start; `local.conf` beside it wins and is yours.
//!
//! Deliberately absent: schema and migrations (crate `store`), upgrades between major versions of Postgres.

use std::fs::{self, DirBuilder};
use std::io::{ErrorKind, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use nix::sys::signal::Signal;
use nix::unistd::User;
use schemas::Secret;

use super::child::{Identity, command, end_leftover, is_ours, last_lines, on_a_port, open_log};
use super::folder::Folder;
use super::postgres_bin::binaries;
use super::supervise::{Program, Supervised};
use crate::config::EmbeddedSettings;

/// The cluster's superuser and the database's owner.
const USER: &str = "tidings";
const DATABASE: &str = "tidings";
/// Recovery after a crash is part of a start, and may take long.
const PATIENCE: Duration = Duration::from_secs(180);
/// Fast shutdown, then immediate shutdown.
const STOP: &[Signal] = &[Signal::SIGINT, Signal::SIGQUIT];
/// Where the cluster lives when Postgres' user cannot get to our folder.
const ELSEWHERE: &str = "/var/lib/tidings";

/// Where the database is reached.
pub(super) struct Urls {
    /// Over TCP, as any client takes it.
    pub(super) tcp: Secret,
    /// For this process: over a socket in the folder where its path is short enough. A COPY over TCP
    /// waits 40 ms for an acknowledgement, since sqlx does not set `TCP_NODELAY`.
    pub(super) local: Secret,
}

pub(super) fn start(folder: &Folder, settings: &EmbeddedSettings) -> Result<(Supervised, Urls)> {
    let identity = identity()?;
    let home = home(folder, identity)?;
    let data = home.join("data");
    let log_path = home.join("log");
    end_leftovers(&data)?;

    let password = folder.secret("postgres.password", || Ok(super::new_password()))?;
    let bin = match fs::read_to_string(data.join("PG_VERSION")) {
        Ok(version) => binaries(Some(version.trim()))?,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let bin = binaries(None)?;
            make_cluster(&bin, &home, &password, identity)?;
            bin
        }
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", data.display())),
    };

    let (server, address) = on_a_port(settings.postgres_port, "embedded.postgres_port", |port| {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let config = config(address, socket_folder(&home), settings);
        write_as(&data.join("tidings.conf"), config.as_bytes(), identity)?;
        let program = Program {
            name: "postgres",
            stop_signals: STOP,
            command: Box::new({
                let (postgres, data) = (bin.join("postgres"), data.clone());
                let log_path = log_path.clone();
                move || server_command(&postgres, &data, &log_path, identity)
            }),
        };
        let server = Supervised::start(program, PATIENCE, |pid| is_ready(&data, pid))
            .with_context(|| last_lines(&log_path))?;
        Ok((server, address))
    })?;
    // The password is hexadecimal, so nothing needs escaping.
    let tcp = Secret::new(format!(
        "postgres://{USER}:{}@{address}/{DATABASE}",
        password.expose()
    ));
    let local = match socket_folder(&home) {
        Some(socket) => Secret::new(format!(
            "postgres://{USER}:{}@localhost:{}/{DATABASE}?host={}",
            password.expose(),
            address.port(),
            socket.replace('/', "%2F")
        )),
        None => tcp.clone(),
    };
    Ok((server, Urls { tcp, local }))
}

/// The folder of the Unix socket: the cluster's own, if the socket's path fits `sun_path` (108 bytes)
/// and its name needs no quoting in Postgres' list of folders.
fn socket_folder(home: &Path) -> Option<&str> {
    const LONGEST: usize = 80;
    let path = home.to_str()?;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '-' | '_');
    (path.len() <= LONGEST && path.chars().all(plain)).then_some(path)
}

fn server_command(
    postgres: &Path,
    data: &Path,
    log: &Path,
    identity: Option<Identity>,
) -> Result<Command> {
    end_leftovers(data)?;
    let mut command = command(postgres, identity, Signal::SIGINT);
    command.arg("-D").arg(data);
    command
        .env_remove("PGDATA")
        .env("LC_ALL", "C.UTF-8")
        .env("TZ", "UTC");
    let log = open_log(log)?;
    command.stdout(log.try_clone()?).stderr(log);
    Ok(command)
}

/// Postgres refuses to run as root: another user is chosen then, and none otherwise.
fn identity() -> Result<Option<Identity>> {
    if !nix::unistd::geteuid().is_root() {
        return Ok(None);
    }
    for name in ["postgres", "nobody"] {
        if let Some(user) =
            User::from_name(name).with_context(|| format!("cannot look up the user {name}"))?
        {
            return Ok(Some(Identity {
                uid: user.uid.as_raw(),
                gid: user.gid.as_raw(),
            }));
        }
    }
    bail!(
        "tidings runs as root, and Postgres must not; there is no user postgres or nobody to run it as"
    )
}

/// The folder of the cluster and its log, made if missing, owned by `identity`, and reachable for it.
fn home(folder: &Folder, identity: Option<Identity>) -> Result<PathBuf> {
    let inside = folder.path().join("postgres");
    if let Ok(home) = inside.canonicalize() {
        return Ok(home);
    }
    let home = match identity {
        Some(identity) if !reachable(folder.path(), identity)? => {
            // Named after a random id kept in the folder, so that a new folder of the same name gets a new cluster.
            let id = folder.secret("id", || Ok(super::new_password()))?;
            let home = Path::new(ELSEWHERE).join(id.expose());
            tracing::info!(home = %home.display(), "Postgres' user cannot enter the folder; the cluster lives elsewhere");
            match fs::remove_file(&inside) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    return Err(error)
                        .with_context(|| format!("cannot replace {}", inside.display()));
                }
                _ => {}
            }
            symlink(&home, &inside).with_context(|| format!("cannot link {}", inside.display()))?;
            DirBuilder::new()
                .recursive(true)
                .mode(0o711)
                .create(ELSEWHERE)
                .with_context(|| format!("cannot make the folder {ELSEWHERE}"))?;
            home
        }
        _ => inside,
    };
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&home)
        .with_context(|| format!("cannot make the folder {}", home.display()))?;
    if let Some(Identity { uid, gid }) = identity {
        chown(&home, Some(uid), Some(gid))
            .with_context(|| format!("cannot give {} away", home.display()))?;
    }
    Ok(home)
}

/// Can `identity` walk to this folder? The folder itself is opened for walking through (not for listing) if it must be.
fn reachable(folder: &Path, identity: Identity) -> Result<bool> {
    let may_pass = |path: &Path| -> Result<bool> {
        let meta =
            fs::metadata(path).with_context(|| format!("cannot look at {}", path.display()))?;
        let bit = match () {
            () if meta.uid() == identity.uid => 0o100,
            () if meta.gid() == identity.gid => 0o010,
            () => 0o001,
        };
        Ok(meta.mode() & bit != 0)
    };
    for ancestor in folder.ancestors().skip(1) {
        if !may_pass(ancestor)? {
            return Ok(false);
        }
    }
    if !may_pass(folder)? {
        let mode = fs::metadata(folder)?.mode() & 0o7777;
        fs::set_permissions(folder, fs::Permissions::from_mode(mode | 0o011))
            .with_context(|| format!("cannot open {} for Postgres' user", folder.display()))?;
    }
    may_pass(folder)
}

/// Waits for (or ends) a Postgres that still runs on `data`, and removes a lock file that belongs to nobody of ours:
/// its pid may have been given to a stranger since, which Postgres would take for the old server.
fn end_leftovers(data: &Path) -> Result<()> {
    let pid_file = data.join("postmaster.pid");
    let Ok(text) = fs::read_to_string(&pid_file) else {
        return Ok(());
    };
    if let Some(pid) = text
        .lines()
        .next()
        .and_then(|line| line.trim().parse().ok())
        && is_ours(pid, "postgres", data)
    {
        end_leftover(pid, "postgres", data, STOP)?;
    }
    match fs::remove_file(&pid_file) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove the stale {}", pid_file.display()))
        }
        _ => Ok(()),
    }
}

fn make_cluster(
    bin: &Path,
    home: &Path,
    password: &Secret,
    identity: Option<Identity>,
) -> Result<()> {
    let new = home.join("data.new");
    match fs::remove_dir_all(&new) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("cannot remove {}", new.display()));
        }
        _ => {}
    }
    let password_file = home.join("password.new");
    write_as(&password_file, password.expose().as_bytes(), identity)?;
    let mut initdb = command(&bin.join("initdb"), identity, Signal::SIGKILL);
    initdb
        .args([
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            // A new segment of the log is filled with zeroes while every commit waits: 60 ms for the usual 16 MB.
            "--wal-segsize=1",
            "--username",
            USER,
        ])
        .arg("--pwfile")
        .arg(&password_file)
        .arg("-D")
        .arg(&new);
    let made = run(initdb, "");
    fs::remove_file(&password_file).context("cannot remove the password's file")?;
    made.context("cannot make a Postgres cluster")?;

    let mut single = command(&bin.join("postgres"), identity, Signal::SIGKILL);
    single.args(["--single", "-D"]).arg(&new).arg("postgres");
    run(single, &format!("create database {DATABASE}\n")).context("cannot make the database")?;

    let include = "\n# What tidings sets, and then what you set.\ninclude 'tidings.conf'\ninclude_if_exists 'local.conf'\n";
    fs::OpenOptions::new()
        .append(true)
        .open(new.join("postgresql.conf"))
        .and_then(|mut file| {
            file.write_all(include.as_bytes())
                .and_then(|()| file.sync_all())
        })
        .context("cannot add to postgresql.conf")?;
    fs::rename(&new, home.join("data")).context("cannot move the new cluster to its place")?;
    fs::File::open(home)
        .and_then(|home| home.sync_all())
        .context("cannot sync the cluster's folder")
}

fn run(mut command: Command, input: &str) -> Result<()> {
    command
        .env("LC_ALL", "C.UTF-8")
        .env("TZ", "UTC")
        .env_remove("PGDATA");
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot run {}", command.get_program().display()))?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(input.as_bytes())?;
    }
    let output = child.wait_with_output()?;
    ensure!(
        output.status.success(),
        "{}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(())
}

fn write_as(path: &Path, content: &[u8], identity: Option<Identity>) -> Result<()> {
    let write = || -> std::io::Result<()> {
        fs::write(path, b"")?;
        fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
        if let Some(Identity { uid, gid }) = identity {
            chown(path, Some(uid), Some(gid))?;
        }
        fs::write(path, content)
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}

fn config(address: SocketAddr, socket: Option<&str>, settings: &EmbeddedSettings) -> String {
    let socket = socket.unwrap_or_default();
    let (host, port) = (address.ip(), address.port());
    let shared_buffers_mb = settings.postgres_shared_buffers_mb;
    let max_connections = settings.postgres_max_connections;
    format!(
        "# Written by tidings at every start; your own settings belong into local.conf beside this file.
listen_addresses = '{host}'
port = {port}
unix_socket_directories = '{socket}'
unix_socket_permissions = 0700
max_connections = {max_connections}
password_encryption = 'scram-sha-256'

# Durable: a committed transaction survives a power failure.
fsync = on
synchronous_commit = on
full_page_writes = on
wal_compression = on
max_wal_size = '2GB'
min_wal_size = '160MB'
checkpoint_timeout = '15min'
track_commit_timestamp = on

shared_buffers = '{shared_buffers_mb}MB'
work_mem = '8MB'
maintenance_work_mem = '64MB'
random_page_cost = 1.1
jit = off

timezone = 'UTC'
log_timezone = 'UTC'
log_checkpoints = off
log_line_prefix = '%m [%p] '
log_min_duration_statement = '1s'
log_parameter_max_length = 0
log_parameter_max_length_on_error = 0
"
    )
}

/// The server says in the eighth line of its pid file how far it is.
fn is_ready(data: &Path, pid: u32) -> bool {
    let text = fs::read_to_string(data.join("postmaster.pid")).unwrap_or_default();
    let mut lines = text.lines();
    lines
        .next()
        .is_some_and(|line| line.trim() == pid.to_string())
        && lines.nth(6).is_some_and(|line| line.trim() == "ready")
}
