//! The folder a hub on one machine lives in (`.tidings/` unless `--dir` says otherwise).
//!
//! Invariants: one process at a time holds a folder (a file lock, which the kernel frees however that process
//! ends); files with secrets have mode 0600 and are replaced whole or not at all; `ready.json` is there only
//! while the hub serves, or after it was killed and not started again.
//!
//! Deliberately absent: what nats-server and Postgres keep in their own sub-folders.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use schemas::Secret;
use serde::Serialize;

/// What `ready.json` tells scripts. Mode 0600, because it holds the admin key and both passwords.
#[derive(Serialize)]
pub(crate) struct Ready<'a> {
    /// Where the API answers, such as `http://127.0.0.1:8080`.
    pub(crate) url: &'a str,
    /// An API key of role admin.
    pub(crate) key: &'a str,
    /// With credentials, as the `nats` command-line client takes it.
    pub(crate) nats_url: &'a str,
    pub(crate) postgres_url: &'a str,
    pub(crate) pid: u32,
}

/// A folder held by this process.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    lock: File,
}

impl Drop for Folder {
    /// Closing the file would not do: a child that another thread is just forking has it open until it runs its
    /// own program.
    fn drop(&mut self) {
        if let Err(error) = self.lock.unlock() {
            tracing::warn!(%error, "cannot unlock the folder; it is free once this process has ended");
        }
    }
}

impl Folder {
    /// Makes the folder where it is missing and takes it for this process. Refused while another process has it.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        // Postgres runs as another user when we are root, and has to get through to its sub-folder.
        let mode = if nix::unistd::geteuid().is_root() {
            0o711
        } else {
            0o700
        };
        DirBuilder::new()
            .recursive(true)
            .mode(mode)
            .create(path)
            .with_context(|| format!("cannot make the folder {}", path.display()))?;
        let path = path
            .canonicalize()
            .with_context(|| format!("cannot use the folder {}", path.display()))?;
        let lock = lock(&path)?;
        let folder = Self { path, lock };
        folder.remove_ready()?;
        Ok(folder)
    }

    /// Absolute, without symbolic links.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The secret kept under `name`; made by `make` and kept when there is none yet.
    pub(crate) fn secret(
        &self,
        name: &str,
        make: impl FnOnce() -> Result<Secret>,
    ) -> Result<Secret> {
        let path = self.path.join(name);
        match fs::read_to_string(&path) {
            Ok(kept) if !kept.trim().is_empty() => return Ok(Secret::new(kept.trim())),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => {
                return Err(error).with_context(|| format!("cannot read {}", path.display()));
            }
        }
        let secret = make()?;
        self.write(name, secret.expose().as_bytes())?;
        Ok(secret)
    }

    /// Writes a file of mode 0600, whole or not at all, also through a power failure.
    pub(crate) fn write(&self, name: &str, content: &[u8]) -> Result<()> {
        let path = self.path.join(name);
        write_private(&path, content).with_context(|| format!("cannot write {}", path.display()))
    }

    pub(crate) fn write_ready(&self, ready: &Ready<'_>) -> Result<()> {
        let mut content = serde_json::to_vec_pretty(ready)?;
        content.push(b'\n');
        self.write("ready.json", &content)
    }

    pub(crate) fn remove_ready(&self) -> Result<()> {
        match fs::remove_file(self.path.join("ready.json")) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error)
                .with_context(|| format!("cannot remove ready.json in {}", self.path.display())),
            _ => Ok(()),
        }
    }
}

fn lock(folder: &Path) -> Result<File> {
    let path = folder.join("lock");
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .with_context(|| format!("cannot open {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            file.read_to_string(&mut holder)?;
            let holder = match holder.trim() {
                "" => "another process".to_owned(),
                pid => format!("process {pid}"),
            };
            bail!(
                "tidings already runs in {} ({holder}); stop it first, or give this one its own folder with --dir",
                folder.display()
            );
        }
        Err(TryLockError::Error(error)) => {
            return Err(error).with_context(|| format!("cannot lock {}", path.display()));
        }
    }
    file.set_len(0)?;
    file.write_all(format!("{}\n", std::process::id()).as_bytes())?;
    Ok(file)
}

fn write_private(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let new = path.with_file_name(name);
    // A left-over of a crash may have another mode.
    match fs::remove_file(&new) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&new)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    match path.parent() {
        Some(parent) => File::open(parent)?.sync_all(),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_second_holder_is_refused_by_pid() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("hub");
        let held = Folder::open(&path).unwrap();
        let refusal = Folder::open(&path).unwrap_err().to_string();
        assert!(
            refusal.contains(&format!("process {}", std::process::id())),
            "{refusal}"
        );
        drop(held);
        Folder::open(&path).unwrap();
    }

    #[test]
    fn a_folder_given_back_is_free_while_a_child_still_has_its_lock_open() {
        let parent = tempfile::tempdir().unwrap();
        let held = Folder::open(parent.path()).unwrap();
        let inherited = held.lock.try_clone().unwrap();
        drop(held);
        Folder::open(parent.path()).unwrap();
        drop(inherited);
    }

    #[test]
    fn secrets_are_kept_and_private() {
        let parent = tempfile::tempdir().unwrap();
        let folder = Folder::open(parent.path()).unwrap();
        let first = folder.secret("s", || Ok(Secret::new("one"))).unwrap();
        let second = folder.secret("s", || Ok(Secret::new("two"))).unwrap();
        assert_eq!((first.expose(), second.expose()), ("one", "one"));
        assert_eq!(mode(&parent.path().join("s")), 0o600);
    }

    #[test]
    fn a_stale_ready_file_is_removed_at_start() {
        let parent = tempfile::tempdir().unwrap();
        let ready = Ready {
            url: "u",
            key: "k",
            nats_url: "n",
            postgres_url: "p",
            pid: 1,
        };
        let folder = Folder::open(parent.path()).unwrap();
        folder.write_ready(&ready).unwrap();
        let file = parent.path().join("ready.json");
        assert_eq!(mode(&file), 0o600);
        let read: serde_json::Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
        assert_eq!(read["nats_url"], "n");
        drop(folder);
        assert!(file.exists());
        Folder::open(parent.path()).unwrap();
        assert!(!file.exists());
    }
}
