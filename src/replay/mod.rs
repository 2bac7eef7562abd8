//! `tidings replay`: what the stored messages would have been.
//!
//! `compare` runs a model beside the one that answers now over the messages a tenant has stored, before anything is
//! swapped. Invariants: reads alone, sends and writes nothing; holds one page of messages at a time; shows no content
//! unless it is asked to.

mod tally;

use std::{path::Path, sync::Arc};

use anyhow::{Context, bail, ensure};
use bytes::Bytes;
use clap::{Args, Subcommand};
use learn::baseline::Whatlang;
use schemas::{Backend, Direction, MessageId, MessageType, Task, TenantId, Timestamp};
use serde_json::{Value, json};
use stages::{
    language::{self, Native},
    model::{Classifier, Document, builtin, linear::Linear},
    sentiment::Vader,
};
use store::{
    Keyring, Store,
    message::{MessageFilter, MessageRow},
};

use self::tally::{Answer, Rightness, Seen, Tally};
use crate::{
    cli::print,
    config::Config,
    labels::time,
    shelf::{Objects, task},
    tenant,
};

/// Messages in memory at a time.
const PAGE: u32 = 500;
/// Changes that are printed.
const SHOWN: usize = 50;

#[derive(Debug, Subcommand)]
pub(crate) enum ReplayCommand {
    /// A model and the one that answers now, side by side over the stored messages.
    Compare(Compare),
}

#[derive(Debug, Args)]
pub(crate) struct Compare {
    #[arg(long, value_parser = task)]
    task: Task,
    /// The model to try: a file (m.tdm), an uploaded one (model:ID), one of this hub's settings (bert:NAME,
    /// external:NAME), or `builtin`.
    #[arg(long)]
    model: String,
    /// At most so many messages, the newest first.
    #[arg(long, default_value_t = 10_000)]
    limit: u64,
    /// Only messages received at this time (RFC 3339) or later.
    #[arg(long, value_parser = time)]
    since: Option<Timestamp>,
    /// For programs.
    #[arg(long)]
    json: bool,
    /// Show the beginning of the examples' texts, not their ids alone.
    #[arg(long)]
    show_text: bool,
}

/// A model that takes part.
struct Contender {
    name: String,
    model: Asked,
}

/// Who is asked.
enum Asked {
    Builtin(&'static dyn Classifier),
    Own(Arc<dyn Classifier>),
    /// The task is off, or this build has no model for it.
    Nobody,
}

impl Asked {
    fn get(&self) -> Option<&dyn Classifier> {
        match self {
            Self::Builtin(model) => Some(*model),
            Self::Own(model) => Some(&**model),
            Self::Nobody => None,
        }
    }
}

/// Runs one of the commands for a tenant, by its id or name.
pub(crate) async fn run(config: &Config, who: &str, command: ReplayCommand) -> anyhow::Result<()> {
    let ReplayCommand::Compare(options) = command;
    // No credentials are read or written here, so the key does not matter.
    let store = Store::connect(config.postgres.url()?.expose(), 2, Keyring::ephemeral())?;
    let tenant = tenant::find(&store, who).await?;
    let current = store::understanding::current(&store, tenant).await?;
    let now = current
        .and_then(|row| row.settings.models.get(&options.task).cloned())
        .unwrap_or_default();
    let source = Source {
        config,
        store: &store,
        tenant,
        task: options.task,
    };
    let old = source
        .open(now)
        .await
        .context("the model that answers now")?;
    let new = match options.model.parse::<Backend>() {
        Ok(backend) => source.open(backend).await?,
        Err(_) => source.file(Path::new(&options.model))?,
    };
    let tally = compare(&store, tenant, &options, &old, &new).await?;
    if options.json {
        let all = report(&options, &old, &new, &tally);
        return print(&format!("{all:#}\n"));
    }
    print(&text(&options, &old, &new, &tally))
}

/// Where models come from.
struct Source<'a> {
    config: &'a Config,
    store: &'a Store,
    tenant: TenantId,
    task: Task,
}

impl Source<'_> {
    async fn open(&self, backend: Backend) -> anyhow::Result<Contender> {
        let name = backend.to_string();
        let model = match &backend {
            Backend::Off => Asked::Nobody,
            Backend::Builtin => builtin_for(self.task).map_or(Asked::Nobody, Asked::Builtin),
            Backend::Whatlang => Asked::Own(Arc::new(Whatlang::default())),
            Backend::Vader => Asked::Own(Arc::new(Vader::default())),
            Backend::Model(id) => Asked::Own(self.uploaded(id).await?),
            Backend::Bert(_) | Backend::External(_) => {
                let backends = inference::Backends::open(&self.config.inference)?;
                let found = backends.get(&backend, self.task);
                Asked::Own(
                    found.with_context(|| format!("the settings know no {name} for this task"))?,
                )
            }
        };
        Ok(Contender { name, model })
    }

    async fn uploaded(&self, id: &str) -> anyhow::Result<Arc<dyn Classifier>> {
        let key = store::model::object_key(self.tenant, id);
        store::model::get(self.store, self.tenant, id)
            .await
            .with_context(|| format!("there is no model {id}"))?;
        let file = Objects::new(&self.config.storage)?
            .get(&key, stages::model::tdm::MAX_BYTES)
            .await?
            .with_context(|| format!("the file of {id} is not in the object storage"))?;
        self.native(file)
    }

    fn file(&self, path: &Path) -> anyhow::Result<Contender> {
        ensure!(
            path.extension().is_some_and(|extension| extension == "tdm"),
            "{} names no model: give a file ending in .tdm, model:ID, bert:NAME, external:NAME or builtin",
            path.display()
        );
        let file = std::fs::read(path).with_context(|| path.display().to_string())?;
        let model = self.native(file.into())?;
        Ok(Contender {
            name: model.id().to_owned(),
            model: Asked::Own(model),
        })
    }

    fn native(&self, file: Bytes) -> anyhow::Result<Arc<dyn Classifier>> {
        let model = Linear::load(file).context("not a model this version can use")?;
        if model.task() != self.task {
            bail!(
                "{} is a model for {}, not for {}",
                model.id(),
                model.task().name(),
                self.task.name()
            );
        }
        Ok(match self.task {
            // As the shelf does.
            Task::Language => Arc::new(Native::over(model)),
            _ => Arc::new(model),
        })
    }
}

/// The model that comes with tidings.
fn builtin_for(task: Task) -> Option<&'static dyn Classifier> {
    match task {
        Task::Language => language::native().map(|model| model as &dyn Classifier),
        _ => builtin::get(task).map(|model| model as &dyn Classifier),
    }
}

async fn compare(
    store: &Store,
    tenant: TenantId,
    options: &Compare,
    old: &Contender,
    new: &Contender,
) -> anyhow::Result<Tally> {
    let mut tally = Tally::new(options.show_text);
    let filter = MessageFilter {
        direction: Some(Direction::Inbound),
        ..MessageFilter::default()
    };
    let mut cursor = None;
    loop {
        let page = store::message::list(store, tenant, filter, cursor, PAGE, true).await?;
        let since = |row: &MessageRow| options.since.is_none_or(|since| row.received_at >= since);
        let ended = page.items.iter().any(|row| !since(row));
        let rows: Vec<MessageRow> = page
            .items
            .into_iter()
            .filter(|row| since(row) && speaks(row))
            .take(usize::try_from(options.limit - tally.messages).unwrap_or(usize::MAX))
            .collect();
        let ids: Vec<MessageId> = rows.iter().map(|row| row.id).collect();
        let labels = store::label::newest(store, tenant, options.task, &ids).await?;
        // A model may compute for long, or wait for another machine.
        tokio::task::block_in_place(|| {
            let documents: Vec<Document<'_>> = rows.iter().map(document).collect();
            let documents: Vec<&Document<'_>> = documents.iter().collect();
            let answers = [old, new].map(|contender| answers(options.task, contender, &documents));
            let [old, new] = answers;
            for ((row, old), new) in rows.iter().zip(old).zip(new) {
                tally.count(&Seen {
                    message: row.id,
                    text: &row.content,
                    old,
                    new,
                    labels: labels.get(&row.id).map(Vec::as_slice),
                });
            }
        });
        cursor = page.next;
        if cursor.is_none() || ended || tally.messages >= options.limit {
            return Ok(tally);
        }
    }
}

/// Whether the stages ask a model about it: it has words, and they are the sender's own.
fn speaks(row: &MessageRow) -> bool {
    let own = !matches!(
        row.message_type,
        MessageType::Command
            | MessageType::Callback
            | MessageType::Event
            | MessageType::Unsupported
    );
    own && !row.content.trim().is_empty()
}

/// As the stages see it.
fn document(row: &MessageRow) -> Document<'_> {
    let language = row.language.as_ref().map(|language| language.code.as_str());
    Document::new(&row.content, language.filter(|code| *code != "und"))
}

fn answers(task: Task, contender: &Contender, documents: &[&Document<'_>]) -> Vec<Option<Answer>> {
    let Some(model) = contender.model.get() else {
        return vec![None; documents.len()];
    };
    model
        .classify(documents)
        .into_iter()
        .map(|prediction| Some(Answer::of(task, model, &prediction?)))
        .collect()
}

fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

fn report(options: &Compare, old: &Contender, new: &Contender, tally: &Tally) -> Value {
    let side = |contender: &Contender, rightness: &Rightness| {
        json!({
            "model": contender.name,
            "answered": rightness.answered,
            "right": rightness.right,
            "accuracy": share(rightness.right, tally.labelled),
        })
    };
    let changes: Vec<Value> = tally
        .changes()
        .into_iter()
        .map(|(old, new, change)| {
            json!({"old": old, "new": new, "messages": change.messages, "examples": change.examples})
        })
        .collect();
    json!({
        "task": options.task,
        "messages": tally.messages,
        "alike": tally.alike,
        "labelled": tally.labelled,
        "old": side(old, &tally.old),
        "new": side(new, &tally.new),
        "changes": changes,
        "changes_not_listed": tally.unnamed,
    })
}

fn text(options: &Compare, old: &Contender, new: &Contender, tally: &Tally) -> String {
    let percent = |part, whole| {
        share(part, whole).map_or_else(|| "-".to_owned(), |share| format!("{:.1} %", share * 100.0))
    };
    let mut out = format!(
        "{}: {} messages, {} of them answered alike ({}); {} labelled\n",
        options.task.name(),
        tally.messages,
        tally.alike,
        percent(tally.alike, tally.messages),
        tally.labelled
    );
    for (which, contender, rightness) in [("old", old, &tally.old), ("new", new, &tally.new)] {
        out.push_str(&format!(
            "  {which}  {:<28}  right about {} of them ({})\n",
            contender.name,
            rightness.right,
            percent(rightness.right, tally.labelled)
        ));
    }
    let changes = tally.changes();
    for (old, new, change) in changes.iter().take(SHOWN) {
        out.push_str(&format!("{:>8}  {old} -> {new}\n", change.messages));
        for example in &change.examples {
            let text = example.text.as_deref().unwrap_or_default();
            out.push_str(&format!(
                "          {}  {}\n",
                example.message,
                text.replace('\n', " ")
            ));
        }
    }
    let rest: u64 = changes
        .iter()
        .skip(SHOWN)
        .map(|(_, _, change)| change.messages)
        .sum();
    if rest + tally.unnamed > 0 {
        out.push_str(&format!(
            "{:>8}  in other ways; --json lists them\n",
            rest + tally.unnamed
        ));
    }
    out
}
