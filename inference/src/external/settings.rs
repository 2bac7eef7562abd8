//! What the settings say of a service.

use std::path::PathBuf;

use reqwest::Url;
use schemas::{Secret, Task};
use serde::Deserialize;

const MAX_LABELS: usize = 1000;
const MAX_TIMEOUT_MS: u64 = 60_000;

/// `[inference.external.NAME]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Where to POST; http or https.
    pub url: String,
    pub task: Task,
    /// What the service may answer; anything else is not heard.
    pub labels: Vec<String>,
    /// Whether several labels may hold at once.
    #[serde(default)]
    pub many: bool,
    /// For many: the probability from which a label holds.
    #[serde(default = "default_threshold")]
    pub threshold: f32,
    /// What the request calls the model; the backend's name when absent.
    pub model: Option<String>,
    /// A file with a token and nothing else, sent as `Authorization: Bearer`.
    pub token_file: Option<PathBuf>,
    /// How long texts wait for their answers in all.
    #[serde(default = "default_timeout_ms")]
    pub timeout_ms: u64,
    /// Texts in one request.
    #[serde(default = "default_max_batch")]
    pub max_batch: usize,
    /// After so many failures in a row the service is left alone …
    #[serde(default = "default_failures")]
    pub failures: u32,
    /// … for so long.
    #[serde(default = "default_pause_ms")]
    pub pause_ms: u64,
}

fn default_threshold() -> f32 {
    0.5
}
fn default_timeout_ms() -> u64 {
    1000
}
fn default_max_batch() -> usize {
    32
}
fn default_failures() -> u32 {
    5
}
fn default_pause_ms() -> u64 {
    5000
}

/// Why a service cannot be used as the settings say.
#[derive(Debug, thiserror::Error)]
pub enum Misconfigured {
    #[error("url is none")]
    Url(#[source] url::ParseError),
    #[error(
        "url must begin with http:// or https:// and hold no user or password; a token goes into token_file"
    )]
    Scheme,
    #[error("labels must be 1 to {MAX_LABELS} different names")]
    Labels,
    #[error("{0} must be from {1} to {2}")]
    Bounds(&'static str, f64, f64),
    #[error("token_file cannot be read")]
    Token(#[source] std::io::Error),
    #[error("the HTTP client cannot be made")]
    Client(#[source] reqwest::Error),
    #[error("its thread cannot be started")]
    Thread(#[source] std::io::Error),
}

impl Settings {
    /// For a measurement: waits as long as can be set, and never leaves the service alone.
    pub(super) fn patient(url: &str, task: Task, labels: Vec<String>, many: bool) -> Self {
        Self {
            url: url.to_owned(),
            task,
            labels,
            many,
            threshold: default_threshold(),
            model: None,
            token_file: None,
            timeout_ms: MAX_TIMEOUT_MS,
            max_batch: default_max_batch(),
            failures: u32::MAX,
            pause_ms: 0,
        }
    }

    pub(super) fn check(&self) -> Result<(), Misconfigured> {
        let mut names = self.labels.clone();
        names.sort_unstable();
        names.dedup();
        if names.is_empty() || names.len() != self.labels.len() || names.len() > MAX_LABELS {
            return Err(Misconfigured::Labels);
        }
        for (name, value, least, most) in [
            ("threshold", f64::from(self.threshold), 0.0, 1.0),
            (
                "timeout_ms",
                self.timeout_ms as f64,
                10.0,
                MAX_TIMEOUT_MS as f64,
            ),
            ("max_batch", self.max_batch as f64, 1.0, 32.0),
            (
                "failures",
                f64::from(self.failures),
                1.0,
                f64::from(u32::MAX),
            ),
            ("pause_ms", self.pause_ms as f64, 0.0, 3_600_000.0),
        ] {
            if !(least..=most).contains(&value) {
                return Err(Misconfigured::Bounds(name, least, most));
            }
        }
        Ok(())
    }

    pub(super) fn url(&self) -> Result<Url, Misconfigured> {
        let url: Url = self.url.parse().map_err(Misconfigured::Url)?;
        let bare = url.username().is_empty() && url.password().is_none();
        if matches!(url.scheme(), "http" | "https") && bare {
            Ok(url)
        } else {
            Err(Misconfigured::Scheme)
        }
    }

    pub(super) fn token(&self) -> Result<Option<Secret>, Misconfigured> {
        self.token_file
            .as_ref()
            .map(|file| std::fs::read_to_string(file).map(|token| Secret::new(token.trim())))
            .transpose()
            .map_err(Misconfigured::Token)
    }
}
