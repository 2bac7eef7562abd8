//! A gateway on a real nats-server, with a database that is down: what works then, and the answers of
//! everything that needs no rows. Whole hubs are tested from outside.

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{HeaderMap, Request, StatusCode},
};
use bytes::Bytes;
use futures::{FutureExt as _, future::BoxFuture, stream::BoxStream};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode, get_current_timestamp};
use nats::{Bus, ConnectSettings};
use schemas::{ImportId, MediaId, Secret, TenantId, Understanding};
use serde_json::{Value, json};
use store::{Keyring, Store, channel::ChannelRow, media::MediaStored};
use tower::ServiceExt as _;

use crate::{
    ChannelTest, ChannelTester, Deps, ImportKeeper, Interrupted, JwtSettings, MediaKeeper,
    ModelKeeper, ModelRead, NotKept, Opened, SettingRefused, Settings, StorageDown, Unopened,
    hub::Hub, router::router,
};

pub(crate) const SECRET: &str = "0123456789abcdef0123456789abcdef";
pub(crate) const TENANT: &str = "00000000-0000-0000-0000-000000000007";

pub(crate) struct Rig {
    pub(crate) hub: Arc<Hub>,
    router: Router,
    _parts: Parts,
}

/// What has to stay while a gateway runs.
pub(crate) struct Parts {
    broker: Child,
    _folder: tempfile::TempDir,
}

struct Untested;

impl ChannelTester for Untested {
    fn open(
        &self,
        _: ChannelRow,
        _: Option<Value>,
        _: String,
    ) -> BoxFuture<'_, Result<Option<Opened>, Unopened>> {
        async { Ok(None) }.boxed()
    }

    fn typing(
        &self,
        _: ChannelRow,
        _: Option<Value>,
        _: String,
        _: Option<String>,
    ) -> BoxFuture<'_, bool> {
        async { true }.boxed()
    }

    fn test(
        &self,
        _: ChannelRow,
        _: Option<Value>,
        _: Option<String>,
    ) -> BoxFuture<'_, ChannelTest> {
        let answer = ChannelTest {
            success: true,
            account: None,
            detail: "not tried".into(),
        };
        async { answer }.boxed()
    }
}

/// Takes no settings and no files, and has none.
struct Nothing;

impl ModelKeeper for Nothing {
    fn check(&self, _: &Understanding) -> Result<(), SettingRefused> {
        Err(SettingRefused {
            pointer: "/languages/0".into(),
            detail: "No.".into(),
        })
    }

    fn inspect(&self, _: Bytes) -> BoxFuture<'_, Result<ModelRead, String>> {
        async { Err("it is not".into()) }.boxed()
    }

    fn put(&self, _: TenantId, _: String, _: Bytes) -> BoxFuture<'_, Result<(), StorageDown>> {
        async { Err(StorageDown) }.boxed()
    }

    fn get(&self, _: TenantId, _: String) -> BoxFuture<'_, Result<Option<Bytes>, StorageDown>> {
        async { Ok(None) }.boxed()
    }

    fn delete(&self, _: TenantId, _: String) -> BoxFuture<'_, Result<(), StorageDown>> {
        async { Ok(()) }.boxed()
    }
}

impl MediaKeeper for Nothing {
    fn max_bytes(&self) -> usize {
        1024
    }

    fn put(
        &self,
        _: TenantId,
        _: MediaId,
        _: Option<String>,
        _: Bytes,
    ) -> BoxFuture<'_, Result<MediaStored, StorageDown>> {
        async { Err(StorageDown) }.boxed()
    }

    fn get(&self, _: TenantId, _: MediaId) -> BoxFuture<'_, Result<Option<Bytes>, StorageDown>> {
        async { Ok(None) }.boxed()
    }
}

impl ImportKeeper for Nothing {
    fn max_bytes(&self) -> u64 {
        1024
    }

    fn keep<'a>(
        &'a self,
        _: TenantId,
        _: ImportId,
        _: BoxStream<'a, Result<Bytes, Interrupted>>,
    ) -> BoxFuture<'a, Result<u64, NotKept>> {
        async { Err(StorageDown.into()) }.boxed()
    }
}

/// An answer, read.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }

    /// Asserts that this is a problem detail with this status.
    #[track_caller]
    pub(crate) fn problem(&self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        assert_eq!(self.headers["content-type"], "application/problem+json");
        let problem = self.json();
        assert_eq!(problem["status"], status);
        assert!(
            problem["type"]
                .as_str()
                .unwrap()
                .starts_with("urn:tidings:problem:")
        );
        assert!(problem["title"].is_string() && problem["detail"].is_string());
        problem
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

fn binary() -> PathBuf {
    if let Some(path) = std::env::var_os("TIDINGS_NATS_SERVER") {
        return path.into();
    }
    let installed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.tidings/tools/nats-server");
    if installed.exists() {
        installed
    } else {
        "nats-server".into()
    }
}

impl Rig {
    pub(crate) async fn start() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let (deps, parts) = deps(change).await;
        let hub = Arc::new(Hub::new(deps).unwrap());
        Self {
            router: router(Arc::clone(&hub)),
            hub,
            _parts: parts,
        }
    }

    /// The streams, as the program provisions them.
    pub(crate) async fn provision(&self) {
        nats::provision::apply(&self.hub.bus, false).await.unwrap();
    }

    pub(crate) async fn ask(&self, request: Request<Body>) -> Answer {
        let (parts, body) = self
            .router
            .clone()
            .oneshot(request)
            .await
            .unwrap()
            .into_parts();
        let bytes = to_bytes(body, usize::MAX).await.unwrap();
        Answer {
            status: parts.status,
            headers: parts.headers,
            text: String::from_utf8_lossy(&bytes).into_owned(),
        }
    }

    pub(crate) async fn get(&self, path: &str, token: &str) -> Answer {
        self.ask(request("GET", path, token, Body::empty())).await
    }

    pub(crate) async fn post(&self, path: &str, token: &str, body: impl Into<Body>) -> Answer {
        self.ask(request("POST", path, token, body.into())).await
    }
}

/// A broker, and a gateway's parts around it.
pub(crate) async fn deps(change: impl FnOnce(&mut Settings)) -> (Deps, Parts) {
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    // What the streams reserve must not depend on how full this machine's disk is.
    let config = folder.path().join("server.conf");
    let store = folder.path().join("js");
    std::fs::write(
        &config,
        format!(
            "jetstream {{ store_dir: \"{}\", max_file_store: 1TB }}",
            store.display()
        ),
    )
    .unwrap();
    let broker = Command::new(binary())
        .args(["-a", "127.0.0.1", "-p", &port.to_string(), "-c"])
        .arg(&config)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let bus = Bus::connect(&ConnectSettings {
        url: format!("nats://127.0.0.1:{port}"),
        name: "test".into(),
        timeout: Duration::from_secs(20),
        ..ConnectSettings::default()
    })
    .await
    .unwrap();
    let keyring = Keyring::load_or_create(&folder.path().join("keys.json")).unwrap();
    // A port at which nobody listens.
    let url = format!("postgres://nobody@127.0.0.1:{}/none", free_port());
    let mut settings = Settings {
        publish_deadline: Duration::from_millis(700),
        jwt: JwtSettings {
            hs256_secret: Some(Secret::new(SECRET)),
            ..JwtSettings::default()
        },
        ..Settings::default()
    };
    change(&mut settings);
    let deps = Deps {
        store: Store::connect(&url, 2, keyring).unwrap(),
        bus,
        settings,
        tester: Arc::new(Untested),
        models: Arc::new(Nothing),
        media: Arc::new(Nothing),
        imports: Arc::new(Nothing),
        metrics: Arc::new(|| "# no metrics\n".to_owned()),
    };
    let parts = Parts {
        broker,
        _folder: folder,
    };
    (deps, parts)
}

impl Drop for Parts {
    fn drop(&mut self) {
        drop(self.broker.kill());
        drop(self.broker.wait());
    }
}

pub(crate) fn request(method: &str, path: &str, token: &str, body: Body) -> Request<Body> {
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header("content-type", "application/json");
    if !token.is_empty() {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    request.body(body).unwrap()
}

/// A token of this role.
pub(crate) fn token(role: &str) -> String {
    let claims = json!({"sub": "test", "tenant": TENANT, "role": role, "exp": get_current_timestamp() + 600});
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    encode(&Header::new(Algorithm::HS256), &claims, &key).unwrap()
}
