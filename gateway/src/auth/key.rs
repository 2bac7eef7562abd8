//! API keys: who a key is, remembered for a short time.
//!
//! Invariants: a revoked key stops working at the next announced change, at the latest after
//! [`MAX_FRESH`]; memory and the number of look-ups at a time are bounded, whatever keys are tried;
//! the token itself is not kept, only its SHA-256.
//!
//! While the database cannot be asked, a key it knew in the last [`STALE`] is still taken: nobody can
//! revoke a key then either, and sends must go on.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use sha2::{Digest, Sha256};
use store::{Store, StoreError, api_key::ApiKeyRow};
use tokio::{sync::Semaphore, time::timeout};

use super::{Caller, Role};
use crate::{bounded::Bounded, problem::ApiError};

const MAX_FRESH: Duration = Duration::from_secs(10);
const FRESH_UNKNOWN: Duration = Duration::from_secs(2);
const STALE: Duration = Duration::from_secs(15 * 60);
/// How long a caller with a remembered key waits for a fresh answer.
const ASK_AGAIN: Duration = Duration::from_millis(500);
const ASK: Duration = Duration::from_secs(5);
const REMEMBERED: usize = 8192;
const LOOKUPS: usize = 16;

type Hash = [u8; 32];

pub(crate) struct Keys {
    known: Bounded<Hash, Known>,
    unknown: Bounded<Hash, Instant>,
    lookups: Semaphore,
    fresh: Duration,
}

#[derive(Clone)]
struct Known {
    caller: Caller,
    /// Taken without asking until then.
    fresh_until: Instant,
    confirmed_at: Instant,
}

impl Keys {
    pub(crate) fn new(fresh: Duration) -> Self {
        Self {
            known: Bounded::new(REMEMBERED),
            unknown: Bounded::new(REMEMBERED),
            lookups: Semaphore::new(LOOKUPS),
            fresh: fresh.min(MAX_FRESH),
        }
    }

    /// Forgets everything: a key may have been made or revoked.
    pub(crate) fn forget(&self) {
        self.known.clear();
        self.unknown.clear();
    }

    pub(crate) async fn find(&self, store: &Store, token: &str) -> Result<Caller, ApiError> {
        let hash: Hash = Sha256::digest(token.as_bytes()).into();
        let now = Instant::now();
        let known = self.known.get(&hash);
        if let Some(known) = &known
            && known.fresh_until > now
        {
            return Ok(known.caller.clone());
        }
        if self.unknown.get(&hash).is_some_and(|until| until > now) {
            return Err(refused());
        }
        let wait = if known.is_some() { ASK_AGAIN } else { ASK };
        match timeout(wait, self.ask(store, token)).await {
            Ok(Ok(Some(row))) => {
                let caller = caller(row).ok_or_else(refused)?;
                self.remember(hash, caller.clone(), now, now + self.fresh);
                Ok(caller)
            }
            Ok(Ok(None)) => {
                self.known.remove(&hash);
                self.unknown.insert(hash, now + FRESH_UNKNOWN);
                Err(refused())
            }
            Ok(Err(error)) if !error.is_unavailable() => Err(error.into()),
            Ok(Err(_)) | Err(_) => match known {
                Some(known) if now.duration_since(known.confirmed_at) < STALE => {
                    let caller = known.caller.clone();
                    // Do not make every request wait while the database is down.
                    self.remember(hash, known.caller, known.confirmed_at, now + FRESH_UNKNOWN);
                    Ok(caller)
                }
                _ => Err(ApiError::unavailable(2)),
            },
        }
    }

    async fn ask(&self, store: &Store, token: &str) -> Result<Option<ApiKeyRow>, StoreError> {
        let permit = self.lookups.acquire().await;
        let row = store::api_key::find_by_token(store, token).await;
        drop(permit);
        row
    }

    fn remember(&self, hash: Hash, caller: Caller, confirmed_at: Instant, fresh_until: Instant) {
        self.known.insert(
            hash,
            Known {
                caller,
                fresh_until,
                confirmed_at,
            },
        );
    }
}

fn refused() -> ApiError {
    ApiError::unauthorized("The API key is unknown or was revoked. Ask an admin for another.")
}

fn caller(row: ApiKeyRow) -> Option<Caller> {
    Some(Caller {
        tenant: row.tenant_id,
        role: row.role.parse::<Role>().ok()?,
        actor: Arc::from(format!("key:{}", row.id)),
        name: Some(Arc::from(row.name)),
        channel: row.channel_id,
    })
}
