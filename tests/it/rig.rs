//! Starts a whole hub (real nats-server, real Postgres) in a temporary folder, as a user would.
//!
//! *Invariant:* a test ends with [`Hub::done`], which asserts that every consumer has caught up and
//! that no dead letter is left unless the test expects some; a hub dropped otherwise fails the test.

use std::{
    future::Future,
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::{Child, Command};

/// How long anything in a test may take before it counts as never.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Hub {
    pub(crate) url: String,
    pub(crate) key: String,
    pub(crate) nats_url: String,
    pub(crate) pid: u32,
    pub(crate) http: Client,
    folder: Option<TempDir>,
    child: Option<Child>,
    expected_dead_letters: usize,
}

impl Hub {
    /// A hub with every role in one process.
    pub(crate) async fn start() -> Self {
        Self::start_with(&[], &[]).await
    }

    /// A hub with more arguments and environment.
    pub(crate) async fn start_with(args: &[&str], env: &[(&str, &str)]) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("tidings-it-")
            .tempdir()
            .unwrap();
        Self::start_in(folder, args, env).await
    }

    /// A hub in a folder that may have held one before.
    pub(crate) async fn start_in(folder: TempDir, args: &[&str], env: &[(&str, &str)]) -> Self {
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            // Another test may install it at the same moment, which is as good.
            drop(rustls::crypto::ring::default_provider().install_default());
        }
        let ready = folder.path().join("ready.json");
        drop(std::fs::remove_file(&ready));
        let mut child = up(folder.path(), args, env);
        let started = Instant::now();
        while !ready.exists() {
            if let Some(status) = child.try_wait().unwrap() {
                panic!("the hub ended with {status}:\n{}", log(folder.path()));
            }
            assert!(
                started.elapsed() < PATIENCE,
                "the hub is not ready:\n{}",
                log(folder.path())
            );
            tokio::time::interval(Duration::from_millis(20))
                .tick()
                .await;
            tokio::task::yield_now().await;
        }
        let ready: Value = serde_json::from_slice(&std::fs::read(&ready).unwrap()).unwrap();
        let text = |name: &str| ready[name].as_str().unwrap().to_owned();
        Self {
            url: text("url").trim_end_matches('/').to_owned(),
            key: text("key"),
            nats_url: text("nats_url"),
            pid: u32::try_from(ready["pid"].as_u64().unwrap()).unwrap(),
            http: Client::builder()
                .timeout(Duration::from_secs(20))
                .build()
                .unwrap(),
            folder: Some(folder),
            child: Some(child),
            expected_dead_letters: 0,
        }
    }

    pub(crate) fn dir(&self) -> &Path {
        self.folder.as_ref().unwrap().path()
    }

    pub(crate) fn expect_dead_letters(&mut self, count: usize) {
        self.expected_dead_letters = count;
    }

    /// A request with the admin key.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.request_by(&self.key, method, path)
    }

    /// A request with a key.
    pub(crate) fn request_by(&self, key: &str, method: Method, path: &str) -> RequestBuilder {
        self.http
            .request(method, format!("{}{path}", self.url))
            .bearer_auth(key)
    }

    /// A platform's call of a channel's webhook.
    pub(crate) fn webhook(&self, channel: &str) -> RequestBuilder {
        self.http
            .post(format!("{}/api/v1/webhooks/{channel}", self.url))
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        body_of(self.request(Method::GET, path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Value {
        body_of(self.request(Method::POST, path).json(body)).await
    }

    /// Creates a channel and gives its id.
    pub(crate) async fn channel(&self, kind: &str, more: Value) -> String {
        let mut body = json!({"type": kind, "name": format!("test {kind}")});
        body.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        self.post("/api/v1/channels", &body).await["id"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// Waits until `path` answers with something `wanted` accepts, and gives that.
    pub(crate) async fn until<T>(&self, path: &str, wanted: impl Fn(&Value) -> Option<T>) -> T {
        let last = std::cell::RefCell::new(Value::Null);
        let found = until_some(|| async {
            let answer = self.request(Method::GET, path).send().await.ok()?;
            let body: Value = answer.json().await.ok()?;
            let found = wanted(&body);
            last.replace(body);
            found
        })
        .await;
        found.unwrap_or_else(|| {
            panic!(
                "GET {path} never answered as wanted; last: {}",
                last.borrow()
            )
        })
    }

    /// Pids of the direct children of the hub with this name.
    pub(crate) fn children(&self, name: &str) -> Vec<i32> {
        std::fs::read_dir("/proc")
            .unwrap()
            .flatten()
            .filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok())
            .filter(|pid| {
                let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
                let parent = stat
                    .rsplit(')')
                    .next()
                    .and_then(|rest| rest.split_whitespace().nth(1))
                    .and_then(|parent| parent.parse::<u32>().ok());
                stat.contains(&format!("({name})")) && parent == Some(self.pid)
            })
            .collect()
    }

    /// Sends a signal to the hub itself.
    pub(crate) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(i32::try_from(self.pid).unwrap()), signal).unwrap();
    }

    /// Ends the hub with SIGKILL and gives its folder.
    pub(crate) async fn kill(mut self) -> TempDir {
        let mut child = self.child.take().unwrap();
        child.start_kill().unwrap();
        child.wait().await.unwrap();
        self.folder.take().unwrap()
    }

    /// Everything is acknowledged, nothing is dead that should not be; then stops the hub cleanly.
    pub(crate) async fn done(mut self) {
        let caught_up = until_some(|| async {
            let answer = self
                .http
                .get(format!("{}/metrics", self.url))
                .send()
                .await
                .ok()?;
            let text = answer.text().await.ok()?;
            let waiting = text
                .lines()
                .filter(|line| {
                    line.starts_with("tidings_consumer_pending{")
                        || line.starts_with("tidings_consumer_ack_pending{")
                })
                .any(|line| !line.ends_with(" 0"));
            (!waiting && text.contains("tidings_consumer_pending{")).then_some(())
        })
        .await;
        assert!(
            caught_up.is_some(),
            "some consumer never caught up:\n{}",
            log(self.dir())
        );
        let letters = self.get("/api/v1/dlq").await;
        assert_eq!(
            letters.as_array().unwrap().len(),
            self.expected_dead_letters,
            "dead letters: {letters}"
        );
        self.signal(Signal::SIGTERM);
        let mut child = self.child.take().unwrap();
        let status = child.wait().await.unwrap();
        assert!(
            status.success(),
            "the hub stopped with {status}:\n{}",
            log(self.dir())
        );
        assert!(
            !self.dir().join("ready.json").exists(),
            "ready.json is left after a clean stop"
        );
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            drop(child.start_kill());
            if !std::thread::panicking() {
                panic!("a test must end with Hub::done or Hub::kill");
            }
        }
    }
}

/// Sends a request that must succeed, and gives the body of the answer.
pub(crate) async fn body_of(request: RequestBuilder) -> Value {
    let answer = request.send().await.unwrap();
    let (status, url) = (answer.status(), answer.url().clone());
    let text = answer.text().await.unwrap();
    assert!(status.is_success(), "{}: {status} {text}", url.path());
    serde_json::from_str(&text).unwrap()
}

/// `tidings up` in a folder; its log goes to `hub.log` there.
pub(crate) fn up(folder: &Path, args: &[&str], env: &[(&str, &str)]) -> Child {
    let file = std::fs::File::options()
        .create(true)
        .append(true)
        .open(folder.join("hub.log"))
        .unwrap();
    Command::new(env!("CARGO_BIN_EXE_tidings"))
        .args(["up", "--listen", "127.0.0.1:0", "--dir"])
        .arg(folder)
        .args(args)
        .envs(env.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(file)
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

/// Tests a condition until it gives something, or gives up after [`PATIENCE`].
pub(crate) async fn until_some<T, F: Future<Output = Option<T>>>(
    condition: impl Fn() -> F,
) -> Option<T> {
    let mut ticks = tokio::time::interval(Duration::from_millis(25));
    let started = Instant::now();
    while started.elapsed() < PATIENCE {
        ticks.tick().await;
        if let Some(found) = condition().await {
            return Some(found);
        }
    }
    None
}

fn log(folder: &Path) -> String {
    std::fs::read_to_string(folder.join("hub.log")).unwrap_or_default()
}

/// A Telegram update with a text message.
pub(crate) fn telegram(chat: i64, message: i64, text: &str) -> Value {
    json!({
        "update_id": message,
        "message": {
            "message_id": message,
            "from": {"id": chat, "is_bot": false, "first_name": "Ada", "last_name": "Lovelace", "language_code": "en"},
            "chat": {"id": chat, "first_name": "Ada", "last_name": "Lovelace", "type": "private"},
            "date": 1_736_332_200,
            "text": text
        }
    })
}
