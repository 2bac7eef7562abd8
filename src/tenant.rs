//! `tidings tenant`: tenants of a hub whose servers are its own affair (`tidings serve`).
//!
//! A hub of `tidings up` has one from the start. Deliberately absent: renaming and deleting.

use anyhow::Context;
use clap::Subcommand;
use schemas::TenantId;
use store::{Keyring, Store};

use crate::{cli::print, config::Config};

#[derive(Debug, Subcommand)]
pub(crate) enum TenantCommand {
    /// Make a tenant and its first admin key, which is shown once.
    Create {
        /// Unique among the tenants.
        name: String,
    },
    /// All tenants, oldest first.
    List,
}

/// Runs one of the commands against the database of the settings.
pub(crate) async fn run(config: &Config, command: TenantCommand) -> anyhow::Result<()> {
    // No credentials are read or written here, so the key does not matter.
    let store = Store::connect(config.postgres.url()?.expose(), 2, Keyring::ephemeral())?;
    match command {
        TenantCommand::Create { name } => {
            let tenant = store::tenant::create(&store, &name)
                .await
                .with_context(|| format!("making the tenant {name}"))?;
            let (_, key) =
                store::api_key::create(&store, tenant.id, "first admin", "admin", None).await?;
            store::audit::record(
                &store,
                tenant.id,
                "tidings tenant",
                "tenant.create",
                &tenant.name,
                None,
            )
            .await?;
            print(&format!(
                "tenant      {}   {}\nadmin key   {}   (shown once)\n",
                tenant.id,
                tenant.name,
                key.expose()
            ))
        }
        TenantCommand::List => {
            for tenant in store::tenant::list(&store).await? {
                print(&format!("{}  {}\n", tenant.id, tenant.name))?;
            }
            Ok(())
        }
    }
}

/// The tenant of this id or name.
///
/// # Errors
/// When there is none.
pub(crate) async fn find(store: &Store, who: &str) -> anyhow::Result<TenantId> {
    let id: Option<TenantId> = who.parse().ok();
    store::tenant::list(store)
        .await?
        .into_iter()
        .find(|tenant| Some(tenant.id) == id || tenant.name == who)
        .map(|tenant| tenant.id)
        .with_context(|| format!("there is no tenant {who}; `tidings tenant list` shows them"))
}
