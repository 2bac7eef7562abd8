//! A worker's copies of models' files, mapped into memory.
//!
//! Invariants: a file appears whole, under its tenant and a name that belongs to its content, and is checked against
//! the SHA-256 the database knows every time it is opened; a copy that fails is fetched again. What nobody uses any more
//! is removed after a while; a file that is mapped lives on without its name.

use std::{
    collections::HashSet,
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use schemas::TenantId;
use sha2::{Digest as _, Sha256};

/// How old an unused file must be to be removed: another worker may just be about to open it.
const UNUSED: Duration = Duration::from_secs(3600);

/// The folder of the copies.
#[derive(Clone, Debug)]
pub(crate) struct Cache {
    folder: PathBuf,
}

impl Cache {
    pub(crate) fn new(folder: &Path) -> Self {
        Self {
            folder: folder.join("models"),
        }
    }

    /// The copy of a file, if there is a good one. Blocks.
    pub(crate) fn open(&self, tenant: TenantId, id: &str, sha256: &str) -> Option<Bytes> {
        let path = self.path(tenant, id);
        let bytes = mapping::map(&path).ok()?;
        if hex(&Sha256::digest(&bytes)) == sha256 {
            return Some(bytes);
        }
        tracing::warn!(%tenant, model = id, "a copy of a model is damaged and is fetched again");
        drop(fs::remove_file(path));
        None
    }

    /// Keeps a copy and opens it. Blocks.
    ///
    /// # Errors
    /// When the file system refuses.
    pub(crate) fn keep(&self, tenant: TenantId, id: &str, bytes: &[u8]) -> io::Result<Bytes> {
        let path = self.path(tenant, id);
        let folder = path.parent().unwrap_or(&self.folder);
        fs::create_dir_all(folder)?;
        let aside = folder.join(format!(".{}", uuid::Uuid::new_v4().simple()));
        let kept = fs::write(&aside, bytes)
            .and_then(|()| mapping::map(&aside))
            .and_then(|mapped| fs::rename(&aside, &path).map(|()| mapped));
        if kept.is_err() {
            drop(fs::remove_file(&aside));
        }
        kept
    }

    /// Removes what is neither used nor young. Blocks. What cannot be removed now is removed another time.
    pub(crate) fn sweep(&self, used: &HashSet<(TenantId, String)>) {
        let used: HashSet<PathBuf> = used
            .iter()
            .map(|(tenant, id)| self.path(*tenant, id))
            .collect();
        let now = SystemTime::now();
        for folder in entries(&self.folder) {
            for file in entries(&folder) {
                let old = fs::metadata(&file)
                    .and_then(|data| data.modified())
                    .is_ok_and(|at| now.duration_since(at).is_ok_and(|age| age > UNUSED));
                if old && !used.contains(&file) {
                    drop(fs::remove_file(&file));
                }
            }
        }
    }

    fn path(&self, tenant: TenantId, id: &str) -> PathBuf {
        self.folder
            .join(tenant.to_string())
            .join(format!("{id}.tdm"))
    }
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder)
        .map(|entries| entries.flatten().map(|entry| entry.path()).collect())
        .unwrap_or_default()
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_what_it_was_or_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::new(folder.path());
        let tenant = TenantId(uuid::Uuid::from_u128(7));
        let sha256 = hex(&Sha256::digest(b"a model"));
        assert_eq!(cache.open(tenant, "intent-1", &sha256), None);
        let kept = cache.keep(tenant, "intent-1", b"a model").unwrap();
        assert_eq!(kept, "a model");
        assert_eq!(cache.open(tenant, "intent-1", &sha256).unwrap(), "a model");
        let other = TenantId(uuid::Uuid::from_u128(8));
        assert_eq!(cache.open(other, "intent-1", &sha256), None);

        // Damaged: removed, and no copy any more.
        let path = cache.path(tenant, "intent-1");
        fs::remove_file(&path).unwrap();
        fs::write(&path, b"a modem").unwrap();
        assert_eq!(cache.open(tenant, "intent-1", &sha256), None);
        assert!(!path.exists());
        assert_eq!(kept, "a model", "what was mapped stays");
    }

    #[test]
    fn only_what_is_old_and_unused_is_swept() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::new(folder.path());
        let tenant = TenantId(uuid::Uuid::from_u128(7));
        for id in ["used", "old", "young"] {
            cache.keep(tenant, id, b"x").unwrap();
        }
        let hours_ago = SystemTime::now() - UNUSED * 2;
        for id in ["used", "old"] {
            let file = fs::File::options()
                .write(true)
                .open(cache.path(tenant, id))
                .unwrap();
            file.set_modified(hours_ago).unwrap();
        }
        cache.sweep(&HashSet::from([(tenant, "used".to_owned())]));
        let left = |id: &str| cache.path(tenant, id).exists();
        assert_eq!(
            [left("used"), left("old"), left("young")],
            [true, false, true]
        );
    }
}
