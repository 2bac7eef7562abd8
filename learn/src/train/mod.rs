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
mod label;
mod matrix;
mod option;
mod piece;
mod softmax;
mod svm;

use schemas::Task;
use serde::Serialize;
use serde_json::json;
use stages::model::{
    feature,
    tdm::{self, Calibration, Draft, DraftIdf, TdmError},
};

pub use self::option::{GRID, Options, Regularization, Solver};
use self::{
    heads::Heads,
    held_out::HeldRow,
    label::{Labels, Target},
    matrix::{Matrix, Vocabulary},
};
use crate::{dataset::Example, judged, measure};

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
