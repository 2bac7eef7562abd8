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
use store::{
    Store, StoreError,
    campaign::{expand, watch},
};

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
                // One that was not running when it was read, and is by now, is read again.
                (runs && planned.runs()) || !ids.contains(id)
            }),
            // Sending goes on: the claim of the next chunk asks the database anyway.
            Err(error) => tracing::debug!(%error, "cannot ask whether campaigns run"),
        }
    }

    /// Pauses a campaign whose approved message the platform refuses, whomever it goes to: here at once, and for
    /// everybody by the database. Trying the others would only burn them.
    pub(super) async fn refuse(&self, id: CampaignId, why: Option<&str>) {
        let known = self.known().get(&id).cloned();
        let ran = known.is_some_and(|planned| planned.runs.swap(false, Ordering::Relaxed));
        if !ran {
            return;
        }
        let why = format!(
            "The platform refuses the approved template, whomever it is sent to ({}). Once it is approved and active there, \
             resume, and retry-failed for those who failed; where its variables are wrong, stop and make another campaign.",
            why.unwrap_or_default()
        );
        match expand::pause(&self.store, id, &why).await {
            Ok(_) => {
                tracing::warn!(campaign = %id, "paused: the approved template is refused");
                self.known().remove(&id);
            }
            // Whoever fails next tries it again.
            Err(error) => {
                tracing::debug!(%error, "a campaign cannot be paused now");
                if let Some(planned) = self.known().get(&id) {
                    planned.runs.store(true, Ordering::Relaxed);
                }
            }
        }
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<CampaignId, Arc<Planned>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
