//! Files that a command writes after long work.
//!
//! Invariants: what could be known before the work is said before it; a file appears whole or not at all, and never in
//! the place of one that the command reads.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};

/// That a file can be put there, before hours go by.
pub(super) fn writable(path: &Path) -> anyhow::Result<()> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder
        && !folder.is_dir()
    {
        bail!(
            "{}: there is no such folder; make it first",
            folder.display()
        );
    }
    if path.is_dir() || path.file_name().is_none() {
        bail!("{}: is a folder; name a file", path.display());
    }
    if is_device(path) {
        return Ok(());
    }
    let part = aside(path);
    fs::write(&part, [])
        .and_then(|()| fs::remove_file(&part))
        .with_context(|| format!("{}: cannot be written", path.display()))
}

/// That no file is written over one that is read, or over another one that is written.
pub(super) fn apart<'a>(
    outputs: &[&Path],
    inputs: impl Iterator<Item = &'a str>,
) -> anyhow::Result<()> {
    let mut taken: Vec<PathBuf> = inputs.filter_map(|name| place(Path::new(name))).collect();
    for output in outputs {
        let Some(place) = place(output) else {
            continue;
        };
        if taken.contains(&place) {
            bail!(
                "{}: would be written over a file of this command; name another",
                output.display()
            );
        }
        taken.push(place);
    }
    Ok(())
}

/// Whole or not at all.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    if is_device(path) {
        return fs::write(path, bytes).with_context(|| format!("writing {}", path.display()));
    }
    let part = aside(path);
    let done = fs::write(&part, bytes).and_then(|()| fs::rename(&part, path));
    if done.is_err() {
        // What was written of it helps nobody; that it could not be written is said already.
        drop(fs::remove_file(&part));
    }
    done.with_context(|| format!("writing {}", path.display()))
}

/// Whether it is something like `/dev/stdout`, which is written into and must not be replaced.
pub(crate) fn is_device(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir())
}

fn aside(path: &Path) -> OsString {
    let mut part = path.as_os_str().to_owned();
    part.push(".part");
    part
}

/// Where a file lies, also one that is not there yet; none where its folder is not.
fn place(path: &Path) -> Option<PathBuf> {
    if let Ok(place) = path.canonicalize() {
        return Some(place);
    }
    let folder = match path.parent()? {
        folder if folder.as_os_str().is_empty() => Path::new("."),
        folder => folder,
    };
    Some(folder.canonicalize().ok()?.join(path.file_name()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_are_read_stay() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("data.jsonl"), "x").unwrap();
        let data = at("data.jsonl");
        let read = || ["-", data.to_str().unwrap()].into_iter();
        assert!(apart(&[&at("m.tdm"), &at("m.md")], read()).is_ok());
        assert!(apart(&[&at("m.tdm"), &at("m.tdm")], read()).is_err());
        for output in ["data.jsonl", "./data.jsonl"] {
            let error = apart(&[&at(output)], read()).unwrap_err().to_string();
            assert!(error.contains("would be written over"), "{error}");
        }
    }

    #[test]
    fn devices_are_written_into() {
        let null = Path::new("/dev/null");
        writable(null).unwrap();
        replace(null, b"model").unwrap();
        assert!(is_device(null) && !Path::new("/dev/null.part").exists());
    }

    #[test]
    fn nothing_is_left_of_what_cannot_be_written() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("m.tdm");
        writable(&target).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        // A folder that came meanwhile is not replaced by a file.
        fs::create_dir(&target).unwrap();
        fs::write(target.join("x"), "x").unwrap();
        assert!(writable(&target).is_err());
        assert!(replace(&target, b"model").is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
