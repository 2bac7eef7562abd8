//! How far behind each consumer is, for metrics.

use serde::Deserialize;
use serde_json::json;

use crate::{
    api::{ApiError, code},
    bus::Bus,
    definition,
};

/// What a consumer still has to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsumerLag {
    pub stream: String,
    pub consumer: String,
    /// Broker messages not yet delivered.
    pub pending: u64,
    /// Broker messages delivered and not yet acknowledged.
    pub ack_pending: u64,
    /// Broker messages among those that were delivered more than once.
    pub redelivered: u64,
}

#[derive(Deserialize)]
pub(crate) struct ConsumerPage<T> {
    total: usize,
    #[serde(default = "Vec::new")]
    consumers: Vec<T>,
}

#[derive(Deserialize)]
struct Info {
    name: String,
    num_pending: u64,
    num_ack_pending: u64,
    num_redelivered: u64,
}

/// All consumers of a stream, page by page; none when the stream does not exist.
pub(crate) async fn consumers<T: serde::de::DeserializeOwned>(
    bus: &Bus,
    stream: &str,
) -> Result<Vec<T>, ApiError> {
    let mut all = Vec::new();
    loop {
        let verb = format!("CONSUMER.LIST.{stream}");
        let page = bus
            .pulling()
            .api::<ConsumerPage<T>>(&verb, &json!({ "offset": all.len() }))
            .await;
        let page = match page {
            Ok(page) => page,
            Err(error) if error.is_code(code::STREAM_NOT_FOUND) => return Ok(all),
            Err(error) => return Err(error),
        };
        let received = page.consumers.len();
        all.extend(page.consumers);
        if received == 0 || all.len() >= page.total {
            return Ok(all);
        }
    }
}

impl Bus {
    /// The lag of every consumer of the hub's streams.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn lag(&self) -> Result<Vec<ConsumerLag>, ApiError> {
        let streams = definition::streams().map(|stream| async move {
            let found = consumers::<Info>(self, stream).await?;
            Ok::<_, ApiError>(found.into_iter().map(move |info| ConsumerLag {
                stream: stream.to_owned(),
                consumer: info.name,
                pending: info.num_pending,
                ack_pending: info.num_ack_pending,
                redelivered: info.num_redelivered,
            }))
        });
        let lag = futures::future::try_join_all(streams).await?;
        Ok(lag.into_iter().flatten().collect())
    }
}
