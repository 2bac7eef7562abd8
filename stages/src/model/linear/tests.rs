use proptest::prelude::*;

use super::*;
use crate::model::{
    feature::Features,
    tdm::{
        Draft, ScopeKind, Shape,
        tests::{full, plain},
        write,
    },
};

fn load(draft: &Draft) -> Linear {
    Linear::load(Bytes::from(write(draft).unwrap())).unwrap()
}

/// The margins as the format defines them, from the draft, in f64 and one value at a time.
fn expected(draft: &Draft, text: &str, language: Option<&str>) -> Vec<f64> {
    let features = Features::of(text);
    let row_of = |hash: u32| {
        draft
            .buckets
            .binary_search(&(hash & ((1 << draft.bits) - 1)))
            .ok()
    };
    let mut terms: Vec<(usize, f64)> = Vec::new();
    for (block, weight) in draft.block_weights.iter().enumerate() {
        let values: Vec<(Option<usize>, f64)> = features
            .block(block)
            .iter()
            .map(|feature| {
                let row = row_of(feature.hash);
                let idf = draft.idf.as_ref().map_or(1.0, |idf| match row {
                    Some(row) => idf.rows[row],
                    None => idf.default,
                });
                (row, f64::from(feature.weight) * f64::from(idf))
            })
            .collect();
        let norm = values
            .iter()
            .map(|(_, value)| value * value)
            .sum::<f64>()
            .sqrt();
        for (row, value) in values {
            terms.extend(row.map(|row| (row, f64::from(*weight) * value / norm)));
        }
    }
    if let Some(code) = language.filter(|_| draft.uses_language) {
        terms.extend(row_of(feature::language_feature(code)).map(|row| (row, 1.0)));
    }
    let labels = draft.labels.len();
    let mut margins = vec![0.0; labels];
    for head in &draft.heads {
        let width = head.rows.len() / draft.buckets.len();
        let mut sum = vec![0.0; width];
        for (row, value) in &terms {
            for (place, sum) in sum.iter_mut().enumerate() {
                *sum += value * f64::from(head.rows[row * width + place]);
            }
        }
        for (label, margin) in margins.iter_mut().enumerate() {
            let score = match &head.shape {
                Shape::Linear => sum[label],
                Shape::Embedding { dim, output } => {
                    let value = |at: usize| sum[at] * f64::from(output[at * labels + label]);
                    (0..*dim).map(value).sum()
                }
            };
            *margin += f64::from(head.weight) * (score + f64::from(head.bias[label]));
        }
    }
    margins
}

const TEXTS: [&str; 5] = [
    "where is my order",
    "my order is where?",
    "so glad, so glad",
    "nothing that training has seen, 1234",
    "",
];

#[test]
fn margins_are_those_of_the_definition() {
    let mut with_language = full();
    with_language.buckets = (0..1 << with_language.bits).collect();
    let rows = with_language.buckets.len();
    let value = |place: usize| ((place * 7919) % 211) as f32 / 100.0 - 1.0;
    with_language.idf.as_mut().unwrap().rows = (0..rows).map(|row| 3.0 + value(row)).collect();
    for head in &mut with_language.heads {
        let width = match head.shape {
            Shape::Linear => 3,
            Shape::Embedding { dim, .. } => dim,
        };
        head.rows = (0..rows * width).map(value).collect();
    }
    for draft in [full(), plain(), with_language] {
        let model = load(&draft);
        for text in TEXTS {
            for language in [None, Some("de")] {
                let expected = expected(&draft, text, language);
                let found = model.margins(&Document::new(text, language));
                for (found, expected) in found.iter().zip(&expected) {
                    // What int8 loses.
                    assert!(
                        (f64::from(*found) - expected).abs() < 0.08,
                        "{text}: {found} is not {expected}"
                    );
                }
            }
        }
    }
}

#[test]
fn probabilities_are_the_softmax_of_the_margins() {
    let model = load(&full());
    let document = Document::new(TEXTS[1], None);
    let margins = model.margins(&document);
    let part = |margin: &f32| (f64::from(*margin) / f64::from(0.7_f32)).exp();
    let sum: f64 = margins.iter().map(part).sum();
    let prediction = model.predict(&document);
    for (probability, margin) in prediction.probabilities.iter().zip(&margins) {
        assert!((f64::from(*probability) - part(margin) / sum).abs() < 1e-6);
    }
    assert!((f64::from(prediction.scope_score) - sum.ln()).abs() < 1e-5);
    assert_eq!(prediction.in_scope, prediction.scope_score >= 0.4);
    assert_eq!(model.thresholds(), None);
}

#[test]
fn many_of_many_stand_for_themselves() {
    let model = load(&plain());
    let document = Document::new("so glad", None);
    let prediction = model.predict(&document);
    for (probability, margin) in prediction
        .probabilities
        .iter()
        .zip(model.margins(&document))
    {
        let expected = 1.0 / (1.0 + (-(2.0 * margin - 0.5)).exp());
        assert!((probability - expected).abs() < 1e-6);
    }
    assert!(prediction.in_scope);
    assert_eq!(model.thresholds(), Some([0.5, 0.25].as_slice()));
}

#[test]
fn scope_is_what_its_kind_says() {
    let document = Document::new("where is my", None);
    let score = |kind| {
        let mut draft = full();
        draft.scope = Some(Scope {
            kind,
            threshold: 0.0,
        });
        let model = load(&draft);
        let margins = model.margins(&document);
        (model.predict(&document), margins)
    };
    let (prediction, margins) = score(ScopeKind::Margin);
    let highest = margins.iter().copied().fold(f32::MIN, f32::max);
    assert_eq!(prediction.scope_score, highest);
    let (prediction, _) = score(ScopeKind::Spread);
    let mean = margins.iter().sum::<f32>() / 3.0;
    assert!((prediction.scope_score - (highest - mean)).abs() < 1e-6);
    let (prediction, _) = score(ScopeKind::Probability);
    assert_eq!(
        Some(prediction.scope_score),
        prediction.best().map(|(_, p)| p)
    );
}

#[test]
fn a_label_for_what_is_out_of_scope_is_no_sign_of_scope() {
    let document = Document::new("where is my", None);
    let mut draft = full();
    draft.scope = Some(Scope {
        kind: ScopeKind::Margin,
        threshold: -100.0,
    });
    let model = load(&draft);
    let (best, _) = model.predict(&document).best().unwrap();
    let margins = model.margins(&document);
    assert!(model.predict(&document).in_scope);

    draft.labels[best] = "oos".to_owned();
    let model = load(&draft);
    let prediction = model.predict(&document);
    assert!(!prediction.in_scope);
    let others = (0..margins.len()).filter(|label| *label != best);
    let highest = others.map(|label| margins[label]).fold(f32::MIN, f32::max);
    assert_eq!(prediction.scope_score, highest);
}

#[test]
fn only_what_is_allowed_shares_the_probability() {
    let model = load(&full());
    let document = Document::new("where is my order", None);
    let all = model.predict(&document).probabilities;
    let two = model
        .classify_among(&document, &[true, false, true])
        .probabilities;
    assert_eq!(two[1], 0.0);
    assert!((two[0] + two[2] - 1.0).abs() < 1e-6);
    assert!((two[0] / two[2] - all[0] / all[2]).abs() < 1e-3 * all[0] / all[2]);
    let one = model.classify_among(&document, &[false, true]);
    assert_eq!(one.probabilities, [0.0, 1.0, 0.0]);
    let mut draft = full();
    draft.scope = None;
    let without_margins = load(&draft).classify_among(&document, &[false, true]);
    assert_eq!(without_margins.probabilities, one.probabilities);
    let none = model.classify_among(&document, &[]);
    assert_eq!(none.best(), Some((0, 0.0)));
    assert!(!none.in_scope);
}

#[test]
fn a_prior_moves_the_probabilities_by_its_ratio() {
    let model = load(&full());
    let document = Document::new("where is my order", None);
    let without = model.predict(&document).probabilities;
    let prior = [0.0, 2.0_f32.ln(), 0.0];
    let with = model
        .classify_with(&document, None, Some(&prior))
        .probabilities;
    let odds = |p: &[f32]| p[1] / p[0];
    assert!((odds(&with) / odds(&without) - 2.0).abs() < 1e-3);
    // No prior makes what is no number.
    let prior = [f32::INFINITY, f32::NEG_INFINITY, f32::NAN];
    let with = model
        .classify_with(&document, None, Some(&prior))
        .probabilities;
    assert_eq!(with, [1.0, 0.0, 0.0]);
}

#[test]
fn the_answer_is_the_same_bits_on_every_machine() {
    let model = load(&full());
    // With the vectors of this machine, and with none.
    for text in TEXTS {
        let document = Document::new(text, Some("en"));
        let without = pulp::NullaryFnOnce::call(Margins {
            model: &model.model,
            document: &document,
        });
        assert_eq!(model.margins(&document), without);
    }
    // Golden: every machine that runs this test must find these.
    let calibrate = calibrate::Calibrate {
        manifest: &model.model.manifest,
        margins: &[0.3, -1.7, 2.9],
        outside: &[],
        allowed: None,
        log_prior: Some(&[0.1, 0.0, -0.2]),
    };
    let prediction = model.arch.dispatch(calibrate);
    let bits: Vec<u32> = prediction
        .probabilities
        .iter()
        .map(|p| p.to_bits())
        .collect();
    assert_eq!(bits, [0x3d02_4004, 0x3ad8_996b, 0x3f77_6fb3]);
    assert_eq!(prediction.scope_score.to_bits(), 0x4085_62be);
}

proptest! {
    #[test]
    fn a_batch_is_one_by_one(texts in proptest::collection::vec(any::<String>(), 0..6)) {
        let model = load(&full());
        let documents: Vec<Document<'_>> =
            texts.iter().map(|text| Document::new(text, None)).collect();
        let together = model.classify(&documents.iter().collect::<Vec<_>>());
        for (document, answer) in documents.iter().zip(together) {
            prop_assert_eq!(model.classify(&[document]), [answer]);
        }
    }
}
