use std::sync::LazyLock;

use bytes::Bytes;
use proptest::prelude::*;
use schemas::Task;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::*;
use crate::model::{
    Classifier, Document, Prediction,
    feature::{self, Features},
    linear::Linear,
};

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

static FILES: LazyLock<[Vec<u8>; 2]> =
    LazyLock::new(|| [write(&full()).unwrap(), write(&plain()).unwrap()]);

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

/// Puts a section's new bytes in and the checksums right, so that what is tested is not the checksums.
fn with_section(draft: &Draft, kind: layout::Kind, change: impl Fn(&mut Vec<u8>)) -> Vec<u8> {
    let file = Bytes::from(write(draft).unwrap());
    let mut sections = layout::Sections::read(&file).unwrap();
    let mut all = Vec::new();
    use layout::Kind::*;
    for found in [Manifest, Notes, Index, Idf, Rows, Scales, Bias, Output] {
        for part in 0..MAX_HEADS {
            if let Some(bytes) = sections.take(found, part) {
                let mut bytes = bytes.to_vec();
                if found == kind && (part == 0 || kind == Output) {
                    change(&mut bytes);
                }
                all.push((found, part as u16, bytes));
            }
        }
    }
    layout::assemble(&all).unwrap()
}

fn flaw(bytes: Vec<u8>) -> String {
    match load(bytes) {
        Err(TdmError::Malformed { section, flaw }) => format!("{section} {flaw}"),
        Err(error) => error.to_string(),
        Ok(_) => "none".into(),
    }
}

fn manifest_flaw(from: &str, to: &str) -> String {
    flaw(with_section(&full(), layout::Kind::Manifest, |bytes| {
        let text = String::from_utf8(bytes.clone()).unwrap();
        assert!(text.contains(from), "{text}");
        *bytes = text.replacen(from, to, 1).into_bytes();
    }))
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

#[test]
fn manifests_that_make_no_sense_are_refused() {
    for (from, to) in [
        ("\"bits\":10", "\"bits\":7"),
        ("\"bits\":10", "\"bits\":23"),
        ("\"bits\":10", "\"bits\":11"),
        ("\"refund\"", "\" \""),
        ("\"refund\"", "\"greeting\""),
        ("\"refund\",", ""),
        ("\"refund\"", "\"\\ud800\""),
        ("\"temperature\":0.7", "\"temperature\":0"),
        ("\"temperature\":0.7", "\"temperature\":1e39"),
        ("\"temperature\":0.7", "\"temperature\":null"),
        ("\"idf_default\":5.5,", ""),
        ("\"idf_default\":5.5", "\"idf_default\":-1"),
        ("\"dim\":10", "\"dim\":0"),
        ("\"dim\":10", "\"dim\":11"),
        ("\"dim\":10", "\"dim\":4294967295"),
        ("\"weight\":0.75", "\"weight\":1e9"),
        ("\"threshold\":0.4", "\"threshold\":1e400"),
        ("\"task\":\"intent\"", "\"task\":\"guess\""),
        ("\"task\"", "\"more\":1,\"task\""),
        ("\"block_weights\":[", "\"block_weights\":[1,"),
    ] {
        assert_ne!(manifest_flaw(from, to), "none", "{from} -> {to}");
    }
}

#[test]
fn arrays_that_make_no_sense_are_refused() {
    use layout::Kind::*;
    let changed = |kind, change: fn(&mut Vec<u8>)| flaw(with_section(&full(), kind, change));
    for kind in [Index, Idf, Rows, Scales, Bias, Output] {
        assert_ne!(
            changed(kind, |bytes| bytes.truncate(bytes.len() - 1)),
            "none"
        );
        assert_ne!(changed(kind, |bytes| bytes.extend([0; 64])), "none");
        assert_ne!(changed(kind, Vec::clear), "none");
    }
    let infinite = |bytes: &mut Vec<u8>| bytes[..2].copy_from_slice(&[0x00, 0x7c]);
    assert_eq!(
        changed(Scales, infinite),
        "scales has a number out of bounds"
    );
    assert_eq!(changed(Idf, infinite), "idf has a number out of bounds");
    let nan = |bytes: &mut Vec<u8>| bytes[..4].copy_from_slice(&f32::NAN.to_le_bytes());
    assert_eq!(changed(Bias, nan), "bias has a number out of bounds");
    assert_eq!(changed(Output, nan), "output has a number out of bounds");
    assert_eq!(
        changed(Index, |bytes| bytes[8] ^= 1),
        "index does not count its rows"
    );
    assert_ne!(changed(Index, |bytes| bytes[0] ^= 1), "none");
    assert_ne!(changed(Notes, |bytes| *bytes = b"{".to_vec()), "none");
}

#[test]
fn what_is_wrong_is_said() {
    let mut file = FILES[0].clone();
    assert!(matches!(load(Vec::new()), Err(TdmError::NotAModel)));
    assert!(matches!(load(b"TDM1".to_vec()), Err(TdmError::Length)));
    assert!(matches!(
        load(vec![0; MAX_BYTES + 1]),
        Err(TdmError::TooLong)
    ));
    file[4] = 9;
    assert!(matches!(load(file.clone()), Err(TdmError::Format(9))));
    let end = FILES[0].len();
    assert!(matches!(
        load(FILES[0][..end - 1].to_vec()),
        Err(TdmError::Length)
    ));
    let mut longer = FILES[0].clone();
    longer.push(0);
    assert!(matches!(load(longer), Err(TdmError::Length)));
}

#[test]
fn every_flipped_byte_is_noticed() {
    for file in &*FILES {
        let mut file = file.clone();
        for place in 0..file.len() {
            for mask in [1, 0x80, 0xff] {
                file[place] ^= mask;
                assert!(
                    Linear::load(Bytes::from(file.clone())).is_err(),
                    "byte {place}"
                );
                file[place] ^= mask;
            }
        }
    }
}

#[test]
fn every_cut_is_noticed() {
    for file in &*FILES {
        for end in 0..file.len() {
            assert!(Linear::load(Bytes::copy_from_slice(&file[..end])).is_err());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn any_bytes_are_refused_or_a_model(
        bytes in proptest::collection::vec(any::<u8>(), 0..300),
        magic in any::<bool>(),
    ) {
        let head = if magic { b"TDM1\x01\0".as_slice() } else { b"" };
        prop_assert!(load([head, &bytes].concat()).is_err());
    }

    /// With the checksums made right, what is left is the structure: refused, or a model that works.
    #[test]
    fn any_section_is_refused_or_works(
        kind in prop::sample::select(vec![1_u16, 2, 3, 4, 5, 6, 7, 8]),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        use layout::Kind::*;
        let kind = [Manifest, Notes, Index, Idf, Rows, Scales, Bias, Output][usize::from(kind) - 1];
        let file = with_section(&full(), kind, |bytes| {
            for (place, byte) in &changes {
                let place = place.index(bytes.len());
                bytes[place] = *byte;
            }
        });
        // `load` asserts that a model which is not refused works.
        load(file).ok();
    }

    /// A wild table, its checksum right.
    #[test]
    fn any_table_is_refused(
        place in 8_usize..32 + 24 * 10,
        byte in any::<u8>(),
    ) {
        let mut file = FILES[0].clone();
        prop_assume!(!(12..16).contains(&place) && file[place] != byte);
        file[place] = byte;
        let count = u32::from_le_bytes(file[8..12].try_into().unwrap()) as usize;
        if let Some(head) = file.get(..32 + 24 * count.min(1 << 20)) {
            let mut head = head.to_vec();
            head[12..16].fill(0);
            let checksum = crc32fast::hash(&head);
            file[12..16].copy_from_slice(&checksum.to_le_bytes());
        }
        prop_assert!(load(file).is_err());
    }
}
