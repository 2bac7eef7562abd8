//! What models say about texts they were not trained on.

use super::{Corpus, Options, Target, heads::Heads, matrix::in_parts};
use crate::random::Random;

/// Into how many parts the training texts are cut.
const FOLDS: usize = 5;

/// A text that no head had seen.
pub(super) struct HeldRow {
    /// Its place among the examples.
    pub(super) row: usize,
    pub(super) target: Target,
    pub(super) language: Option<String>,
    /// Each head's score of each label.
    pub(super) scores: Vec<Vec<f32>>,
}

/// Leaves a part of the training texts out, trains on the rest, and looks at what was left out; as many parts as it
/// takes for [`Options::judge`] texts.
pub(super) fn fold_by_fold(
    corpus: &Corpus<'_>,
    c: f32,
    options: &Options,
    step: &mut dyn FnMut(&'static str, usize, usize),
) -> Vec<HeldRow> {
    let folds = folds(corpus.origins, options.seed);
    let size = folds.len().div_ceil(FOLDS).max(1);
    let wanted = options.judge.div_ceil(size).clamp(1, FOLDS);
    let mut rows = Vec::new();
    for fold in 0..wanted {
        step("training on a part, judging the rest", fold, wanted);
        let (out, rest): (Vec<usize>, Vec<usize>) =
            (0..folds.len()).partition(|text| folds[*text] == fold);
        let heads = Heads::train(corpus, &rest, c, options);
        // Pieces of a text judge nothing.
        let whole: Vec<usize> = out
            .into_iter()
            .filter(|text| corpus.origins[*text] == *text)
            .collect();
        rows.extend(judge(&heads, corpus, &whole, options));
    }
    rows.sort_by_key(|row| row.row);
    rows
}

/// Tries each C of the grid on one part: C and macro-F1.
pub(super) fn choose_c(corpus: &Corpus<'_>, options: &Options) -> Vec<(f32, f64)> {
    let folds = folds(corpus.origins, options.seed);
    let (out, rest): (Vec<usize>, Vec<usize>) =
        (0..folds.len()).partition(|text| folds[*text] == 0);
    let linear = Options {
        embeddings: 0,
        ..options.clone()
    };
    super::GRID
        .iter()
        .map(|c| {
            let heads = Heads::train(corpus, &rest, *c, &linear);
            (*c, macro_f1(&heads, corpus, &out))
        })
        .collect()
}

fn macro_f1(heads: &Heads, corpus: &Corpus<'_>, texts: &[usize]) -> f64 {
    let Corpus {
        matrix,
        targets,
        labels,
        ..
    } = *corpus;
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

/// What the heads say about some of the texts.
pub(super) fn judge(
    heads: &Heads,
    corpus: &Corpus<'_>,
    texts: &[usize],
    options: &Options,
) -> Vec<HeldRow> {
    let judged = in_parts(texts, options.threads, |part| {
        let row = |text: &usize| HeldRow {
            row: *text,
            target: corpus.targets[*text].clone(),
            language: corpus.examples[*text].language.clone(),
            scores: heads.scores(corpus.matrix.row(*text)),
        };
        part.iter().map(row).collect::<Vec<_>>()
    });
    judged.into_iter().flatten().collect()
}
