//! The gateway, and the watch over how far the workers are behind.

use std::sync::Arc;

use anyhow::Context;
use tokio::net::TcpListener;

use super::Starting;
use crate::{
    import, lag, media,
    shelf::{Keeper, Objects},
    telemetry,
    tester::Tester,
};

impl Starting<'_> {
    pub(super) async fn gateway(&mut self, listener: Option<TcpListener>) -> anyhow::Result<()> {
        let settings = &self.config.gateway;
        let listener = match listener {
            Some(listener) => listener,
            None => TcpListener::bind(settings.listen)
                .await
                .with_context(|| format!("cannot listen on {}", settings.listen))?,
        };
        let auth = &self.config.auth;
        let deps = gateway::Deps {
            store: self.store.clone(),
            bus: self.bus.clone(),
            settings: gateway::Settings {
                body_limit_bytes: settings.body_limit_bytes,
                email_body_limit_bytes: settings.email_body_limit_bytes,
                publish_deadline: settings.publish_deadline(),
                request_timeout: settings.request_timeout(),
                max_connections: settings.max_connections,
                cors_origins: settings.cors_origins.clone(),
                public_url: settings.public_url.clone(),
                trusted_proxies: settings.trusted_proxies.clone(),
                google_keys_url: settings.google_keys_url.clone(),
                sns_url: settings.sns_url.clone(),
                key_cache: auth.key_cache(),
                jwt: gateway::JwtSettings {
                    hs256_secret: auth.jwt_hs256_secret()?,
                    rs256_public_key_pem: auth.jwt_rs256_public_key()?,
                    issuer: auth.jwt_issuer.clone(),
                    audience: auth.jwt_audience.clone(),
                },
            },
            media: Arc::new(media::Keeper::new(
                Objects::new(&self.config.storage)?,
                &self.config.media,
            )),
            imports: Arc::new(import::Keeper::new(
                Objects::new(&self.config.storage)?,
                &self.config.contacts,
            )),
            models: Arc::new(Keeper::new(Objects::new(&self.config.storage)?)),
            tester: Arc::new(Tester::new(self.store.clone(), self.sender_settings()?)),
            metrics: Arc::new(telemetry::metrics_text),
        };
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            gateway::serve(deps, listener, stop)
                .await
                .context("the gateway")
        });
        let (bus, store, stop) = (self.bus.clone(), self.store.clone(), self.stop.clone());
        self.tasks.spawn(async move {
            lag::watch(bus, store, stop).await;
            Ok(())
        });
        Ok(())
    }
}
