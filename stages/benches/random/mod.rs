//! Models of random weights: what they say means nothing, what they cost is what a trained one costs.

use schemas::Task;
use serde_json::Value;
use stages::model::{
    feature,
    tdm::{Calibration, Draft, DraftHead, DraftIdf, Platt, Shape},
};

/// Numbers of 24 bits that only look random: the same on every run.
pub(crate) fn numbers() -> impl FnMut() -> u32 {
    let mut state = 1_u32;
    move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state >> 8
    }
}

/// Every bucket has a row.
pub(crate) fn draft(task: Task, labels: usize, bits: u8, dim: Option<usize>) -> Draft {
    let mut next = numbers();
    let buckets: Vec<u32> = (0..1 << bits).collect();
    let rows = buckets.len();
    let mut weight = move || next() as f32 / 8_388_608.0 - 1.0;
    let mut numbers = |count: usize| (0..count).map(|_| weight()).collect::<Vec<f32>>();
    let mut heads = vec![DraftHead {
        weight: 0.5,
        rows: numbers(rows * labels),
        bias: numbers(labels),
        shape: Shape::Linear,
    }];
    if let Some(dim) = dim {
        heads.push(DraftHead {
            weight: 0.5,
            rows: numbers(rows * dim),
            bias: numbers(labels),
            shape: Shape::Embedding {
                dim,
                output: numbers(dim * labels),
            },
        });
    }
    Draft {
        task,
        labels: (0..labels).map(|label| format!("label {label}")).collect(),
        bits,
        block_weights: [1.0; feature::BLOCKS],
        uses_language: false,
        idf: Some(DraftIdf {
            rows: vec![4.0; rows],
            default: 8.0,
        }),
        buckets,
        heads,
        calibration: match task {
            Task::Emotion => Calibration::ManyOfMany {
                labels: vec![
                    Platt {
                        a: 1.0,
                        b: 0.0,
                        threshold: 0.5
                    };
                    labels
                ],
            },
            _ => Calibration::OneOfMany { temperature: 0.5 },
        },
        scope: None,
        metrics: Value::Null,
        provenance: Value::Null,
    }
}
