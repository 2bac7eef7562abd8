//! Files mapped into memory.
//!
//! The one place of the program with `unsafe`: a crate of its own, so that every other forbids it. Deliberately absent:
//! maps that can be written to.

#![cfg_attr(test, allow(clippy::unwrap_used))]

use std::{fs::File, io, path::Path};

use bytes::Bytes;
use memmap2::Mmap;

/// The bytes of a file, read by the system when they are looked at and shared between processes; of an empty file
/// none. Only for files that nobody changes or shortens while they are mapped: written aside and renamed into place,
/// under a name that belongs to their content.
///
/// # Errors
/// When the file cannot be opened or mapped.
pub fn map(path: &Path) -> io::Result<Bytes> {
    let file = File::open(path)?;
    if file.metadata()?.len() == 0 {
        return Ok(Bytes::new());
    }
    #[expect(
        unsafe_code,
        reason = "a map has no safe form: the compiler cannot see what other processes do to a file"
    )]
    // SAFETY: the bytes of a map must not change while it lives. It is private and read-only, so this process cannot
    // change them; and the files given here are named by their content, written aside and renamed into place, so they
    // appear whole and are then only ever replaced or removed as names, which leaves what is mapped as it was.
    let map = unsafe { Mmap::map(&file)? };
    Ok(Bytes::from_owner(map))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_is_what_the_file_holds_even_after_its_name_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model");
        std::fs::write(&path, b"what a model holds").unwrap();
        let bytes = map(&path).unwrap();
        std::fs::write(folder.path().join("next"), b"another").unwrap();
        std::fs::rename(folder.path().join("next"), &path).unwrap();
        assert_eq!(bytes, "what a model holds");
        assert_eq!(map(&path).unwrap(), "another");
        std::fs::remove_file(&path).unwrap();
        assert_eq!(bytes.slice(7..12), "model");
    }

    #[test]
    fn an_empty_file_is_no_bytes_and_an_absent_one_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("empty");
        std::fs::write(&path, b"").unwrap();
        assert!(map(&path).unwrap().is_empty());
        let error = map(&folder.path().join("absent")).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }
}
