//! Calibration: from margins to probabilities that can be believed, on texts that no head had seen.
//!
//! One of many: one temperature (Guo et al., "On Calibration of Modern Neural Networks", 2017), and the share of the
//! linear head, by the likelihood of the labels. Many of many: a sigmoid for each label (Platt, 1999), and a threshold
//! where F1 is best, averaged over languages; where the language is a feature, each language's own threshold is
//! shifted onto the common one.

use std::collections::BTreeMap;

use stages::model::tdm::{Calibration, MIN_TEMPERATURE, Platt, Scope, ScopeKind};

use super::{
    Judged, Labels, Options, embedding::softmax, heads::Heads, held_out::HeldRow,
    matrix::Vocabulary,
};

/// Shares of the linear head that are tried; an embedding's is 1.
const SHARES: [f32; 5] = [1.0, 2.0, 3.0, 4.0, 6.0];
/// Refusing texts may cost this much of the accuracy on texts in scope.
const SCOPE_COST: f32 = 0.02;
/// A language's own threshold counts as much as the common one with this many positive texts.
const SHRINKAGE: f32 = 15.0;

pub(super) struct Calibrated {
    pub(super) calibration: Calibration,
    pub(super) scope: Option<Scope>,
    pub(super) judged: Vec<Judged>,
}

pub(super) fn calibrate(
    heads: &mut Heads,
    held_out: &[HeldRow],
    labels: &Labels,
    vocabulary: &Vocabulary,
    options: &Options,
) -> Calibrated {
    if labels.many {
        many_of_many(heads, held_out, labels, vocabulary, options)
    } else {
        one_of_many(heads, held_out, labels)
    }
}

fn one_of_many(heads: &mut Heads, rows: &[HeldRow], labels: &Labels) -> Calibrated {
    let known: Vec<(&HeldRow, usize)> = rows
        .iter()
        .filter_map(|row| row.target.only().map(|label| (row, label)))
        .collect();
    let embeddings = heads.weights.len() - 1;
    let shares: &[f32] = if embeddings == 0 { &[1.0] } else { &SHARES };
    let mut best = (f64::INFINITY, 1.0, heads.weights.clone());
    for share in shares {
        let weights: Vec<f32> = std::iter::once(*share)
            .chain((0..embeddings).map(|_| 1.0 / embeddings as f32))
            .collect();
        let margins: Vec<(Vec<f32>, usize)> = known
            .iter()
            .map(|(row, label)| (Heads::margins(&weights, &row.scores), *label))
            .collect();
        let (temperature, loss) = temperature(&margins);
        if loss < best.0 {
            best = (loss, temperature, weights);
        }
    }
    let (_, temperature, weights) = best;
    heads.weights.clone_from(&weights);

    let mut judged = Vec::with_capacity(rows.len());
    // Of texts in scope: the score, and whether the answer is right.
    let mut answers = Vec::new();
    for row in rows {
        let margins = Heads::margins(&weights, &row.scores);
        let inside = || {
            margins
                .iter()
                .enumerate()
                .filter(|(label, _)| !labels.outside(*label))
        };
        let score = inside()
            .map(|(_, margin)| *margin)
            .fold(f32::NEG_INFINITY, f32::max);
        let best = (0..margins.len()).max_by(|a, b| margins[*a].total_cmp(&margins[*b]));
        if let Some(label) = row.target.only().filter(|label| !labels.outside(*label)) {
            answers.push((score, best == Some(label)));
        }
        let mut probabilities: Vec<f32> =
            margins.iter().map(|margin| margin / temperature).collect();
        softmax(&mut probabilities);
        judged.push(Judged {
            row: row.row,
            probabilities,
            scope_score: score,
        });
    }
    Calibrated {
        calibration: Calibration::OneOfMany { temperature },
        scope: scope_threshold(answers),
        judged,
    }
}

/// The temperature of the greatest likelihood, and the mean negative logarithm of it.
fn temperature(margins: &[(Vec<f32>, usize)]) -> (f32, f64) {
    let loss = |logarithm: f32| -> f64 {
        let temperature = logarithm.exp();
        let one = |(margins, label): &(Vec<f32>, usize)| {
            let highest = margins.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let sum: f32 = margins
                .iter()
                .map(|margin| ((margin - highest) / temperature).exp())
                .sum();
            f64::from(sum.ln() - (margins[*label] - highest) / temperature)
        };
        margins.iter().map(one).sum::<f64>() / margins.len().max(1) as f64
    };
    // Golden-section search: the loss has one valley.
    let ratio = 0.618_034;
    let (mut low, mut high) = (MIN_TEMPERATURE.ln(), 4.0f32);
    let (mut left, mut right) = (high - ratio * (high - low), low + ratio * (high - low));
    let (mut at_left, mut at_right) = (loss(left), loss(right));
    for _ in 0..22 {
        if at_left < at_right {
            (high, right, at_right) = (right, left, at_left);
            left = high - ratio * (high - low);
            at_left = loss(left);
        } else {
            (low, left, at_left) = (left, right, at_right);
            right = low + ratio * (high - low);
            at_right = loss(right);
        }
    }
    let logarithm = f32::midpoint(low, high);
    (logarithm.exp().max(MIN_TEMPERATURE), loss(logarithm))
}

/// The highest threshold that keeps all but [`SCOPE_COST`] of the right answers.
fn scope_threshold(answers: Vec<(f32, bool)>) -> Option<Scope> {
    let mut right: Vec<f32> = answers
        .iter()
        .filter(|(_, right)| *right)
        .map(|(score, _)| *score)
        .collect();
    right.sort_by(f32::total_cmp);
    let given_up = (answers.len() as f32 * SCOPE_COST) as usize;
    let threshold = *right.get(given_up)?;
    Some(Scope {
        kind: ScopeKind::Margin,
        threshold,
    })
}

fn many_of_many(
    heads: &mut Heads,
    rows: &[HeldRow],
    labels: &Labels,
    vocabulary: &Vocabulary,
    options: &Options,
) -> Calibrated {
    let count = labels.names.len();
    let weights = heads.weights.clone();
    let mut margins: Vec<Vec<f32>> = rows
        .iter()
        .map(|row| Heads::margins(&weights, &row.scores))
        .collect();
    let mut sigmoids = Vec::with_capacity(count);
    for label in 0..count {
        // By language: the judged texts' margins, and whether they have the label.
        let mut languages: BTreeMap<Option<&str>, Vec<(f32, bool)>> = BTreeMap::new();
        for (row, margins) in rows.iter().zip(&margins) {
            if let Some(has) = row.target.has(label) {
                languages
                    .entry(row.language.as_deref())
                    .or_default()
                    .push((margins[label], has));
            }
        }
        let common = threshold(&languages.values().map(Vec::as_slice).collect::<Vec<_>>());
        if options.uses_language {
            for (language, texts) in &languages {
                let Some(language) = language else { continue };
                let Some(feature) = vocabulary.language_row(language) else {
                    continue;
                };
                let own = threshold(&[texts]);
                let positive = texts.iter().filter(|(_, has)| *has).count() as f32;
                let shift = (common - own) * positive / (positive + SHRINKAGE);
                heads.shift(feature, label, shift);
                for (row, margins) in rows.iter().zip(&mut margins) {
                    if row.language.as_deref() == Some(language) {
                        margins[label] += shift;
                    }
                }
            }
        }
        let judged: Vec<(f32, bool)> = rows
            .iter()
            .zip(&margins)
            .filter_map(|(row, margins)| row.target.has(label).map(|has| (margins[label], has)))
            .collect();
        let (a, b) = sigmoid(&judged);
        sigmoids.push(Platt {
            a,
            b,
            threshold: probability(a, b, common).max(options.least_probability),
        });
    }
    let judged = rows.iter().zip(&margins).map(|(row, margins)| Judged {
        row: row.row,
        probabilities: margins
            .iter()
            .zip(&sigmoids)
            .map(|(margin, platt)| probability(platt.a, platt.b, *margin))
            .collect(),
        scope_score: margins.iter().copied().fold(f32::NEG_INFINITY, f32::max),
    });
    Calibrated {
        judged: judged.collect(),
        calibration: Calibration::ManyOfMany { labels: sigmoids },
        scope: None,
    }
}

fn probability(a: f32, b: f32, margin: f32) -> f32 {
    1.0 / (1.0 + (-(a * margin + b)).exp())
}

/// The margin above which the mean of the groups' F1 is best; zero when no group has a positive text. Each F1 is that of
/// a window of neighbouring thresholds, so that one text decides little.
fn threshold(groups: &[&[(f32, bool)]]) -> f32 {
    let groups: Vec<&&[(f32, bool)]> = groups
        .iter()
        .filter(|group| group.iter().any(|(_, has)| *has))
        .collect();
    let steps: Vec<f32> = (-60..=60).map(|step| step as f32 * 0.025).collect();
    let mut means = vec![0.0f32; steps.len()];
    for group in &groups {
        let had = group.iter().filter(|(_, has)| *has).count() as f32;
        for (mean, threshold) in means.iter_mut().zip(&steps) {
            let given = group.iter().filter(|(margin, _)| margin >= threshold);
            let (right, all) = given.fold((0.0, 0.0), |(right, all), (_, has)| {
                (right + f32::from(u8::from(*has)), all + 1.0)
            });
            *mean += 2.0 * right / (all + had) / groups.len() as f32;
        }
    }
    let smooth = |at: usize| {
        let window = means
            .get(at.saturating_sub(2)..(at + 3).min(means.len()))
            .unwrap_or_default();
        window.iter().sum::<f32>() / window.len().max(1) as f32
    };
    if groups.is_empty() {
        return 0.0;
    }
    let best = (0..steps.len()).fold(
        0,
        |best, at| if smooth(at) > smooth(best) { at } else { best },
    );
    steps.get(best).copied().unwrap_or(0.0)
}

/// Slope and offset of the greatest likelihood, by Newton's method with Platt's smoothed targets (Lin, Lin, Weng, "A Note
/// on Platt's Probabilistic Outputs", 2007).
fn sigmoid(judged: &[(f32, bool)]) -> (f32, f32) {
    let own = judged.iter().filter(|(_, has)| *has).count() as f64;
    let others = judged.len() as f64 - own;
    let (high, low) = ((own + 1.0) / (own + 2.0), 1.0 / (others + 2.0));
    let (mut a, mut b) = (1.0f64, ((own + 1.0) / (others + 1.0)).ln());
    for _ in 0..30 {
        let (mut gradient_a, mut gradient_b) = (0.0, 0.0);
        let (mut aa, mut ab, mut bb) = (1e-6, 0.0, 1e-6);
        for (margin, has) in judged {
            let margin = f64::from(*margin);
            let probability = 1.0 / (1.0 + (-(a * margin + b)).exp());
            let error = probability - if *has { high } else { low };
            let curve = probability * (1.0 - probability);
            gradient_a += error * margin;
            gradient_b += error;
            aa += curve * margin * margin;
            ab += curve * margin;
            bb += curve;
        }
        let determinant = aa * bb - ab * ab;
        if determinant.abs() < 1e-12 {
            break;
        }
        let step_a = (bb * gradient_a - ab * gradient_b) / determinant;
        let step_b = (aa * gradient_b - ab * gradient_a) / determinant;
        a -= step_a.clamp(-2.0, 2.0);
        b -= step_b.clamp(-2.0, 2.0);
        if step_a.abs() + step_b.abs() < 1e-6 {
            break;
        }
    }
    (a.clamp(0.01, 100.0) as f32, b.clamp(-100.0, 100.0) as f32)
}
