//! Support vector machines with squared hinge loss, one for each label against the rest, by dual coordinate descent with
//! shrinking (Hsieh et al., "A Dual Coordinate Descent Method for Large-scale Linear SVM", 2008). The bias is the weight
//! of a feature that every text has.

use std::sync::{
    Mutex,
    atomic::{AtomicUsize, Ordering},
};

use super::{Corpus, Options, Target, matrix::Matrix};
use crate::random::Random;

/// A solution is good enough when no gradient of the dual is further from its optimum than this.
const TOLERANCE: f32 = 0.1;
const MAX_PASSES: usize = 60;

/// The weights of all labels.
pub(super) struct Weights {
    /// Row after row, one for each feature; as wide as there are labels.
    pub(super) rows: Vec<f32>,
    pub(super) bias: Vec<f32>,
}

pub(super) fn train(corpus: &Corpus<'_>, texts: &[usize], c: f32, options: &Options) -> Weights {
    let Corpus {
        matrix,
        targets,
        labels,
        ..
    } = *corpus;
    let count = labels.names.len();
    let squared: Vec<f32> = (0..matrix.len())
        .map(|row| matrix.row(row).squared() + 1.0)
        .collect();
    let solved: Vec<Mutex<Option<Solution>>> = (0..count).map(|_| Mutex::new(None)).collect();
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..options.threads.clamp(1, count.max(1)) {
            scope.spawn(|| {
                loop {
                    let label = next.fetch_add(1, Ordering::Relaxed);
                    let Some(slot) = solved.get(label) else {
                        return;
                    };
                    let mut problem = Problem::new(matrix, texts, targets, label, &squared);
                    let found =
                        problem.solve(c, options.balance, options.seed ^ (label as u64) << 20);
                    if let Ok(mut slot) = slot.lock() {
                        *slot = Some(found);
                    }
                }
            });
        }
    });
    let mut weights = Weights {
        rows: vec![0.0; matrix.width * count],
        bias: vec![0.0; count],
    };
    for (label, slot) in solved.into_iter().enumerate() {
        let Ok(Some((found, bias))) = slot.into_inner() else {
            continue;
        };
        weights.bias[label] = bias;
        for (row, weight) in weights.rows.chunks_exact_mut(count).zip(found) {
            row[label] = weight;
        }
    }
    weights
}

/// A label's weights and bias.
type Solution = (Vec<f32>, f32);

/// One label against the rest, over the texts that were judged for it.
struct Problem<'a> {
    matrix: &'a Matrix,
    squared: &'a [f32],
    texts: Vec<u32>,
    /// In the order of `texts`: 1 for the label, -1 for the rest.
    signs: Vec<f32>,
}

impl<'a> Problem<'a> {
    fn new(
        matrix: &'a Matrix,
        texts: &[usize],
        targets: &[Target],
        label: usize,
        squared: &'a [f32],
    ) -> Self {
        let judged = texts
            .iter()
            .filter_map(|text| targets[*text].has(label).map(|has| (*text as u32, has)));
        let (texts, signs) = judged
            .map(|(text, has)| (text, if has { 1.0 } else { -1.0 }))
            .unzip();
        Self {
            matrix,
            squared,
            texts,
            signs,
        }
    }

    fn solve(&mut self, c: f32, balance: f32, seed: u64) -> Solution {
        let own = self.signs.iter().filter(|sign| **sign > 0.0).count();
        let others = self.signs.len() - own;
        let c_own = c * (1.0 + balance * (others as f32 / own.max(1) as f32).sqrt());
        let (diagonal_own, diagonal_other) = (0.5 / c_own, 0.5 / c);

        let mut weights = vec![0.0f32; self.matrix.width];
        let mut bias = 0.0f32;
        let mut alphas = vec![0.0f32; self.texts.len()];
        let mut order: Vec<u32> = (0..self.texts.len() as u32).collect();
        let mut random = Random::new(seed);
        let mut active = order.len();
        let mut bound = f32::INFINITY;
        for _ in 0..MAX_PASSES {
            random.shuffle(&mut order[..active]);
            let (mut highest, mut lowest) = (f32::NEG_INFINITY, f32::INFINITY);
            let mut place = 0;
            while place < active {
                let at = order[place] as usize;
                let sign = self.signs[at];
                let diagonal = if sign > 0.0 {
                    diagonal_own
                } else {
                    diagonal_other
                };
                let text = self.texts[at] as usize;
                let row = self.matrix.row(text);
                let margin: f32 = bias
                    + row
                        .iter()
                        .map(|(column, value)| weights[column] * value)
                        .sum::<f32>();
                let gradient = sign * margin - 1.0 + diagonal * alphas[at];
                let projected = if alphas[at] > 0.0 {
                    gradient
                } else if gradient > bound {
                    // Far on the right side: not looked at again before the end.
                    active -= 1;
                    order.swap(place, active);
                    continue;
                } else {
                    gradient.min(0.0)
                };
                highest = highest.max(projected);
                lowest = lowest.min(projected);
                if projected.abs() > 1e-9 {
                    let alpha = (alphas[at] - gradient / (self.squared[text] + diagonal)).max(0.0);
                    let change = (alpha - alphas[at]) * sign;
                    alphas[at] = alpha;
                    bias += change;
                    for (column, value) in row.iter() {
                        weights[column] += change * value;
                    }
                }
                place += 1;
            }
            if highest - lowest <= TOLERANCE {
                if active == order.len() {
                    break;
                }
                active = order.len();
                bound = f32::INFINITY;
            } else {
                bound = if highest > 0.0 {
                    highest
                } else {
                    f32::INFINITY
                };
            }
        }
        (weights, bias)
    }
}
