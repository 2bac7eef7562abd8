//! The settings: embedded `default.toml` < `--config FILE` < `TIDINGS__SECTION__KEY`.
//!
//! Invariants: every setting but the optional ones has its default in `default.toml` and nowhere else; a key nobody
//! reads is refused, with the nearest one that is read; secrets print as `***`; a value outside its bounds is refused
//! at the start, by name.
//!
//! Deliberately absent: commands and roles (clap, `main.rs`), and what a role makes of its settings (`roles.rs`).

mod bound;
mod refusal;
mod secret;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use figment::Figment;
use figment::providers::{Env, Format, Toml};
use schemas::{Backend, Secret};
use serde::Deserialize;

use self::refusal::explain;
pub(crate) use self::secret::without_credentials;
use self::secret::{percent_encoded, read_secret, secret};

/// Every setting with its default and what it means.
pub(crate) const DEFAULTS: &str = include_str!("default.toml");
const ENV_PREFIX: &str = "TIDINGS__";
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    pub(crate) gateway: GatewaySettings,
    pub(crate) nats: NatsSettings,
    pub(crate) postgres: PostgresSettings,
    pub(crate) pipeline: PipelineSettings,
    pub(crate) language: LanguageSettings,
    pub(crate) deliver: DeliverSettings,
    pub(crate) project: ProjectSettings,
    pub(crate) auth: AuthSettings,
    pub(crate) keys: KeysSettings,
    pub(crate) storage: StorageSettings,
    pub(crate) media: MediaSettings,
    pub(crate) contacts: ContactsSettings,
    pub(crate) campaign: CampaignSettings,
    #[serde(default)]
    pub(crate) inference: inference::Settings,
    pub(crate) log: LogSettings,
    pub(crate) embedded: EmbeddedSettings,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct GatewaySettings {
    pub(crate) listen: SocketAddr,
    pub(crate) body_limit_bytes: usize,
    pub(crate) email_body_limit_bytes: usize,
    pub(crate) publish_deadline_ms: u64,
    pub(crate) request_timeout_ms: u64,
    pub(crate) max_connections: usize,
    pub(crate) cors_origins: Vec<String>,
    pub(crate) public_url: Option<String>,
    pub(crate) trusted_proxies: Vec<ipnet::IpNet>,
    pub(crate) google_keys_url: String,
    pub(crate) sns_url: Option<String>,
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
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PipelineSettings {
    pub(crate) groups: Vec<Vec<String>>,
    pub(crate) max_batch: usize,
}

/// How languages are found, where a tenant's settings do not say.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LanguageSettings {
    pub(crate) backend: Backend,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DeliverSettings {
    pub(crate) max_batch: usize,
    pub(crate) allow_private_urls: bool,
}

/// Files of messages.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MediaSettings {
    pub(crate) max_bytes: usize,
    pub(crate) concurrency: usize,
}

/// Contacts, where they come in files.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ContactsSettings {
    pub(crate) max_import_bytes: u64,
}

/// Campaigns, while their audience is made into chunks.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CampaignSettings {
    pub(crate) outstanding_chunks: i64,
    pub(crate) chunks_ahead: i64,
    pub(crate) page: i64,
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

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StorageSettings {
    pub(crate) url: String,
    pub(crate) region: Option<String>,
    pub(crate) endpoint: Option<String>,
    pub(crate) access_key_id: Option<String>,
    pub(crate) secret_access_key_file: Option<PathBuf>,
    pub(crate) cache_folder: PathBuf,
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

    /// Keeps objects in a hub's own folder, whatever the settings say.
    pub(crate) fn keep_in(&mut self, folder: &Path) {
        self.storage.url = format!("file:{}", folder.join("objects").display());
        self.storage.cache_folder = folder.join("cache");
    }

    fn extract(layers: &Figment) -> Result<Self> {
        let config: Self = layers.extract().map_err(explain)?;
        config.check()?;
        Ok(config)
    }
}

impl NatsSettings {
    pub(crate) fn connect_timeout(&self) -> Duration {
        Duration::from_millis(self.connect_timeout_ms)
    }

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
    pub(crate) fn key_cache(&self) -> Duration {
        Duration::from_millis(self.key_cache_ms)
    }

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

impl StorageSettings {
    pub(crate) fn secret_access_key(&self) -> Result<Option<Secret>> {
        let read = |file: &PathBuf| read_secret("storage.secret_access_key_file", file);
        self.secret_access_key_file.as_ref().map(read).transpose()
    }
}

impl GatewaySettings {
    pub(crate) fn request_timeout(&self) -> Duration {
        Duration::from_millis(self.request_timeout_ms)
    }

    pub(crate) fn publish_deadline(&self) -> Duration {
        Duration::from_millis(self.publish_deadline_ms)
    }
}

#[cfg(test)]
mod tests;
