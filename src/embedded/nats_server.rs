//! The private nats-server of a hub on one machine.
//!
//! Invariants: loopback only; every stored message is fsynced before it is acknowledged (`sync_interval: always`);
//! the hub's own user has a random password kept in the folder; anybody else is asked for at the hub (auth callout).
//!
//! Deliberately absent: streams and consumers. They are provisioned over the connection, by crate `nats`.

use std::fs::{self, DirBuilder};
use std::io::{ErrorKind, Read};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use nix::sys::signal::Signal;
use schemas::Secret;

use super::child::{command, end_leftover, is_ours, last_lines, on_a_port, open_log};
use super::folder::Folder;
use super::supervise::{Program, Supervised};
use crate::config::EmbeddedSettings;

/// The user the hub itself connects as.
const USER: &str = "tidings";
const OLDEST: (u32, u32) = (2, 15);
/// The largest message, in bytes: one frame and its headers, with room.
const MAX_PAYLOAD_BYTES: u32 = 8 << 20;
const PATIENCE: Duration = Duration::from_secs(60);

/// How to connect to the private nats-server.
#[derive(Clone, Debug)]
pub(crate) struct NatsAccess {
    /// Without credentials, such as `nats://127.0.0.1:34567`.
    pub(crate) url: String,
    pub(crate) user: String,
    pub(crate) password: Secret,
    /// Signs the users that the hub lets in by auth callout.
    pub(crate) callout_seed: Secret,
}

impl NatsAccess {
    /// With credentials, as the `nats` command-line client takes it.
    pub(crate) fn url_with_credentials(&self) -> Secret {
        let address = self.url.trim_start_matches("nats://");
        // The password is hexadecimal, so nothing needs escaping.
        Secret::new(format!(
            "nats://{}:{}@{address}",
            self.user,
            self.password.expose()
        ))
    }
}

pub(super) fn start(
    folder: &Folder,
    settings: &EmbeddedSettings,
) -> Result<(Supervised, NatsAccess)> {
    let binary = find(folder)?;
    let home = folder.path().join("nats");
    private_folder(&home)?;
    let config_path = home.join("server.conf");
    let pid_path = home.join("pid");
    let log_path = home.join("log");

    if let Some(pid) = read_pid(&pid_path)
        && is_ours(pid, "nats-server", &config_path)
    {
        end_leftover(pid, "nats-server", &config_path, &[Signal::SIGTERM])?;
    }

    let password = folder.secret("nats.password", || Ok(super::new_password()))?;
    let callout_seed = folder.secret("nats.callout-seed", || {
        let seed = nkeys::KeyPair::new_account()
            .seed()
            .context("cannot make a key for the auth callout")?;
        Ok(Secret::new(seed))
    })?;
    let issuer = nkeys::KeyPair::from_seed(callout_seed.expose())
        .map_err(|_| {
            anyhow!(
                "nats.callout-seed in {} is no seed of a key",
                folder.path().display()
            )
        })?
        .public_key();

    // Unique to the folder: another server that took our port must not be taken for ours.
    let path = folder.path().as_os_str().as_encoded_bytes();
    let name = uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_URL, path);
    let name = format!("tidings-{}", name.simple());

    let (server, address) = on_a_port(settings.nats_port, "embedded.nats_port", |port| {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let config = config(&home, &name, address, password.expose(), &issuer, settings)?;
        folder.write("nats/server.conf", config.as_bytes())?;
        let program = Program {
            name: "nats-server",
            stop_signals: &[Signal::SIGTERM],
            command: Box::new({
                let (binary, config_path) = (binary.clone(), config_path.clone());
                let log_path = log_path.clone();
                move || server_command(&binary, &config_path, &log_path)
            }),
        };
        let server = Supervised::start(program, PATIENCE, |_| answers(address, &name))
            .with_context(|| last_lines(&log_path))?;
        Ok((server, address))
    })?;
    let access = NatsAccess {
        url: format!("nats://{address}"),
        user: USER.to_owned(),
        password,
        callout_seed,
    };
    Ok((server, access))
}

fn server_command(binary: &Path, config: &Path, log: &Path) -> Result<Command> {
    let mut command = command(binary, None, Signal::SIGTERM);
    command.arg("--config").arg(config);
    // Garbage is cheap next to the CPU its early collection costs; the limit keeps it bounded.
    for (name, value) in [("GOGC", "1000"), ("GOMEMLIMIT", "512MiB")] {
        if std::env::var_os(name).is_none() {
            command.env(name, value);
        }
    }
    let log = open_log(log)?;
    command.stdout(log.try_clone()?).stderr(log);
    Ok(command)
}

fn private_folder(path: &Path) -> Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .with_context(|| format!("cannot make the folder {}", path.display()))
}

fn read_pid(path: &Path) -> Option<u32> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

fn config(
    home: &Path,
    name: &str,
    address: SocketAddr,
    password: &str,
    issuer: &str,
    settings: &EmbeddedSettings,
) -> Result<String> {
    // The configuration's strings are escaped as JSON's are.
    let quoted = |path: PathBuf| -> Result<String> {
        let path = path
            .to_str()
            .with_context(|| format!("{} is not UTF-8", path.display()))?;
        Ok(serde_json::to_string(path)?)
    };
    let (pid, store) = (quoted(home.join("pid"))?, quoted(home.join("store"))?);
    let monitoring = match settings.nats_monitor_port {
        0 => String::new(),
        port => format!("http: \"127.0.0.1:{port}\"\n"),
    };
    let max_file_store_bytes = settings.nats_max_file_store_bytes;
    let max_memory_store_bytes = settings.nats_max_memory_store_bytes;
    Ok(format!(
        r#"# Written by tidings at every start; changes are lost. Mode 0600: it holds a password.
server_name: {name}
listen: "{address}"
{monitoring}pid_file: {pid}
max_payload: {MAX_PAYLOAD_BYTES}
max_pending: 67108864
write_deadline: "10s"
jetstream {{
  store_dir: {store}
  # A message is on disk before it is acknowledged.
  sync_interval: always
  max_file_store: {max_file_store_bytes}
  max_memory_store: {max_memory_store_bytes}
}}
authorization {{
  users: [ {{ user: "{USER}", password: "{password}" }} ]
  auth_callout {{ issuer: "{issuer}", auth_users: [ "{USER}" ] }}
}}
"#
    ))
}

/// Does the server of this name greet on this address, with JetStream?
fn answers(address: SocketAddr, name: &str) -> bool {
    let patience = Duration::from_millis(500);
    let Ok(mut stream) = TcpStream::connect_timeout(&address, patience) else {
        return false;
    };
    if stream.set_read_timeout(Some(patience)).is_err() {
        return false;
    }
    let mut greeting = Vec::new();
    let mut piece = [0; 1024];
    while !greeting.ends_with(b"\r\n") && greeting.len() < 16 << 10 {
        match stream.read(&mut piece) {
            Ok(0) => break,
            Ok(count) => greeting.extend(piece.iter().take(count)),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => break,
        }
    }
    let greeting = String::from_utf8_lossy(&greeting);
    greeting.starts_with("INFO ")
        && greeting.contains("\"jetstream\":true")
        && greeting.contains(&format!("\"server_name\":\"{name}\""))
}

/// A nats-server new enough: `$TIDINGS_NATS_SERVER`, on `PATH`, or where `scripts/setup` puts it.
fn find(folder: &Folder) -> Result<PathBuf> {
    if let Some(named) = std::env::var_os("TIDINGS_NATS_SERVER") {
        let named = PathBuf::from(named);
        return match version(&named) {
            Some(version) if version >= OLDEST => Ok(named),
            _ => bail!(
                "TIDINGS_NATS_SERVER={} is no nats-server 2.15 or newer",
                named.display()
            ),
        };
    }
    let on_path = std::env::var_os("PATH").unwrap_or_default();
    let beside = |base: &Path| base.join(".tidings/tools");
    let executable = std::env::current_exe().unwrap_or_default();
    std::env::split_paths(&on_path)
        .chain([folder.path().join("tools")])
        .chain(std::env::current_dir().ok().as_deref().map(beside))
        .chain(executable.ancestors().skip(1).map(beside))
        .map(|place| place.join("nats-server"))
        .find(|path| path.is_file() && version(path).is_some_and(|version| version >= OLDEST))
        .context("no nats-server 2.15 or newer: run scripts/setup, or put one on PATH, or name it in TIDINGS_NATS_SERVER")
}

fn version(binary: &Path) -> Option<(u32, u32)> {
    let output = Command::new(binary)
        .arg("--version")
        .stdin(Stdio::null())
        .output()
        .ok()?;
    parse_version(&String::from_utf8_lossy(&output.stdout))
}

fn parse_version(text: &str) -> Option<(u32, u32)> {
    let (_, version) = text.trim().split_once(": v")?;
    let mut numbers = version.split('.').map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_the_server_prints_them() {
        assert_eq!(parse_version("nats-server: v2.15.1\n"), Some((2, 15)));
        assert_eq!(parse_version("nats-server: v2.9.0-RC.1"), Some((2, 9)));
        assert_eq!(parse_version("something else"), None);
    }
}
