//! Roles: what a process of tidings can do, and how the crates are put together for it: a role a file.
//!
//! The only place that knows every crate.

mod campaign;
mod deliver;
mod gateway;
mod janitor;
mod media;
mod pipeline;
mod poll;
mod project;

use std::{sync::Arc, time::Duration};

use anyhow::{Context, bail};
use clap::ValueEnum;
use nats::{Bus, ConnectSettings, Handler, Lane, WorkerSettings};
use schemas::Secret;
use store::{Keyring, Store};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    sync::watch,
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use crate::config::{Config, without_credentials};

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
    /// Campaigns: who is to get them, and when; contacts out of files.
    Campaign,
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
            Role::Campaign => starting.campaign()?,
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

    fn sender_settings(&self) -> anyhow::Result<sinks::channel::Settings> {
        let objects = crate::shelf::Objects::new(&self.config.storage)?;
        let files = crate::media::Source::new(self.store.clone(), objects);
        Ok(sinks::channel::Settings {
            allow_private_urls: self.config.deliver.allow_private_urls,
            files: Some(Arc::new(files)),
        })
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
