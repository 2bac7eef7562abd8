//! `tidings models`: a tenant's own models, for scripts and for operators.
//!
//! The same as the API does, on the database and the object storage of the settings; workers follow within seconds.

use std::path::PathBuf;

use anyhow::{Context, bail, ensure};
use bytes::Bytes;
use clap::Subcommand;
use schemas::{Backend, Task, TenantId};
use serde_json::json;
use store::{
    Keyring, Store,
    model::{ModelNew, object_key},
    understanding::{Held, hold},
};

use super::{keeper::read, objects::Objects};
use crate::{cli::print, config::Config, tenant};

/// Who did it, in the audit log.
const ACTOR: &str = "tidings models";

#[derive(Debug, Subcommand)]
pub(crate) enum ModelsCommand {
    /// Upload a model; nothing answers with it before it is activated.
    Push {
        /// What `tidings train` wrote.
        file: PathBuf,
        /// For people; the file's name when absent.
        #[arg(long)]
        name: Option<String>,
        /// Let it answer its task at once.
        #[arg(long)]
        activate: bool,
    },
    /// The models there are, the newest first; `*` marks those that answer.
    List {
        #[arg(long, value_parser = task)]
        task: Option<Task>,
    },
    /// Let a model answer its task.
    Activate { id: String },
    /// Go back to what answered a task before; twice is where it began.
    Rollback {
        #[arg(long, value_parser = task)]
        task: Task,
    },
}

/// A task by its name, for the command line.
pub(crate) fn task(name: &str) -> Result<Task, String> {
    name.parse().map_err(|()| {
        let names: Vec<&str> = Task::ALL.iter().map(|task| task.name()).collect();
        format!("a task is one of {}", names.join(", "))
    })
}

/// Runs one of the commands for a tenant, by its id or name.
pub(crate) async fn run(config: &Config, who: &str, command: ModelsCommand) -> anyhow::Result<()> {
    // No credentials are read or written here, so the key does not matter.
    let store = Store::connect(config.postgres.url()?.expose(), 2, Keyring::ephemeral())?;
    let tenant = tenant::find(&store, who).await?;
    match command {
        ModelsCommand::Push {
            file,
            name,
            activate,
        } => {
            let stem = file.file_stem().unwrap_or_default().to_string_lossy();
            let name = name.unwrap_or_else(|| stem.into_owned());
            let bytes = tokio::fs::read(&file)
                .await
                .with_context(|| format!("reading {}", file.display()))?;
            let objects = Objects::new(&config.storage)?;
            let (id, task) = push(&store, &objects, tenant, name, bytes.into()).await?;
            if activate {
                let held = hold(&store, tenant).await?;
                choose(&store, held, tenant, task, Backend::Model(id)).await?;
            }
            Ok(())
        }
        ModelsCommand::List { task } => list(&store, tenant, task).await,
        ModelsCommand::Activate { id } => {
            let mut held = hold(&store, tenant).await?;
            let Some(task) = held.model_task(&id).await? else {
                bail!("there is no model {id}");
            };
            choose(&store, held, tenant, task, Backend::Model(id)).await
        }
        ModelsCommand::Rollback { task } => {
            let mut held = hold(&store, tenant).await?;
            let Some(backend) = held.before(task).await? else {
                bail!("nothing else has answered {} before", task.name());
            };
            choose(&store, held, tenant, task, backend).await
        }
    }
}

async fn push(
    store: &Store,
    objects: &Objects,
    tenant: TenantId,
    name: String,
    file: Bytes,
) -> anyhow::Result<(String, Task)> {
    ensure!(
        (1..=255).contains(&name.chars().count()),
        "a name has 1 to 255 characters"
    );
    let found = match read(&file) {
        Ok(found) => found,
        Err(wrong) => bail!("not a model this version can use: {wrong}"),
    };
    let new = ModelNew {
        id: found.id,
        task: found.task,
        name,
        size_bytes: i64::try_from(file.len()).unwrap_or(i64::MAX),
        sha256: found.sha256,
        labels: found.labels,
        metrics: found.metrics,
        card: found.card,
    };
    let mut held = hold(store, tenant).await?;
    let fresh = held
        .add_model(&new, ACTOR)
        .await
        .context("keeping the model")?;
    objects.put(&object_key(tenant, &new.id), file).await?;
    held.commit().await?;
    if fresh {
        let detail = json!({"task": new.task.name(), "name": new.name});
        let object = format!("model:{}", new.id);
        store::audit::record(store, tenant, ACTOR, "model.create", &object, Some(&detail)).await?;
    }
    print(&format!("{}\n", new.id))?;
    Ok((new.id, new.task))
}

async fn list(store: &Store, tenant: TenantId, task: Option<Task>) -> anyhow::Result<()> {
    let current = store::understanding::current(store, tenant).await?;
    let settings = current.map(|row| row.settings).unwrap_or_default();
    for row in store::model::list(store, tenant, task).await? {
        let active = settings.models.get(&row.task) == Some(&Backend::Model(row.id.clone()));
        print(&format!(
            "{} {:<26} {:>9} bytes  {:>4} labels  {}  {}\n",
            if active { '*' } else { ' ' },
            row.id,
            row.size_bytes,
            row.labels.len(),
            row.created_at,
            row.name
        ))?;
    }
    Ok(())
}

async fn choose(
    store: &Store,
    mut held: Held,
    tenant: TenantId,
    task: Task,
    backend: Backend,
) -> anyhow::Result<()> {
    let mut settings = held.settings().await?;
    if backend == Backend::Builtin {
        settings.models.remove(&task);
    } else {
        settings.models.insert(task, backend.clone());
    }
    let row = held
        .write(&settings, ACTOR)
        .await
        .with_context(|| format!("letting {backend} answer; is the model still there?"))?;
    held.commit().await?;
    let detail = json!({"revision": row.revision, "models": {task.name(): backend.to_string()}});
    store::audit::record(
        store,
        tenant,
        ACTOR,
        "understanding.update",
        "understanding",
        Some(&detail),
    )
    .await?;
    print(&format!("{} is answered by {backend}\n", task.name()))
}
