//! The heads of a model, and their weighted sum.

use std::num::NonZero;

use stages::model::tdm::{DraftHead, Shape};

use super::{
    Corpus, Options, Solver,
    embedding::Embedding,
    matrix::Row,
    softmax,
    svm::{self, Weights},
};

/// Trained heads.
pub(super) struct Heads {
    linear: Weights,
    embeddings: Vec<Embedding>,
    /// How much each counts, the linear one first.
    pub(super) weights: Vec<f32>,
}

impl Heads {
    /// Over some of the corpus's texts.
    pub(super) fn train(corpus: &Corpus<'_>, texts: &[usize], c: f32, options: &Options) -> Self {
        let linear = match options.solver {
            Solver::Svm => svm::train(corpus, texts, c, options),
            Solver::MaximumEntropy => softmax::train(corpus, texts, options),
        };
        let seeds: Vec<u64> = (1..=u64::from(options.embeddings))
            .map(|number| options.seed ^ number << 32)
            .collect();
        let mut embeddings = Vec::with_capacity(seeds.len());
        let at_once = NonZero::new(options.threads).map_or(1, NonZero::get);
        for some in seeds.chunks(at_once) {
            std::thread::scope(|scope| {
                let trained: Vec<_> = some
                    .iter()
                    .map(|seed| scope.spawn(|| Embedding::train(corpus, texts, options, *seed)))
                    .collect();
                embeddings.extend(trained.into_iter().filter_map(|one| one.join().ok()));
            });
        }
        let weights = std::iter::once(1.0)
            .chain(embeddings.iter().map(|_| 1.0))
            .collect();
        Self {
            linear,
            embeddings,
            weights,
        }
    }

    /// Each head's score of each label, the linear head first.
    pub(super) fn scores(&self, row: Row<'_>) -> Vec<Vec<f32>> {
        let count = self.linear.bias.len();
        let mut scores = self.linear.bias.clone();
        for (column, value) in row.iter() {
            for (sum, weight) in scores
                .iter_mut()
                .zip(&self.linear.rows[column * count..][..count])
            {
                *sum += value * weight;
            }
        }
        std::iter::once(scores)
            .chain(self.embeddings.iter().map(|embedding| embedding.score(row)))
            .collect()
    }

    /// The weighted sum of the heads' scores.
    pub(super) fn margins(weights: &[f32], scores: &[Vec<f32>]) -> Vec<f32> {
        let mut margins = vec![0.0; scores.first().map_or(0, Vec::len)];
        for (weight, scores) in weights.iter().zip(scores) {
            for (margin, score) in margins.iter_mut().zip(scores) {
                *margin += weight * score;
            }
        }
        margins
    }

    /// Raises a label's margin by `shift` wherever a feature is there once.
    pub(super) fn shift(&mut self, row: usize, label: usize, shift: f32) {
        let count = self.linear.bias.len();
        let weight = self.weights.first().copied().unwrap_or(1.0);
        self.linear.rows[row * count + label] += shift / weight;
    }

    pub(super) fn into_drafts(self) -> Vec<DraftHead> {
        let linear = DraftHead {
            weight: self.weights[0],
            rows: self.linear.rows,
            bias: self.linear.bias,
            shape: Shape::Linear,
        };
        let embeddings =
            self.embeddings
                .into_iter()
                .zip(&self.weights[1..])
                .map(|(embedding, weight)| {
                    let (dim, count) = (embedding.dim, embedding.bias.len());
                    let across =
                        (0..dim).flat_map(|axis| (0..count).map(move |label| label * dim + axis));
                    DraftHead {
                        weight: *weight,
                        shape: Shape::Embedding {
                            dim,
                            output: across.map(|place| embedding.output[place]).collect(),
                        },
                        rows: embedding.rows,
                        bias: embedding.bias,
                    }
                });
        std::iter::once(linear).chain(embeddings).collect()
    }
}
