//! The command line: commands and roles, nothing else; settings are in `config`.

use std::{
    io::Write,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use clap::{Parser, Subcommand};
use nats::Bus;
use schemas::TenantId;
use serde_json::json;
use store::Store;

use crate::{
    bench::{self, Bench},
    config::Config,
    contacts::{self, ContactsCommand, Target},
    dkim::{self, DkimOptions},
    labels::{self, LabelsCommand},
    model::ModelCommand,
    replay::{self, ReplayCommand},
    roles::{self, Role},
    sandbox::{self, SandboxOptions},
    shelf, telemetry,
    tenant::{self, TenantCommand},
    up,
};

/// A communication hub: every channel in, understood, routed, answered and tracked.
#[derive(Debug, Parser)]
#[command(name = "tidings", version)]
pub(crate) struct Cli {
    /// A settings file; see `tidings config` for every key.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Commands,
}

#[derive(Debug, Subcommand)]
enum Commands {
    #[command(flatten)]
    Hub(Command),
    #[command(flatten)]
    Model(ModelCommand),
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run everything on this machine, with a private broker and database in a folder.
    Up {
        /// Where everything is kept.
        #[arg(long, default_value = ".tidings")]
        dir: PathBuf,
        /// Address of the gateway; port 0 takes any free one.
        #[arg(long, value_name = "ADDR")]
        listen: Option<SocketAddr>,
        /// Roles to run in this process.
        #[arg(long, value_delimiter = ',', value_enum)]
        roles: Option<Vec<Role>>,
    },
    /// Run roles against the broker and the database of the settings.
    Serve {
        /// Roles to run in this process.
        #[arg(long, value_delimiter = ',', value_enum)]
        roles: Option<Vec<Role>>,
        /// For the role pipeline: the first stage of the only group to run, when groups run apart.
        #[arg(long, value_name = "STAGE")]
        group: Option<String>,
    },
    /// Bring the database's schema up to date.
    Migrate,
    /// Tenants, and each one's first key.
    Tenant {
        #[command(subcommand)]
        command: TenantCommand,
        /// The folder of a running `tidings up`; otherwise the settings say where the database is.
        #[arg(long, global = true)]
        dir: Option<PathBuf>,
    },
    /// A tenant's own models.
    Models {
        #[command(subcommand)]
        command: shelf::ModelsCommand,
        /// Whose; an id or a name. `tidings up` begins with `default`.
        #[arg(long, global = true, default_value = "default")]
        tenant: String,
        /// The folder of a running `tidings up`; otherwise the settings say where everything is.
        #[arg(long, global = true)]
        dir: Option<PathBuf>,
    },
    /// What people said messages are, as training data.
    Labels {
        #[command(subcommand)]
        command: LabelsCommand,
        /// Whose; an id or a name. `tidings up` begins with `default`.
        #[arg(long, global = true, default_value = "default")]
        tenant: String,
        /// The folder of a running `tidings up`; otherwise the settings say where the database is.
        #[arg(long, global = true)]
        dir: Option<PathBuf>,
    },
    /// What the stored messages would have been.
    Replay {
        #[command(subcommand)]
        command: ReplayCommand,
        /// Whose; an id or a name. `tidings up` begins with `default`.
        #[arg(long, global = true, default_value = "default")]
        tenant: String,
        /// The folder of a running `tidings up`; otherwise the settings say where everything is.
        #[arg(long, global = true)]
        dir: Option<PathBuf>,
    },
    /// Files of contacts, into a hub and out of it.
    Contacts {
        #[command(subcommand)]
        command: ContactsCommand,
        #[command(flatten)]
        target: Target,
    },
    /// JetStream as code.
    Nats {
        #[command(subcommand)]
        command: NatsCommand,
    },
    /// The keys that credentials are encrypted with.
    Keys {
        #[command(subcommand)]
        command: KeysCommand,
    },
    /// Dead letters.
    Dlq {
        #[command(subcommand)]
        command: DlqCommand,
        /// The folder of a running `tidings up`; otherwise the settings say where the broker is.
        #[arg(long, global = true)]
        dir: Option<PathBuf>,
    },
    Sandbox(SandboxOptions),
    Dkim(DkimOptions),
    /// Measure this machine.
    Bench {
        #[command(subcommand)]
        bench: Bench,
    },
    /// Print every setting with its default.
    Config,
}

#[derive(Debug, Subcommand)]
enum NatsCommand {
    /// Show how the broker differs from the files.
    Diff {
        /// The folder of a running `tidings up`.
        #[arg(long)]
        dir: Option<PathBuf>,
    },
    /// Make the broker equal to the files.
    Apply {
        #[arg(long)]
        dir: Option<PathBuf>,
        /// Also make changes that may lose messages.
        #[arg(long)]
        force: bool,
    },
}

#[derive(Debug, Subcommand)]
enum KeysCommand {
    /// Add a key, make it the current one and encrypt every credential again.
    Rotate {
        /// The folder of `tidings up`.
        #[arg(long)]
        dir: Option<PathBuf>,
    },
}

#[derive(Debug, Subcommand)]
enum DlqCommand {
    /// The newest dead letters.
    List {
        #[arg(long)]
        tenant: Option<TenantId>,
        #[arg(long, default_value_t = 50)]
        limit: usize,
        /// Only letters before this number.
        #[arg(long)]
        before: Option<u64>,
    },
    /// One dead letter, with its payload.
    Show { seq: u64 },
    /// Send a dead letter the way it came again.
    Redrive { seq: u64 },
}

impl Cli {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let command = match self.command {
            Commands::Model(command) => return command.run().await,
            Commands::Hub(command) => command,
        };
        let config = Config::load(self.config.as_deref())?;
        match command {
            Command::Up { dir, listen, roles } => {
                telemetry::start(&config.log)?;
                let roles = roles.unwrap_or_else(Role::all);
                Box::pin(up::run(config, &dir, listen, &roles)).await
            }
            Command::Serve { roles, group } => {
                telemetry::start(&config.log)?;
                roles::serve(config, &roles.unwrap_or_else(Role::all), group.as_deref()).await
            }
            Command::Migrate => Store::connect(
                config.postgres.url()?.expose(),
                2,
                store::Keyring::ephemeral(),
            )?
            .migrate()
            .await
            .context("migrating"),
            Command::Tenant { command, dir } => {
                let mut config = config;
                of_folder(&mut config, dir.as_deref()).await?;
                tenant::run(&config, command).await
            }
            Command::Models {
                command,
                tenant,
                dir,
            } => {
                let mut config = config;
                of_folder(&mut config, dir.as_deref()).await?;
                shelf::run(&config, &tenant, command).await
            }
            Command::Labels {
                command,
                tenant,
                dir,
            } => {
                let mut config = config;
                of_folder(&mut config, dir.as_deref()).await?;
                labels::run(&config, &tenant, command).await
            }
            Command::Replay {
                command,
                tenant,
                dir,
            } => {
                let mut config = config;
                of_folder(&mut config, dir.as_deref()).await?;
                replay::run(&config, &tenant, command).await
            }
            Command::Contacts { command, target } => contacts::run(&config, target, command).await,
            Command::Nats { command } => nats_command(config, command).await,
            Command::Keys { command } => match command {
                KeysCommand::Rotate { dir } => rotate(config, dir.as_deref()).await,
            },
            Command::Dlq { command, dir } => Box::pin(dlq(config, dir.as_deref(), command)).await,
            Command::Sandbox(options) => sandbox::run(options).await,
            Command::Dkim(options) => dkim::run(&options),
            Command::Bench { bench } => bench::run(bench).await,
            Command::Config => print(crate::config::DEFAULTS),
        }
    }
}

/// The broker and database of a running `tidings up`, in place of the settings'.
async fn of_folder(config: &mut Config, dir: Option<&Path>) -> anyhow::Result<()> {
    if let Some(dir) = dir {
        let hub = bench::hub::Hub::at(dir).await?;
        config.point_at(
            &hub.ready.nats_url,
            &hub.ready.postgres_url,
            &dir.join(up::KEYS_FILE),
        );
        config.keep_in(dir);
    }
    Ok(())
}

async fn nats_command(mut config: Config, command: NatsCommand) -> anyhow::Result<()> {
    let (dir, apply, force) = match command {
        NatsCommand::Diff { dir } => (dir, false, false),
        NatsCommand::Apply { dir, force } => (dir, true, force),
    };
    of_folder(&mut config, dir.as_deref()).await?;
    let bus = roles::connect_bus(&config, "tidings nats").await?;
    let changes = if apply {
        nats::provision::apply(&bus, force).await?
    } else {
        nats::provision::diff(&bus).await?
    };
    for change in &changes {
        print(&format!("{change}\n"))?;
    }
    print(&format!(
        "{} {}\n",
        changes.len(),
        match (changes.len(), apply) {
            (1, false) => "difference",
            (_, false) => "differences",
            (1, true) => "change made",
            (_, true) => "changes made",
        }
    ))
}

async fn rotate(mut config: Config, dir: Option<&Path>) -> anyhow::Result<()> {
    of_folder(&mut config, dir).await?;
    let file = config
        .keys
        .file
        .clone()
        .context("keys.file is not set; name the folder of the hub with --dir")?;
    let store = Store::connect(
        config.postgres.url()?.expose(),
        2,
        store::Keyring::load_or_create(&file)?,
    )?;
    store.keyring().rotate()?;
    let resealed = store::channel::reseal_all(&store).await?;
    print(&format!(
        "a new key is current; {resealed} credentials were encrypted again\n"
    ))
}

async fn dlq(mut config: Config, dir: Option<&Path>, command: DlqCommand) -> anyhow::Result<()> {
    of_folder(&mut config, dir).await?;
    let bus: Bus = roles::connect_bus(&config, "tidings dlq").await?;
    match command {
        DlqCommand::List {
            tenant,
            limit,
            before,
        } => {
            for letter in bus.dlq_list(tenant, before, limit).await? {
                let dead = &letter.letter;
                print(&format!(
                    "{:>8}  {}  {}.{}  {}  {}\n",
                    letter.seq,
                    dead.at,
                    dead.stage,
                    dead.reason,
                    dead.original_subject,
                    dead.detail
                ))?;
            }
            Ok(())
        }
        DlqCommand::Show { seq } => {
            let Some(letter) = bus.dlq_get(seq).await? else {
                bail!("there is no dead letter {seq}");
            };
            let dead = &letter.letter;
            let payload = String::from_utf8_lossy(&dead.payload);
            print(&serde_json::to_string_pretty(&json!({
                "seq": letter.seq,
                "at": dead.at,
                "stage": dead.stage,
                "reason": dead.reason,
                "detail": dead.detail,
                "tenant": dead.tenant,
                "stream": dead.original_stream,
                "subject": dead.original_subject,
                "stream_seq": dead.original_seq,
                "payload": payload,
            }))?)?;
            print("\n")
        }
        DlqCommand::Redrive { seq } => {
            let Some(found) = bus.dlq_get(seq).await? else {
                bail!("there is no dead letter {seq}");
            };
            if let Some((tenant, message)) = found.letter.exhausted() {
                let url = config.postgres.url()?;
                let store = Store::connect(url.expose(), 1, store::Keyring::ephemeral())?;
                store::delivery::reopen(&store, tenant, message).await?;
            }
            bus.dlq_redrive(seq).await?;
            print(&format!("dead letter {seq} goes its way again\n"))
        }
    }
}

/// Output of a command, for people and pipes.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn command_line_is_well_formed() {
        Cli::command().debug_assert();
    }
}
