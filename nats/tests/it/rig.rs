//! A real nats-server for one test: its own port, store and configuration.

use std::{
    net::TcpListener,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};

use nats::{Bus, ConnectSettings};
use schemas::Secret;
use tokio::time::Instant;

pub(crate) struct Broker {
    dir: tempfile::TempDir,
    child: Option<Child>,
    settings: ConnectSettings,
}

impl Broker {
    pub(crate) fn start() -> Self {
        Self::start_with("")
    }

    /// Starts with more lines in the configuration.
    pub(crate) fn start_with(extra: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let store = dir.path().join("js");
        let config = format!(
            "listen: 127.0.0.1:{port}\nmax_payload: 8MB\nmax_pending: 64MB\n\
             jetstream {{ store_dir: {store:?}, sync_interval: always, max_file: 64GB, max_mem: 256MB }}\n{extra}\n"
        );
        std::fs::write(dir.path().join("server.conf"), config).unwrap();
        let mut broker = Self {
            dir,
            child: None,
            settings: ConnectSettings {
                url: format!("nats://127.0.0.1:{port}"),
                name: "test".to_owned(),
                timeout: Duration::from_secs(20),
                ..ConnectSettings::default()
            },
        };
        broker.restart();
        broker
    }

    pub(crate) fn with_user(mut self, user: &str, password: &str) -> Self {
        self.settings.user = Some(user.to_owned());
        self.settings.password = Some(Secret::new(password));
        self
    }

    /// Kills the server without a warning.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Starts it again on the same port and store.
    pub(crate) fn restart(&mut self) {
        self.kill();
        let child = Command::new(binary())
            .arg("-c")
            .arg(self.dir.path().join("server.conf"))
            .arg("-l")
            .arg(self.dir.path().join("log"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        self.child = Some(child);
    }

    pub(crate) fn settings(&self) -> &ConnectSettings {
        &self.settings
    }

    /// A new bus, as another process would have.
    pub(crate) async fn bus(&self) -> Bus {
        Bus::connect(&self.settings).await.unwrap()
    }

    /// A bus to a provisioned broker.
    pub(crate) async fn provisioned(&self) -> Bus {
        let bus = self.bus().await;
        until("JetStream answers", || async { bus.lag().await.is_ok() }).await;
        nats::provision::apply(&bus, false).await.unwrap();
        bus
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.kill();
    }
}

fn binary() -> PathBuf {
    if let Some(path) = std::env::var_os("TIDINGS_NATS_SERVER") {
        return path.into();
    }
    let fetched = PathBuf::from(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../.tidings/tools/nats-server"
    ));
    if fetched.exists() {
        fetched
    } else {
        "nats-server".into()
    }
}

/// Waits for a condition, at most half a minute.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, condition: impl Fn() -> F) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !condition().await {
        assert!(Instant::now() < deadline, "not in time: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
