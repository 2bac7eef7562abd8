//! TRACK into tracking events and events of campaigns, and receipts into the ledgers.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use futures::FutureExt;
use nats::{Batch, Bus, HandleError, Handler};
use schemas::{
    CampaignId, TenantId, TrackEvent,
    campaign::{CampaignEvent, RecipientStatus},
    subject::{self, stream},
};
use serde_json::json;
use store::{Store, project::Raised};

use super::{Unreadable, count, read, write};

/// Handler of the projector's lane on TRACK. An event seen twice has one id and is one row; a state
/// of a ledger only rises.
pub struct Tracking {
    bus: Bus,
    store: Store,
}

impl Tracking {
    #[must_use]
    pub fn new(bus: Bus, store: Store) -> Self {
        Self { bus, store }
    }

    async fn of_messages(&self, items: Vec<nats::Item>) -> Result<(), HandleError> {
        let rows = read(&self.bus, stream::TRACK, items, |item| {
            TrackEvent::decode(&item.payload)
                .map_err(|error| Unreadable::new("undecodable", error.to_string()))
        })
        .await?;
        let raised: Arc<Mutex<Vec<Raised>>> = Arc::default();
        let written = write(
            &self.bus,
            &self.store,
            stream::TRACK,
            &rows,
            |store, rows| {
                let raised = Arc::clone(&raised);
                async move {
                    let mut tracked = store::project::track(store, rows).await?;
                    raised
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .append(&mut tracked.raised);
                    Ok(tracked.inserted)
                }
                .boxed()
            },
        )
        .await?;
        count("tracking", written);
        let raised = std::mem::take(&mut *raised.lock().unwrap_or_else(PoisonError::into_inner));
        tell(&self.bus, &raised).await;
        Ok(())
    }

    async fn of_campaigns(&self, items: Vec<nats::Item>) -> Result<(), HandleError> {
        let rows = read(&self.bus, stream::TRACK, items, |item| {
            CampaignEvent::decode(&item.payload)
                .map_err(|error| Unreadable::new("undecodable", error.to_string()))
        })
        .await?;
        let written = write(
            &self.bus,
            &self.store,
            stream::TRACK,
            &rows,
            |store, rows| {
                async move { Ok(store::project::campaign_events(store, rows).await?.inserted) }
                    .boxed()
            },
        )
        .await?;
        count("campaign-events", written);
        Ok(())
    }
}

impl Handler for Tracking {
    async fn handle(&self, batch: Batch) -> Result<(), HandleError> {
        let (of_campaigns, of_messages): (Vec<_>, Vec<_>) = batch
            .items
            .into_iter()
            .partition(|item| CampaignEvent::is(&item.payload));
        if !of_messages.is_empty() {
            self.of_messages(of_messages).await?;
        }
        if !of_campaigns.is_empty() {
            self.of_campaigns(of_campaigns).await?;
        }
        Ok(())
    }
}

/// Tells those who watch campaigns what their ledger learnt.
pub(super) async fn tell(bus: &Bus, raised: &[Raised]) {
    let mut counts: BTreeMap<(TenantId, CampaignId), BTreeMap<&'static str, u64>> = BTreeMap::new();
    for one in raised {
        let name = match one.status {
            RecipientStatus::Delivered => "delivered",
            RecipientStatus::Read => "read",
            RecipientStatus::Bounced => "bounced",
            RecipientStatus::Failed => "failed",
            _ => continue,
        };
        *counts
            .entry((one.tenant, one.campaign))
            .or_default()
            .entry(name)
            .or_default() += 1;
    }
    for ((tenant, campaign), counts) in counts {
        let mut told = json!(counts);
        if let Some(told) = told.as_object_mut() {
            told.insert("campaign_id".to_owned(), json!(campaign));
        }
        let subject = subject::campaign_progress(tenant);
        if let Err(error) = bus.notify(&subject, Bytes::from(told.to_string())).await {
            tracing::debug!(%error, "nobody heard what a campaign's ledger learnt");
        }
    }
}
