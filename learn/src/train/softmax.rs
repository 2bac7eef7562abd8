//! Multinomial logistic regression ("maximum entropy") by `AdaGrad` with one rate for each feature: a pass over a million
//! short texts and a hundred labels takes seconds.

use super::{Corpus, Options, embedding::softmax, svm::Weights};
use crate::random::Random;

const FLOOR: f32 = 0.02;

pub(super) fn train(corpus: &Corpus<'_>, texts: &[usize], options: &Options) -> Weights {
    let Corpus {
        matrix,
        targets,
        labels,
        ..
    } = *corpus;
    let count = labels.names.len();
    let mut weights = Weights {
        rows: vec![0.0; matrix.width * count],
        bias: vec![0.0; count],
    };
    let mut squares = vec![1e-6f32; matrix.width];
    let mut random = Random::new(options.seed);
    let mut order: Vec<usize> = texts.to_vec();
    let all = (order.len() * options.epochs as usize).max(1) as f32;
    let mut steps = 0u32;
    let mut errors = vec![0.0f32; count];
    for _ in 0..options.epochs {
        random.shuffle(&mut order);
        for text in &order {
            steps += 1;
            let Some(label) = targets[*text].only() else {
                continue;
            };
            let rate = options.rate * (1.0 - steps as f32 / all).max(FLOOR);
            let row = matrix.row(*text);
            errors.copy_from_slice(&weights.bias);
            for (column, value) in row.iter() {
                for (sum, weight) in errors
                    .iter_mut()
                    .zip(&weights.rows[column * count..][..count])
                {
                    *sum += value * weight;
                }
            }
            softmax(&mut errors);
            errors[label] -= 1.0;
            let strength: f32 = errors.iter().map(|error| error * error).sum();
            if strength < 1e-6 {
                continue;
            }
            for (column, value) in row.iter() {
                squares[column] += strength * value * value;
                let step = rate * value / squares[column].sqrt();
                for (weight, error) in weights.rows[column * count..][..count]
                    .iter_mut()
                    .zip(&errors)
                {
                    *weight -= step * error;
                }
            }
            for (bias, error) in weights.bias.iter_mut().zip(&errors) {
                *bias -= rate * 0.01 * error;
            }
        }
    }
    weights
}
