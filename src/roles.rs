//! Roles: what a process of tidings can do, and how the crates are put together for it.
//!
//! The only file that knows every crate.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, bail};
use clap::ValueEnum;
use nats::{Bus, ConnectSettings, Forwarder, Handler, Janitor, Lane, WorkerSettings};
use schemas::{Secret, subject};
use sinks::{
    deliver::{Deliver, Senders},
    project::{Conversations, OutboundMessages, Tracking},
};
use store::{Keyring, Store};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    sync::watch,
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use crate::{
    config::{Config, without_credentials},
    directory::Directory,
    lag, media,
    pipeline::Pipeline,
    shelf::{Keeper, Objects, Shelf},
    telemetry,
    tester::Tester,
};

/// What a process can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Role {
    /// Webhooks, REST, documents.
    Gateway,
    /// The stages, from an adapter's bytes to a routed message.
    Pipeline,
    /// Sending.
    Deliver,
    /// Writing into Postgres what the streams hold.
    Project,
    /// Fetching the files of messages.
    Media,
    /// Due messages, advisories, adapters' sign-in.
    Janitor,
    /// Reading channels whose platform does not call: mailboxes, long polls, listeners.
    Poll,
}

impl Role {
    pub(crate) fn all() -> Vec<Self> {
        Self::value_variants().to_vec()
    }
}

/// What the roles of one process share.
pub(crate) struct Wiring {
    pub(crate) bus: Bus,
    pub(crate) store: Store,
    /// Where the gateway listens; made from the settings when absent.
    pub(crate) listener: Option<TcpListener>,
    /// The only pipeline group to run, by its first stage; all of them when absent.
    pub(crate) group: Option<String>,
    /// What the ledger and the leases of channels that are read call this process; its worker name when
    /// absent. A name kept over restarts takes its own claims back at once, and must never be shared by two that live.
    pub(crate) owner: Option<String>,
    /// Signs external adapters in at the broker.
    pub(crate) callout_seed: Option<Secret>,
}

/// Roles at work.
pub(crate) struct Hub {
    tasks: JoinSet<anyhow::Result<()>>,
    stop: CancellationToken,
}

/// How long roles may take to finish what they hold.
const DRAIN: Duration = Duration::from_secs(25);
/// How long a projector waits for more rows: a transaction costs Postgres the same for one as for many.
const GATHER: Duration = Duration::from_millis(5);
/// How long what is being sent may take to be recorded after the lanes have stopped.
const SETTLE: Duration = Duration::from_secs(5);

/// `tidings serve`: connects as the settings say and runs roles until Ctrl-C or SIGTERM.
pub(crate) async fn serve(
    config: Config,
    roles: &[Role],
    group: Option<&str>,
) -> anyhow::Result<()> {
    let keyring = match &config.keys.file {
        Some(file) => Keyring::load_or_create(file)?,
        None => bail!(
            "keys.file is not set: roles that read credentials need the keys they are encrypted with"
        ),
    };
    let wiring = Wiring {
        bus: connect_bus(&config, "tidings").await?,
        store: Store::connect(
            config.postgres.url()?.expose(),
            config.postgres.max_connections,
            keyring,
        )?,
        listener: None,
        group: group.map(str::to_owned),
        owner: None,
        callout_seed: config.nats.callout_seed()?,
    };
    start(&config, wiring, roles, CancellationToken::new())
        .await?
        .until_stopped()
        .await
}

pub(crate) async fn connect_bus(config: &Config, name: &str) -> anyhow::Result<Bus> {
    // The address may hold them, as other NATS clients allow; settings of their own win.
    let (user, password, url) = without_credentials(&config.nats.url);
    let settings = ConnectSettings {
        url,
        user: config.nats.user.clone().or(user),
        password: config.nats.password()?.or(password),
        name: name.to_owned(),
        timeout: config.nats.connect_timeout(),
    };
    Bus::connect(&settings)
        .await
        .context("connecting to the broker")
}

/// Starts roles; they run until `stop`.
pub(crate) async fn start(
    config: &Config,
    mut wiring: Wiring,
    roles: &[Role],
    stop: CancellationToken,
) -> anyhow::Result<Hub> {
    let mut starting = Starting {
        config,
        worker: worker_name(),
        bus: wiring.bus,
        store: wiring.store,
        tasks: JoinSet::new(),
        stop,
    };
    let (bus, stop) = (starting.bus.clone(), starting.stop.clone());
    starting.tasks.spawn(async move {
        bus.watch_room(stop).await;
        Ok(())
    });
    for role in roles {
        match role {
            Role::Gateway => starting.gateway(wiring.listener.take()).await?,
            Role::Pipeline => starting.pipeline(wiring.group.as_deref()).await?,
            Role::Deliver => starting.deliver(wiring.owner.clone()).await?,
            Role::Project => starting.project(),
            Role::Media => starting.media()?,
            Role::Janitor => starting.janitor(wiring.callout_seed.take()),
            Role::Poll => starting.poll(wiring.owner.clone()),
        }
    }
    Ok(Hub {
        tasks: starting.tasks,
        stop: starting.stop,
    })
}

/// The roles of a process while they are put together.
struct Starting<'a> {
    config: &'a Config,
    worker: String,
    bus: Bus,
    store: Store,
    tasks: JoinSet<anyhow::Result<()>>,
    stop: CancellationToken,
}

impl Starting<'_> {
    async fn gateway(&mut self, listener: Option<TcpListener>) -> anyhow::Result<()> {
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
            models: Arc::new(Keeper::new(Objects::new(&self.config.storage)?)),
            tester: Arc::new(Tester::new(self.store.clone(), self.sender_settings())),
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

    async fn pipeline(&mut self, only: Option<&str>) -> anyhow::Result<()> {
        let Some(directory) = Directory::load(self.store.clone(), &self.stop).await else {
            return Ok(());
        };
        let groups = &self.config.pipeline.groups;
        let first_of = |group: &[String]| group.first().cloned().unwrap_or_default();
        if let Some(only) = only
            && !groups.iter().any(|group| first_of(group) == only)
        {
            bail!("no group of pipeline.groups begins with `{only}`");
        }
        let shelf = Arc::new(Shelf::new(
            Arc::clone(&directory),
            self.store.clone(),
            Objects::new(&self.config.storage)?,
            &self.config.storage.cache_folder,
            // Transformers take seconds to load.
            tokio::task::block_in_place(|| inference::Backends::open(&self.config.inference))
                .context("opening the backends")?,
        ));
        let (following, stop) = (Arc::clone(&shelf), self.stop.clone());
        self.tasks.spawn(async move {
            following.follow(stop).await;
            Ok(())
        });
        shelf.filled().await;
        let settings = stages::Settings {
            language: self.config.language.backend.clone(),
        };
        for (place, group) in groups.iter().enumerate() {
            let entry = first_of(group);
            if only.is_some_and(|only| only != entry) {
                continue;
            }
            let names: Vec<&str> = group.iter().map(String::as_str).collect();
            let next = groups
                .get(place + 1)
                .map(|next| first_of(next))
                .and_then(|next| subject::stage::ALL.into_iter().find(|stage| *stage == next));
            let handler = Pipeline::new(
                self.bus.clone(),
                stages::build_with(&names, &settings)?.0,
                next,
                Arc::clone(&directory),
                Arc::clone(&shelf),
                self.worker.clone(),
            );
            self.run(
                &entry,
                self.config.pipeline.max_batch,
                nats::lanes(&entry),
                handler,
            );
        }
        let (bus, stop) = (self.bus.clone(), self.stop.clone());
        self.tasks.spawn(async move {
            directory.follow(bus, stop).await;
            Ok(())
        });
        Ok(())
    }

    async fn deliver(&mut self, owner: Option<String>) -> anyhow::Result<()> {
        let senders = Senders::new(self.store.clone(), self.sender_settings());
        if let Err(error) = senders.refresh(true).await {
            tracing::warn!(%error, "channels cannot be loaded yet");
        }
        let deliver = Arc::new(Deliver::new(
            self.bus.clone(),
            self.store.clone(),
            Arc::clone(&senders),
            owner.unwrap_or_else(|| self.worker.clone()),
        ));
        let settings = self.worker_settings("deliver", self.config.deliver.max_batch);
        let (bus, lanes, stop) = (self.bus.clone(), senders.lanes(), self.stop.clone());
        self.tasks.spawn(async move {
            nats::run_lanes(bus, settings, lanes, Arc::clone(&deliver), stop)
                .await
                .context("the sender")?;
            if !deliver.settle(SETTLE).await {
                tracing::warn!(
                    "some sends were not recorded in time; the ledger says so when it is asked"
                );
            }
            Ok(())
        });
        let (bus, stop) = (self.bus.clone(), self.stop.clone());
        self.tasks.spawn(async move {
            senders.watch(bus, stop).await;
            Ok(())
        });
        Ok(())
    }

    fn project(&mut self) {
        let max = self.config.project.max_batch;
        let (bus, store) = (self.bus.clone(), self.store.clone());
        let conversations = Conversations::new(bus.clone(), store.clone(), self.worker.clone());
        self.run(
            "project-conv",
            max,
            nats::lanes("project-conv"),
            conversations,
        );
        let outbound = OutboundMessages::new(bus.clone(), store.clone());
        self.run("project-out", max, nats::lanes("project-out"), outbound);
        self.run(
            "project-track",
            max,
            nats::lanes("project-track"),
            Tracking::new(bus, store.clone()),
        );
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            sinks::project::look_again(store, stop).await;
            Ok(())
        });
    }

    fn media(&mut self) -> anyhow::Result<()> {
        let objects = Objects::new(&self.config.storage)?;
        let lane = media::Queue::new(self.store.clone(), objects.clone(), &self.config.media)?;
        self.run(subject::MEDIA, 64, nats::lanes(subject::MEDIA), lane);
        let fetcher = media::Fetcher::new(
            self.store.clone(),
            objects,
            self.sender_settings(),
            &self.config.media,
        )?;
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            fetcher.run(stop).await;
            Ok(())
        });
        Ok(())
    }

    fn janitor(&mut self, callout_seed: Option<Secret>) {
        self.run(
            "forward-due",
            256,
            nats::lanes("forward-due"),
            Forwarder::new(self.bus.clone()),
        );
        self.run(
            "janitor",
            256,
            nats::lanes("janitor"),
            Janitor::new(self.bus.clone()),
        );
        if let Some(seed) = callout_seed {
            let (bus, store, stop) = (self.bus.clone(), self.store.clone(), self.stop.clone());
            self.tasks.spawn(async move {
                let decide = |user: String, password: Secret| {
                    let store = store.clone();
                    async move { ingest::adapter::authenticate(&store, &user, &password).await }
                };
                nats::callout::serve(bus, &seed, decide, stop)
                    .await
                    .context("adapters' sign-in")
            });
        }
    }

    fn poll(&mut self, owner: Option<String>) {
        let settings = ingest::poll::Settings {
            allow_private_urls: self.config.deliver.allow_private_urls,
            max_bytes: self.config.gateway.email_body_limit_bytes,
        };
        let (bus, store, stop) = (self.bus.clone(), self.store.clone(), self.stop.clone());
        let worker = owner.unwrap_or_else(|| self.worker.clone());
        self.tasks.spawn(async move {
            ingest::poll::run(bus, store, settings, worker, stop).await;
            Ok(())
        });
    }

    /// Serves this worker's share of fixed lanes.
    fn run<H: Handler>(&mut self, role: &str, max_items: usize, lanes: Vec<Lane>, handler: H) {
        let settings = self.worker_settings(role, max_items);
        let (bus, stop, role) = (self.bus.clone(), self.stop.clone(), role.to_owned());
        self.tasks.spawn(async move {
            // The sender must live as long as the lanes are served.
            let (_lanes, served) = watch::channel(lanes);
            nats::run_lanes(bus, settings, served, Arc::new(handler), stop)
                .await
                .with_context(|| format!("the worker of {role}"))
        });
    }

    fn worker_settings(&self, role: &str, max_items: usize) -> WorkerSettings {
        let projects = role.starts_with("project-");
        WorkerSettings {
            max_items,
            max_wait: if projects { GATHER } else { Duration::ZERO },
            ..WorkerSettings::new(role, &self.worker)
        }
    }

    fn sender_settings(&self) -> sinks::channel::Settings {
        sinks::channel::Settings {
            allow_private_urls: self.config.deliver.allow_private_urls,
        }
    }
}

impl Hub {
    /// Waits for Ctrl-C, SIGTERM, or a role that ended by itself, then drains.
    pub(crate) async fn until_stopped(mut self) -> anyhow::Result<()> {
        let mut terminate = signal(SignalKind::terminate())?;
        let early = tokio::select! {
            _ = tokio::signal::ctrl_c() => None,
            _ = terminate.recv() => None,
            early = self.tasks.join_next() => early,
        };
        self.stop.cancel();
        if let Some(early) = early {
            early??;
            bail!("a role ended by itself");
        }
        tracing::info!("stopping: finishing what is in hand");
        let drained = tokio::time::timeout(DRAIN, async {
            while let Some(role) = self.tasks.join_next().await {
                role??;
            }
            anyhow::Ok(())
        });
        match drained.await {
            Ok(done) => done,
            Err(_) => {
                bail!("some role did not finish within {DRAIN:?}; what it held will be done again")
            }
        }
    }
}

/// A name no other worker has, and that says where it runs.
fn worker_name() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host: String = host
        .trim()
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || *c == '-')
        .take(32)
        .collect();
    let unique = uuid::Uuid::new_v4().simple().to_string();
    let unique = unique.get(..6).unwrap_or_default();
    format!("{host}-{}-{unique}", std::process::id())
}
