//! The bus: two connections and what is done over them.
//!
//! Invariant: publishes travel on one connection, pulls, acknowledgements and requests on the other,
//! so a burst of publishes never delays an acknowledgement.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures::{Stream, StreamExt};

use crate::{
    api::ApiError,
    link::{ConnectError, ConnectSettings, Link},
    publisher::Publisher,
    room::Room,
};

/// The message bus. Cheap to clone.
#[derive(Clone)]
pub struct Bus {
    inner: Arc<Inner>,
}

struct Inner {
    publishing: Link,
    pulling: Link,
    publisher: Publisher,
}

/// A core NATS message: seen by whoever listens now, kept by nobody.
#[derive(Clone, Debug)]
pub struct Notice {
    pub subject: String,
    pub payload: Bytes,
}

impl Bus {
    /// Connects, trying again until `settings.timeout` has passed. Later disconnections are repaired
    /// in the background without end.
    ///
    /// # Errors
    /// [`ConnectError`].
    pub async fn connect(settings: &ConnectSettings) -> Result<Self, ConnectError> {
        let (publishing, pulling) = tokio::try_join!(
            Link::open(settings, "publish"),
            Link::open(settings, "pull")
        )?;
        let publisher = Publisher::new(publishing.clone());
        Ok(Self {
            inner: Arc::new(Inner {
                publishing,
                pulling,
                publisher,
            }),
        })
    }

    /// Whether both connections stand now.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.inner.publishing.is_connected() && self.inner.pulling.is_connected()
    }

    #[must_use]
    pub fn publisher(&self) -> &Publisher {
        &self.inner.publisher
    }

    /// Sends a core NATS message to whoever listens now.
    ///
    /// # Errors
    /// [`ApiError::Unavailable`] when the connection is closed; a listener that is not there is no error.
    pub async fn notify(&self, subject: &str, payload: Bytes) -> Result<(), ApiError> {
        let client = self.inner.publishing.client();
        client
            .publish(subject.to_owned(), payload)
            .await
            .map_err(|_| ApiError::Unavailable)?;
        tokio::time::timeout(Duration::from_secs(5), client.flush())
            .await
            .map_err(|_| ApiError::TimedOut)?
            .map_err(|_| ApiError::Unavailable)
    }

    /// Listens to a core NATS subject, wildcards allowed (`live.>`, `hub.*`). The subscription
    /// survives reconnects; what is said meanwhile is missed.
    ///
    /// # Errors
    /// [`ApiError::Unavailable`] when the connection is closed or `subject` is none.
    pub async fn listen(
        &self,
        subject: &str,
    ) -> Result<impl Stream<Item = Notice> + Send + Unpin + use<>, ApiError> {
        let link = self.pulling();
        let subscriber = link
            .client()
            .subscribe(subject.to_owned())
            .await
            .map_err(|_| ApiError::Unavailable)?;
        // The subscription is known to the broker when this returns.
        link.round_trip().await?;
        Ok(subscriber.map(|message| Notice {
            subject: message.subject.to_string(),
            payload: message.payload,
        }))
    }

    pub(crate) fn publishing(&self) -> &Link {
        &self.inner.publishing
    }

    pub(crate) fn room(&self) -> &Room {
        self.inner.publisher.room()
    }

    pub(crate) fn pulling(&self) -> &Link {
        &self.inner.pulling
    }
}
