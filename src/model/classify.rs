//! `tidings classify`: one text, or a stream of lines, for people and scripts.
//!
//! Without a model a text goes the way of a message: the stages `language` and `classify`, as a worker runs them for a
//! tenant without settings.

use std::io::{self, Write};

use anyhow::{Context, bail};
use clap::Args;
use learn::dataset::language;
use schemas::Task;
use serde::Serialize;
use stages::model::{Document, Prediction};

use super::{
    Failure,
    eval::task,
    reading::Lines,
    source::{self, Hints, Opened},
    whole::Whole,
};
use crate::cli::print;

/// Labels of one answer beside the best.
const MAX_LABELS: usize = 10;

/// Which text, and who is asked.
#[derive(Debug, Args)]
pub(crate) struct ClassifyOptions {
    /// The text; without one, every line of standard input is a text and every answer a line of JSON.
    text: Option<String>,
    /// A .tdm file, builtin:NAME or bert:DIR; without one, everything is found out as for a message.
    #[arg(long)]
    model: Option<String>,
    /// Only this task, by the model that is built in (with --model: what that model is for).
    #[arg(long, value_parser = task)]
    task: Option<Task>,
    /// The text's language (ISO 639), where it is known.
    #[arg(long, value_name = "CODE")]
    language: Option<String>,
    /// The region (ISO 3166-1) of phone numbers and amounts that are written without one.
    #[arg(long, value_name = "CODE")]
    region: Option<String>,
    /// Answer with a line of JSON.
    #[arg(long)]
    json: bool,
}

/// Who answers.
enum Asked {
    Model(Box<Opened>),
    Everything(Box<Whole>),
}

pub(super) fn run(options: &ClassifyOptions) -> Result<(), Failure> {
    let model = match (&options.model, options.task) {
        (Some(model), _) => Some(model.clone()),
        (None, Some(task)) => Some(format!("builtin:{}", task.name())),
        (None, None) => None,
    };
    let asked = match model {
        Some(name) => {
            let hints = Hints {
                task: options.task,
                ..Hints::default()
            };
            Asked::Model(Box::new(source::open(&name, &hints)?))
        }
        None => Asked::Everything(Box::new(Whole::new(
            options.language.as_deref(),
            options.region.as_deref(),
        )?)),
    };
    let language = options.language.as_deref().map(language::code);
    let language = language.as_deref();
    match &options.text {
        Some(text) if options.json => print(&format!("{}\n", asked.to_json(text, language)?))?,
        Some(text) => print(&asked.to_text(text, language)?)?,
        None => stream(&asked, language)?,
    }
    Ok(())
}

/// One answer for each line, as soon as nothing more is waiting to be read.
fn stream(asked: &Asked, language: Option<&str>) -> anyhow::Result<()> {
    let mut lines = Lines::new(io::stdin().lock());
    let mut out = io::BufWriter::new(io::stdout().lock());
    while let Some(text) = lines.next().context("reading standard input")? {
        writeln!(out, "{}", asked.to_json(&text, language)?)?;
        if lines.is_waiting() {
            out.flush()?;
        }
    }
    Ok(out.flush()?)
}

impl Asked {
    /// One line.
    fn to_json(&self, text: &str, language: Option<&str>) -> anyhow::Result<String> {
        let opened = match self {
            Self::Model(opened) => opened,
            Self::Everything(whole) => return whole.to_json(text),
        };
        let prediction = ask(opened, text, language);
        let answered = Answered {
            text,
            task: opened.task,
            model: opened.model.id(),
            in_scope: prediction.as_ref().map(|prediction| prediction.in_scope),
            scope_score: prediction.as_ref().map(|prediction| prediction.scope_score),
            labels: prediction.map(|prediction| answers(opened, &prediction)),
        };
        Ok(serde_json::to_string(&answered)?)
    }

    fn to_text(&self, text: &str, language: Option<&str>) -> anyhow::Result<String> {
        let opened = match self {
            Self::Model(opened) => opened,
            Self::Everything(whole) => return whole.to_text(text),
        };
        let Some(prediction) = ask(opened, text, language) else {
            bail!("{} has no answer to this text", opened.name);
        };
        let mut out = format!("{} ({})\n", opened.task.name(), opened.model.id());
        for answer in answers(opened, &prediction) {
            let mark = if answer.holds { '*' } else { ' ' };
            out.push_str(&format!(
                "{mark} {:.3}  {}\n",
                answer.probability, answer.label
            ));
        }
        if !prediction.in_scope {
            out.push_str("  out of scope\n");
        }
        Ok(out)
    }
}

fn ask(opened: &Opened, text: &str, language: Option<&str>) -> Option<Prediction> {
    let document = Document::new(text, language);
    opened.model.classify(&[&document]).pop().flatten()
}

/// A line of JSON; what is absent is null where the model had no answer.
#[derive(Serialize)]
struct Answered<'a> {
    text: &'a str,
    task: Task,
    model: &'a str,
    in_scope: Option<bool>,
    scope_score: Option<f32>,
    labels: Option<Vec<Answer<'a>>>,
}

#[derive(Serialize)]
struct Answer<'a> {
    label: &'a str,
    probability: f32,
    holds: bool,
}

/// The most probable labels, and which of them hold: the best of one-of-many, those past their threshold of
/// many-of-many; none when the text is out of scope.
fn answers<'a>(opened: &'a Opened, prediction: &Prediction) -> Vec<Answer<'a>> {
    let best = prediction.best().map(|(place, _)| place);
    let thresholds = opened.model.thresholds();
    let mut answers: Vec<Answer<'a>> = opened
        .model
        .labels()
        .iter()
        .zip(&prediction.probabilities)
        .enumerate()
        .map(|(place, (label, probability))| {
            let reached = match thresholds {
                Some(all) => all.get(place).is_some_and(|least| probability >= least),
                None => best == Some(place),
            };
            Answer {
                label,
                probability: *probability,
                holds: reached && prediction.in_scope,
            }
        })
        .collect();
    answers.sort_by(|a, b| b.probability.total_cmp(&a.probability));
    answers.retain(|answer| answer.probability > 0.0 || answer.holds);
    answers.truncate(MAX_LABELS);
    answers
}
