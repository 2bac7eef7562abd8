//! Object storage: files too large for the database, by key.
//!
//! A folder that all who need it share, or a bucket of S3 or of what speaks its language. Invariants: an object appears
//! whole or not at all, and never changes, because keys are named by content; every call ends within [`PATIENCE`].
//! Deliberately absent: listing; the database knows what there is.

use std::{io, os::unix::fs::DirBuilderExt as _, path::PathBuf, sync::Arc, time::Duration};

use anyhow::{Context as _, bail, ensure};
use bytes::Bytes;
use futures::{
    StreamExt as _,
    stream::{self, BoxStream},
};
use object_store::{
    ObjectStore, ObjectStoreExt as _, RetryConfig, WriteMultipart, aws::AmazonS3Builder,
    local::LocalFileSystem, path::Path,
};
use tokio::time::timeout;

use crate::config::StorageSettings;

/// How long one call may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// Size of a part of an object that comes in pieces: the least that S3 takes
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>).
const PART: usize = 5 * 1024 * 1024;
/// Parts on their way at a time.
const PARTS: usize = 2;

/// A place for objects; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Objects(Place);

#[derive(Clone, Debug)]
enum Place {
    /// Made when it is first needed, so that roles without objects need no folder.
    Folder(PathBuf),
    Bucket {
        bucket: Arc<dyn ObjectStore>,
        prefix: Path,
    },
}

impl Objects {
    /// Calls nobody yet.
    ///
    /// # Errors
    /// When `storage.url` names neither a folder nor a bucket, or a secret cannot be read.
    pub(crate) fn new(settings: &StorageSettings) -> anyhow::Result<Self> {
        let url = &settings.url;
        if let Some(path) = url.strip_prefix("file:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            if path.is_empty() {
                bail!("storage.url names no folder");
            }
            return Ok(Self(Place::Folder(path.into())));
        }
        let Some(rest) = url.strip_prefix("s3://") else {
            bail!("storage.url must begin with file: or s3://");
        };
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        // What is not set comes from where AWS' own programs take it: AWS_* or the machine's role.
        let mut builder = AmazonS3Builder::from_env()
            .with_bucket_name(bucket)
            // One object goes at a time, and not everything that speaks S3 knows how to delete many.
            .with_disable_bulk_delete(true)
            .with_retry(RetryConfig {
                max_retries: 3,
                retry_timeout: PATIENCE,
                ..RetryConfig::default()
            });
        if let Some(region) = &settings.region {
            builder = builder.with_region(region);
        }
        if let Some(endpoint) = &settings.endpoint {
            builder = builder
                .with_endpoint(endpoint)
                .with_allow_http(endpoint.starts_with("http://"));
        }
        if let Some(id) = &settings.access_key_id {
            builder = builder.with_access_key_id(id);
        }
        if let Some(secret) = settings.secret_access_key()? {
            builder = builder.with_secret_access_key(secret.expose());
        }
        Ok(Self(Place::Bucket {
            bucket: Arc::new(builder.build().context("storage.url")?),
            prefix: Path::parse(prefix).context("storage.url")?,
        }))
    }

    /// Keeps an object; the same one again is no error.
    pub(crate) async fn put(&self, key: &str, bytes: Bytes) -> anyhow::Result<()> {
        let (store, path) = self.at(key)?;
        within(store.put(&path, bytes.into())).await??;
        Ok(())
    }

    /// An object of at most `max_bytes`; none when there is none.
    pub(crate) async fn get(&self, key: &str, max_bytes: usize) -> anyhow::Result<Option<Bytes>> {
        let (store, path) = self.at(key)?;
        let found = match within(store.get(&path)).await? {
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            found => found?,
        };
        let size = usize::try_from(found.meta.size).unwrap_or(usize::MAX);
        ensure!(
            size <= max_bytes,
            "the object has more than {max_bytes} bytes"
        );
        Ok(Some(within(found.bytes()).await??))
    }

    /// An object chunk by chunk, each of which comes within [`PATIENCE`]; none when there is none.
    pub(crate) async fn open(
        &self,
        key: &str,
    ) -> anyhow::Result<Option<BoxStream<'static, io::Result<Bytes>>>> {
        let (store, path) = self.at(key)?;
        let found = match within(store.get(&path)).await? {
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            found => found?,
        };
        let chunks = stream::unfold(found.into_stream(), |mut chunks| async move {
            let chunk = match timeout(PATIENCE, chunks.next()).await {
                Ok(chunk) => chunk?.map_err(io::Error::other),
                Err(_) => Err(io::ErrorKind::TimedOut.into()),
            };
            Some((chunk, chunks))
        });
        Ok(Some(chunks.boxed()))
    }

    /// At most `most` bytes of an object from an offset that it has; none when there is none.
    pub(crate) async fn range(
        &self,
        key: &str,
        from: u64,
        most: usize,
    ) -> anyhow::Result<Option<Bytes>> {
        let (store, path) = self.at(key)?;
        let end = from.saturating_add(most as u64);
        match within(store.get_range(&path, from..end)).await? {
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            found => Ok(Some(found?)),
        }
    }

    /// Begins an object that comes in pieces; it is there once [`Writing::finish`] says so.
    pub(crate) async fn write(&self, key: &str) -> anyhow::Result<Writing> {
        let (store, path) = self.at(key)?;
        let upload = within(store.put_multipart(&path)).await??;
        Ok(Writing(WriteMultipart::new_with_chunk_size(upload, PART)))
    }

    /// Removes an object; one that is not there is no error.
    pub(crate) async fn delete(&self, key: &str) -> anyhow::Result<()> {
        let (store, path) = self.at(key)?;
        match within(store.delete(&path)).await? {
            Err(object_store::Error::NotFound { .. }) => Ok(()),
            done => Ok(done?),
        }
    }

    fn at(&self, key: &str) -> anyhow::Result<(Arc<dyn ObjectStore>, Path)> {
        match &self.0 {
            Place::Folder(folder) => {
                std::fs::DirBuilder::new()
                    .recursive(true)
                    .mode(0o700)
                    .create(folder)
                    .with_context(|| format!("making the folder {}", folder.display()))?;
                let store = LocalFileSystem::new_with_prefix(folder)?.with_fsync(true);
                Ok((Arc::new(store), Path::from(key)))
            }
            Place::Bucket { bucket, prefix } => {
                let path = Path::from(format!("{prefix}/{key}"));
                Ok((Arc::clone(bucket), path))
            }
        }
    }
}

/// An object while it is written, some parts in memory.
pub(crate) struct Writing(WriteMultipart);

impl Writing {
    /// Adds a piece; waits while the last parts are on their way.
    pub(crate) async fn put(&mut self, piece: Bytes) -> anyhow::Result<()> {
        within(self.0.wait_for_capacity(PARTS)).await??;
        self.0.put(piece);
        Ok(())
    }

    /// Makes it whole.
    pub(crate) async fn finish(self) -> anyhow::Result<()> {
        within(self.0.finish()).await??;
        Ok(())
    }

    /// It will not be whole.
    pub(crate) async fn abort(self) -> anyhow::Result<()> {
        Ok(within(self.0.abort()).await??)
    }
}

async fn within<T>(call: impl Future<Output = T>) -> anyhow::Result<T> {
    timeout(PATIENCE, call)
        .await
        .context("the object storage took too long")
}

#[cfg(test)]
mod tests {
    use std::{collections::HashMap, sync::Mutex};

    use axum::{
        extract::State,
        http::{HeaderMap, Method, StatusCode, Uri},
        response::IntoResponse as _,
    };

    use super::*;

    fn settings(url: &str) -> StorageSettings {
        StorageSettings {
            url: url.to_owned(),
            region: None,
            endpoint: None,
            access_key_id: None,
            secret_access_key_file: None,
            cache_folder: "unused".into(),
        }
    }

    async fn streamed(objects: &Objects, key: &str) -> Option<Vec<u8>> {
        let mut chunks = objects.open(key).await.unwrap()?;
        let mut bytes = Vec::new();
        while let Some(chunk) = chunks.next().await {
            bytes.extend_from_slice(&chunk.unwrap());
        }
        Some(bytes)
    }

    #[tokio::test]
    async fn a_folder_keeps_objects_by_key() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("a folder/objects");
        let objects = Objects::new(&settings(&format!("file:{}", place.display()))).unwrap();
        let key = "models/t/intent-1.tdm";
        assert_eq!(objects.get(key, 10).await.unwrap(), None);
        objects.delete(key).await.unwrap();
        for _ in 0..2 {
            objects
                .put(key, Bytes::from_static(b"0123456789"))
                .await
                .unwrap();
        }
        assert_eq!(objects.get(key, 10).await.unwrap().unwrap(), "0123456789");
        assert!(objects.get(key, 9).await.is_err());
        assert_eq!(streamed(&objects, key).await.unwrap(), b"0123456789");
        assert!(streamed(&objects, "models/none").await.is_none());
        let mut writing = objects.write("imports/a").await.unwrap();
        for _ in 0..3 {
            let piece = Bytes::from(vec![b'x'; PART / 2 + 1]);
            writing.put(piece).await.unwrap();
        }
        assert_eq!(objects.range("imports/a", 0, 1).await.unwrap(), None);
        writing.finish().await.unwrap();
        let size = 3 * (PART / 2 + 1);
        let end = objects.range("imports/a", size as u64 - 2, 10).await;
        assert_eq!(end.unwrap().unwrap(), "xx");
        let mut broken = objects.write("imports/b").await.unwrap();
        broken.put(Bytes::from_static(b"x")).await.unwrap();
        broken.abort().await.unwrap();
        assert_eq!(objects.range("imports/b", 0, 1).await.unwrap(), None);
        assert!(place.join(key).exists());
        objects.delete(key).await.unwrap();
        assert_eq!(objects.get(key, 10).await.unwrap(), None);
    }

    fn provider() {
        // Another test may install it at the same moment, which is as good.
        drop(rustls::crypto::ring::default_provider().install_default());
    }

    #[test]
    fn an_address_is_a_folder_or_a_bucket() {
        provider();
        for good in [
            "file:objects",
            "file:///var/lib/objects",
            "s3://bucket",
            "s3://bucket/a/b",
        ] {
            let mut settings = settings(good);
            settings.region = Some("eu-central-1".into());
            assert!(Objects::new(&settings).is_ok(), "{good}");
        }
        for bad in ["", "objects", "file:", "http://x/y", "gs://bucket"] {
            assert!(Objects::new(&settings(bad)).is_err(), "{bad}");
        }
    }

    type Kept = Arc<Mutex<HashMap<String, Bytes>>>;

    /// As much of S3 as is needed here: objects by path, for signed requests.
    async fn s3(
        State(kept): State<Kept>,
        method: Method,
        uri: Uri,
        headers: HeaderMap,
        body: Bytes,
    ) -> axum::response::Response {
        let signed = headers.get("authorization").is_some_and(|value| {
            value
                .as_bytes()
                .starts_with(b"AWS4-HMAC-SHA256 Credential=me/")
        });
        if !signed {
            return StatusCode::FORBIDDEN.into_response();
        }
        let path = uri.path().to_owned();
        let mut kept = kept.lock().unwrap();
        match method.as_str() {
            "PUT" => {
                kept.insert(path, body);
                [("etag", "\"1\"")].into_response()
            }
            "DELETE" => {
                kept.remove(&path);
                StatusCode::NO_CONTENT.into_response()
            }
            _ => match kept.get(&path) {
                Some(bytes) => {
                    let modified = "Fri, 20 Nov 2026 12:00:00 GMT";
                    (
                        [("etag", "\"1\""), ("last-modified", modified)],
                        bytes.clone(),
                    )
                        .into_response()
                }
                None => StatusCode::NOT_FOUND.into_response(),
            },
        }
    }

    #[tokio::test]
    async fn a_bucket_keeps_objects_below_its_prefix() {
        provider();
        let kept = Kept::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let server = axum::Router::new()
            .fallback(s3)
            .with_state(Arc::clone(&kept));
        tokio::spawn(async move { axum::serve(listener, server).await.unwrap() });
        let secret = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(secret.path(), "secret").unwrap();
        let objects = Objects::new(&StorageSettings {
            region: Some("eu-central-1".into()),
            endpoint: Some(endpoint),
            access_key_id: Some("me".into()),
            secret_access_key_file: Some(secret.path().into()),
            ..settings("s3://bucket/hub/one")
        })
        .unwrap();
        let key = "models/t/intent-1.tdm";
        assert_eq!(objects.get(key, 10).await.unwrap(), None);
        objects
            .put(key, Bytes::from_static(b"0123456789"))
            .await
            .unwrap();
        assert!(
            kept.lock()
                .unwrap()
                .contains_key("/bucket/hub/one/models/t/intent-1.tdm")
        );
        assert_eq!(objects.get(key, 10).await.unwrap().unwrap(), "0123456789");
        assert!(objects.get(key, 9).await.is_err());
        assert_eq!(streamed(&objects, key).await.unwrap(), b"0123456789");
        objects.delete(key).await.unwrap();
        objects.delete(key).await.unwrap();
        assert_eq!(objects.get(key, 10).await.unwrap(), None);
    }
}
