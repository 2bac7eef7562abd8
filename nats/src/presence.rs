//! Whether somebody is still there, told by the broker: who is there listens on a subject of its own, and a question on
//! a subject to which nobody listens is answered by the broker at once, "no responders".
//!
//! Invariants: a process that merely stalls is there, for its connection is; a dead one is not, some milliseconds after
//! its end. What the broker does not say is no proof: without an answer somebody is taken to be there.

use std::time::Duration;

use async_nats::{Request, RequestErrorKind};
use bytes::Bytes;
use futures::StreamExt;
use tokio::task::JoinHandle;

use crate::{api::ApiError, link::Link};

/// How long an answer may take. Whoever is there gives none.
const ANSWER: Duration = Duration::from_millis(300);

/// Is there until dropped.
#[derive(Debug)]
pub(crate) struct Presence(JoinHandle<()>);

impl Drop for Presence {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Presence {
    /// Begins to be there; the broker knows it when a later request on the same connection is answered.
    pub(crate) async fn begin(link: &Link, subject: String) -> Result<Self, ApiError> {
        let subscribed = link.client().subscribe(subject).await;
        let mut asked = subscribed.map_err(|_| ApiError::Unavailable)?;
        // Questions are heard and left alone: that they reach somebody is the answer.
        Ok(Self(tokio::spawn(async move {
            while asked.next().await.is_some() {}
        })))
    }
}

/// Whether the broker says that nobody is there.
pub(crate) async fn is_absent(link: &Link, subject: String) -> bool {
    let question = Request::new().payload(Bytes::new()).timeout(Some(ANSWER));
    let answer = link.client().send_request(subject, question).await;
    answer.is_err_and(|error| error.kind() == RequestErrorKind::NoResponders)
}
