//! Training: from labelled texts to the bytes of a model file.
//!
//! A model is a sum of *heads* over the same weighted features (`matrix`): one-vs-rest support vector machines
//! (`svm`), small embeddings of n-grams (`embedding`), or one maximum-entropy classifier (`softmax`) where there
//! are too many texts for the first. What no head has seen (`held_out`) calibrates their sum (`calibrate`).
//!
//! Invariant: the same examples, options and seed give the same bytes, whatever the number of threads. Deliberately
//! absent: a clock, files, and measuring ([`crate::measure`]).

mod calibrate;
mod embedding;
mod heads;
mod held_out;
mod matrix;
mod piece;
mod softmax;
mod svm;

use std::collections::BTreeMap;

use schemas::Task;
use serde::Serialize;
use serde_json::{Value, json};
use stages::model::{
    feature::{self, BLOCKS},
    tdm::{self, Calibration, Draft, DraftIdf, TdmError},
};

use self::{
    heads::Heads,
    held_out::HeldRow,
    matrix::{Matrix, Vocabulary},
};
use crate::{
    dataset::Example,
    judged,
    measure::{self, OUT_OF_SCOPE},
};

/// How to train.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Options {
    pub solver: Solver,
    pub c: Regularization,
    /// How much more a positive example of a rare label weighs: its C is multiplied by 1 + `balance` · √(others / own).
    pub balance: f32,
    /// Embedding heads beside the support vector machines.
    pub embeddings: u32,
    /// Dimensions of an embedding.
    pub dim: usize,
    pub embedding_epochs: u32,
    /// Of the embeddings and of maximum entropy.
    pub rate: f32,
    /// Epochs of maximum entropy.
    pub epochs: u32,
    /// log2 of the number of buckets that features are hashed into.
    pub bits: u8,
    /// 0 leaves a block of features out. In the order of [`feature`]: characters, words, skips, lexicon.
    pub block_weights: [f32; BLOCKS],
    /// Whether rare features weigh more.
    pub idf: bool,
    /// Random pieces of one to three words that each training text is joined by.
    pub pieces: u32,
    /// A feature of fewer texts counts as never seen.
    pub min_texts: u32,
    /// Whether the language of a text, where it is given, is a feature.
    pub uses_language: bool,
    /// Of many-of-many, no label holds below this probability, though F1 may be best there.
    pub least_probability: f32,
    /// Held-out texts that are wanted for calibration when there are no dev texts.
    pub judge: usize,
    pub seed: u64,
    /// Says nothing about the result.
    #[serde(skip)]
    pub threads: usize,
    /// Kept in the file: data with hashes and licences, command.
    pub provenance: Value,
}

/// What finds the linear weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Solver {
    /// One-vs-rest L2-loss support vector machines by dual coordinate descent.
    Svm,
    /// Multinomial logistic regression by `AdaGrad`: one of many labels, millions of texts.
    MaximumEntropy,
}

/// C of the support vector machines: the higher, the closer to the training texts.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Regularization {
    Fixed(f32),
    /// The best of [`GRID`] on a held-out fifth, by accuracy or macro-F1.
    CrossValidated,
}

/// What cross-validation tries.
pub const GRID: [f32; 5] = [0.05, 0.1, 0.3, 1.0, 3.0];

impl Options {
    /// What was found to work for a task.
    #[must_use]
    pub fn for_task(task: Task) -> Self {
        let common = Self {
            solver: Solver::Svm,
            c: Regularization::Fixed(1.0),
            balance: 0.0,
            embeddings: 2,
            dim: 64,
            embedding_epochs: 10,
            rate: 0.1,
            epochs: 3,
            bits: 16,
            block_weights: [1.0, 0.7, 0.4, 0.0],
            idf: true,
            pieces: 0,
            min_texts: 1,
            uses_language: false,
            least_probability: 0.0,
            judge: 5_000,
            seed: 1,
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            provenance: Value::Null,
        };
        match task {
            Task::Intent | Task::Topic | Task::Priority => common,
            Task::Sentiment => Self {
                c: Regularization::Fixed(0.1),
                balance: 1.0,
                dim: 16,
                embedding_epochs: 3,
                rate: 0.03,
                bits: 19,
                block_weights: [1.0, 1.0, 1.0, 1.0],
                ..common
            },
            Task::Emotion => Self {
                c: Regularization::Fixed(0.1),
                balance: 1.0,
                embeddings: 0,
                bits: 20,
                block_weights: [1.0, 1.0, 1.0, 1.0],
                uses_language: true,
                judge: 30_000,
                ..common
            },
            Task::Language => Self {
                solver: Solver::MaximumEntropy,
                embeddings: 0,
                rate: 1.0,
                pieces: 2,
                block_weights: [1.4, 1.0, 0.0, 0.0],
                idf: false,
                min_texts: 2,
                judge: 50_000,
                ..common
            },
        }
    }
}

/// How far training is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What is being done, such as `reading features`.
    pub step: &'static str,
    pub done: usize,
    pub of: usize,
}

/// A trained model.
#[derive(Clone, Debug)]
pub struct Trained {
    /// The model file.
    pub bytes: Vec<u8>,
    pub report: Report,
}

/// What training found out.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Labels and how many texts have each.
    pub labels: Vec<(String, usize)>,
    pub many: bool,
    /// Features that occurred.
    pub features: usize,
    pub c: f32,
    /// What cross-validation tried: C and its score.
    pub tried: Vec<(f32, f64)>,
    pub calibration: Calibration,
    pub scope: Option<tdm::Scope>,
    /// The weight of each head.
    pub head_weights: Vec<f32>,
    /// Where `held_out` comes from.
    pub judged_by: JudgedBy,
    /// Predictions for texts that their model had not seen.
    #[serde(skip)]
    pub held_out: Vec<Judged>,
}

/// What calibrated the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum JudgedBy {
    /// Dev texts: rows of the dev examples.
    Dev,
    /// Texts left out of training in turn: rows of the training examples.
    OutOfFold,
}

/// One text's prediction by a model that had not seen it.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged {
    /// Counted from 0 in the examples that [`Report::judged_by`] names.
    pub row: usize,
    /// In the order of [`Report::labels`].
    pub probabilities: Vec<f32>,
    pub scope_score: f32,
}

/// Why there is no model.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    #[error("{0} label: a model needs at least two labels to tell apart")]
    TooFewLabels(usize),
    #[error("more than {} labels", tdm::MAX_LABELS)]
    TooManyLabels,
    #[error(
        "the language of a text is exactly one: {solver:?} cannot train on texts with several labels or none"
    )]
    OneOfManyOnly { solver: Solver },
    #[error("none of the dev texts has a label of the training texts")]
    Dev,
    #[error("training found no usable model: {0}")]
    Model(#[from] TdmError),
}

/// The labels of examples, as numbers.
struct Labels {
    names: Vec<String>,
    many: bool,
    numbers: BTreeMap<String, usize>,
}

/// What is known about one example's labels.
#[derive(Clone, Debug, Default)]
struct Target {
    /// Ascending.
    labels: Vec<usize>,
    /// The labels that were judged; none: all.
    judged: Option<Vec<usize>>,
}

impl Target {
    /// Whether the example has the label; none when nobody judged.
    fn has(&self, label: usize) -> Option<bool> {
        let judged = self
            .judged
            .as_ref()
            .is_none_or(|judged| judged.contains(&label));
        judged.then(|| self.labels.contains(&label))
    }

    /// The label of a one-of-many example.
    fn only(&self) -> Option<usize> {
        self.labels.first().copied()
    }
}

impl Labels {
    fn of(examples: &[Example]) -> Self {
        let many = examples.iter().any(|example| example.labels.len() != 1);
        let mut numbers: BTreeMap<String, usize> = BTreeMap::new();
        for label in examples.iter().flat_map(|example| &example.labels) {
            numbers.insert(label.clone(), 0);
        }
        for (number, place) in numbers.values_mut().enumerate() {
            *place = number;
        }
        Self {
            names: numbers.keys().cloned().collect(),
            many,
            numbers,
        }
    }

    fn target(&self, example: &Example) -> Target {
        let known = |labels: &Vec<String>| {
            let mut numbers: Vec<usize> = labels
                .iter()
                .filter_map(|label| self.numbers.get(label).copied())
                .collect();
            numbers.sort_unstable();
            numbers
        };
        Target {
            labels: known(&example.labels),
            judged: example.annotated.as_ref().map(known),
        }
    }

    /// Whether the label says that a text is about nothing the model knows.
    fn outside(&self, label: usize) -> bool {
        self.names
            .get(label)
            .is_some_and(|name| OUT_OF_SCOPE.contains(&name.as_str()))
    }
}

/// What training works on.
#[derive(Clone, Copy)]
struct Corpus<'a> {
    examples: &'a [Example],
    matrix: &'a matrix::Matrix,
    targets: &'a [Target],
    labels: &'a Labels,
    /// Of each text, the example it is, or is a piece of.
    origins: &'a [usize],
}

/// Trains a model. `dev` texts calibrate it; without them, training texts that are left out in turn.
///
/// # Errors
/// When the examples cannot make a model; nothing of the examples' order, content or size panics.
pub fn train(
    task: Task,
    examples: &[Example],
    dev: Option<&[Example]>,
    options: &Options,
    progress: &mut dyn FnMut(Progress),
) -> Result<Trained, TrainError> {
    let labels = Labels::of(examples);
    match labels.names.len() {
        0 | 1 if !labels.many || labels.names.is_empty() => {
            return Err(TrainError::TooFewLabels(labels.names.len()));
        }
        count if count > tdm::MAX_LABELS => return Err(TrainError::TooManyLabels),
        _ => {}
    }
    if labels.many && options.solver == Solver::MaximumEntropy {
        return Err(TrainError::OneOfManyOnly {
            solver: options.solver,
        });
    }
    let given = examples.len();
    // Of each text, the example it is, or is a piece of.
    let mut origins: Vec<usize> = (0..given).collect();
    let with_pieces;
    let examples = if options.pieces == 0 {
        examples
    } else {
        let mut all = examples.to_vec();
        for (place, piece) in piece::pieces(examples, options.pieces, options.seed) {
            origins.push(place);
            all.push(piece);
        }
        with_pieces = all;
        &with_pieces
    };
    let targets: Vec<Target> = examples
        .iter()
        .map(|example| labels.target(example))
        .collect();
    let mut step = |step, done, of| progress(Progress { step, done, of });

    step("reading features", 0, examples.len());
    let vocabulary = Vocabulary::of(examples, options);
    let matrix = Matrix::of(&vocabulary, examples, options);
    let corpus = Corpus {
        examples,
        matrix: &matrix,
        targets: &targets,
        labels: &labels,
        origins: &origins,
    };

    let mut tried = Vec::new();
    let mut c = 1.0;
    match options.c {
        Regularization::Fixed(fixed) => c = fixed,
        Regularization::CrossValidated => {
            step("choosing C", 0, GRID.len());
            tried = held_out::choose_c(&corpus, options);
            let mut highest = -1.0;
            for (tried, score) in &tried {
                if *score > highest {
                    (c, highest) = (*tried, *score);
                }
            }
        }
    }

    step("training", 0, 1);
    let all: Vec<usize> = (0..matrix.len()).collect();
    let mut heads = Heads::train(&corpus, &all, c, options);
    let (held_out, judged_by, judging) = match dev {
        Some(dev) => {
            step("reading dev texts", 0, dev.len());
            let targets: Vec<Target> = dev.iter().map(|example| labels.target(example)).collect();
            let matrix = Matrix::of(&vocabulary, dev, options);
            let dev_corpus = Corpus {
                examples: dev,
                matrix: &matrix,
                targets: &targets,
                ..corpus
            };
            let all: Vec<usize> = (0..matrix.len()).collect();
            let rows = held_out::judge(&heads, &dev_corpus, &all, options);
            (rows, JudgedBy::Dev, dev)
        }
        None => {
            let rows = held_out::fold_by_fold(&corpus, c, options, &mut step);
            (rows, JudgedBy::OutOfFold, examples)
        }
    };
    let judges = |row: &HeldRow| labels.many || row.target.only().is_some();
    if !held_out.iter().any(judges) {
        return Err(TrainError::Dev);
    }

    step("calibrating", 0, 1);
    let calibrated = calibrate::calibrate(&mut heads, &held_out, &labels, &vocabulary, options);

    let counts = labels.names.iter().enumerate().map(|(number, name)| {
        let count = targets
            .iter()
            .filter(|target| target.labels.contains(&number))
            .count();
        (name.clone(), count)
    });
    let report = Report {
        labels: counts.collect(),
        many: labels.many,
        features: vocabulary.buckets.len(),
        c,
        tried,
        calibration: calibrated.calibration.clone(),
        scope: calibrated.scope,
        head_weights: heads.weights.clone(),
        judged_by,
        held_out: calibrated.judged,
    };
    let measured = judged::measures(&report, judging, &measure::Options::default());
    let draft = Draft {
        task,
        labels: labels.names,
        bits: options.bits,
        block_weights: options.block_weights,
        uses_language: options.uses_language,
        buckets: vocabulary.buckets,
        idf: options.idf.then_some(DraftIdf {
            rows: vocabulary.idf,
            default: vocabulary.default_idf,
        }),
        heads: heads.into_drafts(),
        calibration: calibrated.calibration,
        scope: calibrated.scope,
        metrics: json!({
            "texts": given,
            "labels": report.labels,
            "judged_by": judged_by,
            "judged": report.held_out.len(),
            "quality": measured.quality,
            "scope": measured.scope,
        }),
        provenance: json!({
            "program": concat!("tidings ", env!("CARGO_PKG_VERSION")),
            "features": feature::VERSION,
            "options": options,
        }),
    };
    step("writing", 1, 1);
    Ok(Trained {
        bytes: tdm::write(&draft)?,
        report,
    })
}

#[cfg(test)]
mod tests;
