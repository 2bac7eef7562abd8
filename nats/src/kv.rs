//! Key-value buckets: a stream named `KV_<bucket>`, a subject per key.

use std::time::Duration;

use async_nats::HeaderMap;
use base64::Engine;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;

use crate::{
    api::{ApiError, code},
    bus::Bus,
};

const TIMEOUT: Duration = Duration::from_secs(5);
/// The header that marks a removed key.
pub(crate) const OPERATION: &str = "KV-Operation";

/// A message as `STREAM.MSG.GET` returns it.
#[derive(Deserialize)]
pub(crate) struct Fetched {
    pub(crate) message: FetchedMessage,
}

#[derive(Deserialize)]
pub(crate) struct FetchedMessage {
    pub(crate) subject: String,
    pub(crate) seq: u64,
    #[serde(default)]
    data: String,
    #[serde(default)]
    hdrs: String,
}

impl FetchedMessage {
    pub(crate) fn payload(&self) -> Result<Bytes, ApiError> {
        Ok(decode(&self.data)?.into())
    }

    /// The value of a header; its name in the spelling it was written with.
    pub(crate) fn header(&self, name: &str) -> Result<Option<String>, ApiError> {
        let block = String::from_utf8_lossy(&decode(&self.hdrs)?).into_owned();
        Ok(block
            .lines()
            .filter_map(|line| line.split_once(':'))
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value.trim().to_owned()))
    }
}

fn decode(text: &str) -> Result<Vec<u8>, ApiError> {
    base64::engine::general_purpose::STANDARD
        .decode(text)
        .map_err(|error| ApiError::Unreadable(error.to_string()))
}

pub(crate) fn subject(bucket: &str, key: &str) -> String {
    format!("$KV.{bucket}.{key}")
}

pub(crate) fn removal() -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(OPERATION, "DEL");
    headers
}

impl Bus {
    /// Sets a key. Keys are tokens joined by dots.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn kv_put(&self, bucket: &str, key: &str, value: Bytes) -> Result<(), ApiError> {
        self.pulling()
            .store(subject(bucket, key), None, value, TIMEOUT)
            .await
            .map(drop)
    }

    /// A key's value; `None` when it was never set, was removed or is too old.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn kv_get(&self, bucket: &str, key: &str) -> Result<Option<Bytes>, ApiError> {
        let verb = format!("STREAM.MSG.GET.KV_{bucket}");
        let question = json!({ "last_by_subj": subject(bucket, key) });
        match self.pulling().api::<Fetched>(&verb, &question).await {
            Ok(found) if found.message.header(OPERATION)?.is_some() => Ok(None),
            Ok(found) => found.message.payload().map(Some),
            Err(error) if error.is_code(code::MESSAGE_NOT_FOUND) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Removes a key.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn kv_delete(&self, bucket: &str, key: &str) -> Result<(), ApiError> {
        self.pulling()
            .store(subject(bucket, key), Some(removal()), Bytes::new(), TIMEOUT)
            .await
            .map(drop)
    }

    /// The keys that match `filter` (a key, wildcards allowed), removed ones among them.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn kv_keys(&self, bucket: &str, filter: &str) -> Result<Vec<String>, ApiError> {
        #[derive(Deserialize)]
        struct Info {
            state: State,
        }
        #[derive(Deserialize)]
        struct State {
            #[serde(default)]
            subjects: std::collections::HashMap<String, u64>,
        }
        let verb = format!("STREAM.INFO.KV_{bucket}");
        let question = json!({ "subjects_filter": subject(bucket, filter) });
        let info: Info = self.pulling().api(&verb, &question).await?;
        let prefix = subject(bucket, "");
        Ok(info
            .state
            .subjects
            .into_keys()
            .filter_map(|subject| subject.strip_prefix(&prefix).map(str::to_owned))
            .collect())
    }
}
