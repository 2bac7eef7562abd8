//! A small embedding of n-grams: a text is the weighted sum of its features' vectors, and a softmax over the labels reads
//! it (Joulin et al., "Bag of Tricks for Efficient Text Classification", 2016). Trained by `AdaGrad` with one rate for each
//! vector. Of many-of-many data each label is a yes or no of its own.

use super::{Corpus, Options, matrix::Row};
use crate::random::Random;

/// The vectors begin as small random numbers.
const SPREAD: f32 = 0.3;
const FLOOR: f32 = 0.02;

pub(super) struct Embedding {
    pub(super) dim: usize,
    /// Row after row, one for each feature, `dim` wide.
    pub(super) rows: Vec<f32>,
    /// Label after label, `dim` wide.
    pub(super) output: Vec<f32>,
    pub(super) bias: Vec<f32>,
}

impl Embedding {
    pub(super) fn train(
        corpus: &Corpus<'_>,
        texts: &[usize],
        options: &Options,
        seed: u64,
    ) -> Self {
        let Corpus {
            matrix,
            targets,
            labels,
            ..
        } = *corpus;
        let (dim, count) = (options.dim, labels.names.len());
        let mut random = Random::new(seed);
        let spread = SPREAD / (dim as f32).sqrt();
        let mut this = Self {
            dim,
            rows: (0..matrix.width * dim)
                .map(|_| (uniform(&mut random) * 2.0 - 1.0) * spread)
                .collect(),
            output: vec![0.0; count * dim],
            bias: vec![0.0; count],
        };
        let mut row_squares = vec![1e-6f32; matrix.width];
        let mut output_squares = vec![1e-6f32; count];
        let mut order: Vec<usize> = texts.to_vec();
        let all = (order.len() * options.embedding_epochs as usize).max(1) as f32;
        let mut steps = 0u32;
        let (mut hidden, mut pull) = (vec![0.0f32; dim], vec![0.0f32; dim]);
        let mut errors = vec![0.0f32; count];
        for _ in 0..options.embedding_epochs {
            random.shuffle(&mut order);
            for text in &order {
                steps += 1;
                let rate = options.rate * (1.0 - steps as f32 / all).max(FLOOR);
                let row = matrix.row(*text);
                this.hidden(row, &mut hidden);
                this.scores(&hidden, &mut errors);
                let target = &targets[*text];
                if labels.many {
                    for (label, error) in errors.iter_mut().enumerate() {
                        *error = match target.has(label) {
                            Some(has) => 1.0 / (1.0 + (-*error).exp()) - f32::from(u8::from(has)),
                            None => 0.0,
                        };
                    }
                } else {
                    softmax(&mut errors);
                    if let Some(error) = target.only().and_then(|label| errors.get_mut(label)) {
                        *error -= 1.0;
                    }
                }
                pull.fill(0.0);
                let length = hidden.iter().map(|value| value * value).sum::<f32>() / dim as f32;
                for (label, error) in errors
                    .iter()
                    .enumerate()
                    .filter(|(_, error)| error.abs() > 1e-5)
                {
                    let output = &mut this.output[label * dim..][..dim];
                    output_squares[label] += error * error * length;
                    let step = rate * error / output_squares[label].sqrt();
                    for ((pull, weight), value) in pull.iter_mut().zip(output).zip(&hidden) {
                        *pull += error * *weight;
                        *weight -= step * value;
                    }
                    this.bias[label] -= rate * 0.1 * error;
                }
                let strength = pull.iter().map(|value| value * value).sum::<f32>() / dim as f32;
                for (column, value) in row.iter() {
                    row_squares[column] += strength * value * value;
                    let step = rate * value / row_squares[column].sqrt();
                    for (weight, pull) in this.rows[column * dim..][..dim].iter_mut().zip(&pull) {
                        *weight -= step * pull;
                    }
                }
            }
        }
        this
    }

    fn hidden(&self, row: Row<'_>, hidden: &mut [f32]) {
        hidden.fill(0.0);
        for (column, value) in row.iter() {
            for (sum, weight) in hidden
                .iter_mut()
                .zip(&self.rows[column * self.dim..][..self.dim])
            {
                *sum += value * weight;
            }
        }
    }

    fn scores(&self, hidden: &[f32], scores: &mut [f32]) {
        for ((score, bias), output) in scores
            .iter_mut()
            .zip(&self.bias)
            .zip(self.output.chunks_exact(self.dim))
        {
            *score = bias
                + output
                    .iter()
                    .zip(hidden)
                    .map(|(weight, value)| weight * value)
                    .sum::<f32>();
        }
    }

    /// The score of each label.
    pub(super) fn score(&self, row: Row<'_>) -> Vec<f32> {
        let (mut hidden, mut scores) = (vec![0.0; self.dim], vec![0.0; self.bias.len()]);
        self.hidden(row, &mut hidden);
        self.scores(&hidden, &mut scores);
        scores
    }
}

/// From 0 to below 1.
fn uniform(random: &mut Random) -> f32 {
    (random.number() >> 40) as f32 / (1u64 << 24) as f32
}

/// In place.
pub(super) fn softmax(scores: &mut [f32]) {
    let highest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut sum = 0.0;
    for score in scores.iter_mut() {
        *score = (*score - highest).exp();
        sum += *score;
    }
    for score in scores.iter_mut() {
        *score /= sum;
    }
}
