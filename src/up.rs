//! `tidings up`: a whole hub on one machine, from nothing.
//!
//! Starts the private broker and database, migrates, provisions, makes the first tenant with its
//! admin key and a sandbox channel, runs the roles, and says where it is. A second start finds all
//! of it again.

use std::{net::SocketAddr, path::Path};

use anyhow::Context;
use schemas::{ChannelKind, ChannelStatus, Secret};
use serde_json::json;
use store::{Keyring, Store, channel::ChannelNew};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{
    cli::print,
    config::Config,
    embedded::{Embedded, Ready},
    roles::{self, Role, Wiring},
};

/// The keys that credentials are encrypted with, in the hub's folder.
pub(crate) const KEYS_FILE: &str = "keys.json";
/// The first tenant's admin key, in the hub's folder.
const ADMIN_KEY_FILE: &str = "admin.key";
const FIRST_TENANT: &str = "default";

/// Runs until Ctrl-C or SIGTERM.
pub(crate) async fn run(
    mut config: Config,
    dir: &Path,
    listen: Option<SocketAddr>,
    roles: &[Role],
) -> anyhow::Result<()> {
    let listen = listen.unwrap_or(config.gateway.listen);
    // Taken first: a port in use is found out before anything is started.
    let listener = TcpListener::bind(listen).await.with_context(|| {
        format!("cannot listen on {listen}; another program may have the port: choose one with --listen 127.0.0.1:PORT")
    })?;
    let address = listener.local_addr()?;
    // Who can reach this hub sits at this machine, and may point channels at servers on it.
    config.deliver.allow_private_urls |= address.ip().is_loopback();
    let embedded = Embedded::start(dir, &config.embedded).await?;
    let started = Box::pin(start(&mut config, dir, &embedded, listener, roles)).await;
    let outcome = match started {
        Ok((hub, key, first_start)) => {
            let url = format!("http://{address}");
            embedded.folder().write_ready(&Ready {
                url: &url,
                key: key.expose(),
                nats_url: embedded.nats().url_with_credentials().expose(),
                postgres_url: embedded.postgres_url().expose(),
                pid: std::process::id(),
            })?;
            greet(&url, dir, &key, first_start)?;
            hub.until_stopped().await
        }
        Err(error) => Err(error),
    };
    embedded.stop().await?;
    outcome
}

async fn start(
    config: &mut Config,
    dir: &Path,
    embedded: &Embedded,
    listener: TcpListener,
    roles: &[Role],
) -> anyhow::Result<(roles::Hub, Secret, bool)> {
    let keys = dir.join(KEYS_FILE);
    let nats = embedded.nats();
    config.point_at(
        nats.url_with_credentials().expose(),
        embedded.postgres_local_url().expose(),
        &keys,
    );
    config.keep_in(embedded.folder().path());
    let store = Store::connect(
        embedded.postgres_local_url().expose(),
        config.postgres.max_connections,
        Keyring::load_or_create(&keys)?,
    )?;
    let migrated = async {
        store.migrate().await.context("migrating the database")?;
        first_tenant(&store, embedded).await
    };
    let provisioned = async {
        let bus = roles::connect_bus(config, "tidings").await?;
        nats::provision::apply(&bus, false)
            .await
            .context("provisioning the broker")?;
        anyhow::Ok(bus)
    };
    let ((key, first_start), bus) = tokio::try_join!(migrated, provisioned)?;
    let wiring = Wiring {
        bus,
        store,
        listener: Some(listener),
        group: None,
        // The folder's lock sees to it that there is one.
        owner: Some("up".to_owned()),
        callout_seed: Some(nats.callout_seed.clone()),
    };
    let hub = roles::start(config, wiring, roles, CancellationToken::new()).await?;
    Ok((hub, key, first_start))
}

/// The first tenant, its admin key and its sandbox channel; makes what is missing.
async fn first_tenant(store: &Store, embedded: &Embedded) -> anyhow::Result<(Secret, bool)> {
    let tenant = store::tenant::ensure_first(store, FIRST_TENANT).await?;
    let file = embedded.folder().path().join(ADMIN_KEY_FILE);
    if let Ok(text) = std::fs::read_to_string(&file) {
        let key = Secret::new(text.trim());
        if store::api_key::find_by_token(store, key.expose())
            .await?
            .is_some()
        {
            return Ok((key, false));
        }
    }
    let (_, key) = store::api_key::create(store, tenant.id, "first admin", "admin", None).await?;
    embedded
        .folder()
        .write(ADMIN_KEY_FILE, format!("{}\n", key.expose()).as_bytes())?;
    let sandbox = ChannelNew {
        kind: ChannelKind::Sandbox,
        name: "Sandbox".to_owned(),
        provider: None,
        config: json!({}),
        credentials: None,
        status: ChannelStatus::Active,
        assigned_agent_id: None,
        auto_response_enabled: false,
        metadata: None,
    };
    let channel = store::channel::create(store, tenant.id, sandbox).await?;
    store::audit::record(
        store,
        tenant.id,
        "tidings up",
        "channel.create",
        &channel.id.to_string(),
        None,
    )
    .await?;
    Ok((key, true))
}

fn greet(url: &str, dir: &Path, key: &Secret, first_start: bool) -> anyhow::Result<()> {
    let shown = if first_start {
        format!(
            "  admin key   {}   (shown once; kept in {}/{ADMIN_KEY_FILE})\n",
            key.expose(),
            dir.display()
        )
    } else {
        format!("  admin key   in {}/{ADMIN_KEY_FILE}\n", dir.display())
    };
    print(&format!(
        "tidings is up\n\n  API         {url}/api/v1\n  docs        {url}/docs\n{shown}  stop with   Ctrl-C\n\n"
    ))
}
