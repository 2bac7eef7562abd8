//! Where the server binaries of Postgres are. The same order as `scripts/postgres-bin`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Result, bail, ensure};

/// The folder of the server's binaries: `$TIDINGS_POSTGRES_BIN`, Debian's folders (newest first), then `PATH`.
/// With `major`, only binaries of that major version, since a cluster belongs to one.
pub(super) fn binaries(major: Option<&str>) -> Result<PathBuf> {
    let whole = |bin: &PathBuf| bin.join("initdb").is_file() && bin.join("postgres").is_file();
    if let Some(named) = std::env::var_os("TIDINGS_POSTGRES_BIN") {
        let named = PathBuf::from(named);
        ensure!(
            whole(&named),
            "TIDINGS_POSTGRES_BIN={} holds no initdb and postgres",
            named.display()
        );
        return Ok(named);
    }
    let mut debian: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            Some((
                entry.file_name().to_str()?.parse().ok()?,
                entry.path().join("bin"),
            ))
        })
        .collect();
    debian.sort_by_key(|(version, _)| std::cmp::Reverse(*version));
    let on_path = std::env::var_os("PATH").unwrap_or_default();
    let found = debian
        .into_iter()
        .map(|(_, bin)| bin)
        // Wrappers are often links; the folder wanted is the one with the real binaries.
        .chain(std::env::split_paths(&on_path).filter_map(|place| {
            place
                .join("initdb")
                .canonicalize()
                .ok()?
                .parent()
                .map(Path::to_path_buf)
        }))
        .filter(whole)
        .find(|bin| major.is_none_or(|major| is_version(bin, major)));
    match (found, major) {
        (Some(bin), _) => Ok(bin),
        (None, None) => bail!(
            "no PostgreSQL server binaries: run scripts/setup, or name their folder in TIDINGS_POSTGRES_BIN"
        ),
        (None, Some(major)) => bail!(
            "the cluster was made by PostgreSQL {major}, whose server binaries are not here: install them, or dump with \
             the old version and start anew"
        ),
    }
}

fn is_version(bin: &Path, major: &str) -> bool {
    let Ok(output) = Command::new(bin.join("postgres"))
        .arg("--version")
        .stdin(Stdio::null())
        .output()
    else {
        return false;
    };
    // postgres (PostgreSQL) 15.18 (Debian …)
    String::from_utf8_lossy(&output.stdout)
        .split_once("(PostgreSQL) ")
        .is_some_and(|(_, version)| version.split(['.', ' ', '\n']).next() == Some(major))
}
