//! Limits of tenants: over all their campaigns, by provider, and to each domain of e-mail addresses.
//!
//! How a rate is shared: what one process sends for a tenant is exact. Channels have one owner at a time, but a tenant's
//! channels may be in several processes. Each says once a second, in Postgres, whose campaigns it sends and by which
//! providers ([`store::limit::present`]); a tenant's rate and the domains' are divided equally among those that send for it,
//! a provider's among those that send by it. A process begins with the share of one that comes last, and the others have
//! theirs within [`LOOK`] of that: for that second, and for five after one died, they have more or less than their shares.
//!
//! Invariants: nothing of a tenant is sent before its limits are known; limits that changed hold within [`LOOK`]. With the
//! database away things stay as they were: nothing is claimed then.
//!
//! Deliberately absent: conversations, which go before campaigns and are limited by their channel alone.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::{StreamExt, stream};
use schemas::{ChannelId, TenantId, campaign::Limits as Given};
use store::{Store, StoreError, limit};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{
    line::{self, Line, Place, Queue},
    pace::{Paces, domain, make_room},
};

/// How often limits are asked for, and said who sends.
const LOOK: Duration = Duration::from_secs(1);
/// Tenants told about at a time: each takes a connection of the database.
const SIDE_BY_SIDE: usize = 4;
/// What was not used for so long is forgotten.
const REST: Duration = Duration::from_secs(30);

pub(super) struct Limits {
    store: Store,
    owner: String,
    tenants: Mutex<HashMap<TenantId, Arc<Tenant>>>,
}

/// A tenant whose campaigns are sent here.
#[derive(Default)]
pub(super) struct Tenant {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    given: Given,
    /// The others that send for it: by which providers.
    others: Vec<Vec<String>>,
    /// When what was last sent by a provider.
    used: HashMap<String, Instant>,
    /// Providers that the others know of.
    told: HashSet<String>,
    whole: Option<Line>,
    providers: HashMap<String, Line>,
    domains: HashMap<String, Line>,
}

impl Limits {
    /// `owner` names this process; no two ever share it.
    pub(super) fn new(store: Store, owner: String) -> Self {
        Self {
            store,
            owner,
            tenants: Mutex::default(),
        }
    }

    /// A tenant's limits, after they were asked for and the others told where that is new.
    pub(super) async fn of(
        &self,
        tenant: TenantId,
        provider: &str,
    ) -> Result<Arc<Tenant>, StoreError> {
        let known = self.tenants().get(&tenant).cloned();
        if let Some(known) = known
            && known.use_of(provider)
        {
            return Ok(known);
        }
        let given = limit::get(&self.store, tenant).await?;
        let entry = Arc::clone(self.tenants().entry(tenant).or_default());
        entry.use_of(provider);
        self.tell(tenant, &entry, given).await?;
        Ok(entry)
    }

    /// Asks for the limits of all tenants that are sent for, once in [`LOOK`], until `stop`.
    pub(super) async fn watch(&self, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOK) => {}
            }
            self.look().await;
        }
    }

    async fn look(&self) {
        let now = Instant::now();
        let known: Vec<(TenantId, Arc<Tenant>)> = {
            let mut tenants = self.tenants();
            tenants.retain(|_, tenant| tenant.is_used(now));
            let all = tenants.iter();
            all.map(|(id, tenant)| (*id, Arc::clone(tenant))).collect()
        };
        if known.is_empty() {
            return;
        }
        let ids: Vec<TenantId> = known.iter().map(|(id, _)| *id).collect();
        let mut given: HashMap<TenantId, Given> = match limit::of(&self.store, &ids).await {
            Ok(given) => given.into_iter().collect(),
            Err(error) => {
                tracing::debug!(%error, "cannot ask for limits");
                return;
            }
        };
        let known = known.into_iter().map(|(id, tenant)| {
            let given = given.remove(&id).unwrap_or_default();
            async move {
                if let Err(error) = self.tell(id, &tenant, given).await {
                    tracing::debug!(%error, "cannot say who sends");
                }
            }
        });
        stream::iter(known)
            .buffer_unordered(SIDE_BY_SIDE)
            .collect::<()>()
            .await;
    }

    /// Ends what this process has a share in, as far as it can be said.
    pub(super) async fn leave(&self) {
        let limited: Vec<TenantId> = {
            let tenants = self.tenants();
            let limited = tenants
                .iter()
                .filter(|(_, tenant)| !tenant.state().given.is_empty());
            limited.map(|(id, _)| *id).collect()
        };
        for tenant in limited {
            if let Err(error) = limit::absent(&self.store, tenant, &self.owner).await {
                tracing::debug!(%error, "cannot say that nothing more is sent");
            }
        }
    }

    async fn tell(&self, id: TenantId, tenant: &Tenant, given: Given) -> Result<(), StoreError> {
        let now = Instant::now();
        let providers = tenant.providers(now);
        let others = if given.is_empty() {
            Vec::new()
        } else {
            limit::present(&self.store, id, &self.owner, &providers).await?
        };
        tenant.hold(given, others, providers, now);
        Ok(())
    }

    fn tenants(&self) -> MutexGuard<'_, HashMap<TenantId, Arc<Tenant>>> {
        self.tenants.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tenant {
    /// When a message by that provider to that address may leave, which has a place in its campaign's lines too. A place
    /// further than [`line::NEAR`] is not taken: ask again then.
    pub(super) fn place(
        &self,
        provider: &str,
        address: &str,
        (paces, channel): (&Paces, ChannelId),
        now: Instant,
    ) -> Place {
        let mut state = self.state();
        // A batch may take longer than what is not used is remembered.
        if let Some(at) = state.used.get_mut(provider) {
            *at = now;
        }
        if state.given.is_empty() {
            drop(state);
            return paces.place(channel, address, Queue::default(), now);
        }
        let State {
            given,
            others,
            whole,
            providers,
            domains,
            ..
        } = &mut *state;
        let senders = others.len() + 1;
        let mut queue = Queue::default();
        if let Some(period) = line::period(given.per_second, senders) {
            queue.shared.push(kept(
                whole.get_or_insert_with(|| Line::new(period, now)),
                period,
                now,
            ));
        }
        if let Some(rate) = given.providers.get(provider) {
            let by = |known: &&Vec<String>| known.iter().any(|known| known == provider);
            let senders = others.iter().filter(by).count() + 1;
            if let Some(period) = line::period(Some(*rate), senders) {
                let new = || Line::new(period, now);
                let line = providers.entry(provider.to_owned()).or_insert_with(new);
                queue.shared.push(kept(line, period, now));
            }
        }
        if !given.domains.is_empty()
            && let Some(domain) = domain(address)
            && let Some(period) = line::period(given.of_domain(&domain), senders)
        {
            make_room(domains, now);
            let new = || Line::new(period, now);
            queue
                .own
                .push(kept(domains.entry(domain).or_insert_with(new), period, now));
        }
        paces.place(channel, address, queue, now)
    }

    /// Remembers that something is sent by this provider now; whether that needs no telling.
    fn use_of(&self, provider: &str) -> bool {
        let mut state = self.state();
        match state.used.get_mut(provider) {
            Some(at) => *at = Instant::now(),
            None => {
                state.used.insert(provider.to_owned(), Instant::now());
            }
        }
        state.told.contains(provider)
    }

    fn is_used(&self, now: Instant) -> bool {
        self.state().used.values().any(|at| now < *at + REST)
    }

    /// Those that something was sent by lately.
    fn providers(&self, now: Instant) -> Vec<String> {
        let mut state = self.state();
        state.used.retain(|_, at| now < *at + REST);
        let mut providers: Vec<String> = state.used.keys().cloned().collect();
        providers.sort_unstable();
        providers
    }

    fn hold(&self, given: Given, others: Vec<Vec<String>>, told: Vec<String>, now: Instant) {
        let mut state = self.state();
        let State {
            whole,
            providers,
            domains,
            ..
        } = &mut *state;
        // A line that nobody stands in any more is like a new one.
        *whole = whole.take().filter(|line| !line.is_over(now));
        providers.retain(|_, line| !line.is_over(now));
        if given.domains.is_empty() {
            domains.clear();
        }
        state.given = given;
        state.others = others;
        state.told = told.into_iter().collect();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The line, with the period that holds now.
fn kept(line: &mut Line, period: Duration, now: Instant) -> &mut Line {
    line.keep(period, now);
    line
}

#[cfg(test)]
#[path = "limits_tests.rs"]
mod tests;
