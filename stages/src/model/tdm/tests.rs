use bytes::Bytes;
use schemas::Task;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::*;
use crate::model::{
    Classifier, Document, Prediction,
    feature::{self, Features},
    linear::Linear,
};

mod broken;

const BITS: u8 = 10;

/// The buckets of a text's features, in order.
fn buckets(text: &str) -> Vec<u32> {
    let features = Features::of(text);
    let hashes = (0..feature::BLOCKS).flat_map(|block| features.block(block));
    let mut buckets: Vec<u32> = hashes.map(|found| found.hash & ((1 << BITS) - 1)).collect();
    buckets.sort_unstable();
    buckets.dedup();
    buckets
}

/// Numbers that look like weights.
fn weights(count: usize, seed: u32) -> Vec<f32> {
    let mix = |place: usize| (place as u32 ^ seed).wrapping_mul(0x9E37_79B1) >> 16;
    (0..count)
        .map(|place| mix(place) as f32 / 32_768.0 - 1.0)
        .collect()
}

/// One of many, a linear head and an embedding, idf, scope.
pub(in crate::model) fn full() -> Draft {
    let buckets = buckets("where is my order");
    let rows = buckets.len();
    Draft {
        task: Task::Intent,
        labels: ["order_status", "refund", "greeting"]
            .map(String::from)
            .into(),
        bits: BITS,
        block_weights: [1.0; feature::BLOCKS],
        uses_language: true,
        buckets,
        idf: Some(DraftIdf {
            rows: weights(rows, 1).iter().map(|weight| 3.0 + weight).collect(),
            default: 5.5,
        }),
        heads: vec![
            DraftHead {
                weight: 0.75,
                rows: weights(rows * 3, 2),
                bias: vec![0.5, -0.25, 0.0],
                shape: Shape::Linear,
            },
            DraftHead {
                weight: 0.25,
                rows: weights(rows * 10, 3),
                bias: vec![0.0, 0.125, -1.0],
                shape: Shape::Embedding {
                    dim: 10,
                    output: weights(30, 4),
                },
            },
        ],
        calibration: Calibration::OneOfMany { temperature: 0.7 },
        scope: Some(Scope {
            kind: ScopeKind::Energy,
            threshold: 0.4,
        }),
        metrics: json!({"accuracy": 0.9}),
        provenance: json!({"seed": 1}),
    }
}

/// Many of many, one linear head, nothing else.
pub(in crate::model) fn plain() -> Draft {
    let platt = |threshold| Platt {
        a: 2.0,
        b: -0.5,
        threshold,
    };
    let buckets = buckets("so glad");
    Draft {
        task: Task::Emotion,
        labels: vec!["joy".into(), "anger".into()],
        block_weights: [0.5; feature::BLOCKS],
        uses_language: false,
        idf: None,
        heads: vec![DraftHead {
            weight: 1.0,
            rows: weights(buckets.len() * 2, 5),
            bias: vec![0.0, 0.0],
            shape: Shape::Linear,
        }],
        calibration: Calibration::ManyOfMany {
            labels: vec![platt(0.5), platt(0.25)],
        },
        scope: None,
        buckets,
        ..full()
    }
}

/// Loads, and when that goes well classifies: neither may panic, and every number must be one.
fn load(bytes: Vec<u8>) -> Result<Linear, TdmError> {
    let model = Linear::load(Bytes::from(bytes))?;
    for text in ["", "where is my order", "so glad", "Ω"] {
        let Prediction {
            probabilities,
            scope_score,
            ..
        } = model.predict(&Document::new(text, Some("en")));
        assert!(probabilities.iter().all(|p| (0.0..=1.0).contains(p)));
        assert!(scope_score.is_finite());
    }
    Ok(model)
}

#[test]
fn the_same_draft_is_the_same_bytes() {
    for draft in [full(), plain()] {
        let bytes = write(&draft).unwrap();
        assert_eq!(write(&draft.clone()).unwrap(), bytes);
        let model = load(bytes.clone()).unwrap();
        assert_eq!(model.size_bytes(), bytes.len());
        assert_eq!(model.rows(), draft.buckets.len());
        assert_eq!(model.metrics(), draft.metrics);
        assert_eq!(model.provenance(), draft.provenance);
        assert_eq!(*model.calibration(), draft.calibration);
        assert_eq!(model.scope(), draft.scope);
        assert_eq!(model.task(), draft.task);
    }
}

#[test]
fn a_file_is_what_the_format_says() {
    // Little enough that a person can read it: two buckets, one label.
    let draft = Draft {
        labels: vec!["a".into()],
        bits: 8,
        uses_language: false,
        buckets: vec![3, 64],
        heads: vec![DraftHead {
            weight: 1.0,
            rows: vec![1.27, -2.54],
            bias: vec![0.5],
            shape: Shape::Linear,
        }],
        calibration: Calibration::OneOfMany { temperature: 1.0 },
        metrics: json!(null),
        provenance: json!(null),
        ..plain()
    };
    let file = write(&draft).unwrap();
    let section = |place: usize| {
        let entry = &file[32 + 24 * place..][..24];
        let number = |at: usize| u64::from_le_bytes(entry[at..at + 8].try_into().unwrap()) as usize;
        let (offset, length) = (number(8), number(16));
        assert_eq!(offset % 64, 0);
        (entry[0], file[offset..offset + length].to_vec())
    };
    assert_eq!(file[..4], *b"TDM1");
    assert_eq!(
        file[4..8],
        [1, 0, feature::VERSION as u8, (feature::VERSION >> 8) as u8]
    );
    assert_eq!(file[8..12], [6, 0, 0, 0]);
    assert_eq!(file[16..24], (file.len() as u64).to_le_bytes());
    let (kind, manifest) = section(0);
    assert_eq!(kind, 1);
    let manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
    assert_eq!(
        manifest,
        json!({
            "task": "emotion", "labels": ["a"], "bits": 8,
            "block_weights": vec![0.5; feature::BLOCKS], "uses_language": false,
            "heads": [{"weight": 1.0, "unit": 0.015_625}],
            "calibration": {"one_of_many": {"temperature": 1.0}},
        })
    );
    assert_eq!(
        section(1),
        (2, br#"{"metrics":null,"provenance":null}"#.to_vec())
    );
    let mut index = vec![0; 4 * 12];
    index[0] = 1 << 3; // bucket 3
    index[12] = 1; // bucket 64
    index[12 + 8] = 1; // one row before it
    index[24 + 8] = 2;
    index[36 + 8] = 2;
    assert_eq!(section(2), (3, index));
    assert_eq!(section(3), (5, vec![127, 0, 0, 0, 129, 0, 0, 0]));
    // 0.01 / 2^-6 = 0.64 and 1.28, as f16.
    assert_eq!(section(4), (6, vec![0x1f, 0x39, 0x1f, 0x3d]));
    assert_eq!(section(5), (7, 0.5_f32.to_le_bytes().to_vec()));
    let digest = Sha256::digest(&file);
    let model = load(file).unwrap();
    let id = Classifier::id(&model).strip_prefix("emotion-").unwrap();
    assert_eq!(u64::from_str_radix(id, 16).unwrap(), {
        let first: [u8; 8] = digest[..8].try_into().unwrap();
        u64::from_be_bytes(first) >> 16
    });
    assert_eq!(id.len(), 12);
}

#[test]
fn what_says_nothing_is_not_stored() {
    let mut draft = plain();
    let rows = draft.buckets.len();
    draft.heads[0].rows[2..6].fill(0.0);
    assert_eq!(load(write(&draft).unwrap()).unwrap().rows(), rows - 2);
    draft.idf = Some(DraftIdf {
        rows: vec![2.0; rows],
        default: 3.0,
    });
    assert_eq!(load(write(&draft).unwrap()).unwrap().rows(), rows);
}

#[test]
fn drafts_that_are_no_model_are_refused() {
    type Change = fn(&mut Draft);
    let broken: [(&str, Change); 12] = [
        ("buckets out of order", |draft| draft.buckets.swap(0, 1)),
        ("a bucket twice", |draft| {
            draft.buckets[1] = draft.buckets[0]
        }),
        ("a bucket past the bits", |draft| draft.bits = 8),
        ("too many bits", |draft| draft.bits = 23),
        ("absurdly many bits", |draft| draft.bits = 255),
        ("a label twice", |draft| {
            draft.labels[1] = draft.labels[0].clone()
        }),
        ("a label more than there are weights", |draft| {
            draft.labels.push("x".into())
        }),
        ("rows that are too short", |draft| {
            draft.heads[0].rows.truncate(5);
        }),
        ("an output that is too short", |draft| {
            draft.heads[1].shape = Shape::Embedding {
                dim: 10,
                output: vec![0.0; 29],
            };
        }),
        ("no number", |draft| draft.heads[0].rows[0] = f32::NAN),
        ("a bias that is none", |draft| {
            draft.heads[0].bias[0] = f32::INFINITY
        }),
        ("no heads", |draft| draft.heads.clear()),
    ];
    for (what, change) in broken {
        let mut draft = full();
        change(&mut draft);
        assert!(write(&draft).is_err(), "{what}");
    }
}
