//! Files of contacts in the object storage: put there by the gateway, read in from there by whoever leads imports.

use std::sync::Arc;

use bytes::Bytes;
use futures::{StreamExt as _, future::BoxFuture, stream::BoxStream};
use gateway::{ImportKeeper, Interrupted, NotKept, StorageDown};
use ingest::contact::{Files, FilesDown};
use schemas::{ImportId, TenantId};
use store::contact::import::object_key;

use crate::{
    config::{Config, ContactsSettings},
    shelf::Objects,
};

/// Files of imports.
pub(crate) struct Keeper {
    objects: Objects,
    max_bytes: u64,
}

impl Keeper {
    pub(crate) fn new(objects: Objects, settings: &ContactsSettings) -> Self {
        Self {
            objects,
            max_bytes: settings.max_import_bytes,
        }
    }

    /// For whoever reads them in.
    pub(crate) fn files(config: &Config) -> anyhow::Result<Arc<dyn Files>> {
        let objects = Objects::new(&config.storage)?;
        Ok(Arc::new(Self::new(objects, &config.contacts)))
    }

    async fn put(
        &self,
        key: &str,
        mut file: BoxStream<'_, Result<Bytes, Interrupted>>,
    ) -> Result<u64, NotKept> {
        let down = |error: anyhow::Error| {
            tell(&error);
            NotKept::Storage(StorageDown)
        };
        let mut writing = self.objects.write(key).await.map_err(down)?;
        let mut size = 0;
        while let Some(piece) = file.next().await {
            let done = match piece {
                Ok(piece) => {
                    size += piece.len() as u64;
                    writing.put(piece).await.map_err(down)
                }
                Err(Interrupted) => Err(NotKept::Interrupted),
            };
            if let Err(error) = done {
                if let Err(error) = writing.abort().await {
                    tell(&error);
                }
                return Err(error);
            }
        }
        writing.finish().await.map_err(down)?;
        Ok(size)
    }
}

fn tell(error: &anyhow::Error) {
    tracing::error!(error = format!("{error:#}"), "the object storage failed");
}

impl ImportKeeper for Keeper {
    fn max_bytes(&self) -> u64 {
        self.max_bytes
    }

    fn keep<'a>(
        &'a self,
        tenant: TenantId,
        id: ImportId,
        file: BoxStream<'a, Result<Bytes, Interrupted>>,
    ) -> BoxFuture<'a, Result<u64, NotKept>> {
        Box::pin(async move { self.put(&object_key(tenant, id), file).await })
    }
}

impl Files for Keeper {
    fn read(
        &self,
        tenant: TenantId,
        id: ImportId,
        from: u64,
        most: usize,
    ) -> BoxFuture<'_, Result<Option<Bytes>, FilesDown>> {
        Box::pin(async move {
            let found = self
                .objects
                .range(&object_key(tenant, id), from, most)
                .await;
            found.map_err(|error| {
                tell(&error);
                FilesDown
            })
        })
    }

    fn delete(&self, tenant: TenantId, id: ImportId) -> BoxFuture<'_, Result<(), FilesDown>> {
        Box::pin(async move {
            let done = self.objects.delete(&object_key(tenant, id)).await;
            done.map_err(|error| {
                tell(&error);
                FilesDown
            })
        })
    }
}
