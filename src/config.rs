//! The settings: embedded `default.toml` < `--config FILE` < `TIDINGS__SECTION__KEY`.
//!
//! Invariants: every setting but the optional ones has its default in `default.toml` and nowhere else; a key nobody
//! reads is refused, with the nearest one that is read; secrets print as `***`; a value outside its bounds is refused
//! at the start, by name.
//!
//! Deliberately absent: commands and roles (clap, `main.rs`), and what a role makes of its settings (`roles.rs`).

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail, ensure};
use figment::Figment;
use figment::error::Kind;
use figment::providers::{Env, Format, Toml};
use schemas::Secret;
use serde::Deserialize;

/// Every setting with its default and what it means.
pub(crate) const DEFAULTS: &str = include_str!("default.toml");
const ENV_PREFIX: &str = "TIDINGS__";
/// What the pipeline can be cut into, in the order the stages must run.
const STAGES: [&str; 4] = ["normalize", "language", "classify", "route"];

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    pub(crate) gateway: GatewaySettings,
    pub(crate) nats: NatsSettings,
    pub(crate) postgres: PostgresSettings,
    pub(crate) pipeline: PipelineSettings,
    pub(crate) deliver: DeliverSettings,
    pub(crate) project: ProjectSettings,
    pub(crate) auth: AuthSettings,
    pub(crate) keys: KeysSettings,
    pub(crate) log: LogSettings,
    pub(crate) embedded: EmbeddedSettings,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct GatewaySettings {
    pub(crate) listen: SocketAddr,
    pub(crate) body_limit_bytes: usize,
    pub(crate) publish_deadline_ms: u64,
    pub(crate) request_timeout_ms: u64,
    pub(crate) max_connections: usize,
    pub(crate) cors_origins: Vec<String>,
    pub(crate) public_url: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NatsSettings {
    pub(crate) url: String,
    pub(crate) user: Option<String>,
    /// Read [`NatsSettings::password`] instead, which also reads the file.
    #[serde(default, deserialize_with = "secret")]
    password: Option<Secret>,
    password_file: Option<PathBuf>,
    pub(crate) connect_timeout_ms: u64,
    callout_seed_file: Option<PathBuf>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PostgresSettings {
    /// Read [`PostgresSettings::url`] instead, which puts the password in.
    #[serde(deserialize_with = "secret")]
    url: Option<Secret>,
    password_file: Option<PathBuf>,
    pub(crate) max_connections: u32,
    pub(crate) acquire_timeout_ms: u64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PipelineSettings {
    pub(crate) groups: Vec<Vec<String>>,
    pub(crate) max_batch: usize,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DeliverSettings {
    pub(crate) max_batch: usize,
    pub(crate) max_attempts: u32,
    pub(crate) min_backoff_ms: u64,
    pub(crate) max_backoff_ms: u64,
    pub(crate) lease_ms: u64,
    pub(crate) send_timeout_ms: u64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProjectSettings {
    pub(crate) max_batch: usize,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AuthSettings {
    pub(crate) key_cache_ms: u64,
    jwt_hs256_secret_file: Option<PathBuf>,
    jwt_rs256_public_key_file: Option<PathBuf>,
    pub(crate) jwt_issuer: Option<String>,
    pub(crate) jwt_audience: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeysSettings {
    pub(crate) file: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    Text,
    Json,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LogSettings {
    pub(crate) format: LogFormat,
    pub(crate) filter: String,
}

/// The servers that `tidings up` and `tidings bench` start by themselves.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EmbeddedSettings {
    pub(crate) nats_port: u16,
    pub(crate) postgres_port: u16,
    pub(crate) nats_monitor_port: u16,
    pub(crate) nats_max_file_store_bytes: u64,
    pub(crate) nats_max_memory_store_bytes: u64,
    pub(crate) postgres_shared_buffers_mb: u32,
    pub(crate) postgres_max_connections: u32,
}

impl Config {
    /// All layers. `file` is what `--config` names.
    pub(crate) fn load(file: Option<&Path>) -> Result<Self> {
        let mut layers = Figment::from(Toml::string(DEFAULTS));
        if let Some(file) = file {
            ensure!(
                file.is_file(),
                "there is no configuration file {}",
                file.display()
            );
            layers = layers.merge(Toml::file_exact(file));
        }
        Self::extract(&layers.merge(Env::prefixed(ENV_PREFIX).split("__")))
    }

    /// Uses the servers of a hub's own folder in place of what the settings say. Both URLs hold credentials.
    pub(crate) fn point_at(&mut self, nats_url: &str, postgres_url: &str, keys_file: &Path) {
        let (user, password, url) = without_credentials(nats_url);
        self.nats.url = url;
        self.nats.user = user;
        self.nats.password = password;
        self.nats.password_file = None;
        self.postgres.url = Some(Secret::new(postgres_url));
        self.postgres.password_file = None;
        self.keys.file = Some(keys_file.to_path_buf());
    }

    fn extract(layers: &Figment) -> Result<Self> {
        let config: Self = layers.extract().map_err(explain)?;
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<()> {
        for (name, value, least, most) in [
            (
                "gateway.body_limit_bytes",
                self.gateway.body_limit_bytes as u64,
                1024,
                4 << 20,
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
                "postgres.acquire_timeout_ms",
                self.postgres.acquire_timeout_ms,
                10,
                600_000,
            ),
            (
                "pipeline.max_batch",
                self.pipeline.max_batch as u64,
                1,
                10_000,
            ),
            ("deliver.max_batch", self.deliver.max_batch as u64, 1, 1000),
            (
                "deliver.max_attempts",
                u64::from(self.deliver.max_attempts),
                1,
                100,
            ),
            (
                "deliver.min_backoff_ms",
                self.deliver.min_backoff_ms,
                1,
                self.deliver.max_backoff_ms,
            ),
            (
                "deliver.max_backoff_ms",
                self.deliver.max_backoff_ms,
                1,
                86_400_000,
            ),
            ("deliver.lease_ms", self.deliver.lease_ms, 1000, 3_600_000),
            (
                "deliver.send_timeout_ms",
                self.deliver.send_timeout_ms,
                10,
                self.deliver.lease_ms,
            ),
            (
                "project.max_batch",
                self.project.max_batch as u64,
                1,
                10_000,
            ),
            ("auth.key_cache_ms", self.auth.key_cache_ms, 0, 3_600_000),
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

impl NatsSettings {
    pub(crate) fn password(&self) -> Result<Option<Secret>> {
        match &self.password_file {
            Some(file) => read_secret("nats.password_file", file).map(Some),
            None => Ok(self.password.clone()),
        }
    }

    pub(crate) fn callout_seed(&self) -> Result<Option<Secret>> {
        self.callout_seed_file
            .as_deref()
            .map(|file| read_secret("nats.callout_seed_file", file))
            .transpose()
    }
}

impl PostgresSettings {
    /// The URL, with the password from its file when there is one.
    pub(crate) fn url(&self) -> Result<Secret> {
        let url = self.url.clone().context("postgres.url is not set")?;
        let Some(file) = &self.password_file else {
            return Ok(url);
        };
        let password = read_secret("postgres.password_file", file)?;
        let (scheme, rest) = url
            .expose()
            .split_once("://")
            .context("postgres.url has no ://")?;
        let (user, place) = rest
            .split_once('@')
            .context("postgres.url needs a user when there is a password_file")?;
        let user = user.split(':').next().unwrap_or(user);
        Ok(Secret::new(format!(
            "{scheme}://{user}:{}@{place}",
            percent_encoded(password.expose())
        )))
    }
}

impl AuthSettings {
    pub(crate) fn jwt_hs256_secret(&self) -> Result<Option<Secret>> {
        let Some(file) = &self.jwt_hs256_secret_file else {
            return Ok(None);
        };
        let secret = read_secret("auth.jwt_hs256_secret_file", file)?;
        ensure!(
            secret.expose().len() >= 32,
            "the secret in auth.jwt_hs256_secret_file is shorter than 32 bytes"
        );
        Ok(Some(secret))
    }

    pub(crate) fn jwt_rs256_public_key(&self) -> Result<Option<Secret>> {
        let read = |file: &PathBuf| read_secret("auth.jwt_rs256_public_key_file", file);
        self.jwt_rs256_public_key_file
            .as_ref()
            .map(read)
            .transpose()
    }
}

impl GatewaySettings {
    pub(crate) fn publish_deadline(&self) -> Duration {
        Duration::from_millis(self.publish_deadline_ms)
    }
}

/// `scheme://user:password@place` as user, password and `scheme://place`, so that the URL may be printed.
fn without_credentials(url: &str) -> (Option<String>, Option<Secret>, String) {
    let parts = url.split_once("://").and_then(|(scheme, rest)| {
        let (credentials, place) = rest.rsplit_once('@')?;
        let (user, password) = credentials.split_once(':')?;
        Some((
            Some(user.to_owned()),
            Some(Secret::new(password)),
            format!("{scheme}://{place}"),
        ))
    });
    parts.unwrap_or_else(|| (None, None, url.to_owned()))
}

fn read_secret(setting: &str, file: &Path) -> Result<Secret> {
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("cannot read {} ({setting})", file.display()))?;
    let text = text.trim();
    if text.is_empty() {
        bail!("{} is empty ({setting})", file.display());
    }
    Ok(Secret::new(text))
}

fn percent_encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

/// A secret from the environment may look like a number or a truth value, and is text all the same.
fn secret<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Secret>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Looks {
        Text(String),
        Truth(bool),
        Whole(u64),
    }
    Ok(
        Option::<Looks>::deserialize(deserializer)?.map(|value| match value {
            Looks::Text(text) => Secret::new(text),
            Looks::Truth(truth) => Secret::new(truth.to_string()),
            Looks::Whole(number) => Secret::new(number.to_string()),
        }),
    )
}

/// Figment's error in our words: what, where, and for an unknown key the nearest known one. Never a value.
fn explain(errors: figment::Error) -> anyhow::Error {
    let mut lines = Vec::new();
    for error in errors {
        let place = match error.metadata.as_ref() {
            Some(metadata) if metadata.name.contains(ENV_PREFIX) => "the environment".to_owned(),
            Some(metadata) => match metadata
                .source
                .as_ref()
                .and_then(|source| source.file_path())
            {
                Some(file) => file.display().to_string(),
                None => "the settings".to_owned(),
            },
            None => "the settings".to_owned(),
        };
        let path = error.path.join(".");
        lines.push(match &error.kind {
            Kind::UnknownField(name, known) => {
                let section = path
                    .strip_suffix(name.as_str())
                    .unwrap_or(&path)
                    .trim_end_matches('.');
                let nearest = known
                    .iter()
                    .min_by_key(|key| strsim::damerau_levenshtein(key, name));
                let full = |key: &str| {
                    if section.is_empty() {
                        key.to_owned()
                    } else {
                        format!("{section}.{key}")
                    }
                };
                let hint = nearest
                    .map(|key| format!("; did you mean `{}`?", full(key)))
                    .unwrap_or_default();
                format!("there is no setting `{}` (in {place}){hint}", full(name))
            }
            Kind::MissingField(name) => format!("the setting `{name}` is missing"),
            Kind::InvalidType(_, expected) | Kind::InvalidValue(_, expected) => {
                format!("the setting `{path}` (in {place}) must be {expected}")
            }
            Kind::UnknownVariant(_, known) => {
                format!(
                    "the setting `{path}` (in {place}) must be one of {}",
                    known.join(", ")
                )
            }
            other => format!("the setting `{path}` (in {place}): {other}"),
        });
    }
    anyhow!(lines.join("\n"))
}

#[cfg(test)]
mod tests;
