//! `tidings train`: from labelled texts to a model file, and everything worth knowing about both.

use std::{
    io::{self, IsTerminal, Write},
    path::{Path, PathBuf},
    str::FromStr,
};

use anyhow::{Context, anyhow};
use clap::Args;
use learn::{
    card::{Card, Licence},
    dataset::{self, Dataset, DatasetError, language},
    inspect::{self, Inspection, Leakage},
    judged,
    measure::{self, Measures, Names},
    suspect::Suspect,
    train::{self, Options, Progress, Regularization, Report},
};
use schemas::Task;
use serde_json::json;
use stages::model::{
    Classifier,
    feature::BLOCKS,
    linear::Linear,
    tdm::{Calibration, MAX_BITS, MAX_DIM, MIN_BITS},
};

use super::{
    Failure,
    eval::task,
    note,
    output::{apart, replace, writable},
    provenance::{command, files, licences},
};
use crate::cli::print;

/// Suspicious labels that are shown.
const SUSPECTS: usize = 20;

/// What to learn from what.
#[derive(Debug, Args)]
pub(crate) struct TrainOptions {
    /// What the model will answer.
    #[arg(long, value_parser = task)]
    pub(super) task: Task,
    /// Labelled texts: .jsonl, .csv or .tsv files (also .gz), separated by commas.
    #[arg(long, value_name = "FILES")]
    data: String,
    /// Labelled texts to calibrate and measure on; without, parts of the data are left out in turn.
    #[arg(long, value_name = "FILES")]
    dev: Option<String>,
    /// How closely to follow the data: a number, or auto to try some.
    #[arg(long)]
    pub(super) c: Option<C>,
    /// Of everything random; the same seed gives the same model.
    #[arg(long, default_value_t = 1)]
    pub(super) seed: u64,
    /// The model's size: features share 2 to the power of this many buckets.
    #[arg(long, value_parser = clap::value_parser!(u8).range(i64::from(MIN_BITS)..=i64::from(MAX_BITS)))]
    pub(super) bits: Option<u8>,
    /// The model's size: dimensions of its embeddings.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=MAX_DIM as i64))]
    pub(super) dim: Option<u16>,
    /// Ignore features that fewer texts have.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) min_texts: Option<u32>,
    /// How much characters, words, skips and the mood lexicon count; 0 leaves one out.
    #[arg(long, value_name = "C,W,S,L")]
    pub(super) blocks: Option<Blocks>,
    /// Of models with several labels a text: no label holds below this probability, though F1 may be best there.
    #[arg(long, value_parser = probability)]
    pub(super) least_probability: Option<f32>,
    /// Threads; the model does not depend on them.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=256))]
    threads: Option<u16>,
    /// Terms of the data: TERMS for all of it, or FILE=TERMS.
    #[arg(long, value_name = "[FILE=]TERMS")]
    licence: Vec<String>,
    /// A paragraph for the card.
    #[arg(long, value_name = "TEXT")]
    card_note: Vec<String>,
    /// The model file.
    #[arg(short, long, value_name = "FILE.tdm")]
    output: PathBuf,
    /// Also write a model card, in Markdown.
    #[arg(long, value_name = "FILE.md")]
    card: Option<PathBuf>,
    /// Print one object of JSON instead of tables.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct C(pub(super) Regularization);

impl FromStr for C {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "auto" {
            return Ok(Self(Regularization::CrossValidated));
        }
        match text.parse::<f32>() {
            Ok(c) if (1e-4..=1e4).contains(&c) => Ok(Self(Regularization::Fixed(c))),
            _ => Err("give a number from 0.0001 to 10000, or auto"),
        }
    }
}

fn probability(text: &str) -> Result<f32, &'static str> {
    let probability = text.parse::<f32>().ok();
    probability
        .filter(|probability| (0.0..=1.0).contains(probability))
        .ok_or("give a number from 0 to 1")
}

/// How much each block of features counts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Blocks(pub(super) [f32; BLOCKS]);

impl FromStr for Blocks {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let weights: Vec<f32> = text
            .split(',')
            .map_while(|weight| weight.parse().ok())
            .collect();
        <[f32; BLOCKS]>::try_from(weights)
            .ok()
            .filter(|_| text.split(',').count() == BLOCKS)
            .filter(|weights| weights.iter().all(|weight| (0.0..=100.0).contains(weight)))
            .filter(|weights| weights.iter().any(|weight| *weight > 0.0))
            .map(Self)
            .ok_or("give four numbers from 0 to 100, such as 1,0.7,0.4,0")
    }
}

/// What a training found out, for a reader.
pub(super) struct Outcome {
    pub(super) task: Task,
    pub(super) id: String,
    pub(super) output: String,
    pub(super) size_bytes: usize,
    pub(super) seconds: f64,
    pub(super) data: Dataset,
    pub(super) dev: Option<Dataset>,
    pub(super) inspection: Inspection,
    pub(super) leakage: Option<Leakage>,
    pub(super) report: Report,
    pub(super) measures: Measures,
    pub(super) suspects: Vec<Suspect>,
}

pub(super) fn run(options: &TrainOptions) -> Result<(), Failure> {
    writable(&options.output)?;
    if let Some(card) = &options.card {
        writable(card)?;
    }
    let data = read(&options.data).context("reading the data")?;
    let dev = options
        .dev
        .as_deref()
        .map(read)
        .transpose()
        .context("reading the dev data")?;
    let read_files = data
        .files
        .iter()
        .chain(dev.iter().flat_map(|dev| &dev.files));
    let written: Vec<&Path> = [Some(&options.output), options.card.as_ref()]
        .into_iter()
        .flatten()
        .map(PathBuf::as_path)
        .collect();
    apart(&written, read_files.map(|file| file.name.as_str()))?;
    let licences = licences(&options.licence, &data, dev.as_ref())?;
    let inspection = inspect::inspect(&data.examples);
    if inspection.wordless == inspection.rows {
        return Err(anyhow!(
            "{}: no text has a letter or digit to learn from",
            options.data
        )
        .into());
    }
    let leakage = dev
        .as_ref()
        .map(|dev| inspect::leakage(&data.examples, &dev.examples));

    let command = command(options, &data, dev.as_ref());
    let mut how = Options::for_task(options.task);
    how.seed = options.seed;
    if let Some(C(c)) = options.c {
        how.c = c;
    }
    how.bits = options.bits.unwrap_or(how.bits);
    how.dim = options.dim.map_or(how.dim, usize::from);
    how.min_texts = options.min_texts.unwrap_or(how.min_texts);
    how.least_probability = options.least_probability.unwrap_or(how.least_probability);
    how.block_weights = options.blocks.map_or(how.block_weights, |blocks| blocks.0);
    how.threads = options.threads.map_or(how.threads, usize::from);
    how.provenance = json!({
        "command": command,
        "data": files(&data),
        "dev": dev.as_ref().map(files),
        "licences": licences,
    });
    let started = std::time::Instant::now();
    let mut steps = Steps::default();
    let trained = train::train(
        options.task,
        &data.examples,
        dev.as_ref().map(|dev| dev.examples.as_slice()),
        &how,
        &mut |progress| steps.show(progress),
    );
    steps.end();
    let trained = trained.context("training")?;
    let seconds = started.elapsed().as_secs_f64();

    let model = Linear::load(trained.bytes.clone().into()).context("reading the model again")?;
    let judged_on = &dev.as_ref().unwrap_or(&data).examples;
    let names = match options.task {
        Task::Language => Names::Language,
        _ => Names::Verbatim,
    };
    let measured = measure::Options {
        names,
        ..measure::Options::default()
    };
    let outcome = Outcome {
        task: options.task,
        id: model.id().to_owned(),
        output: options.output.display().to_string(),
        size_bytes: trained.bytes.len(),
        seconds,
        inspection,
        leakage,
        measures: Measures {
            model: model.id().to_owned(),
            ..judged::measures(&trained.report, judged_on, &measured)
        },
        suspects: judged::suspects(&trained.report, judged_on, SUSPECTS),
        report: trained.report,
        data,
        dev,
    };
    replace(&options.output, &trained.bytes)?;
    if let Some(path) = &options.card {
        let card = card(&outcome, &command, &licences, options);
        replace(path, card.as_bytes())?;
    }
    print(&if options.json {
        outcome.to_json()?
    } else {
        outcome.to_string()
    })?;
    Ok(())
}

/// With languages by the codes that a model will be told.
fn read(files: &str) -> Result<Dataset, DatasetError> {
    let mut data = dataset::read(files)?;
    for example in &mut data.examples {
        example.language = example.language.as_deref().map(language::code);
    }
    Ok(data)
}

impl Outcome {
    fn to_json(&self) -> anyhow::Result<String> {
        let all = json!({
            "task": self.task,
            "model": self.id,
            "output": self.output,
            "size_bytes": self.size_bytes,
            "seconds": self.seconds,
            "data": self.data.files,
            "dev": self.dev.as_ref().map(|dev| &dev.files),
            "inspection": self.inspection,
            "leakage": self.leakage,
            "training": self.report,
            "measures": self.measures,
            "suspects": self.suspects,
        });
        Ok(format!("{}\n", serde_json::to_string_pretty(&all)?))
    }
}

fn card(outcome: &Outcome, command: &str, licences: &[Licence], options: &TrainOptions) -> String {
    let report = &outcome.report;
    let mut choices = vec![
        ("seed".to_owned(), options.seed.to_string()),
        ("C".to_owned(), report.c.to_string()),
        (
            "features that occurred".to_owned(),
            report.features.to_string(),
        ),
        ("calibration".to_owned(), calibration(&report.calibration)),
    ];
    if !report.tried.is_empty() {
        let tried: Vec<String> = report
            .tried
            .iter()
            .map(|(c, score)| format!("{c}: {score:.4}"))
            .collect();
        choices.push(("C tried, and its score".to_owned(), tried.join(", ")));
    }
    if let Some(scope) = report.scope {
        choices.push((
            "in scope".to_owned(),
            format!("{:?} of at least {:.4}", scope.kind, scope.threshold).to_lowercase(),
        ));
    }
    Card {
        task: outcome.task,
        model: &outcome.id,
        size_bytes: outcome.size_bytes,
        command,
        data: &outcome.data,
        dev: outcome.dev.as_ref(),
        licences,
        notes: &options.card_note,
        choices: &choices,
        inspection: &outcome.inspection,
        leakage: outcome.leakage.as_ref(),
        measures: &outcome.measures,
        suspects: &outcome.suspects,
    }
    .to_string()
}

pub(super) fn calibration(calibration: &Calibration) -> String {
    match calibration {
        Calibration::OneOfMany { temperature } => format!("temperature {temperature:.4}"),
        Calibration::ManyOfMany { labels } => {
            format!("Platt's sigmoid for each of {} labels", labels.len())
        }
    }
}

/// What is being done: one line that changes on a terminal, else one line for each step.
#[derive(Default)]
struct Steps {
    last: Option<&'static str>,
}

impl Steps {
    fn show(&mut self, progress: Progress) {
        let Progress { step, done, of } = progress;
        if io::stderr().is_terminal() {
            let percent = (100 * done).checked_div(of).unwrap_or(0);
            // Where standard error is closed, nobody wants to know.
            drop(write!(io::stderr(), "\r\x1b[K{step} {percent} %"));
        } else if self.last != Some(step) {
            note(&format!("{step} …"));
        }
        self.last = Some(step);
    }

    fn end(&self) {
        if self.last.is_some() && io::stderr().is_terminal() {
            drop(write!(io::stderr(), "\r\x1b[K"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c_is_a_number_or_found_out() {
        assert!(matches!(
            "auto".parse(),
            Ok(C(Regularization::CrossValidated))
        ));
        assert!(matches!("0.5".parse(), Ok(C(Regularization::Fixed(0.5)))));
        for bad in ["", "0", "NaN", "-1", "1e9"] {
            assert!(bad.parse::<C>().is_err(), "{bad}");
        }
    }
}
