//! How a model is trained, and what was found to work for each task.

use schemas::Task;
use serde::Serialize;
use serde_json::Value;
use stages::model::feature::BLOCKS;

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
    /// 0 leaves a block of features out. In the order of [`stages::model::feature`]: characters, words, skips, lexicon.
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
