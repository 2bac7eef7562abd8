//! The hub under measurement: one started for the purpose in a temporary folder, or a running one.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::process::{Child, Command};

/// The contents of `ready.json`.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Ready {
    pub(crate) url: String,
    pub(crate) key: String,
    pub(crate) nats_url: String,
    pub(crate) postgres_url: String,
    pub(crate) pid: u32,
}

/// A hub to drive.
pub(crate) struct Hub {
    pub(crate) ready: Ready,
    pub(crate) http: reqwest::Client,
    child: Option<Child>,
    folder: PathBuf,
    /// The folder was made for this bench, and goes with it.
    own: bool,
}

/// How long a hub may take to be ready.
const START: Duration = Duration::from_secs(90);

impl Hub {
    /// Starts a hub of its own in a new temporary folder, with these roles.
    pub(crate) async fn start(roles: Option<&str>) -> anyhow::Result<Self> {
        let folder = std::env::temp_dir().join(format!("tidings-bench-{}", std::process::id()));
        tokio::fs::create_dir_all(&folder).await?;
        let mut command = Command::new(std::env::current_exe()?);
        command
            .args(["up", "--listen", "127.0.0.1:0", "--dir"])
            .arg(&folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(folder.join("hub.log"))?)
            .process_group(0);
        if let Some(roles) = roles {
            command.args(["--roles", roles]);
        }
        let mut child = command.spawn().context("starting a hub")?;
        let started = Instant::now();
        let file = folder.join("ready.json");
        while !file.exists() {
            if let Some(status) = child.try_wait()? {
                bail!(
                    "the hub ended before it was ready ({status}); see {}",
                    folder.join("hub.log").display()
                );
            }
            if started.elapsed() > START {
                bail!(
                    "the hub was not ready after {START:?}; see {}",
                    folder.join("hub.log").display()
                );
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let mut hub = Self::at(&folder).await?;
        hub.child = Some(child);
        hub.own = true;
        Ok(hub)
    }

    /// A hub that runs already, by its folder.
    pub(crate) async fn at(folder: &Path) -> anyhow::Result<Self> {
        let file = folder.join("ready.json");
        let text = tokio::fs::read_to_string(&file)
            .await
            .with_context(|| format!("no running hub at {}", folder.display()))?;
        Ok(Self {
            ready: serde_json::from_str(&text).context("reading ready.json")?,
            http: reqwest::Client::builder()
                .timeout(Duration::from_secs(30))
                .build()?,
            child: None,
            folder: folder.to_path_buf(),
            own: false,
        })
    }

    /// The keys its credentials are encrypted with.
    pub(crate) fn keys_file(&self) -> PathBuf {
        self.folder.join(crate::up::KEYS_FILE)
    }

    /// `host:port` of the gateway.
    pub(crate) fn address(&self) -> &str {
        self.ready
            .url
            .trim_start_matches("http://")
            .trim_end_matches('/')
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let answer = self
            .http
            .post(format!("{}{path}", self.ready.url.trim_end_matches('/')))
            .bearer_auth(&self.ready.key)
            .json(body)
            .send()
            .await?;
        let status = answer.status();
        let text = answer.text().await?;
        if !status.is_success() {
            bail!("POST {path} answered {status}: {text}");
        }
        Ok(serde_json::from_str(&text)?)
    }

    pub(crate) async fn get(&self, path: &str) -> anyhow::Result<Value> {
        let answer = self
            .http
            .get(format!("{}{path}", self.ready.url.trim_end_matches('/')))
            .bearer_auth(&self.ready.key)
            .send()
            .await?
            .error_for_status()?;
        Ok(answer.json().await?)
    }

    /// Creates a channel and gives its id.
    pub(crate) async fn channel(
        &self,
        kind: &str,
        name: &str,
        more: Value,
    ) -> anyhow::Result<schemas::ChannelId> {
        let mut body = json!({"type": kind, "name": name});
        if let (Some(body), Value::Object(more)) = (body.as_object_mut(), more) {
            body.extend(more);
        }
        let created = self.post("/api/v1/channels", &body).await?;
        let id = created
            .get("id")
            .and_then(Value::as_str)
            .context("the channel has no id")?;
        Ok(id.parse()?)
    }

    /// Stops a hub started by [`Hub::start`] and removes its folder.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        let own = self.own;
        let folder = self.stop_and_keep().await?;
        if own {
            tokio::fs::remove_dir_all(folder).await?;
        }
        Ok(())
    }

    /// Stops a hub started by [`Hub::start`]; its folder, with its logs and all its data, stays to be looked at.
    pub(crate) async fn stop_and_keep(mut self) -> anyhow::Result<PathBuf> {
        if let Some(child) = &mut self.child {
            if let Some(pid) = child.id() {
                kill(Pid::from_raw(i32::try_from(pid)?), Signal::SIGTERM)?;
            }
            child.wait().await?;
        }
        Ok(self.folder)
    }
}
