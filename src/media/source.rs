//! The hub's own files, as senders read them to upload.

use std::fmt;

use async_trait::async_trait;
use schemas::{MediaId, TenantId};
use sinks::channel::{FileSource, FileStream, NoFile, OwnFile};
use store::{
    Store, StoreError,
    media::{self, Address, MediaStatus, object_key},
};

use crate::shelf::Objects;

/// How an upload is named before it has an address.
const SCHEME: &str = "media:";

/// Files by their addresses: what is known of them from the database, their bytes from the object storage.
pub(crate) struct Source {
    store: Store,
    objects: Objects,
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source").finish_non_exhaustive()
    }
}

impl Source {
    pub(crate) fn new(store: Store, objects: Objects) -> Self {
        Self { store, objects }
    }

    /// The file of this tenant that an address names. Its time may be over: whose file it is does not change, and a
    /// message may be sent again long after it was written.
    fn named(&self, tenant: TenantId, url: &str) -> Option<MediaId> {
        if let Some(id) = url.strip_prefix(SCHEME) {
            return id.parse().ok();
        }
        let address = Address::read(url, self.store.keyring())?;
        (address.tenant == tenant).then_some(address.id)
    }
}

#[async_trait]
impl FileSource for Source {
    async fn find(&self, tenant: TenantId, url: &str) -> Result<Option<OwnFile>, NoFile> {
        let Some(id) = self.named(tenant, url) else {
            return Ok(None);
        };
        let row = match media::get(&self.store, tenant, id).await {
            Ok(row) => row,
            Err(StoreError::NotFound) => return Err(NoFile::Gone),
            Err(error) => {
                tracing::warn!(%error, file = %id, "a file to be sent cannot be looked up");
                return Err(NoFile::Away);
            }
        };
        match (row.status, row.size_bytes.map(u64::try_from)) {
            (MediaStatus::Stored, Some(Ok(size_bytes))) => Ok(Some(OwnFile {
                id,
                name: row.name,
                content_type: row
                    .content_type
                    .unwrap_or_else(|| "application/octet-stream".to_owned()),
                size_bytes,
            })),
            // Still being fetched.
            (MediaStatus::Waiting, _) => Err(NoFile::Away),
            _ => Err(NoFile::Gone),
        }
    }

    async fn open(&self, tenant: TenantId, id: MediaId) -> Result<FileStream, NoFile> {
        match self.objects.open(&object_key(tenant, id)).await {
            Ok(Some(stream)) => Ok(stream),
            Ok(None) => Err(NoFile::Gone),
            Err(error) => {
                tracing::error!(error = format!("{error:#}"), "the object storage failed");
                Err(NoFile::Away)
            }
        }
    }
}
