//! Whether a campaign's ledger adds up: the audience is the sum of all outcomes, at any time.
//!
//! Counting costs a pass over the ledger (a third of a second for a million rows), so it is done once a minute, more
//! rarely where it takes long, and at the end. What does not add up is a defect: it is logged, and counted in
//! `tidings_campaign_ledger_mismatch_total`.

use std::time::Duration;

use schemas::{CampaignId, TenantId};
use store::{Store, StoreError, campaign::tally};
use tokio::time::Instant;

/// Time between two counts.
const PAUSE: Duration = Duration::from_secs(60);
/// How much longer than a count the pause after it is, at least.
const REST: u32 = 50;

/// When it was counted.
#[derive(Debug, Default)]
pub(super) struct Books {
    next: Option<Instant>,
}

impl Books {
    /// Counts, when it is time to.
    pub(super) async fn look(
        &mut self,
        store: &Store,
        tenant: TenantId,
        campaign: CampaignId,
    ) -> Result<(), StoreError> {
        let now = Instant::now();
        if now < *self.next.get_or_insert(now + PAUSE) {
            return Ok(());
        }
        self.close(store, tenant, campaign).await?;
        self.next = Some(Instant::now() + PAUSE.max(now.elapsed() * REST));
        Ok(())
    }

    /// Counts.
    pub(super) async fn close(
        &mut self,
        store: &Store,
        tenant: TenantId,
        campaign: CampaignId,
    ) -> Result<(), StoreError> {
        let tally = match tally::ledger(store, tenant, campaign).await {
            // It was deleted meanwhile.
            Err(StoreError::NotFound) => return Ok(()),
            tally => tally?,
        };
        let outcomes: i64 = tally.outcomes.values().sum();
        if tally.adds_up() {
            metrics::counter!("tidings_campaign_ledger_mismatch_total").increment(0);
        } else {
            metrics::counter!("tidings_campaign_ledger_mismatch_total").increment(1);
            tracing::error!(%campaign, audience = tally.audience, outcomes, "the ledger of a campaign does not add up");
        }
        Ok(())
    }
}
