//! What models say about texts they were not trained on.

use super::{
    Labels, Options, Target,
    heads::Heads,
    matrix::{Matrix, in_parts},
};
use crate::{dataset::Example, random::Random};

/// Into how many parts the training texts are cut.
const FOLDS: usize = 5;

/// Scores of texts that no head had seen.
pub(super) struct HeldOut {
    pub(super) rows: Vec<HeldRow>,
}

/// One text.
pub(super) struct HeldRow {
    /// Its place among the examples.
    pub(super) row: usize,
    pub(super) target: Target,
    pub(super) language: Option<String>,
    /// Each head's score of each label.
    pub(super) scores: Vec<Vec<f32>>,
}

impl HeldOut {
    /// Of texts that are no training texts.
    pub(super) fn of(
        heads: &Heads,
        matrix: &Matrix,
        examples: &[Example],
        targets: Vec<Target>,
        options: &Options,
    ) -> Self {
        let all: Vec<usize> = (0..matrix.len()).collect();
        Self {
            rows: judge(heads, matrix, &all, examples, &targets, options),
        }
    }
}

/// Leaves a part of the training texts out, trains on the rest, and looks at what was left out; as many parts as it
/// takes for [`Options::judge`] texts.
pub(super) fn fold_by_fold(
    matrix: &Matrix,
    origins: &[usize],
    examples: &[Example],
    targets: &[Target],
    labels: &Labels,
    c: f32,
    options: &Options,
    step: &mut dyn FnMut(&'static str, usize, usize),
) -> HeldOut {
    let folds = folds(origins, options.seed);
    let size = matrix.len().div_ceil(FOLDS).max(1);
    let wanted = options.judge.div_ceil(size).clamp(1, FOLDS);
    let mut rows = Vec::new();
    for fold in 0..wanted {
        step("training on a part, judging the rest", fold, wanted);
        let (out, rest): (Vec<usize>, Vec<usize>) =
            (0..matrix.len()).partition(|text| folds[*text] == fold);
        let heads = Heads::train_on(matrix, &rest, targets, labels, c, options);
        // Pieces of a text judge nothing.
        let whole: Vec<usize> = out
            .into_iter()
            .filter(|text| origins[*text] == *text)
            .collect();
        rows.extend(judge(&heads, matrix, &whole, examples, targets, options));
    }
    rows.sort_by_key(|row| row.row);
    HeldOut { rows }
}

/// Tries each C of the grid on one part: C and macro-F1.
pub(super) fn choose_c(
    matrix: &Matrix,
    origins: &[usize],
    targets: &[Target],
    labels: &Labels,
    options: &Options,
) -> Vec<(f32, f64)> {
    let folds = folds(origins, options.seed);
    let (out, rest): (Vec<usize>, Vec<usize>) =
        (0..matrix.len()).partition(|text| folds[*text] == 0);
    let linear = Options {
        embeddings: 0,
        ..options.clone()
    };
    super::GRID
        .iter()
        .map(|c| {
            let heads = Heads::train_on(matrix, &rest, targets, labels, *c, &linear);
            (*c, macro_f1(&heads, matrix, &out, targets, labels))
        })
        .collect()
}

fn macro_f1(
    heads: &Heads,
    matrix: &Matrix,
    texts: &[usize],
    targets: &[Target],
    labels: &Labels,
) -> f64 {
    let count = labels.names.len();
    // Rightly given, given, had.
    let mut counts = vec![(0u32, 0u32, 0u32); count];
    for text in texts {
        let margins = Heads::margins(&heads.weights, &heads.scores(matrix.row(*text)));
        let target = &targets[*text];
        let best = (0..count).max_by(|a, b| margins[*a].total_cmp(&margins[*b]));
        for label in 0..count {
            let Some(has) = target.has(label) else {
                continue;
            };
            let given = if labels.many {
                margins[label] > 0.0
            } else {
                best == Some(label)
            };
            counts[label].0 += u32::from(given && has);
            counts[label].1 += u32::from(given);
            counts[label].2 += u32::from(has);
        }
    }
    let had: Vec<f64> = counts
        .into_iter()
        .filter(|(.., had)| *had > 0)
        .map(|(right, given, had)| 2.0 * f64::from(right) / f64::from(given + had))
        .collect();
    had.iter().sum::<f64>() / had.len().max(1) as f64
}

/// The part that each text is in; a piece is where its text is.
fn folds(origins: &[usize], seed: u64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..origins.len()).collect();
    Random::new(seed ^ 0xf01d).shuffle(&mut order);
    let mut folds = vec![0; origins.len()];
    for (place, text) in order.into_iter().enumerate() {
        folds[text] = place % FOLDS;
    }
    origins.iter().map(|origin| folds[*origin]).collect()
}

fn judge(
    heads: &Heads,
    matrix: &Matrix,
    texts: &[usize],
    examples: &[Example],
    targets: &[Target],
    options: &Options,
) -> Vec<HeldRow> {
    let judged = in_parts(texts, options.threads, |part| {
        let row = |text: &usize| HeldRow {
            row: *text,
            target: targets[*text].clone(),
            language: examples[*text].language.clone(),
            scores: heads.scores(matrix.row(*text)),
        };
        part.iter().map(row).collect::<Vec<_>>()
    });
    judged.into_iter().flatten().collect()
}
