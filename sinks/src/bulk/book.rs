//! What the ledger is asked and told about a chunk, while the database comes and goes.

use std::time::Duration;

use bytes::Bytes;
use nats::HandleError;
use schemas::{
    campaign::{Chunk, RecipientStatus},
    subject,
};
use serde_json::json;
use store::{
    StoreError,
    campaign::ledger::{self, Claimed, OnLapsed, Outcome},
};
use tokio::time::Instant;

use super::chunk::{LEASE, Run, given_up};

/// How long a record is tried while the database is away.
const RECORD: Duration = Duration::from_secs(90);
const AGAIN: Duration = Duration::from_millis(200);

impl Run {
    /// Claims; while the database is away again and again, so that nobody stays claimed and not sent to.
    pub(super) async fn claim(
        &self,
        chunk: &Chunk,
        owner: &str,
        on_lapsed: OnLapsed,
        most: usize,
    ) -> Result<Vec<Claimed>, HandleError> {
        let until = Instant::now() + LEASE / 2;
        loop {
            if self.held.expired() || self.stop.is_cancelled() {
                return Err(given_up());
            }
            match ledger::claim(&self.shared.store, chunk, owner, LEASE, on_lapsed, most).await {
                Ok(claimed) => return Ok(claimed),
                Err(error @ StoreError::Unavailable(_)) if Instant::now() < until => {
                    tracing::debug!(%error, "whether a chunk is claimed is not known yet");
                    tokio::time::sleep(AGAIN).await;
                }
                Err(error) => return Err(HandleError::transient(error)),
            }
        }
    }

    /// Records, however long the database is away within reason: what was sent must be known.
    pub(super) async fn record(
        &self,
        chunk: &Chunk,
        owner: &str,
        outcomes: &[Outcome],
    ) -> Result<(), HandleError> {
        let shared = &self.shared;
        let until = Instant::now() + RECORD;
        let open = loop {
            match ledger::record(&shared.store, chunk, owner, outcomes).await {
                Ok(open) => break open,
                Err(error @ StoreError::Unavailable(_)) if Instant::now() < until => {
                    tracing::debug!(%error, "what was sent cannot be recorded yet");
                    tokio::time::sleep(AGAIN).await;
                }
                Err(error) => return Err(HandleError::transient(error)),
            }
        };
        let count = |status: RecipientStatus| {
            let of = outcomes.iter();
            of.filter(|outcome| outcome.status == status).count()
        };
        let progress = json!({
            "campaign_id": chunk.campaign,
            "chunk": chunk.number,
            "sent": count(RecipientStatus::Sent),
            "failed": count(RecipientStatus::Failed) + count(RecipientStatus::Bounced),
            "unknown": count(RecipientStatus::Unknown),
            "open": open,
        });
        let subject = subject::campaign_progress(chunk.tenant);
        let said = shared
            .bus
            .notify(&subject, Bytes::from(progress.to_string()))
            .await;
        if let Err(error) = said {
            tracing::debug!(%error, "nobody heard of a chunk's progress");
        }
        Ok(())
    }
}
