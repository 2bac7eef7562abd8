//! What every handler shares.

use std::sync::Arc;

use arc_swap::ArcSwap;
use bytes::Bytes;
use nats::Bus;
use schemas::{ConversationId, MessageId, TenantId, subject};
use serde_json::Value;
use store::{
    Store,
    understanding::{Held, hold},
};
use tokio::sync::{Notify, Semaphore, SemaphorePermit};

use crate::{
    auth::{Caller, Jwt, Keys},
    bounded::Bounded,
    directory::Directory,
    live::Feed,
    problem::ApiError,
    projected::Projected,
    route::{campaign::Figures, send::Known},
    settings::{ChannelTester, Deps, ImportKeeper, MediaKeeper, ModelKeeper, Settings},
    sns::Sns,
    track::Track,
};

/// Tenants held at a time: each takes a connection of the database until it is let go.
const HELD: usize = 2;
/// Bytes of webhook bodies that may be in memory at a time.
const INTAKE_KIB: usize = 256 * 1024;
/// Files of contacts that are uploaded at a time: each takes some megabytes of memory.
const UPLOADS: usize = 8;

pub(crate) struct Hub {
    pub(crate) store: Store,
    pub(crate) bus: Bus,
    pub(crate) settings: Settings,
    pub(crate) tester: Arc<dyn ChannelTester>,
    pub(crate) models: Arc<dyn ModelKeeper>,
    pub(crate) media: Arc<dyn MediaKeeper>,
    pub(crate) imports: Arc<dyn ImportKeeper>,
    pub(crate) live: Feed,
    pub(crate) track: Track,
    pub(crate) metrics: Arc<dyn Fn() -> String + Send + Sync>,
    pub(crate) directory: Directory,
    /// Google's public keys, as a JSON Web Key Set; null until they are known.
    pub(crate) google_keys: ArcSwap<Value>,
    /// A push was refused: perhaps there are newer keys.
    pub(crate) google_keys_missed: Notify,
    pub(crate) sns: Sns,
    pub(crate) keys: Keys,
    pub(crate) jwt: Jwt,
    /// Conversations that were answered lately; what is kept of them never changes.
    pub(crate) conversations: Bounded<ConversationId, Arc<Known>>,
    /// Conversations this process just took a message of: worth waiting for.
    pub(crate) young: Bounded<ConversationId, ()>,
    /// Digests of what was lately sent under an `Idempotency-Key`.
    pub(crate) sent: Bounded<MessageId, [u8; 32]>,
    pub(crate) projected: Projected,
    pub(crate) figures: Figures,
    /// In KiB.
    pub(crate) intake: Semaphore,
    /// One for each file of contacts that may yet be uploaded.
    pub(crate) uploads: Semaphore,
    holding: Semaphore,
}

impl Hub {
    pub(crate) fn new(deps: Deps) -> Result<Self, crate::auth::JwtKeyError> {
        Ok(Self {
            jwt: Jwt::new(&deps.settings.jwt)?,
            keys: Keys::new(deps.settings.key_cache),
            directory: Directory::new(),
            google_keys: ArcSwap::default(),
            google_keys_missed: Notify::new(),
            sns: Sns::new(deps.settings.sns_url.as_deref()),
            conversations: Bounded::new(32_768),
            young: Bounded::new(65_536),
            sent: Bounded::new(32_768),
            projected: Projected::default(),
            figures: Figures::default(),
            intake: Semaphore::new(INTAKE_KIB),
            uploads: Semaphore::new(UPLOADS),
            holding: Semaphore::new(HELD),
            store: deps.store,
            bus: deps.bus,
            settings: deps.settings,
            tester: deps.tester,
            models: deps.models,
            media: deps.media,
            imports: deps.imports,
            live: Feed::default(),
            track: Track::default(),
            metrics: deps.metrics,
        })
    }

    /// Holds a tenant's settings and models until both of what is answered are dropped. Few at a time: the others wait
    /// here, not on the connections that everything else needs.
    pub(crate) async fn hold(
        &self,
        tenant: TenantId,
    ) -> Result<(SemaphorePermit<'_>, Held), ApiError> {
        let turn = self
            .holding
            .acquire()
            .await
            .map_err(|_| ApiError::unavailable(1))?;
        Ok((turn, hold(&self.store, tenant).await?))
    }

    /// Writes an administrative act down, after it was done.
    pub(crate) async fn audit(
        &self,
        caller: &Caller,
        action: &'static str,
        object: String,
        detail: Option<serde_json::Value>,
    ) -> Result<(), ApiError> {
        store::audit::record(
            &self.store,
            caller.tenant,
            &caller.actor,
            action,
            &object,
            detail.as_ref(),
        )
        .await?;
        Ok(())
    }

    /// Tells every process, this one first, that channels, rules, templates or keys changed.
    pub(crate) async fn announce(&self) {
        self.keys.forget();
        self.directory.refresh_now(&self.store).await;
        // Whoever misses the announcement polls the version in the database.
        if let Err(error) = self.bus.notify(subject::CONFIG_CHANGED, Bytes::new()).await {
            tracing::debug!(%error, "a change was not announced");
        }
    }
}
