//! What a setting may be.

use anyhow::{Result, ensure};
use reqwest::Url;
use schemas::Backend;

use super::Config;

/// A message of the broker holds 8 MiB at most, envelope included.
const MAX_EMAIL_BYTES: u64 = (8 << 20) - (512 << 10);
/// What the pipeline can be cut into, in the order the stages must run.
pub(super) const STAGES: [&str; 4] = ["normalize", "language", "classify", "route"];

impl Config {
    /// Each setting is within its bounds, or refused by its name.
    pub(super) fn check(&self) -> Result<()> {
        for (name, value, least, most) in [
            (
                "gateway.body_limit_bytes",
                self.gateway.body_limit_bytes as u64,
                1024,
                4 << 20,
            ),
            (
                "gateway.email_body_limit_bytes",
                self.gateway.email_body_limit_bytes as u64,
                1024,
                MAX_EMAIL_BYTES,
            ),
            (
                "gateway.publish_deadline_ms",
                self.gateway.publish_deadline_ms,
                10,
                120_000,
            ),
            (
                "gateway.request_timeout_ms",
                self.gateway.request_timeout_ms,
                10,
                600_000,
            ),
            (
                "gateway.max_connections",
                self.gateway.max_connections as u64,
                1,
                1_000_000,
            ),
            (
                "nats.connect_timeout_ms",
                self.nats.connect_timeout_ms,
                10,
                600_000,
            ),
            (
                "postgres.max_connections",
                u64::from(self.postgres.max_connections),
                2,
                1000,
            ),
            (
                "pipeline.max_batch",
                self.pipeline.max_batch as u64,
                1,
                10_000,
            ),
            ("deliver.max_batch", self.deliver.max_batch as u64, 1, 1000),
            (
                "project.max_batch",
                self.project.max_batch as u64,
                1,
                10_000,
            ),
            (
                "contacts.max_import_bytes",
                self.contacts.max_import_bytes,
                1024,
                1 << 40,
            ),
            ("auth.key_cache_ms", self.auth.key_cache_ms, 0, 10_000),
            (
                "embedded.postgres_shared_buffers_mb",
                u64::from(self.embedded.postgres_shared_buffers_mb),
                1,
                65_536,
            ),
            (
                "embedded.postgres_max_connections",
                u64::from(self.embedded.postgres_max_connections),
                10,
                10_000,
            ),
        ] {
            ensure!(
                (least..=most).contains(&value),
                "{name} is {value}; it must be from {least} to {most}"
            );
        }
        // One that cannot be read would be as if there were none.
        if let Some(url) = &self.gateway.sns_url {
            let is_address =
                Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
            ensure!(
                is_address,
                "gateway.sns_url must be an address such as https://sns.example"
            );
        }
        let backend = &self.language.backend;
        ensure!(
            matches!(backend, Backend::Builtin | Backend::Whatlang | Backend::Off),
            "language.backend is `{backend}`; it must be builtin, whatlang or off"
        );
        let stages: Vec<&str> = self
            .pipeline
            .groups
            .iter()
            .flatten()
            .map(String::as_str)
            .collect();
        ensure!(
            stages == STAGES && self.pipeline.groups.iter().all(|group| !group.is_empty()),
            "pipeline.groups must name each of {STAGES:?} once, in this order, in groups that are not empty"
        );
        Ok(())
    }
}
