//! What is made of a tenant's snapshot once, never for a message, and the cache that keeps it.
//!
//! The cache holds the snapshot something was made of and compares by identity: a tenant whose
//! snapshot was not replaced is not compiled again. It decides nothing, so outcomes stay pure.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use schemas::{Snapshot, TenantId, TenantSnapshot};

/// What was made, by tenant.
pub(crate) struct Cache<T> {
    made: RwLock<Made<T>>,
}

struct Made<T> {
    snapshot: Option<Arc<Snapshot>>,
    of: HashMap<TenantId, (Arc<TenantSnapshot>, Arc<T>)>,
}

impl<T> Default for Cache<T> {
    fn default() -> Self {
        Self {
            made: RwLock::new(Made {
                snapshot: None,
                of: HashMap::new(),
            }),
        }
    }
}

impl<T> Cache<T> {
    /// What `compile` makes of the tenant; nothing for a tenant the snapshot does not know.
    pub(crate) fn get(
        &self,
        snapshot: &Arc<Snapshot>,
        tenant: TenantId,
        compile: impl FnOnce(&TenantSnapshot) -> T,
    ) -> Option<Arc<T>> {
        let wanted = snapshot.tenants.get(&tenant)?;
        let made = self.made.read().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, compiled)) = made.of.get(&tenant)
            && Arc::ptr_eq(of, wanted)
        {
            return Some(Arc::clone(compiled));
        }
        drop(made);
        let compiled = Arc::new(compile(wanted));
        let mut made = self.made.write().unwrap_or_else(PoisonError::into_inner);
        let same = made
            .snapshot
            .as_ref()
            .is_some_and(|of| Arc::ptr_eq(of, snapshot));
        if !same {
            made.of.retain(|tenant, (of, _)| {
                let now = snapshot.tenants.get(tenant);
                now.is_some_and(|now| Arc::ptr_eq(now, of))
            });
            made.snapshot = Some(Arc::clone(snapshot));
        }
        made.of
            .insert(tenant, (Arc::clone(wanted), Arc::clone(&compiled)));
        Some(compiled)
    }
}
