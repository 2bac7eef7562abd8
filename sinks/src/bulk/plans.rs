//! What campaigns say, compiled, and whether they run.
//!
//! Invariant: [`Planned::runs`] turns false at the latest one look after the database said so; a campaign that is not
//! known to run is not sent.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use render::{Compiled, Problem, Source};
use schemas::{
    CampaignId, TenantId,
    campaign::{CampaignStatus, Pace, Plan},
};
use store::{Store, StoreError, campaign::watch};

use super::pace::Paces;

/// A campaign that is being sent.
pub(super) struct Planned {
    pub(super) id: CampaignId,
    pub(super) tenant: TenantId,
    pub(super) name: String,
    pub(super) plan: Plan,
    pub(super) compiled: Result<Compiled, Vec<Problem>>,
    pub(super) pace: Pace,
    pub(super) paces: Paces,
    runs: AtomicBool,
}

impl Planned {
    /// Whether the campaign runs, as far as is known.
    pub(super) fn runs(&self) -> bool {
        self.runs.load(Ordering::Relaxed)
    }
}

pub(super) struct Plans {
    store: Store,
    known: Mutex<HashMap<CampaignId, Arc<Planned>>>,
}

impl Plans {
    pub(super) fn new(store: Store) -> Self {
        Self {
            store,
            known: Mutex::default(),
        }
    }

    /// A campaign; none when there is none, or it was never started.
    pub(super) async fn find(&self, id: CampaignId) -> Result<Option<Arc<Planned>>, StoreError> {
        if let Some(known) = self.known().get(&id) {
            return Ok(Some(Arc::clone(known)));
        }
        let Some(found) = watch::planned(&self.store, id).await? else {
            return Ok(None);
        };
        let compiled = Compiled::new(Source {
            wordings: &found.plan.wordings,
            tracked: found.plan.tracked,
            defaults: &found.plan.defaults,
        });
        let planned = Arc::new(Planned {
            id,
            tenant: found.tenant,
            name: found.name,
            paces: Paces::new(&found.pace, found.plan.channels.len()),
            pace: found.pace,
            plan: found.plan,
            compiled,
            runs: AtomicBool::new(found.status == CampaignStatus::Running),
        });
        // Another chunk may have asked meanwhile: whoever sends must hear of a pause, and share the campaign's rates.
        Ok(Some(Arc::clone(self.known().entry(id).or_insert(planned))))
    }

    /// Asks which of the known campaigns still run. Those that do not are forgotten: they may come back with another pace.
    pub(super) async fn look(&self) {
        let ids: Vec<CampaignId> = self.known().keys().copied().collect();
        if ids.is_empty() {
            return;
        }
        match watch::running(&self.store, &ids).await {
            Ok(running) => self.known().retain(|id, planned| {
                let runs = running.contains(id);
                // Another lane may have asked before this look and after the status changed.
                if !runs && ids.contains(id) {
                    planned.runs.store(false, Ordering::Relaxed);
                }
                runs || !ids.contains(id)
            }),
            // Sending goes on: the claim of the next chunk asks the database anyway.
            Err(error) => tracing::debug!(%error, "cannot ask whether campaigns run"),
        }
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<CampaignId, Arc<Planned>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
