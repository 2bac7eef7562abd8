//! What the gateway asks of the object storage about files of messages.

use bytes::Bytes;
use futures::future::BoxFuture;
use gateway::{MediaKeeper, StorageDown};
use schemas::{MediaId, TenantId};
use store::media::{MediaStored, object_key};

use super::queue::describe;
use crate::{config::MediaSettings, shelf::Objects};

/// Files of messages in the object storage.
pub(crate) struct Keeper {
    objects: Objects,
    max_bytes: usize,
}

impl Keeper {
    pub(crate) fn new(objects: Objects, settings: &MediaSettings) -> Self {
        Self {
            objects,
            max_bytes: settings.max_bytes,
        }
    }
}

fn told<T>(done: anyhow::Result<T>) -> Result<T, StorageDown> {
    done.map_err(|error| {
        tracing::error!(error = format!("{error:#}"), "the object storage failed");
        StorageDown
    })
}

impl MediaKeeper for Keeper {
    fn max_bytes(&self) -> usize {
        self.max_bytes
    }

    fn put(
        &self,
        tenant: TenantId,
        id: MediaId,
        content_type: Option<String>,
        file: Bytes,
    ) -> BoxFuture<'_, Result<MediaStored, StorageDown>> {
        Box::pin(async move {
            let described = describe(&file, content_type.as_deref());
            told(self.objects.put(&object_key(tenant, id), file).await)?;
            Ok(described)
        })
    }

    fn get(
        &self,
        tenant: TenantId,
        id: MediaId,
    ) -> BoxFuture<'_, Result<Option<Bytes>, StorageDown>> {
        Box::pin(async move {
            // A limit that was lowered does not hide what was kept before.
            let limit = self.max_bytes.max(64 * 1024 * 1024);
            told(self.objects.get(&object_key(tenant, id), limit).await)
        })
    }
}
