//! `tidings eval`: models side by side on labelled texts.

use std::collections::BTreeSet;

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use learn::{
    dataset::{self, Example},
    measure::{Measures, Names, OUT_OF_SCOPE, Options, measure},
};
use schemas::Task;
use serde_json::json;

use super::{
    Failure,
    bound::Bound,
    figure, note,
    source::{self, Hints, Opened, Source},
    table::Table,
};
use crate::cli::print;

/// Slices and labels of a table; the rest is in the JSON.
const MAX_ROWS: usize = 100;

/// What to measure on what.
#[derive(Debug, Args)]
pub(crate) struct EvalOptions {
    /// Models, separated by commas: a .tdm file, builtin:NAME, bert:DIR or external:URL.
    #[arg(required = true, value_delimiter = ',', value_name = "MODEL")]
    models: Vec<String>,
    /// Labelled texts: .jsonl, .csv or .tsv files (also .gz), separated by commas.
    #[arg(long, value_name = "FILES")]
    data: String,
    /// The task, where no model's name says it.
    #[arg(long, value_parser = task)]
    task: Option<Task>,
    /// Only texts with one of these labels.
    #[arg(long, value_delimiter = ',', value_name = "LABEL")]
    labels: Vec<String>,
    /// Also measure the parts of the data.
    #[arg(long, value_delimiter = ',', value_enum)]
    by: Vec<By>,
    /// What the first model must reach, like acc=0.92,ece=0.04 (costs: at most); missed, the exit code is 1.
    #[arg(long, value_delimiter = ',', value_name = "FIGURE=VALUE")]
    min: Vec<Bound>,
    /// One object of JSON with everything.
    #[arg(long)]
    json: bool,
}

/// Parts of the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum By {
    Language,
    Channel,
    Length,
    Label,
}

pub(super) fn task(name: &str) -> Result<Task, String> {
    name.parse().map_err(|()| {
        let names: Vec<&str> = Task::ALL.iter().map(|task| task.name()).collect();
        format!("tasks are {}", names.join(", "))
    })
}

struct Measured {
    name: String,
    measures: Measures,
}

pub(super) fn run(options: &EvalOptions) -> Result<(), Failure> {
    let mut data = dataset::read(&options.data).context("reading the data")?;
    if !options.labels.is_empty() {
        data.examples.retain(|example| {
            example
                .labels
                .iter()
                .any(|label| options.labels.contains(label))
        });
        if data.examples.is_empty() {
            return Err(anyhow::anyhow!("no text of the data has one of --labels").into());
        }
    }
    let many = data.is_many();
    let models = open_all(options, &data.examples, many)?;
    let mut measured = Vec::with_capacity(models.len());
    for opened in &models {
        if models.len() > 1 || data.examples.len() > 20_000 {
            note(&format!("{}: {} texts …", opened.name, data.examples.len()));
        }
        let measures = Measures {
            size_bytes: opened.size_bytes,
            ..measure(&*opened.model, &data.examples, &how(opened))
        };
        if measures.unanswered > 0 && measures.unanswered == data.examples.len() {
            return Err(anyhow::anyhow!("{}: answers none of the texts", opened.name).into());
        }
        measured.push(Measured {
            name: opened.name.clone(),
            measures,
        });
    }
    let missed: Vec<String> = measured
        .first()
        .map(|first| {
            options
                .min
                .iter()
                .filter_map(|min| min.missed(&first.name, &first.measures))
                .collect()
        })
        .unwrap_or_default();
    if options.json {
        let models: Vec<_> = measured
            .iter()
            .map(|one| json!({ "name": one.name, "measures": one.measures }))
            .collect();
        let all = json!({ "data": data.files, "models": models, "missed": missed });
        print(&format!(
            "{}\n",
            serde_json::to_string_pretty(&all).context("writing JSON")?
        ))?;
    } else {
        print(&tables(&measured, &options.by))?;
    }
    if missed.is_empty() {
        Ok(())
    } else {
        Err(Failure::Missed(missed.join("\n")))
    }
}

fn open_all(
    options: &EvalOptions,
    examples: &[Example],
    many: bool,
) -> anyhow::Result<Vec<Opened>> {
    let labels: BTreeSet<&String> = examples
        .iter()
        .flat_map(|example| &example.labels)
        .collect();
    let mut hints = Hints {
        task: options.task,
        labels: labels
            .into_iter()
            .filter(|label| !OUT_OF_SCOPE.contains(&label.as_str()))
            .cloned()
            .collect(),
        many,
    };
    for name in &options.models {
        let source: Source = name.parse()?;
        hints.task = hints.task.or(source.task());
        if let (None, Source::File(path)) = (hints.task, &source) {
            hints.task = Some(source::load(path)?.task());
        }
    }
    let models = options
        .models
        .iter()
        .map(|name| source::open(name, &hints))
        .collect::<anyhow::Result<Vec<Opened>>>()?;
    if models.is_empty() {
        bail!("name a model: a .tdm file, builtin:NAME, bert:DIR or external:URL");
    }
    Ok(models)
}

fn how(opened: &Opened) -> Options {
    Options {
        names: if opened.task == Task::Language {
            Names::Language
        } else {
            Names::Verbatim
        },
        probabilities: opened.probabilities,
        batch: opened.batch,
        ..Options::default()
    }
}

/// The figures that some model has, then each of the parts asked for.
fn tables(measured: &[Measured], by: &[By]) -> String {
    let names = || measured.iter().map(|one| one.name.clone());
    let mut table = Table::default();
    table.row([String::new(), String::new()].into_iter().chain(names()));
    for figure in &figure::ALL {
        let of = figure.of;
        let dull = figure.key == "unanswered" || figure.key == "in_scope";
        let said = |value: Option<f64>| {
            value.is_some_and(|value| !dull || !(value == 0.0 || value == 1.0))
        };
        if measured.iter().any(|one| said(of(&one.measures))) {
            let cells = measured.iter().map(|one| figure.show(&one.measures));
            let heads = [figure.key.to_owned(), figure.title.to_owned()];
            table.row(heads.into_iter().chain(cells));
        }
    }
    let mut out = table.print(2);
    for by in by {
        out.push('\n');
        out.push_str(&part(measured, *by));
    }
    out
}

fn part(measured: &[Measured], by: By) -> String {
    let key = match by {
        By::Language => "language",
        By::Channel => "channel",
        By::Length => "length",
        By::Label => "label",
    };
    // Name, texts, and for each model two figures.
    let parts = |measures: &Measures| -> Vec<(String, usize, [f64; 2])> {
        match by {
            By::Label => measures
                .labels
                .iter()
                .map(|label| (label.label.clone(), label.n, [label.recall, label.f1]))
                .collect(),
            _ => measures
                .slices
                .get(key)
                .into_iter()
                .flatten()
                .map(|slice| {
                    let quality = &slice.quality;
                    (
                        slice.name.clone(),
                        quality.n,
                        [quality.accuracy, quality.macro_f1],
                    )
                })
                .collect(),
        }
    };
    let Some(first) = measured.first() else {
        return String::new();
    };
    let rows = parts(&first.measures);
    if rows.is_empty() {
        return format!("by {key}: the data does not tell texts apart by it\n");
    }
    let each: Vec<Vec<_>> = measured.iter().map(|one| parts(&one.measures)).collect();
    let (one, two) = if by == By::Label {
        ("recall", "F1")
    } else {
        ("acc", "f1")
    };
    let mut table = Table::default();
    let heads = measured
        .iter()
        .flat_map(|model| [format!("{} {one}", model.name), two.to_owned()]);
    table.row(
        [format!("by {key}"), "n".to_owned()]
            .into_iter()
            .chain(heads),
    );
    for (name, n, _) in rows.iter().take(MAX_ROWS) {
        let figures = each.iter().flat_map(|parts| {
            let found = parts.iter().find(|(other, ..)| other == name);
            match found {
                Some((_, _, figures)) => figures.map(|figure| format!("{figure:.4}")),
                None => ["–".to_owned(), "–".to_owned()],
            }
        });
        table.row([name.clone(), n.to_string()].into_iter().chain(figures));
    }
    let mut out = table.print(1);
    if rows.len() > MAX_ROWS {
        out.push_str(&format!(
            "… and {} more; --json has them all\n",
            rows.len() - MAX_ROWS
        ));
    }
    out
}
